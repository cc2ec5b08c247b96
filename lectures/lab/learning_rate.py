"""Losses with a known Hessian, and the methods that use it: Newton's, line searches, BFGS.

A `Problem` holds a loss and its derivatives as functions of the parameters w (d,). Each method returns the
path it walked, (steps + 1, d), its start included, and leaves its arguments as they were.
"""
import time
from typing import Callable, NamedTuple

import numpy as np

from .network import ACTIVATIONS

sigmoid = ACTIVATIONS["sigmoid"].value   # never overflows


class Problem(NamedTuple):
    """A loss with its first and second derivatives."""

    loss: Callable       # w (d,) -> float; also points (..., d) -> (...)
    gradient: Callable   # w (d,) -> (d,)
    hessian: Callable    # w (d,) -> (d, d)


def sigmoid_unit(x, y):
    """Half the mean squared error of one unit sigmoid(x @ w), for x (N, d), targets y (N,): not convex."""
    def parts(w):
        p = sigmoid(x @ w)
        return p - y, p * (1 - p), 1 - 2 * p

    def loss(w):
        return 0.5 * ((sigmoid(np.asarray(w) @ x.T) - y) ** 2).mean(axis=-1)

    def gradient(w):
        r, slope, _ = parts(w)
        return (r * slope) @ x / len(x)

    def hessian(w):
        r, slope, bend = parts(w)
        return (x.T * (slope * slope + r * slope * bend)) @ x / len(x)

    return Problem(loss, gradient, hessian)


def logistic_regression(x, y, ridge):
    """Mean of log(1 + exp(-y x.w)) for x (N, d) and y (N,) of -1 and 1, plus ridge |w|^2 / 2: convex."""
    def loss(w):
        w = np.asarray(w)
        return np.logaddexp(0, -y * (w @ x.T)).mean(axis=-1) + ridge / 2 * (w * w).sum(axis=-1)

    def gradient(w):
        return -(y * sigmoid(-y * (x @ w))) @ x / len(x) + ridge * w

    def hessian(w):
        p = sigmoid(x @ w)
        return (x.T * (p * (1 - p))) @ x / len(x) + ridge * np.eye(len(w))

    return Problem(loss, gradient, hessian)


def _rosenbrock_gradient(w):
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def _rosenbrock_hessian(w):
    x, y = w
    return np.array([[2 - 400 * (y - 3 * x**2), -400 * x], [-400 * x, 200.0]])


# The curved valley (1 - x)^2 + 100 (y - x^2)^2 with its minimum at (1, 1) (H. H. Rosenbrock, "An automatic
# method for finding the greatest or least value of a function", Computer Journal 3, 1960).
ROSENBROCK = Problem(lambda w: (1 - w[..., 0]) ** 2 + 100 * (w[..., 1] - w[..., 0] ** 2) ** 2,
                     _rosenbrock_gradient, _rosenbrock_hessian)


def newton(problem, w, steps):
    """Newton's method: w - H^{-1} g at each step, wherever that leads."""
    path = [np.array(w, dtype=float)]
    for _ in range(steps):
        path.append(path[-1] - np.linalg.solve(problem.hessian(path[-1]), problem.gradient(path[-1])))
    return np.array(path)


def armijo(f, w, g, direction, lr=1.0, shrink=0.5, c=1e-4):
    """First rate of lr, lr shrink, ... with f(w + rate p) <= f(w) + c rate g.p, along a direction p.

    (L. Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives", Pacific
    Journal of Mathematics 16, 1966). Raises `ValueError` if p does not go downhill.
    """
    here, slope = f(w), g @ direction
    if not slope < 0:
        raise ValueError("The direction does not go downhill: g . direction should be negative.")
    while not f(w + lr * direction) <= here + c * lr * slope:
        lr *= shrink
    return lr


def descend_with_search(problem, w, steps):
    """Gradient descent whose every rate is found by backtracking from 1."""
    path = [np.array(w, dtype=float)]
    for _ in range(steps):
        g = problem.gradient(path[-1])
        if not g.any():
            break
        path.append(path[-1] - armijo(problem.loss, path[-1], g, -g) * g)
    return np.array(path)


def steepest_descent(A, w, steps):
    """Gradient descent on w^T A w / 2 with exact line search, whose rate at each step is g.g / g^T A g."""
    path = [np.array(w, dtype=float)]
    for _ in range(steps):
        g = A @ path[-1]
        path.append(path[-1] - (g @ g) / (g @ A @ g) * g)
    return np.array(path)


def bfgs(problem, w, steps, rate=None, tolerance=1e-12):
    """BFGS: steps along -B g, where B (d, d) estimates the inverse Hessian from the gradients met so far.

    `rate(w, g, direction)` chooses how far; backtracking from 1 if left out. B starts as the identity, is
    scaled by s.y / y.y after the first step, and skips a step with s.y <= 0, which would make it indefinite
    (J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, chapter 6). Ends when the gradient
    is shorter than `tolerance`.

    Returns the path (n + 1, d) and the estimates of the inverse Hessian (n + 1, d, d), for n <= steps.
    """
    rate = rate or (lambda w, g, direction: armijo(problem.loss, w, g, direction))
    path, estimates = [np.array(w, dtype=float)], [np.eye(len(w))]
    g = problem.gradient(path[0])
    for number in range(steps):
        if np.linalg.norm(g) < tolerance:
            break
        direction = -estimates[-1] @ g
        s = rate(path[-1], g, direction) * direction
        path.append(path[-1] + s)
        g, before = problem.gradient(path[-1]), g
        estimates.append(bfgs_update(estimates[-1], s, g - before, scale=number == 0))
    return np.array(path), np.array(estimates)


def bfgs_update(B, s, y, scale=False):
    """The estimate of the inverse Hessian nearest to B that maps the change of gradient y to the step s.

    With `scale`, B (then a multiple of the identity) is first made to have the curvature that s and y show.
    """
    if not s @ y > 0:
        return B
    if scale:
        B = (s @ y) / (y @ y) * np.eye(len(s))
    V = np.eye(len(s)) - np.outer(s, y) / (s @ y)
    return V @ B @ V.T + np.outer(s, s) / (s @ y)


def solve_and_count(A, b):
    """Solves A x = b by elimination without pivoting: (x, how many multiplications and divisions it took)."""
    A, x, n, count = np.array(A, dtype=float), np.array(b, dtype=float), len(b), 0
    for k in range(n):
        factors = A[k + 1:, k] / A[k, k]
        A[k + 1:, k:] -= np.outer(factors, A[k, k:])
        x[k + 1:] -= factors * x[k]
        below = n - k - 1
        count += below + below * (n - k) + below
    for k in reversed(range(n)):
        x[k] = (x[k] - A[k, k + 1:] @ x[k + 1:]) / A[k, k]
        count += n - k
    return x, count


def solve_seconds(sizes, rng, repeats=5):
    """Shortest time in seconds that numpy needs to solve one dense system, for each size in `sizes`."""
    shortest = []
    for n in sizes:
        A, b, times = rng.standard_normal((n, n)) + n * np.eye(n), rng.standard_normal(n), []
        np.linalg.solve(A, b)   # the first call wakes the library's threads
        for _ in range(repeats):
            start = time.perf_counter()
            np.linalg.solve(A, b)
            times.append(time.perf_counter() - start)
        shortest.append(min(times))
    return np.array(shortest)
