"""Topic 07: mistakes with weight initialization, and right answers written otherwise."""

import math

import numpy as np

from autograde.mistakes import Catalogue

catalogue = Catalogue("07_initialization", sections={
    "uniform_fan_in": "Two shapes, one variance",
    "glorot_uniform": "And on the way back",
    "he_normal": "ReLU takes half",
    "sparse_init": "A few large weights",
    "has_symmetric_units": "Equal weights never part",
    "layer_statistics": "Fifty layers, three scales",
    "variance_gain": "The factor per layer",
    "softmax_cross_entropy": "What the first loss should be",
    "initial_loss": "What the first loss should be",
    "output_bias": "Biases: say what is known",
    "answer_1": "Equal weights never part",
    "answer_2": "ReLU takes half",
    "answer_3": "Two shapes, one variance",
    "answer_4": "What the first loss should be",
})
wrong, right = catalogue.wrong, catalogue.right


# --- uniform_fan_in -----------------------------------------------------------------------------------------


@right("stretches rng.random")
def uniform_fan_in(fan_in, fan_out, rng):
    return (2 * rng.random((fan_in, fan_out)) - 1) * fan_in**-0.5


@right("unit by unit")
def uniform_fan_in(fan_in, fan_out, rng):
    W = np.empty((fan_in, fan_out))
    for unit in range(fan_out):
        W[:, unit] = rng.uniform(low=-1.0, high=1.0, size=fan_in)
    return W / np.sqrt(fan_in)


@right("draws the transpose, with random signs")
def uniform_fan_in(fan_in, fan_out, rng):
    sizes, signs = rng.random((fan_out, fan_in)), rng.choice([-1.0, 1.0], size=(fan_out, fan_in))
    return (sizes * signs / math.sqrt(fan_in)).T


@wrong("fan-out", "Your bound comes from fan_out. What adds up in a unit are its fan_in terms, so it is "
       "their number that the weights must make up for.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_out)
    return rng.uniform(-bound, bound, size=(fan_in, fan_out))


@wrong("normal of that width", "You draw from a normal distribution with standard deviation 1/sqrt(fan_in). "
       "Here 1/sqrt(fan_in) is the end of an interval, and no weight lies beyond it.")
def uniform_fan_in(fan_in, fan_out, rng):
    return rng.normal(0, 1 / math.sqrt(fan_in), size=(fan_in, fan_out))


@wrong("variance 1/fan_in", "Your weights have variance 1/fan_in, so your interval is sqrt(3) too wide: that "
       "is LeCun's rule, and this older one has variance 1/(3 fan_in).")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = math.sqrt(3 / fan_in)
    return rng.uniform(-bound, bound, size=(fan_in, fan_out))


@wrong("positive half", "All your weights are positive. Every unit then adds up its inputs with the same "
       "sign, and the means grow from layer to layer: the interval begins at -1/sqrt(fan_in).")
def uniform_fan_in(fan_in, fan_out, rng):
    return rng.uniform(0, 1 / math.sqrt(fan_in), size=(fan_in, fan_out))


@wrong("half as wide", "Your interval is half as wide as it should be: subtracting 0.5 from rng.random() "
       "gives numbers between -0.5 and 0.5, and not between -1 and 1.")
def uniform_fan_in(fan_in, fan_out, rng):
    return (rng.random((fan_in, fan_out)) - 0.5) / math.sqrt(fan_in)


@wrong("no root", "Your bound is 1/fan_in, without the root. Independent terms add up like the root of their "
       "number, so weights of that size silence the layer.")
def uniform_fan_in(fan_in, fan_out, rng):
    return rng.uniform(-1 / fan_in, 1 / fan_in, size=(fan_in, fan_out))


@wrong("counts the bias", "Your bound is 1/sqrt(fan_in + 1): the bias is no input, and the rule counts fan_in alone. "
       "With few inputs the difference is large.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_in + 1)
    return rng.uniform(-bound, bound, size=(fan_in, fan_out))


@wrong("torch's shape", "Your weights have shape (fan_out, fan_in), as PyTorch keeps them. In this course a "
       "layer is x @ W, so W has one row per input.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_in)
    return rng.uniform(-bound, bound, size=(fan_out, fan_in))


@wrong("another generator", "The weights do not come from the rng that is passed: with the same seed they "
       "differ from call to call, and no experiment could be repeated. Use rng's own methods, not "
       "np.random's.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_in)
    return np.random.default_rng().uniform(-bound, bound, size=(fan_in, fan_out))


@wrong("a seed of its own", "Your function makes a generator with a seed of its own, so all layers of the "
       "same shape get the same weights, whatever rng is passed: draw from rng.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_in)
    return np.random.default_rng(0).uniform(-bound, bound, size=(fan_in, fan_out))


@wrong("one unit for all", "You draw the weights of one unit and give them to all: equal units get equal "
       "gradients and stay equal. Draw fan_in times fan_out numbers.")
def uniform_fan_in(fan_in, fan_out, rng):
    bound = 1 / math.sqrt(fan_in)
    return np.tile(rng.uniform(-bound, bound, size=(fan_in, 1)), (1, fan_out))


# --- glorot_uniform -----------------------------------------------------------------------------------------


@right("scales U(-1, 1) by sqrt(3) std")
def glorot_uniform(fan_in, fan_out, rng):
    std = (2.0 / (fan_in + fan_out)) ** 0.5
    return math.sqrt(3) * std * rng.uniform(-1, 1, (fan_in, fan_out))


@right("row by row")
def glorot_uniform(fan_in, fan_out, rng):
    a = np.sqrt(6.0) / np.sqrt(fan_in + fan_out)
    return np.array([[a * (1 - 2 * rng.random()) for _ in range(fan_out)] for _ in range(fan_in)])


@wrong("the slide's 6", "Your bound is 6/sqrt(fan_in + fan_out), as one of the slides prints it, with the 6 "
       "outside the root: the variance is then six times Glorot's.")
def glorot_uniform(fan_in, fan_out, rng):
    a = 6 / math.sqrt(fan_in + fan_out)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("std as bound", "You use the standard deviation sqrt(2/(fan_in + fan_out)) as the bound. A uniform "
       "distribution's bound is sqrt(3) times its standard deviation.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(2 / (fan_in + fan_out))
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("half the variance", "Your variance is 1/(fan_in + fan_out), half of Glorot's: the 3 belongs over the "
       "mean of fan_in and fan_out, which makes it 6 over their sum.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(3 / (fan_in + fan_out))
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("Glorot normal", "You draw from a normal distribution. Its variance is Glorot's, but the function is "
       "to draw from U(-a, a), where no weight exceeds a.")
def glorot_uniform(fan_in, fan_out, rng):
    return rng.normal(0, math.sqrt(2 / (fan_in + fan_out)), size=(fan_in, fan_out))


@wrong("fan-in only", "Your bound is sqrt(6/fan_in), which keeps ReLU signals on their way forward. Glorot's "
       "compromise with the way back has fan_in + fan_out below the 6.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / fan_in)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("missing parentheses", "You compute 6/fan_in + fan_out: without parentheses only fan_in is below the "
       "line, and the bound grows with fan_out.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / fan_in + fan_out)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("counts the bias", "Your sum counts the bias as one more input, or an input too few: below the 6 "
       "stand fan_in + fan_out, and nothing else. In small layers the difference is large.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / (fan_in + 1 + fan_out))
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("product", "You divide by fan_in times fan_out. Glorot's rule takes their sum: twice the mean of the "
       "two numbers that the two directions ask for.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / (fan_in * fan_out))
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("no root", "Your bound lacks the root: 6/(fan_in + fan_out) is three times the variance, which is the "
       "square of the bound.")
def glorot_uniform(fan_in, fan_out, rng):
    a = 6 / (fan_in + fan_out)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("positive half", "Your weights lie between 0 and a: none is negative, so signals of one sign can only "
       "add up. The interval is (-a, a).")
def glorot_uniform(fan_in, fan_out, rng):
    return rng.uniform(0, math.sqrt(6 / (fan_in + fan_out)), size=(fan_in, fan_out))


@wrong("torch's shape", "The rule treats fan_in and fan_out alike, but the array does not: yours has shape "
       "(fan_out, fan_in), and x @ W wants (fan_in, fan_out).")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, size=(fan_out, fan_in))


@wrong("another generator", "Your weights are others each time although the seed is the same: they come from "
       "np.random or from a generator made in the function, and not from the rng that is passed.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng().uniform(-a, a, size=(fan_in, fan_out))


@wrong("a seed of its own", "Each call makes the same weights, whatever rng is passed: a seed that stands in "
       "the function takes the choice from the caller.")
def glorot_uniform(fan_in, fan_out, rng):
    a = math.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(42).uniform(-a, a, size=(fan_in, fan_out))


# --- he_normal ----------------------------------------------------------------------------------------------


@right("scales standard normals")
def he_normal(fan_in, fan_out, rng):
    return rng.standard_normal((fan_in, fan_out)) * np.sqrt(2.0 / fan_in)


@right("Box and Muller")
def he_normal(fan_in, fan_out, rng):
    radius = np.sqrt(-2 * np.log(1 - rng.random((fan_in, fan_out))))
    angle = 2 * np.pi * rng.random((fan_in, fan_out))
    return radius * np.cos(angle) * (2 / fan_in) ** 0.5


@right("unit by unit")
def he_normal(fan_in, fan_out, rng):
    return np.column_stack([rng.normal(scale=(fan_in / 2) ** -0.5, size=fan_in) for _ in range(fan_out)])


@wrong("counts the bias", "Your variance is 2/(fan_in + 1), as if the bias were one more input: the rule counts fan_in "
       "alone, and with few inputs the difference is large.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0.0, math.sqrt(2 / (fan_in + 1)), size=(fan_in, fan_out))


@wrong("variance as std", "You pass 2/fan_in to rng.normal, which expects a standard deviation: the variance "
       "is then (2/fan_in) squared, and the signal dies within a few layers.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, 2 / fan_in, size=(fan_in, fan_out))


@wrong("LeCun", "Your variance is 1/fan_in, which suits linear units. Behind a ReLU half of the mean square "
       "is lost at each layer; He's rule makes up for it with 2/fan_in.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, math.sqrt(1 / fan_in), size=(fan_in, fan_out))


@wrong("fan-out", "Your variance is 2/fan_out, which keeps the size of gradients on their way back. The "
       "function is to keep the signal on its way forward: 2/fan_in.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, math.sqrt(2 / fan_out), size=(fan_in, fan_out))


@wrong("Glorot", "Your variance is 2/(fan_in + fan_out), Glorot's. He's rule is 2/fan_in; the two agree for "
       "no fan_out but 0.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, math.sqrt(2 / (fan_in + fan_out)), size=(fan_in, fan_out))


@wrong("root over fan_in only", "You compute 2/sqrt(fan_in): the root covers the whole fraction, "
       "sqrt(2/fan_in), and the variance is not 4/fan_in.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, 2 / math.sqrt(fan_in), size=(fan_in, fan_out))


@wrong("He uniform", "You draw from a uniform distribution. The variance is right and the signal would keep "
       "its size, but the function is to draw from a normal one.")
def he_normal(fan_in, fan_out, rng):
    a = math.sqrt(6 / fan_in)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("std as bound", "You use sqrt(2/fan_in) as the ends of a uniform distribution: its variance is a "
       "third of what He's rule asks for, and the distribution is to be normal.")
def he_normal(fan_in, fan_out, rng):
    a = math.sqrt(2 / fan_in)
    return rng.uniform(-a, a, size=(fan_in, fan_out))


@wrong("truncated", "You cut the normal distribution off at two standard deviations, as some frameworks do: "
       "that takes a quarter of the variance away, and over many layers the signal.")
def he_normal(fan_in, fan_out, rng):
    z = rng.standard_normal((fan_in, fan_out))
    while np.any(far := np.abs(z) > 2):
        z[far] = rng.standard_normal(np.count_nonzero(far))
    return z * math.sqrt(2 / fan_in)


@wrong("standardizes the draws", "You shift and scale the draws so that their own mean is 0 and their own "
       "variance 2/fan_in. Then the weights of a layer are not independent: two of them would always be "
       "equal and opposite.")
def he_normal(fan_in, fan_out, rng):
    z = rng.standard_normal((fan_in, fan_out))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (z - z.mean()) / z.std() * math.sqrt(2 / fan_in)


@wrong("absolute values", "All your weights are positive. Half of a normal distribution has the right mean "
       "square and the wrong mean: in every unit the terms then add up instead of cancelling.")
def he_normal(fan_in, fan_out, rng):
    return np.abs(rng.normal(0, math.sqrt(2 / fan_in), size=(fan_in, fan_out)))


@wrong("torch's shape", "Your array has one row per unit, (fan_out, fan_in). Here a column of W holds the "
       "weights of a unit, and its length is fan_in.")
def he_normal(fan_in, fan_out, rng):
    return rng.normal(0, math.sqrt(2 / fan_in), size=(fan_out, fan_in))


@wrong("another generator", "The same seed gives you other weights each time: np.random.randn and a fresh "
       "default_rng() know nothing of the rng that is passed. Use rng.normal.")
def he_normal(fan_in, fan_out, rng):
    return np.random.default_rng().normal(0, math.sqrt(2 / fan_in), size=(fan_in, fan_out))


@wrong("a seed of its own", "A generator made in the function with a fixed seed starts anew at each call: "
       "two layers of a network would be equal. The rng that is passed goes on where it stopped.")
def he_normal(fan_in, fan_out, rng):
    return np.random.default_rng(0).normal(0, math.sqrt(2 / fan_in), size=(fan_in, fan_out))


# --- sparse_init --------------------------------------------------------------------------------------------


@right("ranks of random numbers")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    ranks = np.argsort(np.argsort(rng.random((fan_in, fan_out)), axis=0), axis=0)
    return np.where(ranks < nonzero, rng.normal(0, std, size=(fan_in, fan_out)), 0.0)


@right("shuffles each column")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if not nonzero <= fan_in:
        raise ValueError(f"{nonzero} > {fan_in}")
    W = np.zeros((fan_out, fan_in))
    W[:, :nonzero] = std * rng.standard_normal((fan_out, nonzero))
    for row in W:
        rng.shuffle(row)
    return W.T.copy()


@right("takes places away from a list")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("not enough inputs")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        left = list(range(fan_in))
        for _ in range(nonzero):
            W[left.pop(int(rng.integers(len(left)))), unit] = rng.normal(scale=std)
    return W


@right("permuted along the axis")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("too many")
    W = np.vstack([rng.normal(0, std, (nonzero, fan_out)), np.zeros((fan_in - nonzero, fan_out))])
    return rng.permuted(W, axis=0)


@wrong("with replacement", "You draw the places with replacement: where one comes twice, the unit is left "
       "with fewer than `nonzero` weights. Choose with replace=False.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.integers(fan_in, size=nonzero), unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("on average", "Your units have `nonzero` weights on average only: some have more and some fewer, and "
       "with bad luck one has none. Choose the places unit by unit.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    mask = rng.random((fan_in, fan_out)) < nonzero / fan_in
    return np.where(mask, rng.normal(0, std, size=(fan_in, fan_out)), 0.0)


@wrong("per row", "You fill `nonzero` weights in each row. A row is an input; the unit whose number of "
       "inputs is fixed is a column.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for row in W:
        k = min(nonzero, fan_out)
        row[rng.choice(fan_out, size=k, replace=False)] = rng.normal(0, std, size=k)
    return W


@wrong("that many zeros", "You set `nonzero` weights of each unit to zero and keep the rest: it should be "
       "the other way round.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = rng.normal(0, std, size=(fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = 0.0
    return W


@wrong("same places for all", "All your units have their weights at the same places, so most inputs are seen "
       "by nobody: draw the places anew for each unit.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    places = rng.choice(fan_in, size=nonzero, replace=False)
    W[places] = rng.normal(0, std, size=(nonzero, fan_out))
    return W


@wrong("the first rows", "Your units all have their weights in the first rows: nobody listens to the other "
       "inputs. The places are to be drawn at random, anew for each unit.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    W[:nonzero] = rng.normal(0, std, size=(nonzero, fan_out))
    return W


@wrong("one value per unit", "All non-zero weights of a unit have the same value: rng.normal without size "
       "draws one number, and the assignment copies it. Draw `nonzero` of them.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, std)
    return W


@wrong("a run of neighbours", "Your unit's inputs are neighbours: a random start and then one after the "
       "other. Every choice of places should be as likely as any other.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[(rng.integers(fan_in) + np.arange(nonzero)) % fan_in, unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("std ignored", "Your values are always N(0, 1): std is an argument, and the values are to be N(0, "
       "std^2).")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(size=nonzero)
    return W


@wrong("std for a variance", "You take std for a variance and draw with its root: std is the standard "
       "deviation already.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, np.sqrt(std), size=nonzero)
    return W


@wrong("another default", "Your default of std is 0.01, and the docstring's is 1: the point of few weights "
       "is that each may be large.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=0.01):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("scaled by the count", "You divide by sqrt(nonzero). That may be wise, but it is the caller's choice "
       "to make with std: here the values are N(0, std^2).")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        places = rng.choice(fan_in, size=nonzero, replace=False)
        W[places, unit] = rng.normal(0, std / nonzero**0.5, size=nonzero)
    return W


@wrong("uniform values", "Your values lie between -std and std: they are to be normal with standard "
       "deviation std, and then a third of them lie beyond it.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.uniform(-std, std, size=nonzero)
    return W


@wrong("takes what there is", "You accept nonzero > fan_in and silently fill what there is: the caller would "
       "never learn that the request made no sense. Raise ValueError.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    nonzero = min(nonzero, fan_in)
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("refuses all places", "You refuse nonzero = fan_in as well. It is a dense layer, and allowed: only "
       "more weights than inputs are impossible.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero >= fan_in:
        raise ValueError("nonzero is not smaller than fan_in")
    W = np.zeros((fan_in, fan_out))
    for unit in range(fan_out):
        W[rng.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("places from another generator", "With the same seed your places or values differ from call to call: "
       "something is drawn from np.random or from a generator of your own. All of it should come from rng.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W, other = np.zeros((fan_in, fan_out)), np.random.default_rng()
    for unit in range(fan_out):
        W[other.choice(fan_in, size=nonzero, replace=False), unit] = rng.normal(0, std, size=nonzero)
    return W


@wrong("a seed of its own", "Your function makes its own generator with a fixed seed: two sparse layers of "
       "one shape would be the same layer. Draw places and values from rng.")
def sparse_init(fan_in, fan_out, nonzero, rng, std=1.0):
    if nonzero > fan_in:
        raise ValueError("nonzero is larger than fan_in")
    W, other = np.zeros((fan_in, fan_out)), np.random.default_rng(0)
    for unit in range(fan_out):
        W[other.choice(fan_in, size=nonzero, replace=False), unit] = other.normal(0, std, size=nonzero)
    return W


# --- has_symmetric_units ------------------------------------------------------------------------------------


@right("all pairs")
def has_symmetric_units(W, b):
    for i, j in [(i, j) for j in range(len(b)) for i in range(j)]:
        if b[i] == b[j] and np.array_equal(W[:, i], W[:, j]):
            return True
    return False


@right("a set of tuples")
def has_symmetric_units(W, b):
    units = [(*column, bias) for column, bias in zip(np.transpose(W).tolist(), b.tolist())]
    return len(set(units)) != len(units)


@right("distances between all pairs, by broadcasting")
def has_symmetric_units(W, b):
    units = np.concatenate([W, b[None, :]])
    same = np.all(units[:, :, None] == units[:, None, :], axis=0)
    return same.sum() > len(b)


@wrong("ignores the biases", "You compare weights and forget the biases: two units with equal weights and "
       "different biases compute different things.")
def has_symmetric_units(W, b):
    return bool(np.unique(W, axis=1).shape[1] < W.shape[1])


@wrong("rows", "You compare rows of W. A row holds what one input sends to all units; a unit is a column.")
def has_symmetric_units(W, b):
    return bool(np.unique(W, axis=0).shape[0] < W.shape[0])


@wrong("nearly equal", "You compare with a tolerance: units that differ by 1e-13 are not equal, and gradient "
       "descent can drive them apart. Compare exactly.")
def has_symmetric_units(W, b):
    for i, j in [(i, j) for j in range(len(b)) for i in range(j)]:
        if np.isclose(b[i], b[j]) and np.allclose(W[:, i], W[:, j]):
            return True
    return False


@wrong("neighbours only", "You compare each unit with its neighbour only: twins may stand anywhere in the "
       "layer.")
def has_symmetric_units(W, b):
    return any(b[i] == b[i + 1] and np.array_equal(W[:, i], W[:, i + 1]) for i in range(len(b) - 1))


@wrong("against the first", "You compare every unit with the first one only: two others may be each other's "
       "twins.")
def has_symmetric_units(W, b):
    return any(b[0] == b[j] and np.array_equal(W[:, 0], W[:, j]) for j in range(1, len(b)))


@wrong("all or nothing", "You ask whether all units are equal. One pair of twins is enough to waste a unit, "
       "and a single unit has no twin.")
def has_symmetric_units(W, b):
    return bool(np.all(W == W[:, :1]) and np.all(b == b[0]))


@wrong("sums", "You compare sums: units with other weights can have the same sum. A unit is known by each of "
       "its weights, and by its bias.")
def has_symmetric_units(W, b):
    sums = np.vstack([W, b]).sum(axis=0)
    return len(np.unique(sums)) < len(sums)


@wrong("sorted", "You compare weights in sorted order: a unit is known by which weight goes with which input.")
def has_symmetric_units(W, b):
    units = np.vstack([np.sort(W, axis=0), b])
    return bool(np.unique(units, axis=1).shape[1] < units.shape[1])


@wrong("weights and biases apart", "You look for equal weights and for equal biases separately: the two must "
       "belong to the same pair of units.")
def has_symmetric_units(W, b):
    equal_weights = np.unique(W, axis=1).shape[1] < W.shape[1]
    return bool(equal_weights and len(np.unique(b)) < len(b))


@wrong("either will do", "For you equal biases alone, or equal weights alone, make twins: biases all start "
       "at 0 and do no harm. Both have to be equal.")
def has_symmetric_units(W, b):
    for i, j in [(i, j) for j in range(len(b)) for i in range(j)]:
        if b[i] == b[j] or np.array_equal(W[:, i], W[:, j]):
            return True
    return False


@wrong("one weight", "One equal weight is enough for you: two units are twins only if all of their weights "
       "are equal.")
def has_symmetric_units(W, b):
    for i, j in [(i, j) for j in range(len(b)) for i in range(j)]:
        if b[i] == b[j] and np.any(W[:, i] == W[:, j]):
            return True
    return False


@wrong("itself", "You compare each unit with itself too, and so find twins everywhere.")
def has_symmetric_units(W, b):
    units = range(len(b))
    return any(b[i] == b[j] and np.array_equal(W[:, i], W[:, j]) for i in units for j in units)


@wrong("the other way round", "You return True where all units differ: the question is whether two are "
       "equal.")
def has_symmetric_units(W, b):
    units = np.vstack([W, b])
    return bool(np.unique(units, axis=1).shape[1] == units.shape[1])


# --- layer_statistics ---------------------------------------------------------------------------------------


@right("recursion")
def layer_statistics(x, weights, activation):
    if not len(weights):
        return []
    a = activation(np.matmul(x, weights[0]))
    mean = a.sum() / a.size
    std = math.sqrt(np.square(a - mean).sum() / a.size)
    return [(mean, std), *layer_statistics(a, weights[1:], activation)]


@right("all activations first")
def layer_statistics(x, weights, activation):
    signals = [np.array(x, dtype=float)]
    for W in weights:
        signals.append(activation(np.einsum("nd,dm->nm", signals[-1], W)))
    return [[a.mean(), a.std()] for a in signals[1:]]


@right("an array of pairs")
def layer_statistics(x, weights, activation):
    table, a = np.empty((len(weights), 2)), x
    for row, W in zip(table, weights):
        a = activation(np.dot(a, W))
        row[:] = a.mean(), a.var() ** 0.5
    return table


@wrong("starts anew", "Each of your layers gets x: the second layer should get what came out of the first.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        a = activation(x @ W)
        found.append((np.mean(a), np.std(a)))
    return found


@wrong("preactivations", "Your statistics are those of a @ W, before the activation: asked for are those "
       "behind it, which the next layer gets.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        z = x @ W
        found.append((np.mean(z), np.std(z)))
        x = activation(z)
    return found


@wrong("no activation", "The activation is never applied, so a deep network is one matrix product to you: it "
       "comes after each layer.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = x @ W
        found.append((np.mean(x), np.std(x)))
    return found


@wrong("activation only at the end", "You apply the activation for the statistics but pass on what was "
       "before it: the next layer gets activation(a @ W).")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = x @ W
        a = activation(x)
        found.append((np.mean(a), np.std(a)))
    return found


@wrong("activation before the layer", "You apply the activation to what enters a layer, the input of the "
       "network included: it comes behind the matrix product.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x) @ W
        found.append((np.mean(x), np.std(x)))
    return found


@wrong("sample deviation", "Your standard deviation divides by the number of entries minus one: the "
       "population standard deviation divides by their number.")
def layer_statistics(x, weights, activation):
    found = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for W in weights:
            x = activation(x @ W)
            found.append((np.mean(x), np.std(x, ddof=1) if x.size > 1 else 0.0))
    return found


@wrong("variance", "You return variances: the standard deviation is their root, and has the units of the "
       "signal.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found.append((np.mean(x), np.var(x)))
    return found


@wrong("root mean square", "Your second number is the root mean square, which counts the mean too: the "
       "standard deviation is taken about the mean. Behind a ReLU the two differ.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found.append((np.mean(x), np.sqrt(np.mean(np.square(x)))))
    return found


@wrong("per unit", "You return a mean and a standard deviation for each unit: one pair per layer is asked "
       "for, over all examples and units.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found.append((np.mean(x, axis=0), np.std(x, axis=0)))
    return found


@wrong("mean of the units' deviations", "You average the units' standard deviations. That leaves out how far "
       "the units' means lie apart: take it over all entries of the layer at once.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found.append((np.mean(x), np.mean(np.std(x, axis=0))))
    return found


@wrong("the input too", "Your list begins with the statistics of x: it should hold one pair per layer, each "
       "of what comes out of it.")
def layer_statistics(x, weights, activation):
    found = [(np.mean(x), np.std(x))]
    for W in weights:
        x = activation(x @ W)
        found.append((np.mean(x), np.std(x)))
    return found


@wrong("std first", "Your pairs are (std, mean): the mean comes first.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found.append((np.std(x), np.mean(x)))
    return found


@wrong("last layer only", "You return one pair, that of the last layer: a list with one pair per layer shows "
       "where the signal is lost.")
def layer_statistics(x, weights, activation):
    found = []
    for W in weights:
        x = activation(x @ W)
        found = [(np.mean(x), np.std(x))]
    return found


# --- variance_gain ------------------------------------------------------------------------------------------


@right("table of shares")
def variance_gain(fan_in, weight_variance, activation="linear"):
    shares = {"linear": 1.0, "relu": 0.5}
    if activation not in shares:
        raise ValueError(f"unknown activation {activation}")
    return shares[activation] * fan_in * weight_variance


@right("match")
def variance_gain(fan_in, weight_variance, activation="linear"):
    match activation:
        case "linear":
            return np.multiply(float(fan_in), weight_variance)
        case "relu":
            return weight_variance / (2 / fan_in)
        case _:
            raise ValueError("linear or relu")


@wrong("any capitals", "You let other spellings pass, such as \"ReLU\": two names are known, \"linear\" and \"relu\", and any "
       "other should raise ValueError.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    name = activation.lower()
    if name not in ("linear", "relu"):
        raise ValueError(f"unknown activation {activation!r}")
    return fan_in * weight_variance / (2 if name == "relu" else 1)


@wrong("relu as linear", "You give ReLU the gain of a linear layer: it sets half of a symmetric signal to 0, "
       "and half of the mean square goes with it.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return float(fan_in * weight_variance)


@wrong("doubled for relu", "You double the gain for ReLU. It is the weights' variance that is doubled to "
       "make up for it; the ReLU itself halves.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return float(fan_in * weight_variance * (2 if activation == "relu" else 1))


@wrong("standard deviations", "Your result is the ratio of root mean squares: mean squares were asked for, "
       "so no root is taken.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return math.sqrt(fan_in * weight_variance * (0.5 if activation == "relu" else 1))


@wrong("variance squared", "You square weight_variance, as if it were a standard deviation: it is the "
       "variance already.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return float(fan_in * weight_variance**2 * (0.5 if activation == "relu" else 1))


@wrong("variance about the mean", "For ReLU you return the variance about the mean, 1/2 - 1/(2 pi) of the "
       "linear one. The next layer multiplies mean squares, the mean included: that is 1/2.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return fan_in * weight_variance * (0.5 - 0.5 / math.pi if activation == "relu" else 1.0)


@wrong("forgets fan_in", "Your gain does not grow with fan_in: a unit adds up fan_in terms, and the "
       "variances of independent terms add up.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return weight_variance * (0.5 if activation == "relu" else 1.0)


@wrong("any other is linear", "You treat every unknown name as linear: a caller who writes \"tanh\" would "
       "get a wrong number in silence. Raise ValueError.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    return fan_in * weight_variance * (0.5 if activation == "relu" else 1.0)


@wrong("any other is relu", "You treat every name but \"linear\" as ReLU: for other activations the half is "
       "not true, and the caller should hear of it by a ValueError.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    return fan_in * weight_variance * (1.0 if activation == "linear" else 0.5)


@wrong("relu by default", "Your default is \"relu\": called without an activation, the layer is linear.")
def variance_gain(fan_in, weight_variance, activation="relu"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return fan_in * weight_variance * (0.5 if activation == "relu" else 1.0)


@wrong("whole numbers", "You halve with //, which throws away fractions: a gain of 1.5 becomes 1.")
def variance_gain(fan_in, weight_variance, activation="linear"):
    if activation not in ("linear", "relu"):
        raise ValueError(activation)
    return float(fan_in * weight_variance // 2 if activation == "relu" else fan_in * weight_variance)


# --- softmax_cross_entropy ----------------------------------------------------------------------------------


@right("example by example")
def softmax_cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(np.asarray(logits, dtype=float).tolist(), labels):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[int(label)]
    return total / len(labels)


@right("np.logaddexp")
def softmax_cross_entropy(logits, labels):
    log_sums = np.logaddexp.reduce(np.asarray(logits, dtype=float), axis=1)
    return float(np.mean(log_sums - np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]))


@right("one-hot")
def softmax_cross_entropy(logits, labels):
    differences = logits - logits[np.arange(len(logits)), labels][:, None]
    top = differences.max(axis=1)
    one_hot = np.eye(logits.shape[1])[labels]
    losses = top + np.log(np.exp(differences - top[:, None]).sum(axis=1))
    return np.sum(one_hot * losses[:, None]) / len(labels)


@wrong("overflows", "You take exponentials of the logits as they are: e^1000 is more than a float can hold, "
       "and the loss of a confident network becomes inf or nan. Subtract each example's largest logit first.")
def softmax_cross_entropy(logits, labels):
    powers = np.exp(logits)
    probabilities = powers / np.sum(powers, axis=1, keepdims=True)
    return np.mean(-np.log(probabilities[np.arange(len(labels)), labels]))


@wrong("logarithm of zero", "You compute the probability first and then its logarithm: a probability below "
       "1e-308 has become 0 by then, and the loss inf. Take the logarithm of the sum, and subtract it.")
def softmax_cross_entropy(logits, labels):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    probabilities = powers / np.sum(powers, axis=1, keepdims=True)
    return np.mean(-np.log(probabilities[np.arange(len(labels)), labels]))


@wrong("adds eps", "You add a small constant to the probability before the logarithm, or cut it off there, which hides "
       "large losses: with 1e-12 none can exceed 28, and its gradient is gone where it is needed most.")
def softmax_cross_entropy(logits, labels):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    probabilities = powers / np.sum(powers, axis=1, keepdims=True)
    return np.mean(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-12))


@wrong("clips", "You clip probabilities at 1e-15, as some libraries do, so that no loss can exceed 34.5: the "
       "loss of a right label that was thought impossible is larger, and finite.")
def softmax_cross_entropy(logits, labels):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    probabilities = powers / np.sum(powers, axis=1, keepdims=True)
    return np.mean(-np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-15, 1.0)))


@wrong("one maximum for all", "You subtract one maximum from the whole batch: an example whose logits lie "
       "far below it is left with exponentials of 0. Each example needs its own.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits)
    right = shifted[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - right)


@wrong("sum", "You add the examples' losses up: the mean was asked for, so that the loss, and a good "
       "learning rate, do not depend on the size of the batch.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return np.sum(np.log(np.sum(np.exp(shifted), axis=1)) - right)


@wrong("divides by N C", "Your mean runs over N times C numbers, as over a one-hot table whose zeros count: "
       "there is one loss per example, so divide by N.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return np.sum(np.log(np.sum(np.exp(shifted), axis=1)) - right) / np.size(logits)


@wrong("all pairs", "shifted[:, labels] picks N logits for each example, one for every label of the batch: "
       "pair row n with labels[n], by shifted[np.arange(N), labels].")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(log_probabilities[:, labels])


@wrong("the likeliest class", "You take the likeliest class of each example and not its label: that loss is "
       "small for a network that is sure of itself, and wrong.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)))


@wrong("over the batch", "Your softmax runs down the columns: the probabilities that sum to 1 are those of "
       "one example over the classes, axis 1.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=0, keepdims=True)
    right = (shifted - np.log(np.sum(np.exp(shifted), axis=0)))[np.arange(len(labels)), labels]
    return -np.mean(right)


@wrong("sign", "Your loss is negative: the logarithm of a probability is, so a minus sign is missing.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return np.mean(right - np.log(np.sum(np.exp(shifted), axis=1)))


@wrong("bits", "You measure in bits, with the logarithm to base 2: the loss of this course is in nats, with "
       "the natural logarithm.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - right) / math.log(2)


@wrong("unshifted logit", "You shift the logits in the sum but not the one of the right label: what is "
       "subtracted from one must be subtracted from both.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = logits[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - right)


@wrong("labels from 1", "You count labels from 1, and so look at the logit before the right one: labels "
       "start at 0.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels - 1]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - right)


@wrong("not the mean", "You return one loss per example: the mean over the examples is what training lowers.")
def softmax_cross_entropy(logits, labels):
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    return np.log(np.sum(np.exp(shifted), axis=1)) - shifted[np.arange(len(labels)), labels]


@wrong("logarithm of the mean", "You average the probabilities and take the logarithm once: the loss "
       "averages the logarithms, so that one impossible label is not hidden among many likely ones.")
def softmax_cross_entropy(logits, labels):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    probabilities = powers / np.sum(powers, axis=1, keepdims=True)
    return -np.log(np.mean(probabilities[np.arange(len(labels)), labels]))


# --- initial_loss -------------------------------------------------------------------------------------------


@right("minus the logarithm of a share")
def initial_loss(num_classes):
    return -np.log(1.0 / num_classes) + 0.0


@right("entropy of equal shares")
def initial_loss(num_classes):
    p = np.full(num_classes, 1 / num_classes)
    return float(np.sum(p * np.log(1 / p)))


@wrong("share", "You return the probability 1/C: the loss is minus its logarithm.")
def initial_loss(num_classes):
    return 1 / num_classes


@wrong("bits", "You take the logarithm to base 2: then the loss of two classes would be 1, and the training "
       "log shows 0.69.")
def initial_loss(num_classes):
    return math.log2(num_classes)


@wrong("base 10", "You take the logarithm to base 10, by which ten classes would lose 1: losses are in "
       "natural logarithms.")
def initial_loss(num_classes):
    return math.log10(num_classes)


@wrong("sign", "Your loss is negative, the logarithm of 1/C: a loss is minus the logarithm of a probability.")
def initial_loss(num_classes):
    return -math.log(num_classes)


@wrong("mean over classes", "You divide by the number of classes: each example loses log C, and so does "
       "their mean.")
def initial_loss(num_classes):
    return math.log(num_classes) / num_classes


@wrong("ten classes always", "Your loss is that of ten classes, 2.3, whatever num_classes is: it grows with "
       "their number.")
def initial_loss(num_classes):
    return math.log(10)


@wrong("error rate", "You return 1 - 1/C, the share of wrong guesses: that is an error rate, and the loss "
       "measures surprise.")
def initial_loss(num_classes):
    return 1 - 1 / num_classes


@wrong("log of C plus one", "You return log(1 + C), so that a single class would surprise: C classes of "
       "equal probability lose log C.")
def initial_loss(num_classes):
    return math.log1p(num_classes)


# --- output_bias --------------------------------------------------------------------------------------------


@right("shifted to mean zero")
def output_bias(priors):
    if not (np.all(priors > 0) and -1e-8 <= math.fsum(priors) - 1 <= 1e-8):
        raise ValueError("not a distribution")
    b = np.log(priors)
    return b - b.mean()


@right("odds against the last class")
def output_bias(priors):
    p = np.array(priors, dtype=float)
    if min(p) <= 0:
        raise ValueError("every class needs a positive share")
    if not math.isclose(sum(p), 1, rel_tol=0, abs_tol=1e-8):
        raise ValueError("shares should sum to 1")
    return np.array([math.log(share / p[-1]) for share in p])


@wrong("the priors themselves", "You return the priors: softmax takes exponentials first, and makes of 0.9 "
       "and 0.1 something like 0.7 and 0.3.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return np.array(priors, dtype=float)


@wrong("logits of two classes", "You return log(p/(1 - p)). That is right for one sigmoid output; softmax "
       "over classes divides by the sum of all exponentials itself, and wants log p.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    with np.errstate(divide="ignore"):
        return np.log(priors / (1 - priors))


@wrong("sign", "Your biases are -log p, so the rarest class gets the largest probability: that is the "
       "surprise at a class, and the bias is its opposite.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return -np.log(priors)


@wrong("base 2", "You take logarithms to base 2, and softmax takes powers of e: only the natural logarithm "
       "undoes them.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return np.log2(priors)


@wrong("base 10", "You take logarithms to base 10, which makes all classes more alike than they are: the "
       "exponential in softmax has base e.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return np.log10(priors)


@wrong("adds eps", "You add a small constant before the logarithm, and rare classes become more frequent "
       "than they are: priors are positive here, so nothing need be added.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return np.log(priors + 1e-8)


@wrong("equal biases", "You return the same bias for every class, and softmax then gives all of them the "
       "same share: the priors should come out.")
def output_bias(priors):
    if np.any(priors <= 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    return np.zeros(len(priors))


@wrong("no check", "You accept anything: the logarithm of a share of 0 is minus infinity, and of a negative "
       "one nan, and the network that gets them is lost. Raise ValueError.")
def output_bias(priors):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(priors)


@wrong("no check of the sum", "You do not check that the shares sum to 1: counts, or shares of which one was "
       "forgotten, would pass in silence.")
def output_bias(priors):
    if np.any(priors <= 0):
        raise ValueError("every class needs a positive share")
    return np.log(priors)


@wrong("no check of zero", "You refuse negative shares and accept a share of 0, whose logarithm is minus "
       "infinity: no gradient step brings that class back.")
def output_bias(priors):
    if np.any(priors < 0) or abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    with np.errstate(divide="ignore"):
        return np.log(priors)


@wrong("no check of the sign", "You check only the sum: a negative share can hide behind larger ones, and "
       "has no logarithm.")
def output_bias(priors):
    if abs(np.sum(priors) - 1) > 1e-8:
        raise ValueError("not a distribution")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(priors)


@wrong("np.isclose as it comes", "Your tolerance for the sum is about 1e-5, the relative one that np.isclose adds to the "
       "one you give: pass rtol=0, or compare the difference itself with 1e-8.")
def output_bias(priors):
    if np.any(priors <= 0) or not np.isclose(np.sum(priors), 1, atol=1e-8):
        raise ValueError("not a distribution")
    return np.log(priors)


@wrong("exactly one", "You ask for a sum of exactly 1, or very nearly: shares computed from counts miss it "
       "by rounding, and up to 1e-8 is allowed.")
def output_bias(priors):
    if np.any(priors <= 0) or np.sum(priors) != 1 and abs(np.sum(priors) - 1) > 1e-15:
        raise ValueError("not a distribution")
    return np.log(priors)


# --- questions ----------------------------------------------------------------------------------------------

catalogue.wrong_answer("answer_1", "a", "A mini-batch is random, but all units see the same one: ask "
                       "whether anything in it differs from unit to unit.")
catalogue.wrong_answer("answer_1", "b", "The outputs do have different labels to explain, but each of them "
                       "reaches all hidden units through equal weights: follow its gradient down to two of "
                       "them.")
catalogue.wrong_answer("answer_1", "d", "Equal weights have equal gradients, which is not the same as "
                       "none: write one of them down with the chain rule.")
catalogue.wrong_answer("answer_2", "a", "1/n is made for linear layers: what does a ReLU do to the mean "
                       "square of a symmetric signal?")
catalogue.wrong_answer("answer_2", "c", "That is what becomes of the mean square: the question is about "
                       "its root.")
catalogue.wrong_answer("answer_2", "d", "The direction is wrong: what does a ReLU do to the half of its "
                       "inputs that is negative?")
catalogue.wrong_answer("answer_3", "b", "What the next layer feels is the variance of the weights, and a "
                       "uniform distribution whose ends lie at one sigma has less than sigma squared.")
catalogue.wrong_answer("answer_3", "c", "The two intervals then cover the same weights, but a uniform "
                       "distribution fills its interval evenly: compute its variance.")
catalogue.wrong_answer("answer_3", "d", "In the derivation of the signal's size, look for what is used of "
                       "the weights' distribution: is it more than mean and variance?")
catalogue.wrong_answer("answer_4", "a", "No step has been taken yet, so the learning rate has had no say: "
                       "what else decides the loss?")
catalogue.wrong_answer("answer_4", "b", "It is random only as far as the logits are large: with logits "
                       "near 0 the loss is known in advance to two digits.")
catalogue.wrong_answer("answer_4", "c", "A network that gives every class 1/10 loses log 10 on every "
                       "example, however often each class occurs: so its probabilities are not equal.")
