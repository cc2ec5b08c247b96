"""Batch and layer normalization, and a network with either between its layers and their ReLU (lecture 08).

Parameters are a list of tuples, as in `lab.network`: a normalized hidden layer is (W, b, gamma, beta), a
plain layer and the last one (W, b). Every variance that normalizes is the biased one, and eps stands inside
the root (S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015; J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer
normalization", arXiv:1607.06450, 2016).
"""
from typing import NamedTuple

import numpy as np

from .network import affine_backward, init_network, softmax_cross_entropy

EPS = 1e-5
AXES = {"batch": 0, "layer": 1}   # mean and variance run over the examples, or over the units of one layer


def normalize(z, gamma, beta, norm="batch", eps=EPS):
    """Normalizes z (N, m) over the batch, or each example by itself: (out, x_hat, std, mean, var)."""
    axis = AXES[norm]
    mean = z.mean(axis=axis, keepdims=True)
    centred = z - mean
    var = (centred * centred).mean(axis=axis, keepdims=True)
    std = np.sqrt(var + eps)
    x_hat = centred / std
    return gamma * x_hat + beta, x_hat, std, mean, var


def normalize_backward(dout, x_hat, std, gamma, norm="batch", roads=("mean", "variance")):
    """Gradients (dz, dgamma, dbeta) of `normalize`; `roads` left out treat that statistic as a constant."""
    axis = AXES[norm]
    g = dout * gamma
    dz = g.copy()
    if "mean" in roads:
        dz -= g.mean(axis=axis, keepdims=True)
    if "variance" in roads:
        dz -= x_hat * (g * x_hat).mean(axis=axis, keepdims=True)
    return dz / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def first_layer_curvature(params, x):
    """Gauss-Newton matrix of the cross entropy in the first layer's parameters, for a network of two layers.

    params: ((W1, b1), (W2, b2)) with a ReLU between; x: (N, d). Returns (h (d + 1), h (d + 1)) for h hidden
    units: the mean of B (x) [x, 1][x, 1]^T, where B (h, h) is the curvature of an example's loss in z.
    Between two kinks of its ReLUs the network is linear in these parameters, so there it is the Hessian itself.
    """
    (W1, b1), (W2, b2) = params
    z = x @ W1 + b1
    logits = np.maximum(z, 0.0) @ W2 + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    softmax_curvature = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    J = (z > 0)[:, :, None] * W2
    B = J @ softmax_curvature @ J.transpose(0, 2, 1)
    inputs = np.hstack([x, np.ones((len(x), 1))])
    outer = inputs[:, :, None] * inputs[:, None, :]
    h, d = len(b1), inputs.shape[1]
    blocks = B.reshape(len(x), -1).T @ outer.reshape(len(x), -1) / len(x)
    return blocks.reshape(h, h, d, d).transpose(0, 2, 1, 3).reshape(h * d, h * d)


def init_normed(sizes, rng, scale=1.0):
    """A network whose hidden layers are normalized, with He's weights, in the hidden layers times `scale`."""
    *hidden, last = init_network(sizes, rng)
    return [(scale * W, b, np.ones(len(b)), np.zeros(len(b))) for W, b in hidden] + [last]


class Pass(NamedTuple):
    """What a forward pass leaves behind; `statistics`: (mean, unbiased variance) of each BatchNorm."""

    logits: np.ndarray
    tape: list             # per hidden layer: (input, x_hat, std, activation); x_hat and std None if plain
    outputs: list          # per hidden layer: what enters its ReLU
    statistics: list


def normed_forward(params, x, norm="batch", running=None):
    """Runs x (N, d) through the network. With `running`, a list of (mean, var), BatchNorm evaluates."""
    a, tape, outputs, statistics = x, [], [], []
    for layer, (W, b, *affine) in enumerate(params[:-1]):
        z, x_hat, std = a @ W + b, None, None
        if affine and running is not None:
            mean, var = running[layer]
            z = affine[0] * (z - mean) / np.sqrt(var + EPS) + affine[1]
        elif affine:
            z, x_hat, std, mean, var = normalize(z, *affine, norm)
            if norm == "batch":
                statistics.append((mean[0], var[0] * len(x) / (len(x) - 1)))
        tape.append((a, x_hat, std, np.maximum(z, 0.0)))
        outputs.append(z)
        a = tape[-1][-1]
    W, b = params[-1]
    return Pass(a @ W + b, tape, outputs, statistics)


def normed_gradients(params, x, labels, norm="batch", roads=("mean", "variance")):
    """Mean cross entropy on a batch, its gradients shaped as `params`, and the batch's statistics."""
    run = normed_forward(params, x, norm)
    loss, dlogits = softmax_cross_entropy(run.logits, labels)
    a = run.tape[-1][-1]
    da, dW, db = affine_backward(dlogits, a, params[-1][0])
    gradients = [(dW, db)]
    for (W, _, *affine), (a, x_hat, std, out) in zip(reversed(params[:-1]), reversed(run.tape)):
        dz, more = da * (out > 0), ()
        if affine:
            dz, *more = normalize_backward(dz, x_hat, std, affine[0], norm, roads)
        da, dW, db = affine_backward(dz, a, W)
        gradients.append((dW, db, *more))
    return loss, gradients[::-1], run.statistics


def collect(running, statistics, momentum=0.1):
    """New running statistics: (1 - momentum) old + momentum batch, layer by layer."""
    return [tuple((1 - momentum) * old + momentum * new for old, new in zip(*pair))
            for pair in zip(running, statistics)]


def fresh_statistics(params):
    """Mean 0 and variance 1 for each normalized layer: where running statistics start."""
    return [(np.zeros(len(layer[1])), np.ones(len(layer[1]))) for layer in params[:-1] if len(layer) == 4]


def train_normed(params, data, lr=0.1, steps=200, batch_size=64, rng=None, *, norm="batch", momentum=0.1,
                 running=None, roads=("mean", "variance"), shake=None):
    """Mini-batch gradient descent on a `Split`; returns (params, running, losses (steps,)).

    Each epoch takes the examples in a new order and leaves out a last batch that is not full. `running`
    goes on from earlier statistics. `roads` is passed to `normalize_backward`. `shake(params)`, if given,
    returns the parameters with which a step's forward and backward run; the step changes the unshaken ones.
    Once the loss is not finite the run ends, and the losses left are inf.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    running = fresh_statistics(params) if running is None else running
    losses = np.full(steps, np.inf)
    order, start = rng.permutation(len(data.x)), 0
    with np.errstate(all="ignore"):   # a diverging run is a result, not an accident
        for t in range(steps):
            if start + batch_size > len(order):
                order, start = rng.permutation(len(data.x)), 0
            batch = order[start:start + batch_size]
            start += batch_size
            at = params if shake is None else shake(params)
            loss, gradients, statistics = normed_gradients(at, data.x[batch], data.y[batch], norm, roads)
            if not np.isfinite(loss):
                break
            losses[t] = loss
            params = [tuple(w - lr * g for w, g in zip(*pair)) for pair in zip(params, gradients)]
            running = collect(running, statistics, momentum)
    return params, running, losses


def normed_accuracy(params, x, labels, norm="batch", running=None, batch_size=None):
    """Share of right labels. Without `running`, each `batch_size` examples are normalized by themselves."""
    size = batch_size or len(x)
    with np.errstate(all="ignore"):
        logits = np.concatenate([normed_forward(params, x[k:k + size], norm, running).logits
                                 for k in range(0, len(x), size)])
    return float(((logits.argmax(axis=1) == labels) & np.isfinite(logits).all(axis=1)).mean())
