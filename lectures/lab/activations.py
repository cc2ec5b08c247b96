"""Units that learn more than one set of weights: parametric ReLU and maxout, as layers of a network (lecture 06).

Parameters are a list with one tuple per layer, as in `network`, and a layer's tuple says what it is:
(W, b) of shapes (d, m) and (m,) is affine; (W, b, slope) with slope (m,) is affine and then a parametric ReLU;
(W, b) of shapes (k, d, m) and (k, m) is maxout, the largest of k affine functions. The last layer is affine, its outputs
the logits. All functions are pure, and `train` takes `learnt_objective` and `learnt_accuracy` as they are.
"""
from typing import NamedTuple

import numpy as np

from .network import affine_backward, backward, forward, softmax_cross_entropy


class Arrivals(NamedTuple):
    """What comes back through a network: gradients shaped as the parameters, and dL/da for each layer's units (N, m)."""

    params: list
    units: list


def init_prelu(sizes, rng, slope=0.25):
    """He's weights for hidden layers of parametric ReLUs; 0.25 is where He et al. (ICCV 2015) start the slopes."""
    gain = np.sqrt(2.0 / (1.0 + slope**2))
    layers = [(_normal(rng, gain, (fan_in, fan_out)), np.zeros(fan_out)) for fan_in, fan_out in zip(sizes, sizes[1:])]
    return [(W, b, np.full(len(b), slope)) for W, b in layers[:-1]] + layers[-1:]


def init_maxout(sizes, rng, pieces=2):
    """Weights N(0, 1/fan_in) for hidden layers of maxout units with so many pieces."""
    shapes = list(zip(sizes, sizes[1:]))
    hidden = [(_normal(rng, 1.0, (pieces, *shape)), np.zeros((pieces, shape[1]))) for shape in shapes[:-1]]
    return [*hidden, (_normal(rng, 1.0, shapes[-1]), np.zeros(sizes[-1]))]


def _normal(rng, gain, shape):
    return gain / np.sqrt(shape[-2]) * rng.standard_normal(shape)


def learnt_forward(params, x):
    """Runs x (N, d) through the network; returns the inputs of each layer, what each computed from it, and the logits."""
    inputs, computed = [x], []
    for W, b, *slope in params[:-1]:
        z = inputs[-1] @ W + (b[:, None, :] if W.ndim == 3 else b)
        computed.append(z)
        inputs.append(z.max(axis=0) if W.ndim == 3 else np.where(z > 0, z, slope[0] * z))
    W, b = params[-1]
    return inputs, computed, inputs[-1] @ W + b


def learnt_backward(params, inputs, computed, dlogits):
    """Sends dlogits (N, C) back; returns `Arrivals`, whose `units` are those of the hidden layers, the first one first."""
    da, *last = affine_backward(dlogits, inputs[-1], params[-1][0])
    gradients, units = [tuple(last)], []
    for (W, b, *slope), a, z in zip(reversed(params[:-1]), reversed(inputs[:-1]), reversed(computed)):
        units.append(da)
        if W.ndim == 3:   # only the piece that won hears of it
            dz = da * (np.arange(len(W))[:, None, None] == z.argmax(axis=0))
            da, gradient = np.einsum("knm,kdm->nd", dz, W), (a.T @ dz, dz.sum(axis=1))
        else:
            dslope = (da * np.minimum(z, 0.0)).sum(axis=0)
            da, dW, db = affine_backward(da * np.where(z > 0, 1.0, slope[0]), a, W)
            gradient = (dW, db, dslope)
        gradients.append(gradient)
    return Arrivals(gradients[::-1], units[::-1])


def learnt_objective(params, x, labels):
    """Mean cross entropy on x (N, d), and its gradients, shaped as the parameters."""
    inputs, computed, logits = learnt_forward(params, x)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    return loss, learnt_backward(params, inputs, computed, dlogits).params


def learnt_accuracy(params, x, labels):
    """Share of examples whose largest logit is the label's."""
    return float((learnt_forward(params, x)[2].argmax(axis=1) == labels).mean())


def arrivals(params, x, labels, activation=None):
    """`Arrivals` for labels (N,) at inputs x (N, d): of `network`'s network with `activation`, or of one as above."""
    if activation is None:
        inputs, computed, logits = learnt_forward(params, x)
        return learnt_backward(params, inputs, computed, softmax_cross_entropy(logits, labels)[1])
    run = forward(params, x, activation)
    gradients = backward(params, run, softmax_cross_entropy(run.logits, labels)[1], activation)
    units = [dz @ W.T for dz, (W, _) in zip(gradients.preactivations[1:], params[1:])]
    return Arrivals(gradients.params, units)


def without_gradient(arrived):
    """For each hidden layer of an `Arrivals`, which units' weights have a gradient of exactly 0: a list of (m,) bool."""
    counts = []
    for dW, *_ in arrived.params[:-1]:
        axes = tuple(range(dW.ndim - 1))   # maxout's pieces, too: a unit is one that any piece keeps alive
        counts.append(~np.any(dW, axis=axes))
    return counts
