"""Topic 08: mistakes with batch normalization, and right answers written otherwise.

Every forward here that a backward reads the cache of stores {"x_hat", "std", "gamma"}, as the reference does.
"""

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue("08_batchnorm", sections={
    "fit_standardizer": "Standardize with the training set's numbers",
    "standardize": "Standardize with the training set's numbers",
    "batchnorm_train": "The same for every layer",
    "batchnorm_eval": "Evaluation has no batch to ask",
    "batchnorm_backward": "Three roads back",
    "layernorm": "LayerNorm asks no other example",
    "layernorm_backward": "LayerNorm asks no other example",
    "fold_batchnorm": "Folding: at inference it costs nothing",
    "answer_1": "What the layer before can no longer do",
    "answer_2": "A batch that leaks",
    "answer_3": "Standardize with the training set's numbers",
    "answer_4": "LayerNorm asks no other example",
})
wrong, right = catalogue.wrong, catalogue.right


# --- fit_standardizer ---------------------------------------------------------------------------------------


@right("loops over columns")
def fit_standardizer(X):
    means, stds = [], []
    for column in np.asarray(X, dtype=float).T:
        mean = sum(column) / len(column)
        spread = (sum((v - mean) ** 2 for v in column) / len(column)) ** 0.5
        means.append(mean)
        stds.append(1.0 if column.min() == column.max() else spread)
    return np.array(means), np.array(stds)


@right("assigns by mask")
def fit_standardizer(X):
    mean = X.sum(axis=0) / X.shape[0]
    std = np.sqrt(((X - mean) ** 2).mean(axis=0))
    std[np.ptp(X, axis=0) == 0] = 1
    return mean, std


@wrong("unbiased", "Your standard deviation divides by N - 1. That estimates the spread of a population from "
       "a sample; here the data at hand are to have standard deviation exactly 1, so divide by N.")
def fit_standardizer(X):
    constant = np.max(X, axis=0) == np.min(X, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.mean(X, axis=0), np.where(constant, 1.0, np.std(X, axis=0, ddof=1))


@wrong("leaves zeros", "A feature that never changes has standard deviation 0 in your result, and "
       "standardizing would then divide 0 by 0: such a feature gets 1, which leaves it alone.")
def fit_standardizer(X):
    return np.mean(X, axis=0), np.std(X, axis=0)


@wrong("waits for an exact zero", "You look for a standard deviation of exactly 0, but rounding makes it "
       "about 1e-17 for a feature that is 0.1 everywhere, and dividing by that gives noise of size 1: "
       "compare maximum and minimum.")
def fit_standardizer(X):
    std = np.std(X, axis=0)
    return np.mean(X, axis=0), np.where(std == 0, 1.0, std)


@wrong("threshold", "You take every standard deviation below 1e-8 for 0: in large units a feature has small "
       "numbers and still varies, and a large constant has more rounding than that. Compare the feature's "
       "maximum with its minimum.")
def fit_standardizer(X):
    std = np.std(X, axis=0)
    return np.mean(X, axis=0), np.where(std < 1e-8, 1.0, std)


@wrong("adds a constant", "You add a small constant to the standard deviation instead of recognising "
       "constant features: theirs is then that constant and not 1, and everybody else's is a little wrong.")
def fit_standardizer(X):
    return np.mean(X, axis=0), np.std(X, axis=0) + 1e-8


@wrong("per example", "Your statistics run along the rows, over the features of one example: pixels and "
       "prices do not share a mean. Each feature is measured over the examples, axis 0.")
def fit_standardizer(X):
    constant = np.max(X, axis=1) == np.min(X, axis=1)
    return np.mean(X, axis=1), np.where(constant, 1.0, np.std(X, axis=1))


@wrong("one for all features", "You measure one mean and one standard deviation over all entries: a feature "
       "in large units then hides all others. Each feature has its own.")
def fit_standardizer(X):
    d = X.shape[1]
    return np.full(d, np.mean(X)), np.full(d, np.std(X) if np.max(X) > np.min(X) else 1.0)


@wrong("variance", "You return variances: the standard deviation is their root, in the units of the feature, "
       "and is what the deviations are divided by.")
def fit_standardizer(X):
    constant = np.max(X, axis=0) == np.min(X, axis=0)
    return np.mean(X, axis=0), np.where(constant, 1.0, np.var(X, axis=0))


@wrong("constants into the mean", "You set the mean of a constant feature to 0 as well: its mean is its "
       "value, and subtracting it is what makes the standardized feature 0.")
def fit_standardizer(X):
    constant = np.max(X, axis=0) == np.min(X, axis=0)
    return np.where(constant, 0.0, np.mean(X, axis=0)), np.where(constant, 1.0, np.std(X, axis=0))


# --- standardize --------------------------------------------------------------------------------------------


@right("by columns")
def standardize(X, mean, std):
    return np.stack([(X[:, j] - mean[j]) / std[j] for j in range(X.shape[1])], axis=1)


@right("ufuncs")
def standardize(X, mean, std):
    return np.divide(np.subtract(X, np.reshape(mean, (1, -1))), np.reshape(std, (1, -1)))


@wrong("measures again", "You standardize with the mean and standard deviation of the examples at hand and "
       "ignore those given: validation data would always look centred, and one example alone would be 0 "
       "whatever it holds.")
def standardize(X, mean, std):
    spread = np.std(X, axis=0)
    return (X - np.mean(X, axis=0)) / np.where(spread == 0, 1.0, spread)


@wrong("divides first", "You divide before you subtract: the mean is in the units of the feature and belongs "
       "to the numerator, (x - mean) / std.")
def standardize(X, mean, std):
    return X / std - mean


@wrong("takes std for a variance", "You divide by the square root of std, as if it were a variance: it is "
       "the standard deviation already.")
def standardize(X, mean, std):
    return (X - mean) / np.sqrt(std)


@wrong("divides by the square", "You divide by std squared: a deviation of one standard deviation should "
       "become 1.")
def standardize(X, mean, std):
    return (X - mean) / std**2


@wrong("adds eps", "You add a small constant to std: fit_standardizer has seen to constant features already, "
       "and a small standard deviation is as good a divisor as any.")
def standardize(X, mean, std):
    return (X - mean) / (std + 1e-8)


@wrong("centres only", "You subtract the mean and stop: without the division, features in large units still "
       "have the large curvatures that slow gradient descent.")
def standardize(X, mean, std):
    return np.asarray(X - mean, dtype=float)


@wrong("scales only", "You divide and do not centre: inputs that are all positive pull the gradients of a "
       "unit's weights to one sign.")
def standardize(X, mean, std):
    return X / std


@wrong("multiplies", "You multiply by std: that is the way back, from standardized values to the units of "
       "the feature.")
def standardize(X, mean, std):
    return (X - mean) * np.asarray(std, dtype=float)


# --- batchnorm_train ----------------------------------------------------------------------------------------


@right("einsum and reciprocal root")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = x.shape[0]
    if n <= 1:
        raise ValueError("need two examples")
    centred = x - np.einsum("nd->d", x) / n
    squares = np.einsum("nd,nd->d", centred, centred)
    inverse = (squares / n + eps) ** -0.5
    x_hat = centred * inverse
    new = {}
    for key, batch in (("mean", np.einsum("nd->d", x) / n), ("var", squares / (n - 1))):
        new[key] = running[key] + momentum * (batch - running[key])
    return x_hat * gamma + beta, {"x_hat": x_hat, "std": 1 / inverse, "gamma": 1.0 * gamma}, new


@right("feature by feature")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) in (0, 1):
        raise ValueError("the variance needs two examples")
    x_hat, roots, means, variances = [], [], [], []
    for column in x.T:
        mean = sum(column) / len(column)
        var = sum((v - mean) ** 2 for v in column) / len(column)
        roots.append((var + eps) ** 0.5)
        x_hat.append((column - mean) / roots[-1])
        means.append(mean)
        variances.append(var * len(column) / (len(column) - 1))
    x_hat = np.array(x_hat).T
    running = dict(running)
    running["mean"] = running["mean"] * (1 - momentum) + np.array(means) * momentum
    running["var"] = running["var"] * (1 - momentum) + np.array(variances) * momentum
    return x_hat * gamma + beta, {"x_hat": x_hat, "std": np.array(roots), "gamma": gamma.copy()}, running


@right("cache in a tuple, ddof")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if x.shape[0] < 2:
        raise ValueError(f"{x.shape[0]} examples are too few")
    mean, var = x.mean(0), x.var(0)
    out = gamma / np.sqrt(var + eps) * x + (beta - gamma * mean / np.sqrt(var + eps))
    keep = 1 - momentum
    return [out, (x.copy(), mean, var, gamma.copy(), eps), {"mean": keep * running["mean"] + momentum * mean,
            "var": keep * running["var"] + momentum * x.var(0, ddof=1)}]


@wrong("normalizes with the unbiased variance", "You normalize with the unbiased variance: it is what the "
       "running variance wants, but the batch itself is divided by the root of its biased one, so that its "
       "output has variance 1.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0, ddof=1)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("biased running variance", "Your running variance collects the biased variances. They are too small "
       "by (N - 1)/N on average, so in evaluation the outputs of small batches would be too large: collect "
       "the unbiased ones.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("both variances exchanged", "You have the two variances the wrong way round: the biased one "
       "normalizes this batch, and the unbiased one goes into the running variance.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    mean = np.mean(x, axis=0)
    std = np.sqrt(np.var(x, axis=0, ddof=1) + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * np.var(x, axis=0)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("correction upside down", "Your correction of the running variance is upside down: the unbiased "
       "variance is N/(N - 1) times the biased one, so larger and not smaller.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * (n - 1) / n}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("momentum of the old share", "You give the old statistics the share momentum, as Keras does: here, as "
       "in PyTorch, momentum is the share of the new batch, running <- (1 - momentum) running + momentum "
       "batch.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": momentum * running["mean"] + (1 - momentum) * mean,
               "var": momentum * running["var"] + (1 - momentum) * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("adds without forgetting", "Your running statistics keep all of the old value and add the new share "
       "to it, so they grow with every batch: the old value keeps the share 1 - momentum.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": running["mean"] + momentum * mean,
               "var": running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("forgets at once", "Your running statistics are those of the last batch alone: one batch is a noisy "
       "sample, and the average over many is what evaluation needs.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": mean, "var": var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("running statistics untouched", "You return the running statistics as they came: nothing is "
       "collected, and in evaluation the network would be normalized by its initial values.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    std = np.sqrt(np.var(x, axis=0) + eps)
    x_hat = (x - np.mean(x, axis=0)) / std
    running = {key: np.array(value, dtype=float) for key, value in running.items()}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("running mean only", "Your running mean is right, and the running variance stays as it came: "
       "evaluation divides by its root, so it has to be collected as well.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    mean = np.mean(x, axis=0)
    std = np.sqrt(np.var(x, axis=0) + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": np.array(running["var"], dtype=float)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("collects standard deviations", "Your running variance averages standard deviations: evaluation takes "
       "a root once more, and the mean of roots is not the root of the mean. Collect variances.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    mean = np.mean(x, axis=0)
    std = np.sqrt(np.var(x, axis=0) + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * np.std(x, axis=0, ddof=1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("eps into the running variance", "Your running variance holds eps: evaluation adds eps itself, inside "
       "its root, so it would be counted twice.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * (var * n / (n - 1) + eps)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("eps written in", "You add 1e-5 whatever eps is asked for: it is an argument, and 1e-5 only its "
       "default.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + 1e-5)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("momentum written in", "You mix the running statistics with a momentum of 0.1 whatever is asked for: "
       "it is an argument, and 0.1 only its default.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - 0.1) * running["mean"] + 0.1 * mean,
               "var": (1 - 0.1) * running["var"] + 0.1 * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("gamma and beta exchanged", "You multiply by beta and add gamma: gamma is the spread of the output "
       "and beta its centre.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return beta * x_hat + gamma, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("eps outside the root", "You add eps outside the root, as the optimizers of lecture 05 do: "
       "normalization has it inside, sqrt(var + eps), and for a batch of little spread that is another "
       "number.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var) + eps
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("another default eps", "Your default of eps is 1e-8, the optimizers' habit: BatchNorm's is 1e-5, and "
       "where a feature hardly varies within the batch the difference is seen.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-8):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("another default momentum", "Your default of momentum is 0.9: as the share of the new batch that "
       "forgets nearly all that was collected. The default is 0.1.")
def batchnorm_train(x, gamma, beta, running, momentum=0.9, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("without eps", "You leave out eps: a feature that happens to be constant within a batch is then "
       "divided by 0, and one nan in the output ends the training.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var)
    with np.errstate(invalid="ignore"):
        x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("divides by the variance", "You divide by var + eps without the root: the output then has standard "
       "deviation 1/sigma instead of 1.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    x_hat = (x - mean) / (var + eps)
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": var + eps, "gamma": np.array(gamma)}, running


@wrong("normalizes with the running statistics", "You normalize with the running statistics: in training "
       "each batch is normalized with its own mean and variance, and the running ones are only collected for "
       "evaluation.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    running = {"mean": (1 - momentum) * running["mean"] + momentum * np.mean(x, axis=0),
               "var": (1 - momentum) * running["var"] + momentum * np.var(x, axis=0) * n / (n - 1)}
    std = np.sqrt(running["var"] + eps)
    x_hat = (x - running["mean"]) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("one for all features", "You take one mean and one variance over the whole batch: each feature has "
       "its own, over the examples, axis 0.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x), np.var(x)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("beta before gamma", "You add beta before you multiply by gamma, so the output's centre is gamma "
       "beta: the learnt shift comes last, gamma x_hat + beta.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * (x_hat + beta), {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("without gamma and beta", "Your output is x_hat: without gamma and beta the layer can no longer "
       "choose the spread and the centre of what it passes on.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return x_hat, {"x_hat": x_hat.copy(), "std": std, "gamma": np.array(gamma)}, running


@wrong("writes into running", "You write into the caller's running statistics: state goes in and comes out "
       "here, so a caller who evaluates one batch twice must get the same twice. Return a new dict with new "
       "arrays.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running["mean"] = (1 - momentum) * running["mean"] + momentum * mean
    running["var"] = (1 - momentum) * running["var"] + momentum * var * n / (n - 1)
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("keeps the caller's gamma", "Your cache holds the caller's own gamma: an optimizer that updates it in "
       "place before the backward pass changes your gradient. Store a copy.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": gamma}, running


@wrong("keeps the caller's x", "Your cache holds the caller's own x: a network that reuses its buffers would "
       "overwrite it before the backward pass. Store a copy, or the normalized x, which is new.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n < 2:
        raise ValueError("N < 2")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma), "x": x}, running


@wrong("accepts one example", "You accept a batch of fewer than two examples: its variance says nothing, the "
       "output is beta whatever x holds, and the unbiased variance divides 0 by 0. Raise ValueError.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    with np.errstate(invalid="ignore", divide="ignore"):
        unbiased = var * np.float64(len(x)) / (len(x) - 1)
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * unbiased}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


@wrong("accepts an empty batch", "You refuse a batch of one and accept a batch of none, whose mean is nan "
       "and would stay in the running statistics for ever: raise ValueError for every N below 2.")
def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    n = len(x)
    if n == 1:
        raise ValueError("N = 1")
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    running = {"mean": (1 - momentum) * running["mean"] + momentum * mean,
               "var": (1 - momentum) * running["var"] + momentum * var * n / (n - 1)}
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}, running


# --- batchnorm_eval -----------------------------------------------------------------------------------------


@right("one affine map")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    slope = gamma / (running["var"] + eps) ** 0.5
    return x * slope + (beta - slope * running["mean"])


@right("example by example")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    rows = [beta + gamma * ((row - running["mean"]) / np.sqrt(eps + running["var"])) for row in x]
    return np.array(rows)


@wrong("batch statistics", "You normalize with the mean and variance of the examples at hand: then one "
       "example's output depends on its company, and alone it is beta whatever it holds. Evaluation uses the "
       "running statistics.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + eps) + beta


@wrong("batch variance", "You subtract the running mean and divide by the spread of the examples at hand: "
       "both statistics are the running ones in evaluation.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - running["mean"]) / np.sqrt(np.var(x, axis=0) + eps) + beta


@wrong("batch mean", "You divide by the running spread and subtract the mean of the examples at hand: a "
       "shift of the whole batch, which evaluation should see, disappears.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - np.mean(x, axis=0)) / np.sqrt(running["var"] + eps) + beta


@wrong("collects while evaluating", "You mix the examples at hand into the running statistics before you use "
       "them: evaluation only reads them, or the test set would change the network.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    mean = 0.9 * running["mean"] + 0.1 * np.mean(x, axis=0)
    var = 0.9 * running["var"] + 0.1 * np.var(x, axis=0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@wrong("takes var for a std", "You divide by the running variance itself: it is a variance, and its root is "
       "what brings the deviations to size 1.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - running["mean"]) / (running["var"] + eps) + beta


@wrong("eps written in", "You add 1e-5 to the running variance whatever eps is passed: a network trained "
       "with another eps would be evaluated as another function.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - running["mean"]) / np.sqrt(running["var"] + 1e-5) + beta


@wrong("gamma and beta exchanged", "You multiply by beta and add gamma: an example at the running mean "
       "should come out as beta.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return beta * (x - running["mean"]) / np.sqrt(running["var"] + eps) + gamma


@wrong("eps outside the root", "You add eps outside the root: with it inside in training and outside here, "
       "the two modes would not be the same function. It is sqrt(var + eps) in both.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * (x - running["mean"]) / (np.sqrt(running["var"]) + eps) + beta


@wrong("without eps", "You leave out eps: a feature that was constant in training has running variance 0, "
       "and is divided by 0 here.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    with np.errstate(divide="ignore", invalid="ignore"):
        return gamma * (x - running["mean"]) / np.sqrt(running["var"]) + beta


@wrong("another default eps", "Your default of eps is 1e-8, and BatchNorm's is 1e-5, in training as in "
       "evaluation: if the two modes differ in it, they differ in their outputs.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-8):
    return gamma * (x - running["mean"]) / np.sqrt(running["var"] + eps) + beta


@wrong("corrects the variance again", "You multiply the running variance by N/(N - 1): it was collected "
       "unbiased, and the number of examples at hand has nothing to do with it.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    n = len(x)
    factor = n / (n - 1) if n > 1 else 1.0
    return gamma * (x - running["mean"]) / np.sqrt(running["var"] * factor + eps) + beta


@wrong("without gamma and beta", "Your output is the normalized x: gamma and beta were learnt in training "
       "and belong to evaluation as well.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return (x - running["mean"]) / np.sqrt(running["var"] + eps)


@wrong("beta before gamma", "You add beta before multiplying by gamma: the output at the running mean should "
       "be beta, and yours is gamma beta.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    return gamma * ((x - running["mean"]) / np.sqrt(running["var"] + eps) + beta)


@wrong("refuses one example", "You refuse a single example. Training needs two, for a variance; evaluation "
       "measures nothing, and one example at a time is what it is for.")
def batchnorm_eval(x, gamma, beta, running, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    return gamma * (x - running["mean"]) / np.sqrt(running["var"] + eps) + beta


# --- batchnorm_backward -------------------------------------------------------------------------------------


@right("three roads")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    n = dout.shape[0]
    centred = x_hat * std
    dx_hat = dout * gamma
    dvar = (dx_hat * centred).sum(axis=0) * -0.5 * std**-3.0
    dmean = -(dx_hat / std).sum(axis=0) + dvar * (-2.0 * centred).mean(axis=0)
    dx = dx_hat / std + dvar * 2.0 * centred / n + dmean / n
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0) * 1.0


@right("Jacobian of each feature")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    n, d = dout.shape
    dx = np.empty((n, d))
    for j in range(d):
        jacobian = (np.eye(n) - 1.0 / n - np.outer(x_hat[:, j], x_hat[:, j]) / n) / std[j]
        dx[:, j] = gamma[j] * jacobian.T @ dout[:, j]
    return [dx, np.einsum("nj,nj->j", dout, x_hat), np.einsum("nj->j", dout.astype(float))]


@wrong("statistics as constants", "Your dx treats mean and variance as constants. They are computed from the "
       "batch, and each x_n moves them: that is right in evaluation, and in training two of the three roads "
       "are missing.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    return dout * gamma / std, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("no road through the variance", "Your dx leaves out the road through the variance: stretching a "
       "feature about its mean hardly changes the output, so the part of dx along x_hat should nearly "
       "vanish.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - np.mean(dout, axis=0))
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("no road through the mean", "Your dx leaves out the road through the mean: a common shift of a "
       "feature changes no output, so each column of dx should add to 0.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("variance over N - 1", "Your road through the variance divides by N - 1: the variance that normalized "
       "is the biased one, so its derivative has N.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dgamma = np.sum(dout * x_hat, axis=0)
    dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * dgamma / (len(dout) - 1))
    return dx, dgamma, np.sum(dout, axis=0, dtype=float)


@wrong("without gamma", "Your dx lacks the factor gamma: the output is gamma x_hat + beta, so what reaches "
       "x_hat is gamma times dout.")
def batchnorm_backward(dout, cache):
    x_hat, std = cache["x_hat"], cache["std"]
    dgamma = np.sum(dout * x_hat, axis=0)
    dx = (dout - np.mean(dout, axis=0) - x_hat * dgamma / len(dout)) / std
    return dx, dgamma, np.sum(dout, axis=0, dtype=float)


@wrong("without the root", "Your dx lacks the division by sqrt(var + eps): an input on a scale of 100 "
       "reaches the output at a hundredth, and so does its slope.")
def batchnorm_backward(dout, cache):
    x_hat, gamma = cache["x_hat"], cache["gamma"]
    dgamma = np.sum(dout * x_hat, axis=0)
    dx = gamma * (dout - np.mean(dout, axis=0) - x_hat * dgamma / len(dout))
    return dx, dgamma, np.sum(dout, axis=0, dtype=float)


@wrong("forgets eps", "Your dx is computed without eps, which your forward has inside its root: where the "
       "spread of a feature is comparable to eps, that is another function's slope.")
def batchnorm_backward(dout, cache):
    centred, gamma = cache["x_hat"] * cache["std"], cache["gamma"]
    std = np.std(centred, axis=0)
    dgamma = np.sum(dout * cache["x_hat"], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        x_hat = centred / std
        dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, dgamma, np.sum(dout, axis=0, dtype=float)


@wrong("means for gamma and beta", "Your gradients of gamma and beta are means over the batch. Each of them "
       "touches every example, so the contributions add up: if the loss is a mean, its 1/N is in dout "
       "already.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, np.mean(dout * x_hat, axis=0), np.mean(dout, axis=0)


@wrong("sums for means", "Your dx subtracts sums over the batch where means belong: each x_n moves the "
       "batch's mean by 1/N of its own change, and that N is missing.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dgamma, dbeta = np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)
    return gamma / std * (dout - dbeta - x_hat * dgamma), dgamma, dbeta


@wrong("dgamma from x", "Your dgamma multiplies dout by x minus its mean, not yet divided: gamma stands "
       "before the normalized x, and that is its slope.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, np.sum(dout * x_hat * std, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("dgamma and dbeta exchanged", "You return dbeta before dgamma: the order is (dx, dgamma, dbeta), that "
       "of the arguments of the forward.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, np.sum(dout, axis=0, dtype=float), np.sum(dout * x_hat, axis=0)


@wrong("over the features", "Your means run over the features of one example: that is LayerNorm's backward. "
       "BatchNorm's statistics were taken over the examples, and so are the means of its gradient.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("gamma in dgamma and dbeta", "Your dgamma and dbeta hold a factor gamma: it belongs to dx alone. What "
       "reaches gamma and beta themselves is dout as it came.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=0) - x_hat * np.mean(g * x_hat, axis=0)) / std
    return dx, np.sum(g * x_hat, axis=0), np.sum(g, axis=0)


@wrong("integer dbeta", "Your dbeta has the type of dout, integers when dout holds integers: every result of "
       "this course is float64, so that a learning rate times it is never cut.")
def batchnorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    dx = gamma / std * (dout - np.mean(dout, axis=0) - x_hat * np.mean(dout * x_hat, axis=0))
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)


# --- layernorm ----------------------------------------------------------------------------------------------


@right("by the transposed batch")
def layernorm(x, gamma, beta, eps=1e-5):
    columns = x.T - x.mean(axis=1)
    root = (np.mean(columns**2, axis=0) + eps) ** 0.5
    x_hat = (columns / root).T
    return x_hat * gamma + beta, {"x_hat": x_hat, "std": root[:, None], "gamma": gamma.copy()}


@right("example by example")
def layernorm(x, gamma, beta, eps=1e-5):
    rows, roots = [], []
    for row in x:
        centred = row - sum(row) / len(row)
        roots.append([(sum(centred**2) / len(row) + eps) ** 0.5])
        rows.append(centred / roots[-1][0])
    x_hat = np.array(rows)
    return [gamma * x_hat + beta, {"x_hat": x_hat, "std": np.array(roots), "gamma": 1.0 * gamma}]


@wrong("over the batch", "You normalize each feature over the batch: that is BatchNorm. LayerNorm takes mean "
       "and variance over the features of one example, axis 1, and asks no other example.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=0) + eps)
    x_hat = (x - np.mean(x, axis=0)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("one for the whole batch", "You take one mean and one variance over all examples together: each "
       "example is normalized by its own, or it depends on its company again.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x) + eps)
    x_hat = (x - np.mean(x)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": np.full((len(x), 1), std), "gamma": np.array(gamma)}


@wrong("statistics along the wrong axis", "Your statistics have shape (N,), which broadcasting lays along "
       "the features: it fails when N and d differ, and when they are equal it is silently wrong. Keep them "
       "(N, 1): keepdims=True.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1) + eps)
    x_hat = (x - np.mean(x, axis=1)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("unbiased", "You divide by the root of the unbiased variance: nothing is estimated here, and every "
       "variance that normalizes divides by the number of entries, d.")
def layernorm(x, gamma, beta, eps=1e-5):
    centred = x - np.mean(x, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        var = np.sum(centred**2, axis=1, keepdims=True) / np.float64(x.shape[1] - 1)
    std = np.sqrt(var + eps)
    x_hat = centred / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("eps written in", "You add 1e-5 to the variance of each example whatever eps is passed: 1e-5 is its "
       "default, and the caller may ask for another.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + 1e-5)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("not centred", "You divide by the standard deviation and do not subtract the mean first: each example "
       "is to have mean 0 before gamma and beta come in.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = x / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("root mean square", "You divide by the root mean square and subtract no mean: that is RMSNorm, a "
       "later relative. LayerNorm centres each example first.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.mean(np.square(x), axis=1, keepdims=True) + eps)
    return gamma * (x / std) + beta, {"x_hat": x / std, "std": std, "gamma": np.array(gamma)}


@wrong("gamma and beta exchanged", "You multiply by beta and add gamma: an example whose features are all "
       "equal should come out as beta.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return beta * x_hat + gamma, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("beta before gamma", "You add beta before you multiply by gamma, feature by feature: the output's "
       "centre is then gamma times beta, and beta is added last.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * (x_hat + beta), {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("eps outside the root", "You add eps outside the root: LayerNorm has it inside, sqrt(var + eps), as "
       "BatchNorm has, and for an example whose features are nearly equal that is another number.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True)) + eps
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("without eps", "You leave out eps: an example whose features are all equal, such as an empty picture, "
       "is divided by 0.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True))
    with np.errstate(invalid="ignore"):
        x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("divides by the variance", "You divide by var + eps without the root, so that the size of an example "
       "still shows in the output, the other way round.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.var(x, axis=1, keepdims=True) + eps
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("another default eps", "Your default of eps is 1e-8: LayerNorm's is 1e-5 here, as BatchNorm's, and an "
       "example of little spread shows the difference.")
def layernorm(x, gamma, beta, eps=1e-8):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("refuses one example", "You refuse a batch of one: LayerNorm takes its statistics within the example, "
       "so one is enough. That is what it is for.")
def layernorm(x, gamma, beta, eps=1e-5):
    if len(x) < 2:
        raise ValueError("N < 2")
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": np.array(gamma)}


@wrong("without gamma and beta", "Your output is the normalized x: gamma and beta, one of each per feature, "
       "are still to be applied.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return x_hat, {"x_hat": x_hat.copy(), "std": std, "gamma": np.array(gamma)}


@wrong("keeps the caller's gamma", "Your cache holds the caller's own gamma, and training will change it: "
       "what backward needs is the gamma that this forward used. Store a copy.")
def layernorm(x, gamma, beta, eps=1e-5):
    std = np.sqrt(np.var(x, axis=1, keepdims=True) + eps)
    x_hat = (x - np.mean(x, axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, {"x_hat": x_hat, "std": std, "gamma": gamma}


# --- layernorm_backward -------------------------------------------------------------------------------------


@right("three roads")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    d = dout.shape[1]
    centred, g = x_hat * std, dout * gamma
    dvar = -0.5 * np.sum(g * centred, axis=1, keepdims=True) / std**3
    dmean = -np.sum(g, axis=1, keepdims=True) / std
    dx = g / std + dvar * 2 * centred / d + dmean / d
    return dx, np.einsum("nd,nd->d", dout, x_hat), dout.sum(axis=0).astype(np.float64)


@right("Jacobian of each example")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    d = dout.shape[1]
    dx = [(np.eye(d) - np.full((d, d), 1 / d) - np.outer(row, row) / d) @ (gamma * up) / root[0]
          for row, up, root in zip(x_hat, dout, std)]
    return np.array(dx), sum(up * row for up, row in zip(dout, x_hat)), np.sum(1.0 * dout, axis=0)


@wrong("gamma last", "You multiply by gamma after taking the means. In BatchNorm that is the same, for gamma "
       "is constant along the batch; here it differs from feature to feature and belongs inside them: g = "
       "dout gamma first.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    centre = np.mean(dout, axis=1, keepdims=True)
    stretch = np.mean(dout * x_hat, axis=1, keepdims=True)
    return (gamma * (dout - centre - x_hat * stretch) / std, np.sum(dout * x_hat, axis=0),
            np.sum(dout, axis=0, dtype=float))


@wrong("over the batch", "Your means run over the batch, as in BatchNorm: LayerNorm's statistics were taken "
       "within each example, so no gradient passes from one example to another.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=0) - x_hat * np.mean(g * x_hat, axis=0)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("statistics as constants", "Your dx treats each example's mean and variance as constants: every "
       "feature moves both, so two of the three roads are missing.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    return dout * gamma / std, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("no road through the variance", "Your dx leaves out the road through the variance: an example "
       "multiplied by a constant comes out nearly the same, so dx should have nearly no part along x_hat.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("no road through the mean", "Your dx leaves out the road through the mean: a constant added to all "
       "features of an example changes no output, so each row of dx should add to 0.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - x_hat * np.mean(g * x_hat, axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("without gamma", "Your dx lacks gamma: what reaches the normalized x is gamma times dout, feature by "
       "feature.")
def layernorm_backward(dout, cache):
    x_hat, std = cache["x_hat"], cache["std"]
    centre = np.mean(dout, axis=1, keepdims=True)
    dx = (dout - centre - x_hat * np.mean(dout * x_hat, axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("gamma and beta per example", "Your gradients of gamma and beta are summed along the features, one "
       "per example: the parameters belong to the features, so the sum runs over the batch, axis 0.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=1, keepdims=True) - x_hat * np.mean(g * x_hat, axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=1), np.sum(dout, axis=1, dtype=float)


@wrong("means for gamma and beta", "Your gradients of gamma and beta are means over the batch: all examples "
       "share the two, and their contributions add up. The 1/N of a mean loss is in dout already.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=1, keepdims=True) - x_hat * np.mean(g * x_hat, axis=1, keepdims=True)) / std
    return dx, np.mean(dout * x_hat, axis=0), np.mean(dout, axis=0)


@wrong("divides by N", "Your dx divides its sums by the number of examples, a remainder of BatchNorm: the "
       "means run over the d features of one example.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    n, g = len(dout), dout * gamma
    centre = np.sum(g, axis=1, keepdims=True) / n
    stretch = np.sum(g * x_hat, axis=1, keepdims=True) / n
    dx = (g - centre - x_hat * stretch) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0, dtype=float)


@wrong("dgamma and dbeta exchanged", "You return dbeta before dgamma, in LayerNorm's backward pass: the "
       "order is (dx, dgamma, dbeta).")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    centre, stretch = np.mean(g, axis=1, keepdims=True), np.mean(g * x_hat, axis=1, keepdims=True)
    dx = (g - centre - x_hat * stretch) / std
    return dx, np.sum(dout, axis=0, dtype=float), np.sum(dout * x_hat, axis=0)


@wrong("gamma in dgamma and dbeta", "You sum gamma times dout for dgamma and dbeta: gamma belongs to dx "
       "alone, for it stands between the normalized x and the output.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    centre, stretch = np.mean(g, axis=1, keepdims=True), np.mean(g * x_hat, axis=1, keepdims=True)
    dx = (g - centre - x_hat * stretch) / std
    return dx, np.sum(g * x_hat, axis=0), np.sum(g, axis=0)


@wrong("integer dbeta", "Your dbeta has the type of dout, so from an integer dout it holds integers: all "
       "results of this course are float64.")
def layernorm_backward(dout, cache):
    x_hat, std, gamma = cache["x_hat"], cache["std"], cache["gamma"]
    g = dout * gamma
    dx = (g - np.mean(g, axis=1, keepdims=True) - x_hat * np.mean(g * x_hat, axis=1, keepdims=True)) / std
    return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)


# --- fold_batchnorm -----------------------------------------------------------------------------------------


@right("diagonal matrix")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    S = np.diag(gamma * (running["var"] + eps) ** -0.5)
    return W @ S, b @ S - running["mean"] @ S + beta


@right("column by column")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    columns, biases = [], []
    for j in range(len(b)):
        root = np.sqrt(running["var"][j] + eps)
        columns.append(gamma[j] * W[:, j] / root)
        biases.append(beta[j] + gamma[j] * (b[j] - running["mean"][j]) / root)
    return np.column_stack(columns), np.array(biases)


@wrong("scales the rows", "You scale the rows of W, which belong to the layer's inputs: BatchNorm stands "
       "after the layer and scales its outputs, the columns.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale[:, None], (b - running["mean"]) * scale + beta


@wrong("normalizes the inputs", "You fold a BatchNorm that stands before the layer: its shift then passes "
       "through W. Here it comes after x @ W + b.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale[:, None], b + (beta - running["mean"] * scale) @ W


@wrong("forgets the mean", "Your bias leaves out the running mean: BatchNorm subtracts it before it scales, "
       "so it has to come off b.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale, b * scale + beta


@wrong("b unscaled", "Your bias holds b as it was: b passes through BatchNorm with the rest of the layer's "
       "output, and is scaled like it.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale, b - running["mean"] * scale + beta


@wrong("eps written in", "You fold with eps = 1e-5 whatever eps is passed: the folded layer should equal the "
       "network as it was evaluated, with its own eps.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + 1e-5)
    return W * scale, (b - running["mean"]) * scale + beta


@wrong("drops b", "Your bias leaves out the layer's own b. In training mode the batch's mean would swallow "
       "it; in evaluation the mean is a fixed number, and b counts.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale, beta - running["mean"] * scale


@wrong("adds the mean", "You add the running mean where BatchNorm subtracts it.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale, (b + running["mean"]) * scale + beta


@wrong("leaves W alone", "Your W is the old one: BatchNorm multiplies the whole of x @ W + b, so each column "
       "of W takes the factor gamma/sqrt(var + eps).")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / np.sqrt(running["var"] + eps)
    return np.array(W, dtype=float), (b - running["mean"]) * scale + beta


@wrong("takes var for a std", "You divide by the running variance itself: the root is missing.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / (running["var"] + eps)
    return W * scale, (b - running["mean"]) * scale + beta


@wrong("without eps", "You leave out eps, so the folded layer is not the network that was evaluated: where "
       "the running variance is small, and at 0 above all, the difference is large.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = gamma / np.sqrt(running["var"])
        return W * scale, (b - running["mean"]) * scale + beta


@wrong("eps outside the root", "You add eps outside the root, where BatchNorm in evaluation has it inside: "
       "the folded layer should give the same output to rounding.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-5):
    scale = gamma / (np.sqrt(running["var"]) + eps)
    return W * scale, (b - running["mean"]) * scale + beta


@wrong("another default eps", "Your default of eps is 1e-8, and batchnorm_eval's is 1e-5: called without it, "
       "the two would not be the same function.")
def fold_batchnorm(W, b, gamma, beta, running, eps=1e-8):
    scale = gamma / np.sqrt(running["var"] + eps)
    return W * scale, (b - running["mean"]) * scale + beta


# --- questions ----------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "Follow the 3 one step further: BatchNorm first subtracts the mean "
                       "over the batch. What has the 3 done to that mean?")
catalogue.wrong_answer("answer_1", "b", "gamma multiplies the normalized value, so ask first whether the 3 "
                       "is still in it after the batch's mean is subtracted.")
catalogue.wrong_answer("answer_1", "c", "That is what happens in evaluation, where the mean is a fixed "
                       "number: in training the mean is the batch's, and moves with it.")
catalogue.wrong_answer("answer_2", "a", "Momentum decides how well the running statistics are known, but "
                       "they are the same numbers for every batch: they cannot make one picture depend on "
                       "another.")
catalogue.wrong_answer("answer_2", "c", "Rounding moves outputs by 1e-16 of their size and not from one "
                       "label to another: look for what actually connects two pictures of a batch.")
catalogue.wrong_answer("answer_2", "d", "BatchNorm has two modes, and in one of them no example sees "
                       "another: ask which statistics that mode uses.")
catalogue.wrong_answer("answer_3", "b", "Normalized by its own statistics, a test set that lies elsewhere "
                       "would look as if it did not, and the same example would become another input in "
                       "another test set.")
catalogue.wrong_answer("answer_3", "c", "Statistics that have seen the test set carry knowledge of it into "
                       "training: the measured error is then no estimate for new data.")
catalogue.wrong_answer("answer_3", "d", "The weights were learnt for standardized inputs: raw ones would be "
                       "for them like pictures at another exposure.")
catalogue.wrong_answer("answer_4", "a", "A larger momentum averages over fewer batches, so statistics that "
                       "are noisy already become noisier.")
catalogue.wrong_answer("answer_4", "b", "Then each prediction depends on which other example happens to "
                       "stand beside it: the noise of two examples is brought into evaluation, not removed.")
catalogue.wrong_answer("answer_4", "d", "The variance of two examples is exact for those two, and a poor "
                       "estimate for all others: eps has no part in that.")
