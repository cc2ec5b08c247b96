"""Networks trained side by side, one for each seed and schedule: every array has an axis of runs in front.

Run r is what `train` makes of the network `init_network(sizes, rng)` with the same generator; only the matrix products
of all runs are done together, which saves most of the time where networks are small. A run that diverges stays its
own affair: its losses become inf or nan, and the others go on.
"""
from typing import NamedTuple

import numpy as np

from .network import init_network


class Runs(NamedTuple):
    """What `train_side_by_side` recorded of R runs."""

    params: list             # of (W (R, fan_in, fan_out), b (R, 1, fan_out)) after the last step
    losses: np.ndarray       # (R, steps) loss of each mini-batch, before its step
    errors: np.ndarray       # (R, epochs) share of the validation set that is wrong, after each epoch
    snapshots: list          # the parameters after each epoch named in `keep`

    def epoch_losses(self):
        """(R, epochs): the mean mini-batch loss of each epoch."""
        return self.losses.reshape(*self.errors.shape, -1).mean(axis=-1)


def train_side_by_side(sizes, data, rates, epochs, batch_size, seeds, keep=(), weights=None):
    """Trains ReLU networks by plain SGD on the mean cross entropy and returns `Runs`.

    data         a `Split`
    rates        (R, steps), or (steps,) for all runs alike: the learning rate of each step, with
                 steps = epochs * ceil(N / batch_size)
    seeds        R ints: run r draws its initialization, and then the order of its examples, from
                 default_rng(seeds[r])
    keep         epochs, counted from 1, after which the parameters are kept as snapshots
    weights      of the initialization, as `init_network` takes it; He's if left out
    Raises `ValueError` if `rates` does not fit.
    """
    runs, per_epoch = len(seeds), -(-len(data.x) // batch_size)
    if np.shape(rates)[-1] != epochs * per_epoch or np.ndim(rates) == 2 and len(rates) != runs:
        raise ValueError(f"rates should be ({runs}, {epochs * per_epoch}) for {runs} seeds and {epochs} epochs of "
                         f"{per_epoch} steps, not {np.shape(rates)}.")
    rates = np.broadcast_to(rates, (runs, epochs * per_epoch))
    rngs = [np.random.default_rng(seed) for seed in seeds]
    nets = [init_network(sizes, rng, weights) for rng in rngs]
    params = [(np.stack([W for W, _ in layer]), np.stack([b[None] for _, b in layer]))
              for layer in zip(*nets)]
    losses, errors, snapshots = np.empty(rates.shape), np.empty((runs, epochs)), []

    with np.errstate(all="ignore"):   # a diverging run is a result, not an accident
        for epoch in range(epochs):
            orders = np.stack([rng.permutation(len(data.x)) for rng in rngs])
            for number in range(per_epoch):
                t = epoch * per_epoch + number
                batch = orders[:, number * batch_size:(number + 1) * batch_size]
                losses[:, t], gradients = _loss_and_gradients(params, data.x[batch], data.y[batch])
                lr = rates[:, t, None, None]
                params = [(W - lr * dW, b - lr * db) for (W, b), (dW, db) in zip(params, gradients)]
            errors[:, epoch] = error_rates(probabilities(params, data.x_val), data.y_val)
            if epoch + 1 in keep:
                snapshots.append(params)
    return Runs(params, losses, errors, snapshots)


def probabilities(params, x):
    """Softmax outputs (R, N, C) of R networks for the examples x (N, d)."""
    with np.errstate(all="ignore"):
        logits = _forward(params, x)[1]
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


def error_rates(probability, labels):
    """Share of wrong answers (R,) of probabilities (R, N, C); an answer that holds nan is wrong."""
    right = (probability.argmax(axis=-1) == labels) & np.isfinite(probability).all(axis=-1)
    return 1.0 - right.mean(axis=-1)


def cross_entropies(probability, labels):
    """Mean -log probability of the labels (R,), for probabilities (R, N, C)."""
    with np.errstate(all="ignore"):
        return -np.log(probability[:, np.arange(len(labels)), labels]).mean(axis=-1)


def _forward(params, x):
    """Each layer's inputs, and the logits (R, N, C)."""
    inputs = [x]
    for W, b in params[:-1]:
        inputs.append(np.maximum(inputs[-1] @ W + b, 0.0))
    W, b = params[-1]
    return inputs, inputs[-1] @ W + b


def _loss_and_gradients(params, x, labels):
    """Mean cross entropies (R,) on each run's own batch x (R, B, d), labels (R, B), and their gradients."""
    inputs, logits = _forward(params, x)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    dz = np.exp(shifted)
    sums = dz.sum(axis=-1, keepdims=True)
    mine = (*np.ogrid[:labels.shape[0], :labels.shape[1]], labels)
    losses = (np.log(sums[..., 0]) - shifted[mine]).mean(axis=1)
    dz /= sums
    dz[mine] -= 1.0
    dz /= labels.shape[1]
    gradients = []
    for layer in reversed(range(len(params))):
        a = inputs[layer]
        gradients.append((a.transpose(0, 2, 1) @ dz, dz.sum(axis=1, keepdims=True)))
        if layer > 0:
            dz = dz @ params[layer][0].transpose(0, 2, 1)
            dz *= a > 0
    return losses, gradients[::-1]
