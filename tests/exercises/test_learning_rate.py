"""Topic 02's reference functions against closed forms, known functions and gradient descent itself."""

import math

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic

course = cells.define(cells.read(find_topic("02").solution))


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def spd(rng, eigenvalues):
    """A symmetric matrix with these eigenvalues in random directions."""
    Q, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))
    A = Q @ np.diag(eigenvalues) @ Q.T
    return (A + A.T) / 2


def rosenbrock(z):
    """(1 - x)^2 + 100 (y - x^2)^2, whose minimum is at (1, 1)."""
    return (1 - z[0]) ** 2 + 100 * (z[1] - z[0] ** 2) ** 2


def rosenbrock_gradient(z):
    return np.array([-2 * (1 - z[0]) - 400 * z[0] * (z[1] - z[0] ** 2), 200 * (z[1] - z[0] ** 2)])


def rosenbrock_hessian(z):
    return np.array([[2 - 400 * (z[1] - 3 * z[0] ** 2), -400 * z[0]], [-400 * z[0], 200.0]])


@pytest.mark.parametrize(("f", "curvature"), [
    (math.exp, math.exp), (math.sin, lambda x: -math.sin(x)), (math.log, lambda x: -1 / x**2),
    (lambda x: x**5, lambda x: 20 * x**3), (math.atan, lambda x: -2 * x / (1 + x**2) ** 2),
])
def test_second_differences_are_second_derivatives(f, curvature):
    for x in (0.4, 1.0, 2.3):
        assert math.isclose(course["second_derivative"](f, x), curvature(x), rel_tol=1e-5, abs_tol=1e-6)


def test_the_error_of_a_second_difference_falls_with_the_square_of_h():
    errors = [abs(course["second_derivative"](math.exp, 0.0, h) - 1.0) for h in (0.2, 0.1, 0.05)]
    assert np.allclose([errors[0] / errors[1], errors[1] / errors[2]], 4.0, rtol=0.01)


@pytest.mark.parametrize("curvature", [1e-6, 0.3, 7.0, 5e9])
def test_one_step_with_the_best_rate_lands_on_the_vertex(curvature):
    x, vertex = 4.0, -1.5
    assert math.isclose(x - course["optimal_lr"](curvature) * curvature * (x - vertex), vertex, rel_tol=1e-12)


def test_newton_lands_on_the_minimum_of_a_quadratic_in_one_step(rng):
    A, optimum = spd(rng, [0.1, 1.0, 5.0, 300.0]), rng.normal(size=4)
    for x in 10 * rng.normal(size=(5, 4)):
        assert np.allclose(course["newton_step"](x, A @ (x - optimum), A), optimum, atol=1e-10)


def test_newton_finds_the_minimum_of_rosenbrock_from_the_classical_start():
    z, errors = np.array([-1.2, 1.0]), []
    for _ in range(7):
        z = course["newton_step"](z, rosenbrock_gradient(z), rosenbrock_hessian(z))
        errors.append(np.linalg.norm(z - 1.0))
    assert errors[-1] < 1e-12 < errors[-3]


def test_newton_doubles_the_number_of_right_digits_near_a_smooth_minimum():
    """f = e^x - x has f' = e^x - 1: the error e becomes e - 1 + exp(-e), about e^2 / 2."""
    x, errors = 0.5, [0.5]
    for _ in range(3):
        x = course["newton_step"](np.array([x]), np.array([math.expm1(x)]), np.array([[math.exp(x)]]))[0]
        errors.append(abs(x))
    ratios = [after / before**2 for before, after in zip(errors, errors[1:])]
    assert np.allclose(ratios, 0.5, atol=0.08) and errors[-1] < 1e-4


def test_the_gradient_and_hessian_of_rosenbrock_are_those_of_its_values(rng):
    for z in rng.normal(size=(4, 2)):
        for e in np.eye(2):
            along = lambda t, z=z, e=e: rosenbrock(z + t * e)
            slope, curvature = (along(1e-5) - along(-1e-5)) / 2e-5, course["second_derivative"](along, 0.0)
            assert np.isclose(slope, rosenbrock_gradient(z) @ e, rtol=1e-5, atol=1e-5)
            assert np.isclose(curvature, e @ rosenbrock_hessian(z) @ e, rtol=1e-3, atol=1e-2)


def test_rates_per_direction_are_those_of_the_parabolas_along_the_eigenvectors(rng):
    A = spd(rng, [0.2, 1.0, 3.0, 9.0])
    measured = [1 / course["second_derivative"](lambda t, v=v: 0.5 * (t * v) @ A @ (t * v), 0.0, 0.5)
                for v in np.linalg.eigh(A)[1].T]
    assert np.allclose(course["optimal_lr_per_direction"](A), measured, rtol=1e-9)
    assert np.allclose(measured, [5.0, 1.0, 1 / 3, 1 / 9], rtol=1e-9)


def test_no_rate_on_a_fine_grid_contracts_more_than_the_best_fixed_one(rng):
    A = spd(rng, [0.5, 0.7, 2.0, 8.0])
    best = course["best_fixed_lr"](A)
    least = course["contraction_factor"](A, best)
    assert math.isclose(least, (16 - 1) / (16 + 1), rel_tol=1e-12)
    for lr in np.linspace(0.001, 0.25, 400):
        assert course["contraction_factor"](A, lr) >= least - 1e-12


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 1.1])
def test_the_contraction_is_what_many_steps_of_gradient_descent_show(rng, share):
    A = spd(rng, [0.5, 2.0, 8.0])
    lr, x, sizes = share * 0.25, rng.normal(size=3), []
    for _ in range(300):
        x = x - lr * (A @ x)
        sizes.append(np.linalg.norm(x))
    assert math.isclose(sizes[-1] / sizes[-2], course["contraction_factor"](A, lr), rel_tol=1e-6)


@pytest.mark.parametrize(("lr", "tol"), [(0.02, 1e-3), (0.2, 1e-6), (0.248, 1e-2)])
def test_the_number_of_steps_is_the_one_at_which_the_slowest_direction_arrives(rng, lr, tol):
    A = spd(rng, [0.5, 2.0, 8.0])
    values, vectors = np.linalg.eigh(A)
    x, steps = vectors[:, np.argmax(np.abs(1 - lr * values))], 0
    while np.linalg.norm(x) > tol:
        x, steps = x - lr * (A @ x), steps + 1
    assert course["steps_to_tolerance"](A, lr, tol) == steps


def test_steps_grow_linearly_with_the_condition_number():
    kappas = np.array([1e2, 1e3, 1e4])
    count = [course["steps_to_tolerance"](np.diag([1.0, kappa]), 2 / (1 + kappa), 1e-6) for kappa in kappas]
    assert np.allclose(count, kappas * math.log(1e6) / 2, rtol=0.02)


def test_a_line_search_over_a_fine_list_finds_the_exact_minimum_along_the_gradient(rng):
    A, x = spd(rng, [0.5, 2.0, 8.0]), rng.normal(size=3)
    g = A @ x
    exact = (g @ g) / (g @ A @ g)
    lrs = np.linspace(0.0, 2.5, 5001)
    x_new, lr = course["line_search_step"](lambda z: 0.5 * z @ A @ z, g, x, lrs)
    assert abs(lr - exact) <= 0.5 * lrs[1] + 1e-12 and np.allclose(x_new, x - lr * g)
    assert abs((A @ x_new) @ g) < 1e-2 * (g @ g)  # the new gradient is at right angles to the old one


def test_line_searches_never_raise_the_loss_of_rosenbrock():
    z, losses = np.array([-1.2, 1.0]), []
    for _ in range(200):
        losses.append(rosenbrock(z))
        z, lr = course["line_search_step"](rosenbrock, rosenbrock_gradient(z), z, [1.0, 0.1, 0.01, 1e-3, 1e-4])
    assert np.all(np.diff(losses) <= 0) and losses[-1] < 0.5 * losses[1]


@pytest.mark.parametrize("c", [1e-4, 0.1, 0.5, 0.9])
def test_backtracking_accepts_the_first_rate_within_armijos_bound_on_a_quadratic(rng, c):
    A, x = spd(rng, [0.5, 2.0, 30.0]), rng.normal(size=3)
    g = A @ x
    bound = 2 * (1 - c) * (g @ g) / (g @ A @ g)
    lr = course["backtracking_lr"](lambda z: 0.5 * z @ A @ z, x, g, 3.0, 0.7, c)
    assert lr <= bound < lr / 0.7
    shrinkings = math.log(lr / 3.0) / math.log(0.7)
    assert math.isclose(shrinkings, round(shrinkings), abs_tol=1e-9)


def test_gradient_descent_with_backtracking_crosses_the_valley_of_rosenbrock():
    z = np.array([-1.2, 1.0])
    for _ in range(15_000):
        g = rosenbrock_gradient(z)
        z = z - course["backtracking_lr"](rosenbrock, z, g) * g
    assert np.linalg.norm(z - 1.0) < 1e-4
