"""One class with every way of handing in a file or metadata that goes wrong, honest neighbours before,
between and after.
"""

import json
import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from autograde import cells
from autograde.grading import grade
from tests.grading import classes
from tests.grading.classes import (
    EXERCISE,
    FULL,
    HONEST,
    SOLUTION,
    TOPIC,
    cell_of,
    hand_in,
    honest,
    notebook,
    text,
)

SENTINEL = "sentinel-5d1f"


def tampered(change) -> bytes:
    nb = notebook()
    change(nb)
    return text(nb)


def every(nb, **values):
    for cell in nb.cells:
        cell.metadata.nbgrader.update(values)


def tagged(nb):
    for cell in nb.cells:
        cell.metadata.tags = ["skip-execution"]


def unanswered_but(nb, **metadata):
    """The exercise without answers, with metadata that pays stock nbgrader's full marks."""
    for cell in nb.cells:
        if cells.is_solution(cell):
            cell.source = cell_of(EXERCISE, cells.grading(cell)["grade_id"]).source
        cell.metadata.update(metadata)


def without(nb, *names):
    nb.cells = [cell for cell in nb.cells if cells.grading(cell).get("grade_id") not in names]


def duplicated(nb):
    nb.cells = [twin for cell in nb.cells for twin in (cell, json.loads(json.dumps(cell)))]


def shuffled(nb):
    random.Random(1).shuffle(nb.cells)


def edited(nb):
    for cell in nb.cells:
        if cells.is_test(cell):
            cell.source = "pass"


def as_markdown(nb):
    for cell in nb.cells:
        cell.cell_type = "markdown"


def stripped(nb):
    for cell in nb.cells:
        cell.metadata, cell.outputs = {}, []
        cell.pop("id")


def bad_kernel(nb):
    nb.metadata.kernelspec = {"name": "no-such-kernel", "display_name": "?", "language": "cobol"}


def bomb(depth: int) -> bytes:
    whole = json.loads(text(notebook()))
    return json.dumps(whole).encode()[:-1] + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"


# student: (content or a function that makes the files, score, as handed in?, a word of the note)
CASES = {
    "skips": (tampered(tagged), FULL, True, ""),
    "skips-all": (tampered(lambda nb: unanswered_but(nb, tags=["skip-execution"])), 0.0, True, ""),
    "points": (tampered(lambda nb: every(nb, points=1000)), FULL, True, ""),
    "points-stub": (
        tampered(lambda nb: (unanswered_but(nb), every(nb, points=1000, solution=True))),
        0.0,
        True,
        "",
    ),
    "flags": (tampered(lambda nb: every(nb, grade=False, locked=False, solution=True)), FULL, True, ""),
    "schema": (tampered(lambda nb: every(nb, schema_version=99)), FULL, True, ""),
    "old-schema": (tampered(lambda nb: every(nb, schema_version=0)), FULL, True, ""),
    "kernel": (tampered(bad_kernel), FULL, True, ""),
    "markdown": (tampered(as_markdown), FULL, False, "changed type"),
    "deleted": (
        tampered(lambda nb: without(nb, "test_quadratic", "setup", "title")),
        FULL,
        False,
        "test_quadratic",
    ),
    "deleted-answer": (tampered(lambda nb: without(nb, "quadratic")), 18.0, False, "quadratic"),
    "duplicated": (tampered(duplicated), FULL, False, "more than once"),
    "moved": (tampered(shuffled), FULL, False, "put back in order"),
    "edited": (tampered(edited), FULL, False, "changed test cells"),
    "edited-stub": (tampered(lambda nb: (unanswered_but(nb), edited(nb))), 0.0, False, "changed test cells"),
    "stripped": (tampered(stripped), FULL, False, "lost their nbgrader marks"),
    "format-3": (json.dumps(nbformat.convert(notebook(), 3)).encode(), FULL, True, "old notebook format"),
    "format-99": (tampered(lambda nb: nb.update(nbformat=99)), FULL, True, "format number"),
    "renamed": (
        lambda folder: hand_in(folder, "renamed", name="quadratics (1).ipynb"),
        FULL,
        True,
        "taken for quadratics.ipynb",
    ),
    "copy-of": (
        lambda folder: hand_in(folder, "copy-of", name="Copy of quadratics.ipynb"),
        FULL,
        True,
        "taken for quadratics.ipynb",
    ),
    "truncated": (text(notebook())[:9000], 0.0, False, "cut off"),
    "conflict": (text(notebook()).replace(b'{"', b'\n<<<<<<< HEAD\n{"', 1), 0.0, False, "merge conflict"),
    "empty": (b"", 0.0, False, "empty"),
    "latin": (
        text(notebook()).replace(b"quadratic", "qu\xe4dratic".encode("latin-1")),
        0.0,
        False,
        "not UTF-8",
    ),
    "deep": (bomb(100_000), 0.0, False, "nested too deeply"),
    "numbers": (text(notebook())[:-1] + b', "n": ' + b"9" * 10_000 + b"}", 0.0, False, "not valid JSON"),
    "large": (lambda folder: os.truncate(hand_in(folder, "large"), 200_000_000), 0.0, False, "200 MB"),
    "link": (
        lambda folder: _replaced(
            hand_in(folder, "link"), lambda path: path.symlink_to(folder.parent / "secret.ipynb")
        ),
        0.0,
        False,
        "link",
    ),
    "pipe": (lambda folder: _replaced(hand_in(folder, "pipe"), os.mkfifo), 0.0, False, "not a regular file"),
    "folder": (lambda folder: _replaced(hand_in(folder, "folder"), os.mkdir), 0.0, False, "is a folder"),
    "other": (
        text(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('another course')")])),
        0.0,
        False,
        "not the notebook of this topic",
    ),
    "nothing": (
        lambda folder: (folder / "nothing" / TOPIC.folder).mkdir(parents=True),
        0.0,
        False,
        "it is empty",
    ),
    "bad-time": (
        lambda folder: hand_in(folder, "bad-time")
        .with_name("timestamp.txt")
        .write_bytes(b"yesterday \xff\n"),
        FULL,
        True,
        "time of handing in",
    ),
    "no-time": (
        lambda folder: hand_in(folder, "no-time").with_name("timestamp.txt").write_text("half past nine"),
        FULL,
        True,
        "holds no time",
    ),
    "own-numpy": (
        lambda folder: hand_in(folder, "own-numpy").with_name("numpy.py").write_text("raise SystemExit"),
        FULL,
        True,
        "numpy.py",
    ),
    "-dash and blank ä": (text(notebook()), FULL, True, ""),
}


def _replaced(path: Path, make) -> None:
    path.unlink()
    make(path)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """(report, OUT, seconds) of the whole class, graded in one run."""
    base = tmp_path_factory.mktemp("class")
    folder, out = base / "handed-in", base / "out"
    (base / "secret.ipynb").write_bytes(text(notebook()).replace(b"import math", f"# {SENTINEL}".encode()))
    for number, (student, (content, *_)) in enumerate(CASES.items()):
        content(folder) if callable(content) else hand_in(folder, student, content)
        if number % 6 == 0:
            hand_in(folder, f"{student}-neighbour", honest())
    hand_in(folder, "0-first", honest())
    hand_in(folder, "zz-last", honest())
    (folder / "lost.ipynb").write_bytes(text(notebook()))
    (folder / "grades.csv").write_text("a,b\n")
    (folder / ".DS_Store").write_text("")
    (folder / "no-topic").mkdir()
    hand_in(folder, "wrong-topic", topic="99_cookery")
    (folder / "loose").mkdir()
    (folder / "loose" / "quadratics.ipynb").write_bytes(text(notebook()))
    hand_in(folder, "a,b[c]")
    (folder / "linked").symlink_to(folder / "0-first")
    start = time.monotonic()
    report = grade(folder, out, workers=2)
    return report, out, time.monotonic() - start


@pytest.mark.parametrize("student", CASES)
def test_each_submission_gets_the_mark_and_the_line_that_it_should(graded, student):
    report, out, _ = graded
    _, score, as_handed_in, note = CASES[student]
    row = classes.rows(report)[student]
    assert (row.score, row.max_score, row.as_handed_in) == (score, 20.0, as_handed_in), row.notes
    assert any(note in line for line in row.notes) if note else not row.notes
    assert classes.scores(out / "gradebook.db").get(student, 0.0) == score


def test_every_neighbour_keeps_its_mark(graded):
    report, out, _ = graded
    neighbours = {
        student: row
        for student, row in classes.rows(report).items()
        if student.endswith(("-neighbour", "-first", "-last"))
    }
    assert len(neighbours) > 6
    for student, row in neighbours.items():
        assert (row.score, row.as_handed_in, row.notes) == (HONEST, True, []), student
        assert classes.scores(out / "gradebook.db")[student] == HONEST


def test_what_belongs_to_no_submission_is_named_and_nothing_else(graded):
    report, _, _ = graded
    assert {stray.where for stray in report.strays} == {
        "lost.ipynb",
        "no-topic",
        "wrong-topic/99_cookery",
        "loose/quadratics.ipynb",
        "a,b[c]",
        "linked",
    }
    assert all(stray.why for stray in report.strays)
    assert len(report.exceptions) == len(report.strays) + sum(not case[2] for case in CASES.values())


def test_each_line_of_the_report_is_one_short_line(graded):
    report, out, _ = graded
    assert all("\n" not in line and len(line) < 300 for line in report.exceptions)
    stored = json.loads((out / "report.json").read_text())
    assert [row["student"] for row in stored["submissions"]] == sorted(classes.rows(report))
    assert report.layers and stored["layers"] == list(report.layers)


def test_no_link_is_followed_and_no_hidden_test_reaches_a_student(graded):
    _, out, _ = graded
    for path in out.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SENTINEL.encode() not in content, path
            if path.suffix == ".html":
                assert b"autograde.marking" not in content and b"HIDDEN TESTS" not in content, path


def test_every_graded_submission_has_its_files_and_an_unreadable_one_keeps_what_was_handed_in(graded):
    report, out, _ = graded
    for student, row in classes.rows(report).items():
        if row.graded:
            for step, suffix in (("submitted", "ipynb"), ("autograded", "ipynb"), ("feedback", "html")):
                path = out / step / student / TOPIC.folder / f"quadratics.{suffix}"
                assert path.is_file() and (
                    suffix == "html" or nbformat.validate(nbformat.read(path, 4)) is None
                ), path
    assert (out / "handed_in" / "truncated" / TOPIC.folder / "quadratics.ipynb").read_bytes() == CASES[
        "truncated"
    ][0]
    assert not (out / "handed_in" / "0-first").exists()


def test_the_csv_has_nbgraders_columns_and_a_row_per_student(graded):
    report, out, _ = graded
    lines = (out / "grades.csv").read_text().splitlines()
    assert (
        lines[0] == "assignment,duedate,timestamp,student_id,last_name,first_name,email,"
        "raw_score,late_submission_penalty,score,max_score"
    )
    assert len(lines) == 1 + len(report.submissions)


def test_the_gradebook_has_no_row_twice_and_no_loose_end(graded):
    _, out, _ = graded
    with closing(sqlite3.connect(out / "gradebook.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute(
            "SELECT COUNT(*) FROM grade WHERE auto_score IS NULL OR needs_manual_grade"
        ).fetchone() == (0,)


def test_nothing_of_a_run_is_left_behind(graded):
    _, out, _ = graded
    assert not list(out.rglob("*.new")) and not (out / ".grading" / "work").exists()


def test_a_not_attempted_question_is_told_from_a_wrong_one(graded):
    report, _, _ = graded
    by_name = {question.name: question for question in classes.rows(report)["0-first"].questions}
    assert by_name["test_step_regime"].status == "wrong" and by_name["test_step_regime"].message
    stub = classes.rows(report)["skips-all"].questions
    assert {question.status for question in stub} == {"not attempted"}
    assert sum(question.points for question in by_name.values()) == HONEST and len(by_name) == len(SOLUTION)
