"""The lab's network and its training loop."""
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lectures"))

from lab import (ACTIVATIONS, Activation, accuracy, backward, flatten, forward, init_network, load_digits,  # noqa: E402
                 loss_and_gradients, over_seeds, sgd_step, smooth, softmax_cross_entropy, split, train, unflatten)


@pytest.fixture(scope="module")
def digits():
    return split(*load_digits())


def numerical_gradient(f, w, h=1e-6):
    gradient = np.empty_like(w)
    for i in range(w.size):
        above, below = w.copy(), w.copy()
        above[i] += h
        below[i] -= h
        gradient[i] = (f(above) - f(below)) / (2 * h)
    return gradient


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_backward_agrees_with_finite_differences(activation):
    rng = np.random.default_rng(3)
    params = init_network((5, 7, 6, 4), rng, weights=0.8)
    params = [(W, b + 0.3 * rng.standard_normal(b.shape)) for W, b in params]
    x, labels = rng.standard_normal((9, 5)), rng.integers(0, 4, 9)
    _, gradients = loss_and_gradients(params, x, labels, activation)
    numerical = numerical_gradient(
        lambda w: loss_and_gradients(unflatten(w, params), x, labels, activation)[0], flatten(params))
    np.testing.assert_allclose(flatten(gradients), numerical, atol=2e-8)


def test_the_signal_of_a_layer_is_the_gradient_with_respect_to_its_bias_per_example():
    rng = np.random.default_rng(4)
    params = init_network((5, 7, 4), rng)
    x, labels = rng.standard_normal((9, 5)), rng.integers(0, 4, 9)
    run = forward(params, x, "tanh")
    gradients = backward(params, run, softmax_cross_entropy(run.logits, labels)[1], "tanh")
    for (_, db), signal, z in zip(gradients.params, gradients.preactivations, run.preactivations):
        assert signal.shape == z.shape
        np.testing.assert_allclose(signal.sum(axis=0), db)


def test_forward_keeps_the_input_every_activation_and_the_logits():
    rng = np.random.default_rng(5)
    params = init_network((3, 4, 2), rng)
    x = rng.standard_normal((6, 3))
    run = forward(params, x, "relu")
    assert len(run.inputs) == len(run.preactivations) == 2 and run.inputs[0] is x
    np.testing.assert_allclose(run.inputs[1], np.maximum(x @ params[0][0] + params[0][1], 0))
    np.testing.assert_allclose(run.logits, run.inputs[1] @ params[1][0] + params[1][1])


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_an_activation_is_finite_and_silent_far_from_zero(activation):
    z = np.array([-1e3, -1.0, 0.0, 1.0, 1e3])
    with np.errstate(all="raise", under="ignore"):
        a = ACTIVATIONS[activation].value(z)
        assert np.isfinite(a).all() and np.isfinite(ACTIVATIONS[activation].derivative(z, a)).all()


def test_an_activation_may_be_given_as_a_pair_of_functions():
    rng = np.random.default_rng(6)
    params, x = init_network((3, 4, 2), rng), rng.standard_normal((6, 3))
    own = Activation(np.tanh, lambda z, a: 1 - a * a)
    np.testing.assert_array_equal(forward(params, x, own).logits, forward(params, x, "tanh").logits)


def test_an_example_whose_logits_are_not_numbers_counts_as_wrong():
    x, labels = np.array([[1.0, 0.0], [np.nan, 0.0]]), np.array([0, 0])
    assert accuracy([(np.eye(2), np.zeros(2))], x, labels) == 0.5


def test_an_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="leaky relu"):
        forward(init_network((2, 2, 2), np.random.default_rng(0)), np.ones((1, 2)), "swish")


def test_cross_entropy_survives_large_logits_and_equals_log_c_for_equal_ones():
    with np.errstate(all="raise", under="ignore"):
        loss, _ = softmax_cross_entropy(np.array([[1e3, 0.0], [-1e3, 1e3]]), np.array([0, 0]))
    assert loss == pytest.approx(1000.0)
    assert softmax_cross_entropy(np.full((3, 5), 7.0), np.array([0, 1, 4]))[0] == pytest.approx(np.log(5))


def test_the_default_weights_have_he_variance_and_a_number_is_a_standard_deviation():
    rng = np.random.default_rng(7)
    assert init_network((400, 300, 10), rng)[0][0].std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert init_network((400, 300, 10), rng, weights=0.5)[0][0].std() == pytest.approx(0.5, rel=0.02)
    (W, b), _ = init_network((4, 3, 2), rng, weights=lambda fan_in, fan_out, rng: np.full((fan_in, fan_out), 9.0))
    assert W.shape == (4, 3) and (W == 9).all() and (b == 0).all()


def test_flatten_and_unflatten_undo_each_other_for_layers_of_any_number_of_arrays():
    layers = [(np.arange(6.0).reshape(2, 3), np.ones(3), np.zeros(3)), (np.full((3, 1), 2.0),)]
    back = unflatten(flatten(layers), layers)
    assert [len(layer) for layer in back] == [3, 1]
    for layer, same in zip(layers, back):
        for array, copy in zip(layer, same):
            np.testing.assert_array_equal(array, copy)


def test_training_learns_the_digits_and_leaves_the_first_parameters_alone(digits):
    params = init_network((64, 64, 10), np.random.default_rng(0))
    before = flatten(params)
    trained, history = train(params, digits, lr=0.2, epochs=8, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(flatten(params), before)
    assert history.losses.shape == history.lrs.shape == (8 * 44,)
    assert history.accuracies.shape == (8,)
    assert history.accuracies[-1] > 0.94
    assert history.accuracies[-1] == accuracy(trained, digits.x_val, digits.y_val)
    assert history.losses[-44:].mean() < 0.1 * history.losses[0]


def test_training_is_repeatable_and_depends_on_the_generator(digits):
    def run(seed):
        rng = np.random.default_rng(seed)
        return train(init_network((64, 16, 10), np.random.default_rng(0)), digits, epochs=1, rng=rng)[1].losses

    np.testing.assert_array_equal(run(1), run(1))
    assert (run(1) != run(2)).any()


def test_each_epoch_uses_every_example_once(digits):
    seen = []

    def objective(params, x, y):
        seen.append(x)
        return loss_and_gradients(params, x, y)

    train(init_network((64, 4, 10), np.random.default_rng(0)), digits, epochs=1, batch_size=300, objective=objective)
    assert [len(x) for x in seen] == [300, 300, 300, 300, 200]
    rows = np.concatenate(seen)
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], digits.x[np.lexsort(digits.x.T)])


def test_a_stateful_step_gets_its_state_back_and_a_schedule_its_step_number(digits):
    asked = []

    def schedule(t):
        asked.append(t)
        return 0.1 / (1 + t)

    def momentum(w, g, v, lr):
        v = 0.9 * v + g
        return w - lr * v, v

    params = init_network((64, 8, 10), np.random.default_rng(0))
    trained, history = train(params, digits, momentum, schedule, epochs=1, batch_size=700, init_state=np.zeros_like)
    assert asked == [0, 1]
    np.testing.assert_allclose(history.lrs, [0.1, 0.05])
    order = np.random.default_rng(0).permutation(1400)
    w, v = flatten(params), 0.0
    for lr, batch in zip(history.lrs, (order[:700], order[700:])):
        gradients = loss_and_gradients(unflatten(w, params), digits.x[batch], digits.y[batch])[1]
        v = 0.9 * v + flatten(gradients)
        w = w - lr * v
    np.testing.assert_allclose(flatten(trained), w, atol=1e-14)


def test_a_diverging_run_ends_in_inf_and_no_accuracy_and_says_nothing(digits, recwarn):
    params = init_network((64, 64, 10), np.random.default_rng(0), weights=30.0)
    _, history = train(params, digits, lambda w, g, s, lr: (w * 1e80, s), lr=1.0, epochs=2)
    assert np.isinf(history.losses[-1]) and history.accuracies[-1] == 0.0
    assert not len(recwarn)


def test_over_seeds_stacks_one_row_per_seed(digits):
    def run(rng):
        return train(init_network((64, 8, 10), rng), digits, epochs=1, batch_size=200, rng=rng)

    history = over_seeds(run, seeds=(3, 4, 5))
    assert history.losses.shape == (3, 7) and history.accuracies.shape == (3, 1)
    assert (history.losses[0] != history.losses[1]).any()
    np.testing.assert_array_equal(history.losses[1], run(np.random.default_rng(4))[1].losses)


def test_smooth_averages_the_latest_values_and_passes_inf_on():
    np.testing.assert_allclose(smooth([4.0, 2.0, 6.0, 8.0], width=2), [4, 3, 4, 7])
    np.testing.assert_allclose(smooth([[1.0, np.inf, 1.0, 1.0]], width=2), [[1, np.inf, np.inf, 1]])


def test_sgd_step_moves_against_the_gradient_and_changes_nothing_in_place():
    w, g = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    new, state = sgd_step(w, g, None, 0.1)
    np.testing.assert_allclose(new, [0.0, 3.0])
    assert state is None and (w == [1.0, 2.0]).all()


def test_an_epoch_of_a_small_network_takes_milliseconds(digits):
    params = init_network((64, 64, 10), np.random.default_rng(0))
    train(params, digits, epochs=1)
    begin = time.process_time()
    train(params, digits, epochs=10)
    assert (time.process_time() - begin) / 10 < 0.1   # about 0.01 s on an idle machine
