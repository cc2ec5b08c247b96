"""`lab.momentum`: paths of momentum and of Nesterov's gradient."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import descend  # noqa: E402
from lab.momentum import momentum_path  # noqa: E402

slope = lambda w: np.array([1.0, 7.0]) * w  # noqa: E731
START = np.array([2.0, -1.0])


def test_without_momentum_the_path_is_that_of_gradient_descent():
    for ahead in (False, True):
        assert np.array_equal(momentum_path(slope, START, 0.1, 0.0, 20, ahead=ahead), descend(slope, START, 0.1, 20))


def test_two_steps_of_momentum_by_hand():
    path = momentum_path(lambda w: 3.0 * w, 1.0, 0.1, 0.5, 2, v=2.0)
    assert np.allclose(path, [1.0, 0.6, 0.22])  # v: 2, then 0.5 * 2 + 3 = 4, then 0.5 * 4 + 1.8 = 3.8


def test_two_steps_of_nesterovs_gradient_by_hand():
    path = momentum_path(lambda w: 3.0 * w, 1.0, 0.1, 0.5, 2, ahead=True, v=2.0)
    assert np.allclose(path, [1.0, 0.63, 0.3115])  # v: 2, then 1 + 3 * 0.9 = 3.7, then 1.85 + 3 * 0.445 = 3.185


@pytest.mark.parametrize("ahead", [False, True])
def test_the_path_on_a_parabola_is_a_power_of_the_matrix(ahead):
    p, rho = 0.3, 0.8
    stay = 1 - p if ahead else 1.0
    M = np.array([[rho * stay, p], [-rho * stay, 1 - p]])
    path = momentum_path(lambda w: w, 1.0, p, rho, 40, ahead=ahead)
    assert np.allclose(path, [(np.linalg.matrix_power(M, k) @ [0.0, 1.0])[1] for k in range(41)], rtol=1e-10, atol=1e-13)


def test_rate_and_momentum_may_be_functions_of_the_step_or_arrays_over_runs():
    once = momentum_path(slope, START, 0.05, 0.6, 15)
    assert np.array_equal(once, momentum_path(slope, START, lambda t: 0.05, lambda t: 0.6, 15))
    both = momentum_path(slope, np.stack([START, START]), np.array([[0.05], [0.1]]), np.array([[0.6], [0.2]]), 15)
    assert np.array_equal(both[:, 0], once)
    assert np.array_equal(both[:, 1], momentum_path(slope, START, 0.1, 0.2, 15))


def test_a_schedule_is_asked_for_each_step_from_zero():
    asked = []
    momentum_path(slope, START, lambda t: asked.append(t) or 0.1, 0.5, 4)
    assert asked == [0, 1, 2, 3]


def test_the_start_is_left_as_it_was_and_divergence_is_silent(recwarn):
    start = START.copy()
    path = momentum_path(slope, start, 10.0, 0.9, 2000)
    assert np.array_equal(start, START) and np.array_equal(path[0], START)
    assert not np.isfinite(path[-1]).any() and not recwarn.list
