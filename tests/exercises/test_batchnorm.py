"""Topic 08's reference against PyTorch's values, finite differences and the laws of normalization."""

import importlib.util
import json
import tomllib

import numpy as np
import pytest

from autograde import cells
from autograde.course import find_topic
from autograde.mistakes import catalogue_of
from tests.golden import make_batchnorm
from tests.mutants import RECORDS, mutants

NOTEBOOK = cells.read(find_topic("08").solution)
course = cells.define(NOTEBOOK)
GRADIENTS = ("dx", "dgamma", "dbeta")
GOLDEN = json.loads(make_batchnorm.FILE.read_text(encoding="utf-8"))


@pytest.fixture
def rng():
    return np.random.default_rng(80)


def arrays(values: dict) -> dict:
    return {key: np.array(value) for key, value in values.items()}


def check_against(golden: dict) -> None:
    """The reference equals PyTorch in both modes and backwards, over all batches of `golden`."""
    given = golden["problem"]
    gamma, beta, eps = np.array(given["gamma"]), np.array(given["beta"]), given["eps"]
    running = arrays(given["running"])
    close = lambda a, b: np.allclose(a, b, rtol=1e-10, atol=1e-11)
    for batch, seen in zip(given["batches"], golden["train"], strict=True):
        batch, seen = arrays(batch), arrays(seen)
        forward = course["batchnorm_train"](batch["x"], gamma, beta, running, given["momentum"], eps)
        out, cache, running = forward
        assert close(out, seen["out"])
        assert close(running["mean"], seen["mean"]) and close(running["var"], seen["var"])
        gradients = course["batchnorm_backward"](batch["dout"], cache)
        assert all(close(mine, seen[name]) for mine, name in zip(gradients, GRADIENTS, strict=True))
    shifted = np.array(given["shifted"])
    assert close(course["batchnorm_eval"](shifted, gamma, beta, running, eps), golden["eval"])
    for batch, seen in zip(given["batches"], golden["layernorm"]):
        batch, seen = arrays(batch), arrays(seen)
        out, cache = course["layernorm"](batch["x"], gamma, beta, eps)
        assert close(out, seen["out"])
        gradients = course["layernorm_backward"](batch["dout"], cache)
        assert all(close(mine, seen[name]) for mine, name in zip(gradients, GRADIENTS, strict=True))


def test_the_reference_agrees_with_pytorch_over_20_batches_in_both_modes_and_backwards():
    assert len(GOLDEN["train"]) == 20
    check_against(GOLDEN)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_the_reference_agrees_with_pytorch_when_it_runs_live():
    check_against(make_batchnorm.golden())


def test_the_golden_values_notice_a_biased_running_variance():
    given, seen = GOLDEN["problem"], arrays(GOLDEN["train"][0])
    x, old = np.array(given["batches"][0]["x"]), np.array(given["running"]["var"])
    biased = (1 - given["momentum"]) * old + given["momentum"] * x.var(axis=0)
    assert not np.allclose(biased, seen["var"], rtol=1e-3)


@pytest.mark.parametrize("n, d", [(2, 3), (4, 1), (5, 4)])
@pytest.mark.parametrize("name", ["batchnorm", "layernorm"])
def test_a_backward_pass_is_the_slope_of_its_forward(rng, name, n, d):
    if name == "layernorm" and d == 1:
        pytest.skip("one feature normalizes to zero")
    x, dout = rng.normal(2, 1.5, (n, d)), rng.normal(size=(n, d))
    gamma, beta = rng.normal(size=d), rng.normal(size=d)
    running, h = {"mean": np.zeros(d), "var": np.ones(d)}, 1e-5

    def forward(x, gamma, beta):
        if name == "layernorm":
            return course["layernorm"](x, gamma, beta, 0.05)
        return course["batchnorm_train"](x, gamma, beta, running, 0.1, 0.05)[:2]

    gradients = course[f"{name}_backward"](dout, forward(x, gamma, beta)[1])
    for k, argument in enumerate((x, gamma, beta)):
        for index in np.ndindex(argument.shape):
            ends = []
            for step in (h, -h):
                moved = [x.copy(), gamma.copy(), beta.copy()]
                moved[k][index] += step
                ends.append(np.sum(dout * forward(*moved)[0]))
            assert np.isclose(gradients[k][index], (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-8)


def test_standardized_training_data_has_mean_0_and_std_1_and_constants_become_0(rng):
    X = np.column_stack([rng.normal(40, 7, 30), rng.normal(-2, 1e-9, 30), np.full(30, 0.1)])
    Z = course["standardize"](X, *course["fit_standardizer"](X))
    assert np.allclose(Z.mean(axis=0)[[0, 2]], 0, atol=1e-12)
    assert np.allclose(Z.std(axis=0), [1, 1, 0], atol=1e-6)


def test_evaluation_on_the_statistics_of_a_batch_is_training_on_it_up_to_the_biased_variance(rng):
    x, gamma, beta = rng.normal(3, 2, (6, 3)), rng.normal(size=3), rng.normal(size=3)
    empty = {"mean": np.zeros(3), "var": np.zeros(3)}
    out, _, running = course["batchnorm_train"](x, gamma, beta, empty, momentum=1.0, eps=1e-3)
    biased = {"mean": running["mean"], "var": running["var"] * 5 / 6}
    assert np.allclose(course["batchnorm_eval"](x, gamma, beta, biased, eps=1e-3), out, rtol=1e-12)


def test_folding_through_a_second_layer_gives_the_same_network(rng):
    W1, b1, W2, b2 = rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=(4, 3)), rng.normal(size=3)
    statistics = [{"mean": rng.normal(size=k), "var": rng.uniform(0, 2, k)} for k in (4, 3)]
    norms = [(rng.normal(size=k), rng.normal(size=k), running) for k, running in zip((4, 3), statistics)]
    x = rng.normal(size=(7, 5))
    slow = course["batchnorm_eval"](x @ W1 + b1, *norms[0])
    slow = course["batchnorm_eval"](np.maximum(slow, 0) @ W2 + b2, *norms[1])
    F1, c1 = course["fold_batchnorm"](W1, b1, *norms[0])
    F2, c2 = course["fold_batchnorm"](W2, b2, *norms[1])
    assert np.allclose(np.maximum(x @ F1 + c1, 0) @ F2 + c2, slow, rtol=1e-9, atol=1e-9)


def recorded_cache_mutants() -> list[tuple[str, str]]:
    """(function, source) of the mutants that are recorded as changing nothing but a cache."""
    records = tomllib.loads((RECORDS / "08_batchnorm.toml").read_text(encoding="utf-8"))["mutant"]
    sources = cells.sources(NOTEBOOK, cells.is_solution)
    found = {(name, change): source for name in ("batchnorm_train", "layernorm")
             for change, source in mutants(sources[name])}
    return [(record["function"], found[record["function"], record["change"]]) for record in records]


def test_a_cache_that_is_wrong_fails_the_test_of_the_backward():
    caches = recorded_cache_mutants()
    assert len(caches) == 9
    for name, source in caches:
        test = "test_" + name.replace("_train", "") + "_backward"
        assert cells.run(NOTEBOOK, {name: source}, {test})[test].points == 0, source


def message_of_backward(name: str, forward: str, backward: str | None = None) -> str:
    """What the backward's test says with `forward` in the cell of `name`, and `backward` in its own."""
    test = "test_" + name.replace("_train", "") + "_backward"
    replacements = {name: forward} | ({test.removeprefix("test_"): backward} if backward else {})
    outcome = cells.run(NOTEBOOK, replacements, {test})[test]
    assert outcome.points == 0
    return f"{outcome.error}: {outcome.message}"


@pytest.mark.parametrize("name", ["batchnorm_train", "layernorm"])
def test_the_backward_says_when_it_is_the_forward_that_is_wrong(name):
    source = cells.sources(NOTEBOOK, cells.is_solution)[name]
    wrong = source.replace("+ eps)", "+ 2 * eps)")
    assert wrong != source
    assert "The forward is what is wrong" in message_of_backward(name, wrong)
    assert f"the cache of your `{name}`, which failed: too hard" in message_of_backward(
        name, f"def {name}(*args, **kwargs):\n    raise RuntimeError('too hard')")
    assert "which should return t" in message_of_backward(name, f"def {name}(*args, **kwargs):\n    return None")
    stub = f"def {name}(*args, **kwargs):\n    raise NotImplementedError"
    said = message_of_backward(name, stub)
    assert "which is not attempted yet." in said and "Your code raised" not in said


@pytest.mark.parametrize("name", ["batchnorm_train", "layernorm"])
def test_a_backward_that_is_not_attempted_counts_so_whatever_the_forward_does(name):
    backward = name.replace("_train", "") + "_backward"
    stubs = [f"def {f}(*args, **kwargs):\n    raise NotImplementedError" for f in (name, backward)]
    assert message_of_backward(name, *stubs).startswith("NotImplementedError")
    right = cells.sources(NOTEBOOK, cells.is_solution)[name]
    assert message_of_backward(name, right, stubs[1]).startswith("NotImplementedError")


FORWARD = {
    "batchnorm_train": """def batchnorm_train(x, gamma, beta, running, momentum=0.1, eps=1e-5):
    if len(x) < 2:
        raise ValueError("two examples, please")
    z, root, gain = (x - x.mean(0)) / np.sqrt(x.var(0) + eps), np.sqrt(x.var(0) + eps), gamma * 1.0
    running = {"mean": (1 - momentum) * running["mean"] + momentum * x.mean(0),
               "var": (1 - momentum) * running["var"] + momentum * x.var(0, ddof=1)}
    return gamma * z + beta, CACHE, running
""",
    "layernorm": """def layernorm(x, gamma, beta, eps=1e-5):
    root, gain = np.sqrt(x.var(1, keepdims=True) + eps), gamma * 1.0
    z = (x - x.mean(1, keepdims=True)) / root
    return gamma * z + beta, CACHE
""",
}
BACKWARD = """def NAME(dout, cache):
    z, root, gain = UNPACKED
    g = dout * np.asarray(gain)
    means = g.mean(AXIS, keepdims=True), (g * z).mean(AXIS, keepdims=True)
    return [(g - means[0] - z * means[1]) / root, (dout * z).sum(0), dout.sum(0) + 0.0]
"""
CACHES = {
    "a tuple": ("(z, root, gain)", "cache"),
    "a list": ("[z, root, gain]", "cache"),
    "a dict": ("{'z': z, 'root': root, 7: gain, 'n': len(z), 'said': 'x', 'none': None, 'on': True}",
               "cache['z'], cache['root'], cache[7]"),
    "nested": ("[{'z': (z, [root, None])}, (gain.tolist(), 1e-5, {})]",
               "cache[0]['z'][0], cache[0]['z'][1][0], cache[1][0]"),
}


@pytest.mark.parametrize("kind", CACHES)
@pytest.mark.parametrize("name", FORWARD)
def test_a_backward_may_keep_any_cache_that_its_forward_makes(name, kind):
    packed, unpacked = CACHES[kind]
    backward = name.replace("_train", "") + "_backward"
    answers = {
        name: FORWARD[name].replace("CACHE", packed),
        backward: BACKWARD.replace("NAME", backward).replace("UNPACKED", unpacked).replace(
            "AXIS", "0" if name == "batchnorm_train" else "1"),
    }
    outcomes = cells.run(NOTEBOOK, answers, {f"test_{name}", f"test_{backward}"})
    assert [outcome.message for outcome in outcomes.values()] == ["", ""]


@pytest.mark.parametrize("cache", ["None", "{}", "()", "0.0", "True", "'later'", "np.float64(2.0)", "z"])
@pytest.mark.parametrize("name", FORWARD)
def test_a_forward_may_keep_next_to_nothing_before_its_backward_is_written(name, cache):
    outcome = cells.run(NOTEBOOK, {name: FORWARD[name].replace("CACHE", cache)}, {f"test_{name}"})[f"test_{name}"]
    assert outcome.message == ""


@pytest.mark.parametrize("hidden", ["x", "gamma", "[x]", "{'kept': (gamma[:], 1)}", "(None, [{'x': x.T}])"])
@pytest.mark.parametrize("name", FORWARD)
def test_a_cache_that_holds_an_argument_is_found_however_deep(name, hidden):
    outcome = cells.run(NOTEBOOK, {name: FORWARD[name].replace("CACHE", hidden)}, {f"test_{name}"})[f"test_{name}"]
    assert outcome.points == 0 and ("returned memory of its argument" in outcome.message
                                    or "the caller's own" in outcome.message)


def test_no_test_needs_another_answer_but_the_two_backwards_their_forwards():
    answers = cells.sources(NOTEBOOK, cells.is_solution)
    stubs = {name: "raise NotImplementedError" for name in answers}
    needs = {"batchnorm_backward": "batchnorm_train", "layernorm_backward": "layernorm"}
    for name, source in answers.items():
        alone = stubs | {name: source}
        if name in needs:
            alone[needs[name]] = answers[needs[name]]
        outcome = cells.run(NOTEBOOK, alone, {f"test_{name}"})[f"test_{name}"]
        assert outcome.points == outcome.max_points, f"{name}: {outcome.message}"


def test_a_forward_that_is_wrong_elsewhere_costs_its_backward_no_points():
    source = cells.sources(NOTEBOOK, cells.is_solution)["batchnorm_train"]
    harmless = {"biased running variance", "correction upside down", "momentum of the old share",
                "adds without forgetting", "forgets at once", "running statistics untouched",
                "running mean only", "collects standard deviations", "eps into the running variance",
                "another default eps", "another default momentum", "momentum written in", "writes into running",
                "keeps the caller's gamma", "keeps the caller's x", "accepts one example",
                "accepts an empty batch"}
    kept = set()
    for version in catalogue_of("08_batchnorm").mistakes["batchnorm_train"]:
        forward = {"batchnorm_train": cells.replace_function(source, version.source)}
        if cells.run(NOTEBOOK, forward, {"test_batchnorm_backward"})["test_batchnorm_backward"].points:
            kept.add(version.label)
    assert kept == harmless
