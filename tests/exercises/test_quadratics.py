"""Topic 01's reference functions against closed forms, finite differences and known matrices."""

import math

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic

course = cells.define(cells.read(find_topic("01").solution))


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def test_the_gradient_is_the_slope_of_the_quadratic(rng):
    A, b, c, x = rng.normal(size=(4, 4)), rng.normal(size=4), 0.3, rng.normal(size=4)
    f, h = (lambda z: course["quadratic"](A, b, c, z)), 1e-6
    slopes = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(4)]
    assert np.allclose(course["quadratic_gradient"](A, b, x), slopes, atol=1e-8)


def test_a_quadratic_is_its_own_second_order_taylor_polynomial(rng):
    A, b, c, x, step = (
        rng.normal(size=(3, 3)),
        rng.normal(size=3),
        -2.0,
        rng.normal(size=3),
        rng.normal(size=3),
    )
    f, g = course["quadratic"], course["quadratic_gradient"]
    predicted = f(A, b, c, x) + g(A, b, x) @ step + step @ A @ step / 2
    assert math.isclose(f(A, b, c, x + step), predicted, rel_tol=1e-12)


@pytest.mark.parametrize("lr", [0.05, 0.2, 0.31])
def test_the_error_on_a_parabola_is_a_power_of_one_minus_lr_times_curvature(lr):
    path = course["gradient_descent"](lambda x: 6.0 * (x - 1.5), np.array([4.0]), lr, 25)
    assert np.allclose(path[:, 0] - 1.5, 2.5 * (1 - 6.0 * lr) ** np.arange(26), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("curvature", [1e-6, 0.7, 3e8])
def test_a_regime_says_what_gradient_descent_then_does(curvature):
    for share in (0.3, 1.0, 1.7, 2.0, 2.4):
        lr = share / curvature
        path = course["gradient_descent"](lambda x, a=curvature: a * x, np.array([1.0]), lr, 60)[:, 0]
        crosses, last = np.any(path[1:] * path[:-1] < -1e-20), abs(path[-1])
        seen = (
            "one-step"
            if abs(path[1]) < 1e-12
            else "diverging"
            if last > 1e3
            else "bouncing"
            if last > 0.99
            else "oscillating"
            if crosses
            else "monotone"
        )
        assert course["step_regime"](lr, curvature) == seen


def test_loss_ratios_are_the_squares_of_parameter_ratios(rng):
    path = course["gradient_descent"](lambda x: 4.0 * x, np.array([3.0]), 0.1, 12)
    losses = np.array([course["quadratic"](np.array([[4.0]]), np.zeros(1), 7.0, x) for x in path])
    assert np.allclose(course["convergence_ratios"](losses, 7.0), 0.6**2, rtol=1e-9)


def test_the_limit_of_stability_separates_convergence_from_divergence(rng):
    Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    A = Q @ np.diag([0.5, 2.0, 8.0]) @ Q.T
    A = (A + A.T) / 2
    limit = course["max_stable_lr"](A)
    ends = [
        np.linalg.norm(course["gradient_descent"](lambda x: A @ x, np.ones(3), share * limit, 2000)[-1])
        for share in (0.99, 1.01)
    ]
    assert math.isclose(limit, 0.25, rel_tol=1e-12) and ends[0] < 1e-6 and ends[1] > 1e6


def test_condition_numbers_of_known_matrices():
    hilbert = np.array([[1 / (i + j + 1) for j in range(4)] for i in range(4)])
    golden = ((1 + math.sqrt(5)) / 2) ** 2  # the shear [[1, 1], [0, 1]] has singular values phi and 1/phi
    assert math.isclose(course["condition_number"](np.array([[1.0, 1.0], [0.0, 1.0]])), golden, rel_tol=1e-12)
    assert math.isclose(
        course["condition_number"](hilbert), 15513.7387389294, rel_tol=1e-9
    )  # Hilbert matrix of order 4
    assert course["condition_number"](np.ones((3, 3))) == math.inf


def test_critical_points_of_known_functions():
    kind = course["critical_point_kind"]
    assert kind(np.array([[2.0, 0.0], [0.0, 6.0]])) == "minimum"  # x^2 + 3 y^2
    assert kind(np.array([[0.0, 1.0], [1.0, 0.0]])) == "saddle"  # x y
    assert (
        kind(np.array([[-12.0, 0.0], [0.0, 0.0]])) == "degenerate"
    )  # the monkey saddle's cousin, -6 x^2 + y^4
    assert kind(-np.eye(5)) == "maximum"
