"""Topic 07's reference functions against PyTorch's values, the initializers' laws and measured networks."""

import importlib.util
import json
import math

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic
from tests.golden import make_initialization

NOTEBOOK = cells.read(find_topic("07").solution)
course = cells.define(NOTEBOOK)
GOLDEN = json.loads(make_initialization.FILE.read_text(encoding="utf-8"))
RELU = lambda z: np.maximum(z, 0.0)
INITIALIZERS = ("uniform_fan_in", "glorot_uniform", "he_normal")


@pytest.fixture
def rng():
    return np.random.default_rng(70)


def check_against(golden: list[dict]) -> None:
    for given in golden:
        loss = course["softmax_cross_entropy"](np.array(given["logits"]), np.array(given["labels"]))
        assert math.isclose(loss, given["loss"], rel_tol=1e-13, abs_tol=1e-14)


def test_the_loss_agrees_with_pytorch_from_equal_logits_to_logits_of_1000():
    assert len(GOLDEN) == 8 and max(given["loss"] for given in GOLDEN) > 600
    check_against(GOLDEN)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_loss_agrees_with_pytorch_when_it_runs_live():
    check_against(make_initialization.golden())


def test_the_slope_of_the_loss_is_softmax_minus_the_label(rng):
    logits, labels, h = rng.normal(0, 2, (4, 5)), np.array([0, 4, 2, 2]), 1e-6
    powers = np.exp(logits)
    wanted = (powers / powers.sum(axis=1, keepdims=True) - np.eye(5)[labels]) / 4
    for index in np.ndindex(4, 5):
        step = np.zeros((4, 5))
        step[index] = h
        up, down = (course["softmax_cross_entropy"](logits + sign * step, labels) for sign in (1, -1))
        assert math.isclose((up - down) / (2 * h), wanted[index], rel_tol=1e-6, abs_tol=1e-9)


# The seeds of these tests are fixed, so they give one verdict for ever; over fresh seeds a limit would
# be crossed with a probability of at most 2 exp(-2 n limit^2) = 2e-9 (Dvoretzky, Kiefer, Wolfowitz, 1956).
def distance(sample: np.ndarray, law) -> float:
    """Kolmogorov's distance of a sample from a law, given as its cumulative distribution."""
    ordered = np.sort(sample, axis=None)
    at = law(ordered)
    n = ordered.size
    return max(np.max(np.arange(1, n + 1) / n - at), np.max(at - np.arange(n) / n))


def limit(n: int) -> float:
    return math.sqrt(math.log(1e9) / (2 * n))


def uniform(bound: float):
    return lambda w: np.clip((w + bound) / (2 * bound), 0, 1)


def normal(std: float):
    return lambda w: np.array([math.erfc(-v / (std * math.sqrt(2))) / 2 for v in w])


@pytest.mark.parametrize("fan_in, fan_out", [(30, 4000), (4000, 30), (1, 90_000), (90_000, 1)])
def test_initializers_obey_their_laws(rng, fan_in, fan_out):
    laws = {"uniform_fan_in": uniform(fan_in**-0.5),
            "glorot_uniform": uniform((6 / (fan_in + fan_out)) ** 0.5),
            "he_normal": normal((2 / fan_in) ** 0.5)}
    for name, law in laws.items():
        W = course[name](fan_in, fan_out, rng)
        assert W.shape == (fan_in, fan_out)
        assert distance(W, law) < limit(W.size), name


def test_the_limit_notices_a_law_that_is_off_by_a_few_percent(rng):
    W = course["he_normal"](30, 4000, rng)
    for factor in (0.95, 1.05):
        assert distance(factor * W, normal((2 / 30) ** 0.5)) > limit(W.size)
    assert distance(W, uniform((6 / 30) ** 0.5)) > limit(W.size)


def test_slide_3_has_six_times_glorots_variance(rng):
    m, n = 300, 500
    printed = rng.uniform(-6 / math.sqrt(m + n), 6 / math.sqrt(m + n), size=(m, n))
    assert math.isclose(printed.var() / course["glorot_uniform"](m, n, rng).var(), 6, rel_tol=0.02)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_draw_from_the_generator_alone(name):
    before = np.random.get_state()[1].copy()
    draw, rng = course[name], np.random.default_rng(3)
    first, second = draw(4, 6, rng), draw(4, 6, rng)
    assert np.array_equal(first, draw(4, 6, np.random.default_rng(3))) and not np.any(first == second)
    assert np.array_equal(before, np.random.get_state()[1])


def test_sparse_units_listen_to_every_set_of_inputs_equally_often(rng):
    W = course["sparse_init"](5, 30_000, 3, rng, std=0.5)
    assert (np.count_nonzero(W, axis=0) == 3).all()
    codes = (W != 0).T @ (2 ** np.arange(5))
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 10
    chi_square = np.sum((counts - 3000) ** 2 / 3000)  # 9 degrees of freedom: beyond 60 with probability 1e-9
    assert chi_square < 60
    assert distance(W[W != 0], normal(0.5)) < limit(90_000)


@pytest.mark.parametrize("name, phi", [("linear", lambda z: z), ("relu", RELU)])
@pytest.mark.parametrize("variance", [0.2, 1.0, 3.0])
def test_the_predicted_gain_is_the_measured_one(rng, name, phi, variance):
    n = 400
    x = rng.normal(size=(200, n))
    gains = []
    for _ in range(20):
        W = rng.normal(0, math.sqrt(variance / n), size=(n, n))
        gains.append(np.mean(phi(x @ W) ** 2) / np.mean(x**2))
    assert math.isclose(np.mean(gains), course["variance_gain"](n, variance / n, name), rel_tol=0.02)


def test_statistics_of_fifty_layers_follow_the_gain(rng):
    n = 300
    weights = [course["he_normal"](n, n, rng) for _ in range(50)]
    statistics = course["layer_statistics"](rng.normal(size=(64, n)), weights, RELU)
    sizes = [mean**2 + std**2 for mean, std in statistics]
    assert len(sizes) == 50 and 1 / 8 < sizes[-1] < 8
    shrunk = course["layer_statistics"](rng.normal(size=(64, n)), [W / 2**0.5 for W in weights], RELU)
    assert math.isclose(math.log2(shrunk[-1][0] ** 2 + shrunk[-1][1] ** 2), -50, abs_tol=4)


def test_twins_stay_twins_and_a_random_network_has_none(rng):
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    W, v = np.full((3, 4), 0.5), np.full(4, 0.5)
    b = np.zeros(4)
    for _ in range(30):
        h = np.tanh(np.einsum("nd,dm->nm", x, W) + b)  # einsum adds in the same order for each unit
        error = np.einsum("nm,m->n", h, v) - y
        dz = error[:, None] * v * (1 - h**2) / 20
        dW, db = np.einsum("nd,nm->dm", x, dz), np.einsum("nm->m", dz)
        dv = np.einsum("nm,n->m", h, error) / 20
        W, b, v = W - dW, b - db, v - dv
    assert course["has_symmetric_units"](W, b) and np.ptp(W, axis=1).max() == 0
    assert np.abs(W - 0.5).max() > 0.1
    assert not course["has_symmetric_units"](course["he_normal"](3, 4, rng), np.zeros(4))


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_the_initial_loss_is_that_of_equal_logits(classes):
    loss = course["softmax_cross_entropy"](np.full((4, classes), -3.0), np.zeros(4, dtype=int))
    assert math.isclose(loss, course["initial_loss"](classes), abs_tol=1e-12)


def test_with_output_biases_at_the_log_priors_the_loss_is_the_entropy_of_the_classes():
    labels = np.repeat([0, 1, 2], [70, 25, 5])
    priors = np.bincount(labels) / 100
    logits = np.tile(course["output_bias"](priors), (100, 1))
    entropy = -math.fsum(p * math.log(p) for p in priors)
    assert math.isclose(course["softmax_cross_entropy"](logits, labels), entropy, rel_tol=1e-12)
    assert entropy < course["initial_loss"](3) - 0.3
