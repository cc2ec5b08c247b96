"""The lab's parametric ReLU and maxout networks: gradients against finite differences, limits against plain networks."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import Activation, Split, flatten, init_network, loss_and_gradients, train, unflatten  # noqa: E402
from lab.activations import (arrivals, init_maxout, init_prelu, learnt_accuracy, learnt_forward,  # noqa: E402
                             learnt_objective, without_gradient)

SIZES = (5, 7, 6, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(6)


@pytest.fixture
def batch(rng):
    return rng.normal(size=(11, 5)), rng.integers(0, 3, 11)


def shaken(params, rng):
    """The parameters with noise on all of them, slopes and biases included."""
    w = flatten(params)
    return unflatten(w + 0.3 * rng.normal(size=w.size), params)


@pytest.mark.parametrize("init", [init_prelu, init_maxout, lambda sizes, rng: init_maxout(sizes, rng, pieces=4)])
def test_gradients_agree_with_finite_differences(init, rng, batch):
    params = shaken(init(SIZES, rng), rng)
    w, h = flatten(params), 1e-6
    loss = lambda w: learnt_objective(unflatten(w, params), *batch)[0]
    slopes = [(loss(w + h * e) - loss(w - h * e)) / (2 * h) for e in np.eye(w.size)]
    np.testing.assert_allclose(flatten(learnt_objective(params, *batch)[1]), slopes, atol=1e-8)


def test_what_arrives_at_a_layer_is_the_slope_with_respect_to_its_activations(rng, batch):
    x, labels = batch
    learnt, plain, h = shaken(init_maxout(SIZES, rng), rng), init_network(SIZES, rng), 1e-6
    W, b = plain[0]
    tails = [(learnt, learnt_forward(learnt, x)[0][1], learnt_objective, None),
             (plain, np.tanh(x @ W + b), lambda *args: loss_and_gradients(*args, "tanh"), "tanh")]
    for params, a, objective, activation in tails:
        first, second = arrivals(params, x, labels, activation).units
        assert first.shape == (11, 7) and second.shape == (11, 6)
        for index in np.ndindex(a.shape):   # the rest of the network is a network whose input is a
            step = np.zeros_like(a)
            step[index] = h
            slope = (objective(params[1:], a + step, labels)[0] - objective(params[1:], a - step, labels)[0]) / (2 * h)
            assert np.isclose(first[index], slope, atol=1e-8)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.5])
def test_a_prelu_of_fixed_slopes_is_a_leaky_relu(slope, rng, batch):
    plain = init_network(SIZES, rng)
    params = [(W, b, np.full(len(b), slope)) for W, b in plain[:-1]] + plain[-1:]
    leaky = Activation(lambda z: np.where(z > 0, z, slope * z), lambda z, a: np.where(z > 0, 1.0, slope))
    loss, gradients = learnt_objective(params, *batch)
    expected, theirs = loss_and_gradients(plain, *batch, leaky)
    assert np.isclose(loss, expected)
    for mine, other in zip(gradients, theirs):
        np.testing.assert_allclose(mine[0], other[0], atol=1e-14)
        np.testing.assert_allclose(mine[1], other[1], atol=1e-14)


def test_maxout_with_a_piece_of_zeros_is_a_relu(rng, batch):
    plain = init_network(SIZES, rng)
    params = [(np.stack([W, 0 * W]), np.stack([b, 0 * b])) for W, b in plain[:-1]] + plain[-1:]
    assert np.isclose(learnt_objective(params, *batch)[0], loss_and_gradients(plain, *batch, "relu")[0])
    np.testing.assert_allclose(arrivals(params, *batch).units[0], arrivals(plain, *batch, "relu").units[0], atol=1e-14)


def test_a_unit_without_gradient_is_one_that_is_off_for_every_example(rng, batch):
    (W, b), *rest = init_network(SIZES, rng)
    b = b - np.array([100.0, 0, 0, 0, 100, 0, 0])
    first, _ = without_gradient(arrivals([(W, b), *rest], *batch, "relu"))
    assert first[[0, 4]].all() and not first.all()
    assert not np.concatenate(without_gradient(arrivals([(W, b), *rest], *batch, "leaky relu"))).any()
    buried = [(np.stack([W, W]), np.stack([b, b])), *init_maxout(SIZES, rng)[1:]]
    assert not without_gradient(arrivals(buried, *batch))[0].any()


@pytest.mark.parametrize("init", [init_prelu, init_maxout])
def test_training_learns_something_and_changes_every_kind_of_parameter(init, rng):
    x = rng.normal(size=(300, 5))
    y = (x[:, :2] > 0).sum(axis=1)
    data, before = Split(x[:200], y[:200], x[200:], y[200:]), init(SIZES, rng)
    after, history = train(before, data, epochs=15, objective=learnt_objective, accuracy=learnt_accuracy)
    assert history.accuracies[-1] > 0.8
    assert all(np.any(new != old) for pair in zip(after, before) for new, old in zip(*pair))
