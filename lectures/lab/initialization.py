"""Rules for the variance of weights, and instruments that look at a network before training (lecture 07).

A rule is a function of (fan_in, fan_out) that returns the variance of each weight; `normal` and `uniform`
make of it what `init_network(sizes, rng, weights)` takes.
"""
import numpy as np

from .network import activation_of, backward, forward, loss_and_gradients

RULES = {
    "LeCun": lambda fan_in, fan_out: 1.0 / fan_in,                 # LeCun et al., "Efficient BackProp", 1998
    "fan-out": lambda fan_in, fan_out: 1.0 / fan_out,
    "Glorot": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),    # Glorot and Bengio, AISTATS 2010
    "He": lambda fan_in, fan_out: 2.0 / fan_in,                    # He et al., ICCV 2015
}


def normal(rule):
    """Draws N(0, variance) weights (fan_in, fan_out) by the rule."""
    def draw(fan_in, fan_out, rng):
        return np.sqrt(rule(fan_in, fan_out)) * rng.standard_normal((fan_in, fan_out))

    return draw


def uniform(rule):
    """Draws U(-bound, bound) weights of the rule's variance: the bound is sqrt(3) standard deviations."""
    def draw(fan_in, fan_out, rng):
        bound = np.sqrt(3.0 * rule(fan_in, fan_out))
        return rng.uniform(-bound, bound, (fan_in, fan_out))

    return draw


def sparse(nonzero, std=1.0):
    """Draws weights of which each unit has `nonzero` at random places, N(0, std^2) (Martens, ICML 2010)."""
    def draw(fan_in, fan_out, rng):
        W = np.zeros((fan_in, fan_out))
        W[:nonzero] = std * rng.standard_normal((nonzero, fan_out))
        return rng.permuted(W, axis=0)

    return draw


def measured_signals(params, x, activation, rng):
    """Mean squares of the signal that enters each layer, and of the gradient that arrives at each layer's z.

    A random gradient, N(0, 1) in each entry, is sent down from the logits. Returns (forward, backward), each
    (layers,); `forward[0]` is that of x, and `backward[-1]` about 1.
    """
    run = forward(params, x, activation)
    gradients = backward(params, run, rng.standard_normal(run.logits.shape), activation)
    return (np.array([np.mean(a * a) for a in run.inputs]),
            np.array([np.mean(dz * dz) for dz in gradients.preactivations]))


def predicted_signals(sizes, rule, activation="linear"):
    """What `measured_signals` should find for an input of mean square 1: (forward, backward), each (layers,).

    The recursion of the lecture, with z normal, as it is in wide layers (Poole et al., NIPS 2016): a layer
    multiplies the mean square by fan-in times the variance, and the activation leaves E[phi(z)^2] of it; on
    the way back the two factors are fan-out times the variance, and E[phi'(z)^2].
    """
    phi = activation_of(activation)
    normal_z, chance = np.polynomial.hermite_e.hermegauss(64)
    chance = chance / chance.sum()
    *hidden, _ = layers = list(zip(sizes, sizes[1:]))
    up, slopes = [1.0], []
    for fan_in, fan_out in hidden:
        z = np.sqrt(fan_in * rule(fan_in, fan_out) * up[-1]) * normal_z
        a = phi.value(z)
        up.append(chance @ a**2)
        slopes.append(chance @ phi.derivative(z, a) ** 2)
    down = [1.0]
    for (fan_in, fan_out), slope in zip(layers[:0:-1], slopes[::-1]):
        down.append(down[-1] * fan_out * rule(fan_in, fan_out) * slope)
    return np.array(up), np.array(down[::-1])


def update_ratios(params, x, labels, lr, activation="relu"):
    """Size of one gradient step over the size of the weights, lr |dW| / |W|, for each layer (layers,)."""
    _, gradients = loss_and_gradients(params, x, labels, activation)
    norm = np.linalg.norm
    return np.array([lr * norm(dW) / norm(W) for (W, _), (dW, _) in zip(params, gradients)])
