"""Topic 03's reference functions against closed forms, laws, and PyTorch's and optax's schedulers."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic

GOLDEN = Path(__file__).parent.parent / "golden"
GOLDEN_RATES = json.loads((GOLDEN / "schedules.json").read_text(encoding="utf-8"))
STEPS = np.arange(80)

course = cells.define(cells.read(find_topic("03").solution))

# What the golden trajectories were made of: PyTorch's and optax's arguments, in the course's terms.
SCHEDULES = {
    ("torch", "step"): lambda t: course["step_decay"](t, 0.7, 0.3, 13),
    ("torch", "exponential"): lambda t: course["exponential_decay"](t, 0.7, 0.06),
    ("torch", "linear"): lambda t: course["linear_decay"](t, 0.7, 0.02, 33),
    ("torch", "cosine"): lambda t: course["cosine_decay"](t, 0.7, 80),
    ("torch", "restarts"): lambda t: course["cosine_restarts"](t, 0.7, 11),
    ("torch", "growing restarts"): lambda t: course["cosine_restarts"](t, 0.7, 5, 3),
    ("torch", "warmup"): lambda t: course["warmup"](
        t, 9, lambda s: course["exponential_decay"](s, 0.7, 0.04)),
    ("optax", "step"): lambda t: course["step_decay"](t, 0.7, 0.3, 13),
    ("optax", "exponential"): lambda t: course["exponential_decay"](t, 0.7, 0.06),
    ("optax", "linear"): lambda t: course["linear_decay"](t, 0.7, 0.02, 33),
    ("optax", "cosine"): lambda t: course["cosine_decay"](t, 0.7, 61),
}


def maker():
    """The script that made the golden trajectories, as a module."""
    spec = importlib.util.spec_from_file_location("make_schedules", GOLDEN / "make_schedules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_golden_trajectory_is_compared():
    assert {(library, name) for library, rates in GOLDEN_RATES.items() for name in rates} == set(SCHEDULES)


@pytest.mark.parametrize("library, name", SCHEDULES)
def test_a_schedule_agrees_with_the_libraries(library, name):
    rates = SCHEDULES[library, name](STEPS)
    assert np.allclose(rates, GOLDEN_RATES[library][name], rtol=1e-10, atol=1e-15)
    assert np.allclose(rates, [SCHEDULES[library, name](int(t)) for t in STEPS], rtol=1e-14, atol=0)


@pytest.mark.parametrize("library", ["torch", "optax"])
def test_the_golden_trajectories_are_what_the_libraries_give_today(library):
    pytest.importorskip(library)
    live = getattr(maker(), f"{library}_rates")()
    for name, rates in live.items():
        assert np.allclose(rates, GOLDEN_RATES[library][name], rtol=1e-12, atol=1e-15), name


def test_the_sums_of_robbins_and_monro_have_their_closed_forms():
    t = np.arange(200_000)
    total = np.sum(course["exponential_decay"](t, 0.3, 0.01))
    assert math.isclose(total, 0.3 / (1 - math.exp(-0.01)), rel_tol=1e-12)
    rates = course["inverse_time_decay"](t, 1.0, 1.0)  # 1, 1/2, 1/3, ...: the harmonic series
    assert math.isclose(np.sum(rates), math.log(200_000) + 0.5772156649015329 + 1 / 400_000, rel_tol=1e-12)
    assert math.isclose(np.sum(rates**2), math.pi**2 / 6 - 1 / 200_000, rel_tol=1e-10)


def test_a_cosine_and_a_line_to_zero_have_the_same_sum():
    t = np.arange(101)
    assert math.isclose(np.sum(course["cosine_decay"](t, 0.4, 100)), 0.4 * 50.5, rel_tol=1e-12)
    assert math.isclose(np.sum(course["linear_decay"](t, 0.4, 0.0, 100)), 0.4 * 50.5, rel_tol=1e-12)


@pytest.mark.parametrize("period, growth", [(1, 1), (10, 1), (7, 2), (3, 3), (1, 10)])
def test_restarts_are_where_the_cycles_before_add_up(period, growth):
    t, length, restarts = 0, period, []
    while t < 10**6 and len(restarts) < 300:
        restarts.append(t)
        t, length = t + length, length * growth
    assert np.all(course["cosine_restarts"](np.array(restarts), 0.5, period, growth) == 0.5)
    before = course["cosine_restarts"](np.array(restarts[1:]) - 1, 0.5, period, growth)
    assert np.all(before < 0.5) or period == 1


def test_restarts_are_exact_where_floating_point_numbers_are_too_coarse():
    late = 7 * (2**53 + 1)  # a float has no place for this number
    assert course["cosine_restarts"](late, 0.5, 7) == 0.5
    assert course["cosine_restarts"](2**60 - 1, 0.5, 1, 2) == 0.5


def test_a_warm_up_meets_the_schedule_without_a_jump_or_a_gap():
    cosine = lambda t: course["cosine_decay"](t, 0.8, 50)  # noqa: E731
    rates = course["warmup"](np.arange(70), 10, cosine)
    assert np.allclose(rates[:10], 0.08 * np.arange(1, 11)) and rates[9] == rates[10] == 0.8
    assert np.array_equal(rates[10:], cosine(np.arange(60)))


def test_a_plateau_halves_once_for_each_rise():
    errors = np.array([5.0, 4.0, 6.0, 7.0, 7.0, 3.0, 4.0, 9.0])
    assert np.array_equal(course["halve_on_plateau"](errors, 1.0), [1, 1, 1, 0.5, 0.25, 0.25, 0.25, 0.125])


def test_scaling_composes():
    scaled = course["scaled_lr"]
    assert math.isclose(scaled(scaled(0.1, 96, 32), 32, 96), 0.1, rel_tol=1e-15)
    assert math.isclose(scaled(0.1, 80, 32), 0.25, rel_tol=1e-15)
