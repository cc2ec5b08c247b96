"""The optimizers of lectures 04 and 05 in one form, so that they can race.

A `Method` is a first state and a step: `init(w) -> state` and `step(w, g, state, lr) -> (w, state)`, as
`lab.train` takes them. Every operation is elementwise, so `w` may hold many runs at once, with `lr` an array
of rates that broadcasts against it.
"""
from typing import Callable, NamedTuple

import numpy as np


class Method(NamedTuple):
    """An optimizer: `init(w)` is its first state, `step(w, g, state, lr)` returns the next w and state."""

    init: Callable
    step: Callable


def sgd():
    return Method(lambda w: (), lambda w, g, state, lr: (w - lr * g, ()))


def momentum(rho=0.9, nesterov=False):
    """v <- rho v + g; w <- w - lr v. Nesterov's w is the look-ahead point, where g is measured."""
    def step(w, g, state, lr):
        v = rho * state[0] + g
        return w - lr * (g + rho * v if nesterov else v), (v,)

    return Method(lambda w: (np.zeros_like(w),), step)


def adagrad(eps=1e-8):
    """Duchi, Hazan and Singer, JMLR 2011, the diagonal form."""
    def step(w, g, state, lr):
        s = state[0] + g * g
        return w - lr * g / (np.sqrt(s) + eps), (s,)

    return Method(lambda w: (np.zeros_like(w),), step)


def rmsprop(rho=0.9, eps=1e-8):
    """Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012."""
    def step(w, g, state, lr):
        r = rho * state[0] + (1 - rho) * g * g
        return w - lr * g / (np.sqrt(r) + eps), (r,)

    return Method(lambda w: (np.zeros_like(w),), step)


def adadelta(rho=0.95, eps=1e-6):
    """Zeiler, 2012. It has no learning rate; `lr` multiplies the update, and 1 is the method."""
    def step(w, g, state, lr=1.0):
        r, d2 = state
        r = rho * r + (1 - rho) * g * g
        d = -np.sqrt((d2 + eps) / (r + eps)) * g
        return w + lr * d, (r, rho * d2 + (1 - rho) * d * d)

    return Method(lambda w: (np.zeros_like(w), np.zeros_like(w)), step)


def adam(beta1=0.9, beta2=0.999, eps=1e-8, corrected=True, record=False, ahead=False):
    """Kingma and Ba, ICLR 2015.

    corrected=False leaves out the bias corrections; record=True divides by the largest v so far (AMSGrad:
    Reddi, Kale and Kumar, ICLR 2018); ahead=True is Nadam (Dozat, ICLR workshop 2016).
    """
    def step(w, g, state, lr):
        t, m, v, largest = state
        t, m, v = t + 1, beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        largest = np.maximum(largest, v) if record else v
        c1, c2 = (1 - beta1**t, 1 - beta2**t) if corrected else (1.0, 1.0)
        direction = m / c1
        if ahead:
            direction = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / c1
        return w - lr * direction / (np.sqrt(largest / c2) + eps), (t, m, v, largest)

    return Method(lambda w: (0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)), step)


def adamax(beta1=0.9, beta2=0.999, eps=1e-8):
    """Kingma and Ba, ICLR 2015, section 7: the largest recent gradient in place of the root mean square."""
    def step(w, g, state, lr):
        t, m, u = state
        t, m, u = t + 1, beta1 * m + (1 - beta1) * g, np.maximum(beta2 * u, np.abs(g) + eps)
        return w - lr / (1 - beta1**t) * m / u, (t, m, u)

    return Method(lambda w: (0, np.zeros_like(w), np.zeros_like(w)), step)


METHODS = {
    "SGD": sgd(),
    "momentum": momentum(),
    "Nesterov": momentum(nesterov=True),
    "AdaGrad": adagrad(),
    "RMSProp": rmsprop(),
    "AdaDelta": adadelta(),
    "Adam": adam(),
    "AdaMax": adamax(),
    "AMSGrad": adam(record=True),
    "Nadam": adam(ahead=True),
}


def follow(method, gradient, w, lr, steps):
    """The path of a method, (steps + 1, *w.shape), from `w` and its first state; `gradient` maps w to g.

    Numbers that grow beyond float64 become inf and then nan without a warning: divergence is a result here.
    """
    w = np.array(w, dtype=float)
    path, state = np.empty((steps + 1, *w.shape)), method.init(w)
    path[0] = w
    with np.errstate(all="ignore"):
        for t in range(steps):
            w, state = method.step(w, gradient(w), state, lr)
            path[t + 1] = w
    return path


def settled(losses, tolerance):
    """The first step from which a loss stays at or below `tolerance` times its first; inf if it never does.

    losses: (steps + 1, ...), the loss after 0, 1, 2, ... steps. Returns (...).
    """
    with np.errstate(invalid="ignore"):
        above = ~(losses <= tolerance * losses[0])       # nan counts as above
    last = len(losses) - np.argmax(above[::-1], axis=0)  # one beyond the last step above
    return np.where(above[-1], np.inf, np.where(above.any(axis=0), last, 0))
