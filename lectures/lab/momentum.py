"""Paths of momentum and of Nesterov's gradient (lecture 04)."""
import numpy as np


def momentum_path(gradient, w, lr, rho, steps, *, ahead=False, v=0.0):
    """The path of v <- rho v + g, w <- w - lr v: (steps + 1, *w.shape), its first entry `w`.

    gradient   maps w to its gradient; with `ahead` it is asked at w - lr rho v (Nesterov), else at w
    lr, rho    numbers, arrays that broadcast against w (many runs at once), or functions of the step's number, from 0
    v          the velocity at the start

    With rho = 0 this is `descend`. Numbers that grow beyond float64 become inf and then nan without a warning.
    """
    w = np.asarray(w, dtype=float)
    v = np.broadcast_to(np.asarray(v, dtype=float), w.shape)
    path = np.empty((steps + 1, *w.shape))
    path[0] = w
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            eta = lr(t) if callable(lr) else lr
            share = rho(t) if callable(rho) else rho
            v = share * v + gradient(path[t] - eta * share * v if ahead else path[t])
            path[t + 1] = path[t] - eta * v
    return path
