"""Networks trained side by side are the networks that `train` makes one by one."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import init_network, load_digits, loss_and_gradients, split, train  # noqa: E402
from lab.network import forward  # noqa: E402
from lab.schedules import cross_entropies, error_rates, probabilities, train_side_by_side  # noqa: E402

DATA = split(*load_digits())
SIZES = (64, 12, 10)
STEPS = 2 * 22  # two epochs of 1,400 examples in batches of 64


@pytest.fixture(scope="module")
def runs():
    rates = np.stack([np.full(STEPS, 0.1), np.linspace(0.3, 0.0, STEPS), np.full(STEPS, 1e200)])
    return train_side_by_side(SIZES, DATA, rates, 2, 64, seeds=[3, 4, 3], keep=(1, 2))


@pytest.mark.parametrize("run, seed, lr", [(0, 3, 0.1), (1, 4, lambda t: np.linspace(0.3, 0.0, STEPS)[t])])
def test_each_run_is_what_train_makes_of_the_same_seed_and_schedule(runs, run, seed, lr):
    rng = np.random.default_rng(seed)
    params, history = train(init_network(SIZES, rng), DATA, lr=lr, epochs=2, batch_size=64, rng=rng)
    assert np.allclose(runs.losses[run], history.losses, rtol=1e-9)
    assert np.allclose(1 - runs.errors[run], history.accuracies, atol=1e-12)
    for (W, b), (W1, b1) in zip(runs.params, params):
        assert np.allclose(W[run], W1, atol=1e-10) and np.allclose(b[run, 0], b1, atol=1e-10)


def test_probabilities_and_losses_agree_with_the_network_of_one_run(runs):
    params = [(W[0], b[0, 0]) for W, b in runs.params]
    logits = forward(params, DATA.x_val).logits
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = probabilities(runs.params, DATA.x_val)
    assert np.allclose(found[0], expected, atol=1e-12)
    loss, _ = loss_and_gradients(params, DATA.x_val, DATA.y_val)
    assert np.isclose(cross_entropies(found, DATA.y_val)[0], loss, rtol=1e-10)
    assert np.isclose(error_rates(found, DATA.y_val)[0], runs.errors[0, -1])


def test_a_run_that_diverges_leaves_the_others_alone(runs):
    assert not np.isfinite(runs.losses[2, -1]) and runs.errors[2, -1] == 1.0
    assert np.isfinite(runs.losses[:2]).all()


def test_snapshots_are_the_parameters_after_their_epochs(runs):
    first, last = runs.snapshots
    assert np.array_equal(last[0][0][:2], runs.params[0][0][:2])
    assert np.allclose(error_rates(probabilities(first, DATA.x_val), DATA.y_val), runs.errors[:, 0])


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches(runs):
    assert np.allclose(runs.epoch_losses()[:2, 1], runs.losses[:2, 22:].mean(axis=1))


def test_one_schedule_serves_all_runs_and_the_initialization_can_be_given():
    small = train_side_by_side(SIZES, DATA, np.zeros(22), 1, 64, seeds=[0, 1], weights=0.0)
    assert np.allclose(small.losses, np.log(10)) and not small.params[0][0].any()


@pytest.mark.parametrize("shape", [(21,), (3, 22), (2, 23)])
def test_rates_that_do_not_fit_are_refused_with_a_sentence(shape):
    with pytest.raises(ValueError, match="2 seeds and 1 epochs of 22 steps"):
        train_side_by_side(SIZES, DATA, np.zeros(shape), 1, 64, seeds=[0, 1])
