"""Topic 04's reference functions against PyTorch's trajectories, closed forms and the laws of the 2x2 matrix."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic
from tests.golden import make_momentum

course = cells.define(cells.read(find_topic("04").solution))
GOLDEN = json.loads(make_momentum.FILE.read_text(encoding="utf-8"))
A, b, w0 = (np.array(GOLDEN["problem"][name]) for name in ("A", "b", "w0"))


def gradient(w):
    return A @ w + b * np.sin(w)


def runs(step, rho, lrs, w=w0, v=np.zeros(4)):
    """Points and velocities after each step, (n, 4) each, of a step function that takes a gradient at w."""
    states = []
    for lr in lrs:
        w, v = step(w, v, gradient(w), lr, rho)
        states.append((w, v))
    return [np.array(part) for part in zip(*states)]


def nesterov_run(rho, lrs):
    """Points and velocities after each step of `nesterov_step`, (n, 4) each."""
    w, v, states = w0, np.zeros(4), []
    for lr in lrs:
        w, v = course["nesterov_step"](w, v, gradient, lr, rho)
        states.append((w, v))
    return [np.array(part) for part in zip(*states)]


def agree(mine, golden):
    """Within 1e-10 of PyTorch, relative to the size of each coordinate's path."""
    golden = np.array(golden)
    return np.all(np.abs(mine - golden) <= 1e-10 * np.abs(golden).max(axis=0))


@pytest.mark.parametrize("name", ["momentum", "momentum with a falling rate"])
def test_momentum_walks_as_pytorch_does(name):
    run = GOLDEN["runs"][name]
    w, v = runs(course["momentum_step"], run["rho"], run["lrs"])
    assert len(w) == 60 and agree(w, run["w"]) and agree(v, run["v"])


def test_the_velocity_form_walks_as_pytorch_does_while_the_rate_is_constant():
    run = GOLDEN["runs"]["momentum"]
    w, v = runs(course["velocity_form_step"], run["rho"], run["lrs"])
    assert agree(w, run["w"]) and agree(v, -run["lrs"][0] * np.array(run["v"]))


def test_the_velocity_form_parts_from_pytorch_when_the_rate_falls():
    run = GOLDEN["runs"]["momentum with a falling rate"]
    w, _ = runs(course["velocity_form_step"], run["rho"], run["lrs"])
    apart = np.abs(w - np.array(run["w"])).max(axis=1)
    assert apart[:20].max() < 1e-12 and apart[20] > 1e-3


def test_nesterov_in_its_shifted_variable_walks_as_pytorch_does():
    run = GOLDEN["runs"]["nesterov"]
    w, v = nesterov_run(run["rho"], run["lrs"])
    shifted = w - run["lrs"][0] * run["rho"] * v
    assert agree(shifted, run["w"]) and agree(v, run["v"])
    assert not agree(w, run["w"])  # what PyTorch stores is the look-ahead point and not w


def test_momentum_goes_on_from_pytorchs_state_in_the_middle_of_a_run():
    run = GOLDEN["runs"]["momentum"]
    start = np.array(run["w"][29]), np.array(run["v"][29])
    w, v = runs(course["momentum_step"], run["rho"], run["lrs"][30:], *start)
    assert agree(w, run["w"][30:]) and agree(v, run["v"][30:])


def test_the_golden_data_are_what_pytorch_computes_today():
    pytest.importorskip("torch", reason="PyTorch is no requirement of the course; its trajectories are kept as data")
    fresh = make_momentum.golden()
    assert fresh["problem"] == GOLDEN["problem"] and fresh["runs"].keys() == GOLDEN["runs"].keys()
    for name, run in GOLDEN["runs"].items():
        for part in ("w", "v"):
            assert agree(np.array(fresh["runs"][name][part]), run[part]), name


def test_the_velocity_is_the_weighted_sum_of_its_gradients():
    history = np.random.default_rng(3).normal(size=(25, 4))
    w, v = np.zeros(4), np.zeros(4)
    for g in history:
        w, v = course["momentum_step"](w, v, g, 0.1, 0.8)
    assert np.allclose(course["velocity_from_history"](history, 0.8), v, rtol=1e-12, atol=1e-13)


def test_a_constant_gradient_leads_to_the_terminal_step():
    g, w, v = np.array([0.3, -2.0, 0.0]), np.zeros(3), np.zeros(3)
    for _ in range(400):
        previous, (w, v) = w, course["momentum_step"](w, v, g, 0.05, 0.9)
    assert np.allclose(previous - w, course["terminal_step"](g, 0.05, 0.9), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("t", [0, 249, 250, 749, 999, 12_000, 10**6])
def test_the_schedule_is_one_minus_half_the_stairs_reciprocal(t):
    exact = 1 - Fraction(1, 2 * (t // 250 + 1))
    assert math.isclose(course["momentum_schedule"](t, 0.9999999), exact, rel_tol=1e-14)
    assert course["momentum_schedule"](t, 0.4) == 0.4


@pytest.mark.parametrize(("lr_a", "rho"), [(0.5, 0.6), (1.9, 0.9), (3.3, 0.75)])
def test_while_it_rings_the_spectral_radius_is_the_root_of_rho(lr_a, rho):
    M = course["iteration_matrix"](4.0, lr_a / 4, rho)
    assert np.iscomplex(np.linalg.eigvals(M)).all()
    assert math.isclose(course["spectral_radius"](M), math.sqrt(rho), rel_tol=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9, 0.99])
def test_momentum_is_stable_up_to_twice_one_plus_rho(rho):
    radius = [course["spectral_radius"](course["iteration_matrix"](5.0, s * 2 * (1 + rho) / 5, rho)) for s in (0.999, 1.001)]
    assert radius[0] < 1 < radius[1]


def test_no_pair_near_the_best_heavy_ball_is_better():
    low, high = 0.7, 33.0
    lr, rho = course["optimal_heavy_ball"](low, high)

    def worst(lr, rho):
        return max(course["spectral_radius"](course["iteration_matrix"](a, lr, rho)) for a in (low, high))

    best = worst(lr, rho)
    assert math.isclose(best, (math.sqrt(high) - math.sqrt(low)) / (math.sqrt(high) + math.sqrt(low)), rel_tol=1e-6)
    around = np.linspace(0.8, 1.2, 41)
    assert all(worst(lr * p, rho * q) > best - 1e-6 for p in around for q in around if rho * q < 1)
    assert worst(lr * 1.1, rho) > best + 0.01 and worst(lr, rho * 0.9) > best + 0.01
