"""The lab's normalized network: gradients against finite differences, statistics against their definition."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "lectures"))

from lab import Split, flatten, forward, init_network, softmax_cross_entropy, unflatten  # noqa: E402
from lab.batchnorm import (EPS, collect, first_layer_curvature, fresh_statistics, init_normed,  # noqa: E402
                           normalize, normalize_backward, normed_accuracy, normed_forward, normed_gradients,
                           train_normed)


@pytest.fixture
def rng():
    return np.random.default_rng(8)


@pytest.fixture
def problem(rng):
    x, y = rng.normal(1.0, 2.0, (60, 5)), rng.integers(0, 3, 60)
    return Split(x[:40], y[:40], x[40:], y[40:])


def slopes(f, w, h=1e-6):
    return np.array([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in np.eye(len(w))])


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_gradients_of_a_normalized_network_are_its_slopes(rng, problem, norm):
    params = init_normed((5, 6, 4, 3), rng)
    params = unflatten(flatten(params) + 0.1 * rng.normal(size=flatten(params).size), params)
    x, y = problem.x[:7], problem.y[:7]
    loss = lambda w: normed_gradients(unflatten(w, params), x, y, norm)[0]
    analytic = flatten(normed_gradients(params, x, y, norm)[1])
    assert np.allclose(analytic, slopes(loss, flatten(params)), rtol=1e-4, atol=1e-7)


def test_a_network_without_normalized_layers_is_the_plain_network(rng, problem):
    params = init_network((5, 6, 4, 3), rng)
    assert np.allclose(normed_forward(params, problem.x).logits, forward(params, problem.x).logits)
    loss = lambda w: normed_gradients(unflatten(w, params), problem.x, problem.y)[0]
    analytic = flatten(normed_gradients(params, problem.x, problem.y)[1])
    assert np.allclose(analytic, slopes(loss, flatten(params)), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("norm, axis", [("batch", 0), ("layer", 1)])
def test_normalize_gives_mean_beta_and_std_gamma_along_its_axis(rng, norm, axis):
    z = rng.normal(3.0, 5.0, (30, 20))
    out = normalize(z, np.full(20, 2.0), np.full(20, -1.0), norm)[0]
    assert np.allclose(out.mean(axis=axis), -1.0) and np.allclose(out.std(axis=axis), 2.0, atol=1e-4)


def test_a_road_left_out_treats_its_statistic_as_a_constant(rng):
    z, dout, gamma = rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), rng.normal(size=3)
    _, x_hat, std, mean, var = normalize(z, gamma, np.zeros(3))
    constant = {"mean": lambda m: mean, "variance": lambda v: var}
    for roads in [(), ("mean",), ("variance",), ("mean", "variance")]:
        def loss(flat, roads=roads):
            moved = flat.reshape(z.shape)
            m = moved.mean(axis=0) if "mean" in roads else constant["mean"](0)
            v = ((moved - mean) ** 2).mean(axis=0) - (moved.mean(axis=0) - mean) ** 2
            v = v if "variance" in roads else constant["variance"](0)
            return np.sum(dout * gamma * (moved - m) / np.sqrt(v + EPS))

        dz = normalize_backward(dout, x_hat, std, gamma, roads=roads)[0]
        assert np.allclose(dz.ravel(), slopes(loss, z.ravel()), rtol=1e-5, atol=1e-7)


def test_collected_statistics_are_weighted_averages_with_the_unbiased_variance(rng, problem):
    params = init_normed((5, 4, 3), rng)
    running = fresh_statistics(params)
    run = normed_forward(params, problem.x[:9])
    z = problem.x[:9] @ params[0][0]
    (mean, var), = collect(running, run.statistics, momentum=0.3)
    assert np.allclose(mean, 0.3 * z.mean(axis=0))
    assert np.allclose(var, 0.7 + 0.3 * z.var(axis=0, ddof=1))
    evaluated = normed_forward(params, problem.x[:2], running=[(mean, var)]).outputs[0]
    assert np.allclose(evaluated, (problem.x[:2] @ params[0][0] - mean) / np.sqrt(var + EPS))


def test_training_lowers_the_loss_leaves_its_arguments_and_can_go_on(rng, problem):
    params = init_normed((5, 8, 3), rng)
    before = flatten(params).copy()

    def again(steps, **more):
        return train_normed(params, problem, 0.2, steps, 10, np.random.default_rng(1), **more)

    trained, running, losses = again(100)
    assert losses[-20:].mean() < 0.8 * losses[:20].mean()
    assert np.array_equal(flatten(params), before)
    assert np.array_equal(again(100)[2], losses)
    assert not np.allclose(again(1, running=running)[1][0][0], again(1)[1][0][0])
    double = lambda p: [(W, b, 2 * gamma, beta) for W, b, gamma, beta in p[:-1]] + [p[-1]]
    shaken = again(100, shake=double)
    assert not np.allclose(shaken[2], losses)


def test_a_run_that_diverges_ends_in_inf_without_a_warning(rng, problem):
    params = init_network((5, 30, 30, 30, 3), rng, weights=30.0)
    _, _, losses = train_normed(params, problem, 100.0, 50, 10, rng)
    assert losses[-1] == np.inf


def test_accuracy_by_batches_depends_on_the_company_and_by_running_statistics_does_not(rng, problem):
    params = init_normed((5, 8, 3), rng)
    trained, running, _ = train_normed(params, problem, 0.2, 100, 10, rng)
    rows = normed_forward(trained, problem.x_val, running=running).logits
    alone = np.vstack([normed_forward(trained, x[None], running=running).logits for x in problem.x_val])
    assert np.allclose(rows, alone)
    assert normed_accuracy(trained, problem.x_val, problem.y_val, running=running) == np.mean(
        rows.argmax(axis=1) == problem.y_val)
    halves = [normed_forward(trained, problem.x_val[k:k + 10]).logits.argmax(axis=1) for k in (0, 10)]
    assert normed_accuracy(trained, problem.x_val, problem.y_val, batch_size=10) == np.mean(
        np.concatenate(halves) == problem.y_val)


def test_the_gauss_newton_matrix_is_the_hessian_while_no_relu_switches(rng, problem):
    params = init_network((5, 3, 4), rng)
    x, y = problem.x[:15], problem.y[:15]

    def loss(w):
        W1, b1 = w[:-3].reshape(3, 5), w[-3:]
        return softmax_cross_entropy(forward([(W1.T, b1), params[1]], x).logits, y)[0]

    G = first_layer_curvature(params, x)
    assert G.shape == (18, 18) and np.allclose(G, G.T)
    order = [*(i * 6 + j for i in range(3) for j in range(5)), *(i * 6 + 5 for i in range(3))]
    w, h = np.concatenate([params[0][0].T.ravel(), params[0][1]]), 1e-3
    curvature = lambda e: (loss(w + h * e) - 2 * loss(w) + loss(w - h * e)) / h**2
    for direction in rng.normal(size=(4, 18)) / 5:
        full = np.zeros(18)
        full[order] = direction
        assert np.isclose(full @ G @ full, curvature(direction), rtol=1e-3)
