"""A fully connected network in numpy: parameters are a list of (W, b), and every function is pure.

Layer l computes z_l = a_l @ W_l + b_l with W_l of shape (fan_in, fan_out); a_0 is the input x (N, d), the activation
gives a_{l+1} = phi(z_l), and the last z are the logits (N, C). The loss is softmax cross entropy, averaged over N.
`affine_backward` and `ACTIVATIONS` are there to build other networks from, such as one that normalizes each z.
"""
from typing import Callable, NamedTuple

import numpy as np


class Activation(NamedTuple):
    """An elementwise function of z and its derivative, which may use the value a = phi(z) already at hand."""

    value: Callable          # z -> a
    derivative: Callable     # (z, a) -> da/dz


def _sigmoid(z):
    small = np.exp(-np.abs(z))   # never overflows
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


ACTIVATIONS = {
    "linear": Activation(lambda z: z, lambda z, a: np.ones_like(z)),
    "sigmoid": Activation(_sigmoid, lambda z, a: a * (1.0 - a)),
    "tanh": Activation(np.tanh, lambda z, a: 1.0 - a * a),
    "relu": Activation(lambda z: np.maximum(z, 0.0), lambda z, a: (z > 0).astype(z.dtype)),
    "leaky relu": Activation(lambda z: np.where(z > 0, z, 0.01 * z), lambda z, a: np.where(z > 0, 1.0, 0.01)),
    "elu": Activation(lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
                      lambda z, a: np.where(z > 0, 1.0, a + 1.0)),
}


class Forward(NamedTuple):
    """What a forward pass leaves behind: `inputs[l]` is what layer l was given, `preactivations[l]` what it computed.

    So `inputs[1:]` are the hidden layers' activations and `preactivations[-1]` are the logits.
    """

    inputs: list
    preactivations: list

    @property
    def logits(self):
        return self.preactivations[-1]


class Gradients(NamedTuple):
    """Gradients of the loss: `params` shaped as the parameters, `preactivations[l]` (N, fan_out) for every layer."""

    params: list
    preactivations: list


def activation_of(name):
    """The `Activation` of that name; an `Activation` is returned as it is."""
    if isinstance(name, Activation):
        return name
    if name not in ACTIVATIONS:
        raise ValueError(f"No activation is called {name!r}; there are {', '.join(sorted(ACTIVATIONS))}.")
    return ACTIVATIONS[name]


def init_network(sizes, rng, weights=None):
    """Parameters for layers of these sizes, such as (64, 64, 10): a list of (W, b), the biases zero.

    `weights` is a standard deviation, or a function of (fan_in, fan_out, rng) that returns W (fan_in, fan_out).
    Left out, it is He's: N(0, 2/fan_in) (He et al., "Delving deep into rectifiers", ICCV 2015).
    """
    def normal(fan_in, fan_out, rng):
        std = np.sqrt(2.0 / fan_in) if weights is None else weights
        return std * rng.standard_normal((fan_in, fan_out))

    draw = weights if callable(weights) else normal
    return [(draw(fan_in, fan_out, rng), np.zeros(fan_out)) for fan_in, fan_out in zip(sizes, sizes[1:])]


def forward(params, x, activation="relu"):
    """Runs x (N, d) through the network and returns a `Forward`. The last layer has no activation."""
    phi = activation_of(activation).value
    inputs, preactivations = [x], []
    for layer, (W, b) in enumerate(params):
        preactivations.append(inputs[layer] @ W + b)
        if layer < len(params) - 1:
            inputs.append(phi(preactivations[layer]))
    return Forward(inputs, preactivations)


def softmax_cross_entropy(logits, labels):
    """Mean loss over logits (N, C) and integer labels (N,), and its gradient with respect to the logits."""
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)   # softmax is the same, and exp cannot overflow
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - shifted[rows, labels]).mean()
    dlogits = exponentials / sums
    dlogits[rows, labels] -= 1.0
    return loss, dlogits / len(labels)


def affine_backward(dz, a, W):
    """Gradients of z = a @ W + b: (da, dW, db), from dz (N, fan_out)."""
    return dz @ W.T, a.T @ dz, dz.sum(axis=0)


def backward(params, run, dlogits, activation="relu"):
    """Sends dlogits (N, C) back through the `Forward` called `run`, and returns `Gradients`."""
    derivative = activation_of(activation).derivative
    layers = len(params)
    gradients, signals = [None] * layers, [None] * layers
    dz = dlogits
    for layer in reversed(range(layers)):
        signals[layer] = dz
        a = run.inputs[layer]
        da, *gradients[layer] = affine_backward(dz, a, params[layer][0])
        if layer > 0:
            dz = da * derivative(run.preactivations[layer - 1], a)
    return Gradients([tuple(pair) for pair in gradients], signals)


def loss_and_gradients(params, x, labels, activation="relu"):
    """Mean cross entropy on x (N, d) and labels (N,), and its gradients, a list of (dW, db)."""
    run = forward(params, x, activation)
    loss, dlogits = softmax_cross_entropy(run.logits, labels)
    return loss, backward(params, run, dlogits, activation).params


def accuracy(params, x, labels, activation="relu"):
    """Share of examples whose largest logit is the label's; a row that holds a nan or an inf is wrong."""
    logits = forward(params, x, activation).logits
    right = (logits.argmax(axis=1) == labels) & np.isfinite(logits).all(axis=1)
    return float(right.mean())
