"""What grading stores is what stock nbgrader stores, and each honest cell gets the same mark from both."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograde import cells, simulate
from autograde.classroom import Classroom
from autograde.course import ROOT
from autograde.grading import grade
from tests.grading import classes
from tests.grading.classes import RELEASED, TOPIC, cell_of, hand_in, honest, notebook

# An ordinary course of nbgrader's own, configured with nothing but the stub and what is late.
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "training-deep-networks"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.LateSubmissionPlugin.penalty_method = "zero"
"""
SCRIPT = """
import os, sqlite3, sys
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI
from traitlets.config import PyFileConfigLoader
config = PyFileConfigLoader("nbgrader_config.py", ".").load_config()
api = NbGraderAPI(config=config)
for topic in sorted(os.listdir("source")):
    assert api.generate_assignment(topic)["success"]
connection = sqlite3.connect("gradebook.db")
due = "duedate = '2026-11-01 12:00:00.000000'"
connection.execute(f"UPDATE assignment SET {due} WHERE name = '01_quadratics'")
connection.commit()
for student in sorted(os.listdir("submitted")):
    for topic in sorted(os.listdir(f"submitted/{student}")):
        result = api.autograde(topic, student)
        assert result["success"], result["error"]
"""


def stock(course) -> subprocess.Popen:
    """Starts nbgrader's own programming interface in `course`, in a process of its own."""
    (course / "nbgrader_config.py").write_text(CONFIG)
    for topic in RELEASED:
        target = course / "source" / topic.folder / topic.solution.name
        target.parent.mkdir(parents=True)
        shutil.copyfile(topic.solution, target)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
    }
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=course,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def prepared(out, folder, used) -> None:
    """OUT as an instructor may leave it before grading: with a due date, after which nothing counts."""
    with Classroom(out, folder) as room:
        for topic in used:
            room.register(topic)
        config = out / "nbgrader_config.py"
        config.write_text(config.read_text() + '\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    classes.execute(
        out / "gradebook.db",
        "UPDATE assignment SET duedate = '2026-11-01 12:00:00.000000' WHERE name = ?",
        TOPIC.folder,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An honest class of all topics present."""
    folder = tmp_path_factory.mktemp("honest") / "class"
    simulate.simulate(folder, 1, RELEASED, seed=5)
    (folder / "expected.csv").unlink()
    hand_in(folder, "late", honest()).with_name("timestamp.txt").write_text("2026-11-02 09:30:00 UTC\n")
    hand_in(folder, "empty", classes.EXERCISE).with_name("timestamp.txt").write_text(
        "2026-10-31 09:30:00.5 UTC\n"
    )
    busy = notebook()
    cell_of(busy, "quadratic").source += "\nprint('hello'); quadratic"
    busy.cells[3:3] = [
        nbformat.v4.new_code_cell("import matplotlib\n1 + 1"),
        nbformat.v4.new_markdown_cell("# mine"),
        nbformat.v4.new_code_cell("undefined"),
    ]
    hand_in(folder, "busy", busy)
    return folder


@pytest.fixture(scope="module")
def both(folder, tmp_path_factory):
    """OUT of the honest class, graded by stock nbgrader in a course of its own, and by the engine."""
    base = tmp_path_factory.mktemp("equal")
    outs = {name: base / name for name in ("stock", "engine")}
    shutil.copytree(folder, outs["stock"] / "submitted")
    running = stock(outs["stock"])
    prepared(outs["engine"], folder, RELEASED)
    grade(folder, outs["engine"])
    _, errors = running.communicate(timeout=280)
    assert running.returncode == 0, errors[-3000:]
    return outs


def test_every_table_holds_what_stock_nbgrader_stores(both):
    expected, found = (classes.tables(both[which] / "gradebook.db") for which in ("stock", "engine"))
    assert expected.keys() == found.keys()
    for table in expected:
        assert found[table] == expected[table], table
    assert (
        len(expected["grade"])
        == sum(len(cells.max_points(cells.read(topic.solution))) for topic in RELEASED) + 3 * 12
    )


def test_stock_execution_behind_the_seam_stores_the_same_as_the_engine(folder, tmp_path):
    for student in ("late", "busy"):
        shutil.copytree(folder / student, tmp_path / "class" / student)
    for name, engine in (("engine", "sandbox"), ("seam", "nbgrader")):
        prepared(tmp_path / name, tmp_path / "class", [TOPIC])
        grade(tmp_path / "class", tmp_path / name, engine=engine, workers=2)
    assert classes.tables(tmp_path / "engine" / "gradebook.db") == classes.tables(
        tmp_path / "seam" / "gradebook.db"
    )
    for path in sorted((tmp_path / "seam").glob("autograded/*/*/*.ipynb")):
        compare(tmp_path / "engine" / path.relative_to(tmp_path / "seam"), path)


def compare(found, expected) -> None:
    """Asserts that two autograded notebooks are the same but for times, ids and what a hidden test's random
    input changes.
    """
    a, b = classes.stored(found), classes.stored(expected)
    assert a.metadata == b.metadata
    for one, other in zip(a.cells, b.cells, strict=True):
        assert (
            one.source == other.source and one.metadata == other.metadata and one.cell_type == other.cell_type
        )
        assert one.get("execution_count") == other.get("execution_count")
        if cells.is_test(other):
            assert [(o.output_type, o.get("ename")) for o in one.outputs] == [
                (o.output_type, o.get("ename")) for o in other.outputs
            ]
        else:
            assert one.get("outputs") == other.get("outputs")


def test_the_autograded_notebooks_are_the_same(both):
    paths = sorted(path.relative_to(both["stock"]) for path in both["stock"].glob("autograded/*/*/*.ipynb"))
    assert len(paths) == len(RELEASED) + 3
    for path in paths:
        compare(both["engine"] / path, both["stock"] / path)


def test_every_simulated_question_gets_the_points_that_it_should(both, tmp_path):
    simulate.simulate(tmp_path / "class", 1, RELEASED, seed=5)
    lines = [line.split(",") for line in (tmp_path / "class" / "expected.csv").read_text().splitlines()[1:]]
    expected = {question: float(points) for _, topic, question, points, *_ in lines if topic == TOPIC.folder}
    report = json.loads((both["engine"] / "report.json").read_text())
    found = {
        question["name"].removeprefix("test_"): question["points"]
        for row in report["submissions"]
        if row["student"].startswith("student") and row["topic"] == TOPIC.folder
        for question in row["questions"]
    }
    assert found == expected


def nbgrader(course, *arguments) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr


def test_the_csv_is_that_of_nbgraders_own_command(both):
    nbgrader(both["engine"], "export", "--to=own.csv")
    own, ours = ((both["engine"] / name).read_text() for name in ("own.csv", "grades.csv"))
    assert own == ours
    assert any(
        line.startswith("01_quadratics,2026-11-01 12:00:00,2026-11-02 09:30:00,late,")
        and line.endswith(",17.0,17.0,0.0,20.0")
        for line in own.splitlines()
    )


def test_nbgraders_own_autograde_and_feedback_give_the_same_marks_and_pages(both):
    """The configuration makes nbgrader's commands, and so the formgrader's buttons, use the intake, the engine
    and our page."""
    course = both["engine"]
    page = course / "feedback" / "late" / TOPIC.folder / "quadratics.html"
    before, stored = page.read_text(), classes.tables(course / "gradebook.db")
    nbgrader(course, "autograde", TOPIC.folder, "--student=late", "--force")
    nbgrader(course, "generate_feedback", TOPIC.folder, "--student=late", "--force")
    assert classes.tables(course / "gradebook.db") == stored
    assert str(BeautifulSoup(before, "html.parser")) == str(BeautifulSoup(page.read_text(), "html.parser"))
