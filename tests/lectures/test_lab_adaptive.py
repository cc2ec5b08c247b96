"""The lab's optimizers take the steps that the exercises ask for, and the race counts steps as it says."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from autograde import cells  # noqa: E402
from autograde.course import find_topic  # noqa: E402
from lab import adaptive  # noqa: E402

course = cells.define(cells.read(find_topic("05").solution))
HISTORY = np.random.default_rng(8).normal(size=(40, 3)) * np.array([1.0, 0.01, 30.0])
ZEROS = {"AdaGrad": ("adagrad_step", ["sum_sq"]), "RMSProp": ("rmsprop_step", ["mean_sq"]),
         "AdaDelta": ("adadelta_step", ["mean_sq_grad", "mean_sq_update"]), "Adam": ("adam_step", ["m", "v"]),
         "AdaMax": ("adamax_step", ["m", "u"]), "AMSGrad": ("amsgrad_step", ["m", "v", "v_max"]),
         "Nadam": ("nadam_step", ["m", "v"])}


def along(method, history, lr, w=None):
    """The points of a method along a given history of gradients."""
    w = np.zeros(history.shape[1:]) if w is None else w
    state, points = method.init(w), []
    for g in history:
        w, state = method.step(w, g, state, lr)
        points.append(w)
    return np.array(points)


@pytest.mark.parametrize("name", ZEROS)
def test_a_method_takes_the_steps_of_the_exercise(name):
    function, keys = ZEROS[name]
    w, state, points = np.zeros(3), {"t": 0} | {key: np.zeros(3) for key in keys}, []
    for g in HISTORY:
        w, state = course[function](w, g, state, **({} if name == "AdaDelta" else {"lr": 0.05}))
        points.append(w)
    mine = along(adaptive.METHODS[name], HISTORY, 1.0 if name == "AdaDelta" else 0.05)
    assert np.allclose(mine, points, rtol=1e-12, atol=1e-14)


def test_momentum_sums_gradients_and_nesterov_stores_the_look_ahead_point():
    A, lr, rho = np.diag([1.0, 9.0]), 0.05, 0.8
    w, v, points = np.array([1.0, -1.0]), np.zeros(2), []
    for _ in range(20):
        v = rho * v + A @ (w - lr * rho * v)
        w = w - lr * v
        points.append(w - lr * rho * v)
    path = adaptive.follow(adaptive.momentum(rho, nesterov=True), lambda y: A @ y, [1.0, -1.0], lr, 20)
    assert np.allclose(path[1:], points, rtol=1e-12)
    sums = [sum(0.8 ** (t - i) * HISTORY[i] for i in range(t + 1)) for t in range(5)]
    steps = np.diff(along(adaptive.momentum(0.8), HISTORY[:5], 0.1), axis=0)
    assert np.allclose(steps, -0.1 * np.array(sums[1:]))


def test_leaving_out_the_correction_gives_steps_of_316_percent():
    path = along(adaptive.adam(corrected=False), np.full((12, 1), 5.0), 0.01)
    steps = -np.diff(path[:, 0], prepend=0.0) / 0.01
    assert np.allclose(steps[[0, 11]], [np.sqrt(10), 6.568], rtol=1e-3)


@pytest.mark.parametrize("name", adaptive.METHODS)
def test_stacked_runs_with_their_own_rates_are_the_single_runs(name):
    method, rates, A = adaptive.METHODS[name], np.array([0.001, 0.01, 0.05]), np.diag([1.0, 20.0])
    start = np.array([1.0, 0.4])
    stacked = adaptive.follow(method, lambda w: w @ A, np.tile(start, (3, 1)), rates[:, None], 30)
    for i, lr in enumerate(rates):
        assert np.allclose(stacked[:, i], adaptive.follow(method, lambda w: w @ A, start, lr, 30), rtol=1e-13)
    assert np.array_equal(start, [1.0, 0.4])


def test_settled_counts_to_the_last_loss_above_the_tolerance():
    losses = np.array([[1.0, 1.0, 1.0, 1.0], [0.05, 0.5, 2.0, 0.5], [0.5, 0.05, np.inf, 0.05],
                       [0.05, 0.01, np.nan, 0.2]])
    assert np.array_equal(adaptive.settled(losses, 0.1), [3.0, 2.0, np.inf, np.inf])
    assert adaptive.settled(np.array([1.0, 0.3, 0.2]), 2.0) == 0
