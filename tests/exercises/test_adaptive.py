"""Topic 05's reference functions against PyTorch's and optax's trajectories, closed forms and laws."""

import json
import math

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic
from tests.golden import make_adaptive

course = cells.define(cells.read(find_topic("05").solution))
GOLDEN = json.loads(make_adaptive.FILE.read_text(encoding="utf-8"))
A, b, w0 = (np.array(GOLDEN["problem"][name]) for name in ("A", "b", "w0"))
STATES = {
    "adagrad_step": ("sum_sq",), "rmsprop_step": ("mean_sq",),
    "rmsprop_nesterov_step": ("mean_sq", "velocity"), "adadelta_step": ("mean_sq_grad", "mean_sq_update"),
    "adam_step": ("t", "m", "v"), "adamax_step": ("t", "m", "u"), "amsgrad_step": ("t", "m", "v", "v_max"),
    "nadam_step": ("t", "m", "v"),
}
STEPS = [name for name in STATES if name != "rmsprop_nesterov_step"]
NORMALIZED = ["adam_step", "adamax_step", "amsgrad_step"]  # under a constant gradient each step is lr


def label(run):
    return f"{run['optimizer']}, eps {run['settings']['eps']}"


def zeros(name, like):
    return {key: 0 if key == "t" else np.zeros(np.shape(like)) for key in STATES[name]}


def gradient(w):
    return A @ w + b * np.sin(w)


def walk(name, w, history, state=None, **settings):
    """Points after each step (n, ...), and the last state, along a given history of gradients."""
    state, points = zeros(name, w) if state is None else state, []
    for g in history:
        w, state = course[name](w, g, state, **settings)
        points.append(w)
    return np.array(points), state


def descend(name, settings):
    """Points after each of 60 steps on the golden problem, as the oracle stores them."""
    nesterov = name == "rmsprop_nesterov_step"
    w, state, points = w0, zeros(name, w0), []
    for _ in range(60):
        w, state = course[name](w, gradient if nesterov else gradient(w), state, **settings)
        # optax stores the look-ahead point in place of w
        ahead = settings["alpha"] * state["velocity"] if nesterov else 0.0
        points.append(w + ahead)
    return np.array(points)


def agree(mine, golden):
    """Within 1e-10 of the oracle, relative to the size of each coordinate's path."""
    golden = np.array(golden)
    return mine.shape == golden.shape and np.all(np.abs(mine - golden) <= 1e-10 * np.abs(golden).max(axis=0))


@pytest.mark.parametrize("run", GOLDEN["runs"], ids=label)
def test_sixty_steps_agree_with_pytorch_or_optax(run):
    assert len(run["path"]) == 60 and agree(descend(run["function"], run["settings"]), run["path"])


def test_the_golden_runs_are_of_eight_optimizers_and_none_stands_still():
    assert {run["function"] for run in GOLDEN["runs"]} == set(STATES)
    for run in GOLDEN["runs"]:
        path = np.array(run["path"])
        assert np.all(path[:, 2] == w0[2])  # the coordinate without a gradient
        assert np.all(np.abs(np.diff(path[:, [0, 1, 3]], axis=0)).max(axis=0) > 1e-6), label(run)


@pytest.mark.parametrize("run", GOLDEN["runs"], ids=label)
def test_a_fault_of_one_part_in_a_million_would_be_seen(run):
    off = {key: run["settings"][key] * (1 + 1e-6) for key in ("lr", "rho") if key in run["settings"]}
    assert not agree(descend(run["function"], run["settings"] | off), run["path"])


def test_the_golden_data_are_what_pytorch_and_optax_compute_today():
    for library in ("torch", "jax", "optax"):
        pytest.importorskip(library, reason=f"{library} is not required; its trajectories are kept as data")
    fresh = make_adaptive.golden()
    assert fresh["problem"] == GOLDEN["problem"] and len(fresh["runs"]) == len(GOLDEN["runs"])
    for new, old in zip(fresh["runs"], GOLDEN["runs"]):
        assert new["settings"] == old["settings"] and agree(np.array(new["path"]), old["path"]), label(old)


@pytest.mark.parametrize("name", STEPS)
def test_a_run_goes_on_from_its_state_and_any_shape_is_the_flat_one(name):
    history = np.random.default_rng(1).normal(size=(12, 2, 3))
    w = np.ones((2, 3))
    whole, last = walk(name, w, list(history))
    first, state = walk(name, w, list(history[:5]))
    rest, end = walk(name, first[-1], list(history[5:]), state)
    flat, _ = walk(name, w.ravel(), list(history.reshape(12, 6)))
    assert np.array_equal(whole[5:], rest) and all(np.array_equal(last[key], end[key]) for key in last)
    assert np.allclose(flat.reshape(whole.shape), whole, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", STEPS)
def test_coordinates_do_not_disturb_each_other(name):
    history = np.random.default_rng(2).normal(size=(8, 4)) * [1e-3, 1.0, 10.0, 1e4]
    together, _ = walk(name, np.zeros(4), list(history))
    for i in range(4):
        alone, _ = walk(name, np.zeros(1), list(history[:, [i]]))
        assert np.allclose(together[:, i], alone[:, 0], rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["adagrad_step", "rmsprop_step", *NORMALIZED, "nadam_step"])
def test_the_scale_of_the_gradient_drops_out_once_eps_is_negligible(name):
    history = np.random.default_rng(3).normal(size=(30, 3))
    plain, _ = walk(name, np.zeros(3), list(history), eps=1e-30)
    scaled, _ = walk(name, np.zeros(3), list(1000 * history), eps=1e-30)
    assert np.allclose(plain, scaled, rtol=1e-10, atol=1e-13)


def test_adadelta_measures_its_steps_in_the_units_of_w():
    history = np.random.default_rng(4).normal(size=(30, 2))
    metres, _ = walk("adadelta_step", np.zeros(2), list(history), eps=1e-6)
    # In millimetres w is 1000 times as large, its gradient 1000 times as small, and each eps has its units.
    state, w, points = zeros("adadelta_step", np.zeros(2)), np.zeros(2), []
    for g in history:
        d = -np.sqrt(state["mean_sq_update"] + 1e-6 * 1e6) / np.sqrt(
            0.95 * state["mean_sq_grad"] + 0.05 * (g / 1000) ** 2 + 1e-6 / 1e6) * g / 1000
        state = {"mean_sq_grad": 0.95 * state["mean_sq_grad"] + 0.05 * (g / 1000) ** 2,
                 "mean_sq_update": 0.95 * state["mean_sq_update"] + 0.05 * d**2}
        w = w + d
        points.append(w)
    assert np.allclose(np.array(points) / 1000, metres, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", NORMALIZED)
@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e6])
def test_under_a_constant_gradient_every_step_is_lr(name, scale):
    points, _ = walk(name, np.zeros(2), [np.array([scale, -scale])] * 50, lr=0.02, eps=1e-15)
    assert np.allclose(np.diff(points, axis=0, prepend=np.zeros((1, 2))), [-0.02, 0.02], rtol=1e-7)


def test_adagrads_steps_are_lr_over_the_root_of_t():
    points, state = walk("adagrad_step", np.zeros(1), [np.full(1, -3.0)] * 100, lr=0.1, eps=0.0)
    assert np.allclose(points[:, 0], 0.1 * np.cumsum(1 / np.sqrt(np.arange(1, 101))), rtol=1e-12)
    assert math.isclose(state["sum_sq"][0], 900.0)


def test_without_correction_adams_first_step_is_three_times_lr_and_the_peak_comes_at_step_twelve():
    t = np.arange(1, 4001)
    multiplier = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
    w, m, v, steps = 0.0, 0.0, 0.0, []
    for _ in t:
        m, v = 0.9 * m + 0.1 * 7.0, 0.999 * v + 0.001 * 49.0
        steps.append(m / math.sqrt(v))
    assert np.allclose(steps, multiplier, rtol=1e-9)
    assert round(multiplier[0], 2) == 3.16
    assert round(multiplier.max(), 2) == 6.57 and multiplier.argmax() + 1 == 12
    assert t[multiplier > 1.1].max() == 1750 and np.all(multiplier[:1750] > 1.1)


def test_amsgrad_is_adam_while_v_grows_and_never_takes_a_larger_step():
    rng = np.random.default_rng(5)
    growing = list(np.sort(rng.uniform(0.5, 3.0, size=(20, 1)), axis=0))
    ams, adam = (walk(name, np.zeros(1), growing)[0] for name in ("amsgrad_step", "adam_step"))
    assert np.allclose(ams, adam, rtol=1e-13)
    state, adam_state, w = zeros("amsgrad_step", w0), zeros("adam_step", w0), np.zeros(4)
    for g in rng.normal(size=(60, 4)) * rng.uniform(0.1, 10, size=(60, 1)):
        ams, state = course["amsgrad_step"](w, g, state, beta2=0.9)
        adam, adam_state = course["adam_step"](w, g, adam_state, beta2=0.9)
        assert np.all(np.abs(ams) <= np.abs(adam) * (1 + 1e-12))


def test_nadam_is_adam_without_momentum():
    history = list(np.random.default_rng(6).normal(size=(20, 3)))
    assert np.allclose(walk("nadam_step", np.zeros(3), history, beta1=0.0)[0],
                       walk("adam_step", np.zeros(3), history, beta1=0.0)[0], rtol=1e-13)


@pytest.mark.parametrize("shape", [(), (5,), (3, 2), (2, 2, 2)])
def test_clipping_keeps_the_direction_and_bounds_the_length(shape):
    g = np.asarray(np.random.default_rng(7).normal(size=shape))
    length = math.sqrt(float((g * g).sum()))
    clipped = np.asarray(course["clip_by_norm"](g, 0.3 * length))
    assert np.allclose(clipped, 0.3 * g, rtol=1e-14)
    assert np.array_equal(course["clip_by_norm"](g, 2 * length), g)
    assert course["clip_by_norm"](np.array([1, 2]), 10).dtype == np.float64


def test_each_question_gets_its_points_where_nothing_else_is_attempted():
    solution, exercise = cells.read(find_topic("05").solution), cells.read(find_topic("05").exercise)
    answers, stubs = cells.sources(solution, cells.is_solution), cells.sources(exercise, cells.is_solution)
    for name, answer in answers.items():
        outcomes = cells.run(solution, {**stubs, name: answer})
        assert [test for test, outcome in outcomes.items() if outcome.points] == [f"test_{name}"]
