"""Topic 06's reference functions against PyTorch's values, closed forms and finite differences."""

import importlib.util
import json
import math

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic
from tests.golden import make_activations

course = cells.define(cells.read(find_topic("06").solution))
GOLDEN = json.loads(make_activations.FILE.read_text(encoding="utf-8"))


@pytest.fixture
def rng():
    return np.random.default_rng(60)


def check_against(golden: dict) -> None:
    """The reference equals PyTorch, zeros and far ends included."""
    given = {key: np.array(value) for key, value in golden["problem"].items()}
    close = lambda mine, theirs: np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-14)
    dx, dslope = course["prelu_backward"](given["x"], given["slope"], given["upstream"])
    close(dx, golden["prelu"]["dx"])
    close(dslope, golden["prelu"]["dslope"])
    wide = given["wide"]
    close(course["sigmoid"](wide), golden["sigmoid"]["value"])
    close(course["relu"](wide), golden["relu"]["value"])
    for name in ("sigmoid", "tanh", "relu"):
        close(course[f"{name}_derivative"](wide), golden[name]["slope"])
    for name, settings in (("leaky_relu", given["leaks"]), ("elu", given["alphas"])):
        for setting, seen in zip(settings.tolist(), golden[name], strict=True):
            close(course[name](wide, setting), seen["value"])
            close(course[f"{name}_derivative"](wide, setting), seen["slope"])
    close(course["maxout"](given["x"], given["W"], given["b"]), golden["maxout"])


def test_the_reference_agrees_with_pytorch():
    check_against(GOLDEN)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_reference_agrees_with_pytorch_when_it_runs_live():
    check_against(make_activations.golden())


def test_the_golden_inputs_hold_zeros_and_slopes_above_one():
    given = GOLDEN["problem"]
    assert np.count_nonzero(np.array(given["x"]) == 0) >= 5 and 0.0 in given["wide"]
    assert min(given["slope"]) < 0 and max(given["slope"]) > 1


def test_the_sigmoid_is_right_to_1e_12_and_silent_up_to_a_thousand():
    x = np.concatenate([np.linspace(-1e3, 1e3, 4001), np.linspace(-40, 40, 4001)])
    with np.errstate(all="raise", under="ignore"):
        mine = course["sigmoid"](x)
    theirs = [1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x]
    assert np.max(np.abs(mine - theirs)) < 1e-15


def test_the_elu_and_its_derivative_are_silent_up_to_a_thousand():
    x = np.linspace(-1e3, 1e3, 4001)
    with np.errstate(all="raise", under="ignore"):
        value, slope = course["elu"](x, 0.7), course["elu_derivative"](x, 0.7)
    assert np.array_equal(value[x > 0], x[x > 0]) and np.all(value >= -0.7)
    assert np.allclose(slope, np.where(x > 0, 1.0, value + 0.7), rtol=0, atol=1e-15)


@pytest.mark.parametrize("name, settings", [
    ("sigmoid", ()), ("tanh", ()), ("relu", ()), ("leaky_relu", (0.3,)), ("leaky_relu", (-1.4,)), ("elu", (2.1,)),
])
@pytest.mark.parametrize("shape", [(), (6,), (2, 5)])
def test_a_derivative_is_the_slope_of_its_activation(rng, name, settings, shape):
    x = np.array(rng.uniform(0.1, 3, shape) * rng.choice([-1, 1], shape))  # away from the kinks
    activation = np.tanh if name == "tanh" else course[name]
    analytic = course[f"{name}_derivative"](x, *settings)
    error = course["gradient_check"](lambda x: float(np.sum(activation(x, *settings))), x, analytic)
    assert error < 1e-6


def test_the_gradients_of_prelu_pass_the_gradient_check(rng):
    x, slope, upstream = rng.normal(size=(6, 4)), np.array([0.2, -0.5, 1.5, 2.5]), rng.normal(size=(6, 4))

    def loss(x, slope):
        return float(np.sum(upstream * np.stack([course["leaky_relu"](x[:, j], slope[j]) for j in range(4)], axis=1)))

    dx, dslope = course["prelu_backward"](x, slope, upstream)
    assert course["gradient_check"](lambda x: loss(x, slope), x, dx) < 1e-6
    assert course["gradient_check"](lambda slope: loss(x, slope), slope, dslope) < 1e-6


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0])
def test_maxout_of_two_pieces_is_a_leaky_relu_up_to_slope_one(rng, slope):
    x = rng.normal(size=(9, 3))
    W, b = np.stack([np.eye(3), slope * np.eye(3)]), np.zeros((2, 3))
    assert np.allclose(course["maxout"](x, W, b), course["leaky_relu"](x, slope))
    above = np.stack([np.eye(3), 2 * np.eye(3)])
    assert not np.allclose(course["maxout"](x, above, b), course["leaky_relu"](x, 2.0))


def test_maxout_is_convex_in_its_input(rng):
    W, b = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 2))
    u, v = rng.normal(size=(2, 200, 3))
    layer = lambda x: course["maxout"](x, W, b)
    assert np.all(layer((u + v) / 2) <= (layer(u) + layer(v)) / 2 + 1e-12)


def test_units_of_large_weights_saturate(rng):
    z = rng.normal(size=(400, 20))
    shares = [course["saturated_fraction"](course["sigmoid"](scale * z), 0.0, 1.0) for scale in (0.1, 1.0, 10.0, 100.0)]
    assert shares[0] == 0 and all(np.diff(shares) > 0) and shares[-1] > 0.95
    # |z| >= log(19) / scale, for standard normal z: 0.7684 of them at scale 10
    assert math.isclose(shares[2], math.erfc(math.log(19) / 10 / math.sqrt(2)), abs_tol=0.02)


def test_a_dead_unit_gets_no_gradient_and_a_living_one_does(rng):
    x, W = rng.uniform(size=(50, 4)), rng.normal(size=(4, 30))
    z = x @ W + rng.normal(-1, 2, 30)
    dW = x.T @ (rng.normal(size=z.shape) * course["relu_derivative"](z))
    dead = course["dead_units"](z)
    assert 0 < dead.sum() < 30
    assert np.array_equal(dead, ~np.any(dW, axis=0))


def test_the_gradient_check_leaves_x_as_it_was_to_the_bit(rng):
    x = rng.normal(size=(20, 3))
    before = x.tobytes()
    course["gradient_check"](lambda v: float(np.sum(v**2)), x, 2 * x)
    assert x.tobytes() == before
