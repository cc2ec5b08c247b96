"""Quadratics f(w) = w^T A w / 2 + b^T w + c, random ones among them, and gradient descent on them."""
import numpy as np


def quadratic(A, b=0.0, c=0.0):
    """The function that maps points (..., d) to f (...), for A (d, d), b (d,) or 0, and a number c."""
    A = np.asarray(A, dtype=float)

    def f(w):
        w = np.asarray(w, dtype=float)
        return 0.5 * ((w @ A) * w).sum(axis=-1) + (b * w).sum(axis=-1) + c

    return f


def quadratic_gradient(A, b=0.0):
    """The function that maps points (..., d) to the gradient (..., d): (A + A^T) w / 2 + b."""
    A = np.asarray(A, dtype=float)
    symmetric = (A + A.T) / 2
    return lambda w: np.asarray(w, dtype=float) @ symmetric + b


def random_spd(eigenvalues, rng):
    """A random symmetric matrix (d, d) with these positive eigenvalues and eigenvectors in uniformly random directions.

    Raises `ValueError` unless every eigenvalue is positive.
    """
    eigenvalues = np.asarray(eigenvalues, dtype=float)
    if not (eigenvalues > 0).all():
        raise ValueError("A positive definite matrix has positive eigenvalues only.")
    Q, _ = np.linalg.qr(rng.standard_normal((eigenvalues.size, eigenvalues.size)))
    A = (Q * eigenvalues) @ Q.T
    return (A + A.T) / 2


def random_symmetric(dim, rng, count):
    """`count` matrices (count, dim, dim), each (G + G^T) / 2 of a G whose entries are independent N(0, 1)."""
    G = rng.standard_normal((count, dim, dim))
    return (G + G.transpose(0, 2, 1)) / 2


def descend(gradient, w, lr, steps):
    """The path of gradient descent, (steps + 1, *w.shape), its first entry `w`: w <- w - lr gradient(w).

    Numbers that grow beyond float64 become inf and then nan without a warning: divergence is a result here.
    """
    w = np.asarray(w, dtype=float)
    path = np.empty((steps + 1, *w.shape))
    path[0] = w
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            path[t + 1] = path[t] - lr * gradient(path[t])
    return path
