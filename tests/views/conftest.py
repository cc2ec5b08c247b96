"""A small class, graded once for all tests of what people see."""

import shutil

import pytest

from autograde.course import find_topic
from autograde.grading import grade
from autograde.simulate import simulate
from tests.grading.classes import hand_in, notebook, text

STUDENTS, TOPICS = 10, ("01_quadratics", "04_momentum")


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """Ten simulated students in two topics; `odd` handed in a cut-off file, `late` after the due date."""
    root = tmp_path_factory.mktemp("views")
    simulate(root / "class", STUDENTS, [find_topic(topic) for topic in TOPICS], seed=5)
    hand_in(root / "class", "odd", text(notebook())[:500])
    hand_in(root / "class", "late")
    (root / "class" / "late" / "01_quadratics" / "timestamp.txt").write_text("2026-11-05 10:00 UTC")
    (root / "out").mkdir()
    (root / "out" / "course.toml").write_text(
        "[due]\n01_quadratics = 2026-11-02 23:59:00\n[late]\npercent_per_day = 10\npercent_at_most = 50\n"
    )
    grade(root / "class", root / "out", workers=2)
    return root / "out"


@pytest.fixture
def out(graded, tmp_path):
    """A copy of that class for a test that changes it."""
    shutil.copytree(graded, tmp_path / "out")
    return tmp_path / "out"
