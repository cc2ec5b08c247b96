"""requirements.txt is what the owner asked for, and the constraints pin all of it."""

import re
from importlib import metadata

from packaging.requirements import Requirement

from autograde.course import ROOT

LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
REQUIRED = [
    Requirement(line.partition("#")[0].strip()) for line in LINES if line and not line.startswith(("#", "-"))
]
PINS = dict(
    line.strip().lower().replace("_", "-").split("==")
    for line in (ROOT / "autograde" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line and not line.startswith("#")
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_each_requirement_has_bounds_and_a_reason():
    assert "-c autograde/constraints.txt" in LINES
    for line in LINES:
        if line and not line.startswith(("#", "-")):
            assert ">=" in line and "<" in line and len(line.partition("#")[2].strip()) > 10, line


def test_each_pin_lies_within_its_requirement():
    for requirement in REQUIRED:
        assert requirement.specifier.contains(PINS[normal(requirement.name)]), requirement


def test_the_pins_cover_all_that_the_requirements_bring():
    todo, seen = [(requirement.name, requirement.extras) for requirement in REQUIRED], set()
    while todo:
        name, extras = todo.pop()
        if (normal(name), tuple(extras)) in seen:
            continue
        seen.add((normal(name), tuple(extras)))
        assert normal(name) in PINS, f"{name} is not pinned in autograde/constraints.txt"
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in (extras or {""})
            ):
                todo.append((needed.name, needed.extras))


def test_nothing_that_trains_networks_for_us_is_required():
    assert not {"torch", "jax", "scipy", "scikit-learn", "tensorflow", "optax"} & set(PINS)
