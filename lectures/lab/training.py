"""Mini-batch training with any optimizer that is written as a pure step.

A step is a function `step(w, g, state, lr) -> (w, state)` over one flat vector w: all of the network's parameters, in the
order of the list. What a lecture derives for a vector is then exactly what trains the network.
"""
from typing import NamedTuple

import numpy as np

from .network import accuracy as network_accuracy
from .network import loss_and_gradients


class History(NamedTuple):
    """What a run recorded; `over_seeds` adds an axis in front of each."""

    losses: np.ndarray       # (steps,) loss of each mini-batch, before its step
    lrs: np.ndarray          # (steps,) learning rate of each step
    accuracies: np.ndarray   # (epochs,) validation accuracy after each epoch


def flatten(params):
    """All the arrays of a list of tuples as one new vector (n,)."""
    return np.concatenate([array.ravel() for layer in params for array in layer])


def unflatten(w, like):
    """The vector w (n,) as a list of tuples of arrays shaped as those of `like`; they are views into w."""
    params, start = [], 0
    for layer in like:
        arrays = []
        for array in layer:
            arrays.append(w[start:start + array.size].reshape(array.shape))
            start += array.size
        params.append(tuple(arrays))
    return params


def sgd_step(w, g, state, lr):
    """Plain gradient descent: w - lr g."""
    return w - lr * g, state


def train(params, data, step=sgd_step, lr=0.1, epochs=10, batch_size=32, rng=None, *, init_state=None,
          activation="relu", objective=None, accuracy=None):
    """Trains a network and returns (params, History); the parameters given are left as they were.

    data         a `Split`: x (N, d), y (N,), x_val, y_val
    step         step(w, g, state, lr) -> (w, state) over the flat parameter vector
    lr           a number, or a function of the step's number, which counts from 0
    rng          shuffles the examples anew for each epoch; seed 0 if left out. The last batch may be smaller.
    init_state   init_state(w) -> the first state; None if left out
    activation   of the hidden layers, as `lab.network.forward` takes it
    objective    objective(params, x, y) -> (loss, gradients shaped as params), in place of the network's cross entropy
    accuracy     accuracy(params, x, y) -> float, likewise

    A run whose loss stops being finite ends there: its remaining losses are inf and its remaining accuracies 0.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    objective = objective or (lambda params, x, y: loss_and_gradients(params, x, y, activation))
    accuracy = accuracy or (lambda params, x, y: network_accuracy(params, x, y, activation))
    schedule = lr if callable(lr) else lambda t: lr
    examples = len(data.x)
    per_epoch = -(-examples // batch_size)
    lrs = np.array([float(schedule(t)) for t in range(epochs * per_epoch)])
    losses, accuracies = np.full(len(lrs), np.inf), np.zeros(epochs)
    w = flatten(params)
    state = None if init_state is None else init_state(w)

    with np.errstate(all="ignore"):   # a diverging run is a result, not an accident
        for epoch in range(epochs):
            order = rng.permutation(examples)
            for number in range(per_epoch):
                t = epoch * per_epoch + number
                batch = order[number * batch_size:(number + 1) * batch_size]
                loss, gradients = objective(unflatten(w, params), data.x[batch], data.y[batch])
                if not np.isfinite(loss):
                    return unflatten(w, params), History(losses, lrs, accuracies)
                losses[t] = loss
                w, state = step(w, flatten(gradients), state, lrs[t])
            accuracies[epoch] = accuracy(unflatten(w, params), data.x_val, data.y_val)
    return unflatten(w, params), History(losses, lrs, accuracies)


def over_seeds(run, seeds=range(5)):
    """Calls `run(rng)`, which returns what `train` returns, for each seed; the `History` of all, an axis of seeds first."""
    histories = [run(np.random.default_rng(seed))[1] for seed in seeds]
    return History(*(np.stack(record) for record in zip(*histories)))


def smooth(losses, width=20):
    """Moving average along the last axis, over the `width` latest values (fewer at the start); the same shape."""
    losses = np.asarray(losses, dtype=float)
    steps = losses.shape[-1]
    ends = np.arange(1, steps + 1)
    starts = np.maximum(ends - width, 0)
    finite = np.where(np.isfinite(losses), losses, 0.0)
    total = np.concatenate([np.zeros((*losses.shape[:-1], 1)), np.cumsum(finite, axis=-1)], axis=-1)
    average = (total[..., ends] - total[..., starts]) / (ends - starts)
    lost = np.concatenate([np.zeros((*losses.shape[:-1], 1)), np.cumsum(~np.isfinite(losses), axis=-1)], axis=-1)
    return np.where(lost[..., ends] > lost[..., starts], np.inf, average)
