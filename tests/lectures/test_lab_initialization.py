"""Lecture 07's helpers: rules, draws that obey them, and instruments that measure what they say."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import init_network, loss_and_gradients  # noqa: E402
from lab.initialization import (RULES, measured_signals, normal, predicted_signals, sparse,  # noqa: E402
                                uniform, update_ratios)


@pytest.fixture
def rng():
    return np.random.default_rng(77)


@pytest.mark.parametrize("name", RULES)
def test_both_shapes_of_a_rule_have_its_variance(rng, name):
    for fan_in, fan_out in ((50, 1000), (1000, 50)):
        variance = RULES[name](fan_in, fan_out)
        for make in (normal, uniform):
            W = make(RULES[name])(fan_in, fan_out, rng)
            assert W.shape == (fan_in, fan_out)
            assert np.isclose(W.var(), variance, rtol=0.05)
        assert np.abs(W).max() <= np.sqrt(3 * variance) < 1.001 * np.abs(W).max()


def test_the_rules_are_those_of_the_papers():
    values = {name: rule(200, 600) for name, rule in RULES.items()}
    assert values == {"LeCun": 1 / 200, "fan-out": 1 / 600, "Glorot": 1 / 400, "He": 1 / 100}


def test_sparse_units_have_their_number_of_weights_anywhere(rng):
    W = sparse(3, std=2.0)(8, 4000, rng)
    assert (np.count_nonzero(W, axis=0) == 3).all()
    assert np.allclose(np.count_nonzero(W, axis=1) / 4000, 3 / 8, atol=0.05)
    assert np.isclose(W[W != 0].std(), 2.0, rtol=0.05)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("name", RULES)
def test_signals_are_measured_as_predicted(rng, activation, name):
    sizes = (300, 200, 400, 300, 100, 200)
    found = []
    for _ in range(12):
        params = init_network(sizes, rng, normal(RULES[name]))
        found.append(measured_signals(params, rng.standard_normal((100, 300)), activation, rng))
    assert np.allclose(np.mean(found, axis=0), predicted_signals(sizes, RULES[name], activation), rtol=0.2)


def test_predictions_are_the_closed_forms_where_there_are_any():
    sizes, v = (30, 20, 40, 10), 0.07
    for activation, share in (("linear", 1.0), ("relu", 0.5)):
        up, down = predicted_signals(sizes, lambda fan_in, fan_out: v, activation)
        assert np.allclose(up, [1, share * 30 * v, share**2 * 30 * 20 * v**2])
        assert np.allclose(down, [share**2 * 40 * 10 * v**2, share * 10 * v, 1])


def test_a_ratio_is_the_share_by_which_a_step_changes_the_weights(rng):
    params = init_network((5, 4, 3), rng)
    x, labels = rng.standard_normal((6, 5)), np.array([0, 1, 2, 0, 1, 2])
    _, gradients = loss_and_gradients(params, x, labels)
    for (W, _), (dW, _), ratio in zip(params, gradients, update_ratios(params, x, labels, 0.2)):
        stepped = W - 0.2 * dW
        assert np.isclose(np.sqrt(((stepped - W) ** 2).sum() / (W**2).sum()), ratio)
