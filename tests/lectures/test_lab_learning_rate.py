"""The lab's second-order methods: derivatives, Newton's method, line searches, BFGS, the cost of a solve."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import random_spd  # noqa: E402
from lab.learning_rate import (  # noqa: E402
    ROSENBROCK, Problem, armijo, bfgs, bfgs_update, descend_with_search, logistic_regression, newton, sigmoid_unit,
    solve_and_count, solve_seconds, steepest_descent)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def data(rng):
    x = rng.normal(size=(40, 3))
    return x, np.where(x[:, 0] + rng.normal(size=40) > 0, 1.0, -1.0)


def bowl(A):
    return Problem(lambda w: 0.5 * ((w @ A) * w).sum(axis=-1), lambda w: A @ w, lambda w: A)


@pytest.mark.parametrize("name", ["sigmoid unit", "logistic regression", "rosenbrock"])
def test_gradient_and_hessian_are_the_derivatives_of_the_loss(name, rng):
    x, y = data(rng)
    problem = {"sigmoid unit": sigmoid_unit(x, (y + 1) / 2), "logistic regression": logistic_regression(x, y, 0.3),
               "rosenbrock": ROSENBROCK}[name]
    w, h = rng.normal(size=2 if name == "rosenbrock" else 3), 1e-6
    axes = np.eye(len(w))
    slopes = [(problem.loss(w + h * e) - problem.loss(w - h * e)) / (2 * h) for e in axes]
    bends = [(problem.gradient(w + h * e) - problem.gradient(w - h * e)) / (2 * h) for e in axes]
    assert np.allclose(problem.gradient(w), slopes, rtol=1e-5, atol=1e-7)
    assert np.allclose(problem.hessian(w), bends, rtol=1e-5, atol=1e-7)


def test_a_loss_of_many_points_is_the_loss_of_each(rng):
    x, y = data(rng)
    points = rng.normal(size=(4, 5, 3))
    for problem in (sigmoid_unit(x, y), logistic_regression(x, y, 0.1)):
        assert np.allclose(problem.loss(points), [[problem.loss(w) for w in row] for row in points])


def test_newton_lands_on_the_minimum_of_a_quadratic_and_converges_on_rosenbrock(rng):
    A = random_spd([0.1, 1.0, 50.0], rng)
    assert np.allclose(newton(bowl(A), rng.normal(size=3), 1)[1], 0.0, atol=1e-12)
    assert np.allclose(newton(ROSENBROCK, [-1.2, 1.0], 7)[-1], 1.0, atol=1e-9)


@pytest.mark.parametrize("c", [1e-4, 0.2, 0.7])
def test_armijo_accepts_the_first_rate_under_its_bound(c, rng):
    A, w = random_spd([0.5, 2.0, 40.0], rng), rng.normal(size=3)
    g = A @ w
    bound = 2 * (1 - c) * (g @ g) / (g @ A @ g)
    lr = armijo(bowl(A).loss, w, g, -g, lr=5.0, shrink=0.8, c=c)
    assert lr <= bound < lr / 0.8


def test_armijo_refuses_a_direction_that_does_not_go_downhill():
    f = bowl(np.eye(2)).loss
    for direction in ([1.0, 0.0], [0.0, 1.0]):
        with pytest.raises(ValueError, match="downhill"):
            armijo(f, np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.array(direction))


def test_descent_with_backtracking_never_raises_the_loss_and_stops_at_a_minimum(rng):
    losses = ROSENBROCK.loss(descend_with_search(ROSENBROCK, [-1.2, 1.0], 300))
    assert (np.diff(losses) < 0).all()
    assert len(descend_with_search(bowl(np.eye(2)), np.zeros(2), 50)) == 1


def test_exact_line_search_leaves_a_gradient_at_right_angles(rng):
    A = random_spd([0.5, 2.0, 40.0], rng)
    path = steepest_descent(A, rng.normal(size=3), 10)
    for before, after in zip(path, path[1:]):
        g, new = A @ before, A @ after
        assert abs(g @ new) < 1e-10 * (g @ g)
        rates = np.linspace(0, 3, 3001)[:, None]
        assert bowl(A).loss(after) <= bowl(A).loss(before - rates * g).min() + 1e-12


def test_a_bfgs_update_maps_the_change_of_gradient_to_the_step_and_stays_symmetric(rng):
    A, s = random_spd([0.5, 2.0, 40.0], rng), rng.normal(size=3)
    for scale in (False, True):
        B = bfgs_update(np.eye(3), s, A @ s, scale)
        assert np.allclose(B @ (A @ s), s) and np.allclose(B, B.T) and np.linalg.eigvalsh(B)[0] > 0
    assert np.array_equal(bfgs_update(np.eye(3), s, -s), np.eye(3))   # negative curvature: kept as it was


def test_bfgs_with_exact_line_search_ends_a_quadratic_in_as_many_steps_as_dimensions(rng):
    A = random_spd([0.5, 1.0, 2.0, 8.0, 30.0], rng)
    exact = lambda w, g, p: -(g @ p) / (p @ A @ p)
    path, estimates = bfgs(bowl(A), rng.normal(size=5), 5, rate=exact, tolerance=0.0)
    assert np.linalg.norm(path[4]) > 1e-4 and np.linalg.norm(path[5]) < 1e-9
    assert np.allclose(estimates[-1], np.linalg.inv(A), atol=1e-8)


def test_bfgs_finds_rosenbrocks_minimum_and_its_inverse_hessian():
    path, estimates = bfgs(ROSENBROCK, [-1.2, 1.0], 100)
    assert len(path) < 60 and np.allclose(path[-1], 1.0, atol=1e-8)
    assert np.allclose(estimates[-1], np.linalg.inv(ROSENBROCK.hessian(np.ones(2))), rtol=0.05)


def test_elimination_solves_and_counts_a_third_of_n_cubed(rng):
    A, b = random_spd(np.linspace(1, 5, 60), rng), rng.normal(size=60)
    before = A.copy()
    x, count = solve_and_count(A, b)
    assert np.allclose(x, np.linalg.solve(A, b)) and np.array_equal(A, before)
    assert count == sum((60 - k - 1) * (60 - k + 2) + 60 - k for k in range(60))
    assert 1.0 < count / (60**3 / 3) < 1.1


def test_times_are_positive_one_per_size(rng):
    times = solve_seconds([8, 16], rng, repeats=2)
    assert times.shape == (2,) and (times > 0).all()
