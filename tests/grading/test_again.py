"""Grading again: what has not changed is left alone, and what an instructor entered or an earlier run found
is never lost.
"""

import contextlib
import dataclasses
import json
import os
import pickle
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from autograde import cells, gradebook, grading
from autograde.classroom import Classroom
from autograde.course import ROOT, Refusal, Topic
from autograde.grading import Interrupted, grade
from autograde.workers import Failed, Pool
from tests.grading import classes
from tests.grading.classes import (
    FULL,
    HONEST,
    SOLUTION,
    TOPIC,
    cell_of,
    hand_in,
    honest,
    notebook,
    rows,
    text,
)

SEED = int(os.environ.get("GRADING_SEED", random.SystemRandom().randrange(10**6)))
MOMENTS = int(os.environ.get("GRADING_CRASHES", 6))  # simulated crashes per way to start and kind of step
KILLS = int(os.environ.get("GRADING_KILLS", 2))  # real runs whose every process is killed


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A graded class of three, and what the engine found, so that other tests can do without an engine."""
    base = tmp_path_factory.mktemp("again")
    hand_in(base / "class", "ana", honest())
    hand_in(base / "class", "ben")
    hand_in(base / "class", "cem", b"{")
    outcomes, write = {}, grading._Run._store
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            grading._Run,
            "_store",
            lambda run, job, outcome: outcomes.update({job.content: outcome}) or write(run, job, outcome),
        )
        report = grade(base / "class", base / "out")
    return base, report, pickle.dumps(outcomes)


@pytest.fixture
def canned(recorded, monkeypatch):
    """Replaces the engine by what it found before: another notebook is graded like ana's. Yields a list of
    the marked jobs.
    """
    outcomes = pickle.loads(recorded[2])
    anas = outcomes[text(honest())]

    class Marker:
        layers, missing = ("canned",), ()

        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def mark(self, job):
            if job.unread:
                return dataclasses.replace(outcomes[b"{"], unread=job.unread)
            return outcomes.get(job.content, anas)

    monkeypatch.setattr(grading, "EngineMarker", Marker)
    return Marker


@pytest.fixture
def course(recorded, tmp_path):
    """A copy of the graded class: (folder, OUT)."""
    shutil.copytree(recorded[0], tmp_path / "copy", copy_function=shutil.copy2)
    return tmp_path / "copy" / "class", tmp_path / "copy" / "out"


def contents(out) -> dict:
    """All files of OUT that a run leaves, but for the database and what tells one run from another."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
        and path.name not in ("gradebook.db", "report.json", "lock")
        and "records" not in path.parts
    }


def told(out) -> list[dict]:
    """The stored report's rows without times."""
    return [
        {key: value for key, value in row.items() if key not in ("seconds", "fresh")}
        for row in json.loads((out / "report.json").read_text())["submissions"]
    ]


def test_a_second_run_grades_nothing_and_reports_the_same(course, canned, monkeypatch):
    folder, out = course
    before, tables, report = contents(out), classes.tables(out / "gradebook.db"), told(out)
    monkeypatch.setattr(canned, "mark", lambda *_: pytest.fail("it was marked again"))
    again = grade(folder, out)
    assert not any(row.fresh for row in again.submissions)
    assert (contents(out), classes.tables(out / "gradebook.db"), told(out)) == (before, tables, report)


@pytest.mark.parametrize(
    "change, again",
    [
        (
            lambda folder, out: hand_in(folder, "ben", notebook({**SOLUTION, "answer_1": 'answer_1 = "a"'})),
            {"ben"},
        ),
        (lambda folder, out: hand_in(folder, "dora"), {"dora"}),
        (
            lambda folder, out: (folder / "ana" / TOPIC.folder / "timestamp.txt").write_text(
                "2026-11-01 10:00:00 UTC"
            ),
            {"ana"},
        ),
        (lambda folder, out: (out / "feedback" / "ana" / TOPIC.folder / "quadratics.html").unlink(), {"ana"}),
        (
            lambda folder, out: os.truncate(
                out / ".grading" / "records" / "ben" / f"{TOPIC.folder}.json", 40
            ),
            {"ben"},
        ),
        (
            lambda folder, out: classes.execute(
                out / "gradebook.db", "UPDATE assignment SET duedate = '2026-11-01 12:00:00.000000'"
            ),
            {"ana", "ben", "cem"},
        ),
        (lambda folder, out: (out / "gradebook.db").unlink(), {"ana", "ben", "cem"}),
        (
            lambda folder, out: (out / "nbgrader_config.py")
            .open("a")
            .write("c.LimitOutput.max_lines = 10\n"),
            {"ana", "ben", "cem"},
        ),
    ],
    ids=[
        "changed",
        "new",
        "timestamp",
        "lost page",
        "broken record",
        "due date",
        "lost gradebook",
        "configuration",
    ],
)
def test_only_what_changed_is_graded_again(course, canned, change, again):
    folder, out = course
    change(folder, out)
    report = grade(folder, out)
    assert {row.student for row in report.submissions if row.fresh} == again
    assert all(row.graded for row in report.submissions)


def test_another_timeout_or_force_grades_all_again(course, canned):
    folder, out = course
    assert all(row.fresh for row in grade(folder, out, timeout=31).submissions)
    assert not any(row.fresh for row in grade(folder, out, timeout=31).submissions)
    assert all(row.fresh for row in grade(folder, out, timeout=31, force=True).submissions)


def test_what_an_instructor_entered_survives_a_regrade_and_stands_on_the_page(course):
    """Through the engine, because the page is made there."""
    folder, out = course
    database = out / "gradebook.db"
    cell = (
        "cell_id IN (SELECT id FROM base_cell WHERE name = ?) AND notebook_id IN (SELECT n.id FROM "
        "submitted_notebook n "
        "JOIN submitted_assignment a ON n.assignment_id = a.id WHERE a.student_id = 'ana')"
    )
    classes.execute(
        database,
        f"UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE {cell}",
        "test_step_regime",
    )
    classes.execute(database, f"UPDATE grade SET extra_credit = 0.25 WHERE {cell}", "test_quadratic")
    classes.execute(
        database, f"UPDATE comment SET manual_comment = 'Nearly there.' WHERE {cell}", "step_regime"
    )
    report = grade(folder, out, force=True)
    assert rows(report)["ana"].score == HONEST + 1.5 + 0.25
    assert classes.scores(database)["ana"] == HONEST
    page = (out / "feedback" / "ana" / TOPIC.folder / "quadratics.html").read_text()
    assert (
        "Nearly there." in page
        and "<strong>18.75</strong> of 20 points" in page
        and "1.5 of 2" in page
        and "marked by hand" in page
    )
    entered = {
        row[:3] + row[-2:]
        for row in classes.tables(database)["grade"]
        if row[3] is not None or row[4] is not None
    }
    assert len(entered) == 2
    assert ",18.75,0.0,18.75,20.0" in (out / "grades.csv").read_text()


@pytest.mark.parametrize("what", ["raises", "dies", "returns Failed"])
def test_a_regrade_that_fails_leaves_the_old_mark_and_files_and_costs_no_neighbour(
    course, canned, monkeypatch, what
):
    folder, out = course
    before, tables = contents(out), classes.tables(out / "gradebook.db")
    mark = canned.mark

    def failing(self, job):
        if job.student != "ben":
            return mark(self, job)
        if what == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raises":
            raise RuntimeError("no luck")
        return Failed("no luck")

    monkeypatch.setattr(canned, "mark", failing)
    report = rows(grade(folder, out, force=True))
    assert (report["ben"].score, report["ben"].graded, report["ben"].as_handed_in, report["ben"].fresh) == (
        FULL,
        True,
        False,
        False,
    )
    assert any("earlier mark stands" in note for note in report["ben"].notes)
    assert report["ana"].fresh and report["ana"].score == HONEST
    assert (contents(out), classes.tables(out / "gradebook.db")) == (before, tables)
    monkeypatch.setattr(canned, "mark", mark)
    assert rows(grade(folder, out))["ben"].as_handed_in


def test_an_unreadable_new_version_leaves_the_mark_of_the_old_one_until_it_can_be_read(course):
    folder, out = course
    hand_in(folder, "ana", text(honest())[:3000])
    before = contents(out)
    for _ in range(2):
        row = rows(grade(folder, out))["ana"]
        assert (row.score, row.as_handed_in, row.graded) == (HONEST, False, True)
        assert any("cut off" in note and "earlier version stands" in note for note in row.notes)
    assert contents(out) == before
    hand_in(folder, "ana")
    hand_in(folder, "cem")
    report = rows(grade(folder, out))
    assert (report["ana"].score, report["cem"].score) == (FULL, FULL)
    assert not (out / "handed_in" / "cem" / TOPIC.folder / "quadratics.ipynb").exists()


def test_a_first_failure_is_reported_as_not_graded_and_stores_nothing(
    recorded, canned, tmp_path, monkeypatch
):
    monkeypatch.setattr(canned, "mark", lambda self, job: Failed("no luck"))
    report = grade(recorded[0] / "class", tmp_path / "out")
    assert [(row.graded, row.as_handed_in, row.score) for row in report.submissions] == [
        (False, False, 0.0)
    ] * 3
    assert classes.scores(tmp_path / "out" / "gradebook.db") == {}


def test_a_job_that_does_not_end_is_stopped_and_the_others_go_on():
    class Sleeper(contextlib.nullcontext):
        layers = missing = ()

        def mark(self, job):
            time.sleep(100 if job == "slow" else 0)
            return job

    start = time.monotonic()
    with Pool(Sleeper, 2, seconds=1.0) as pool:
        done = dict(pool.run(iter(["a", "slow", "b", "c"])))
    assert isinstance(done.pop("slow"), Failed) and done == {"a": "a", "b": "b", "c": "c"}
    assert time.monotonic() - start < 20


def test_a_file_that_vanishes_during_the_run_is_named(course, canned, monkeypatch):
    folder, out = course
    collect = grading.intake.collect

    def vanishing(path, name):
        if path.parent.name == "ben":
            shutil.rmtree(path, ignore_errors=True)
        return collect(path, name)

    monkeypatch.setattr(grading.intake, "collect", vanishing)
    report = rows(grade(folder, out))
    assert report["ben"].score == FULL and not report["ben"].as_handed_in
    assert report["ana"].as_handed_in


def test_the_gradebook_refuses_test_cells_that_its_graded_submissions_do_not_have(course, tmp_path):
    folder, out = course
    other = Topic(TOPIC.folder, tmp_path / "elsewhere")
    changed = cells.read(TOPIC.solution)
    changed.cells.remove(cell_of(changed, "test_quadratic"))
    other.solution.parent.mkdir(parents=True)
    other.solution.write_bytes(text(changed))
    before = classes.tables(out / "gradebook.db")
    with Classroom(out, folder) as room, pytest.raises(Refusal, match="grade into a new folder"):
        room.register(other)
    assert classes.tables(out / "gradebook.db") == before


def test_progress_is_told_after_each_submission(course, canned):
    told_so_far = []
    grade(*course, force=True, progress=lambda done, total: told_so_far.append((done, total)))
    assert told_so_far == [(1, 3), (2, 3), (3, 3)]


# --- Interrupted and killed ----------------------------------------------------------------------------


def undisturbed(recorded) -> tuple:
    out = recorded[0] / "out"
    return contents(out), classes.tables(out / "gradebook.db"), told(out)


def state(out) -> tuple:
    return contents(out), classes.tables(out / "gradebook.db"), told(out)


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(recorded, canned, tmp_path):
    folder, out = recorded[0] / "class", tmp_path / "out"
    with pytest.raises(Interrupted, match="1 of 3 submissions are graded and kept"):
        grade(folder, out, progress=lambda done, total: os.kill(os.getpid(), signal.SIGINT))
    assert len(classes.scores(out / "gradebook.db")) == 1
    assert len((out / "grades.csv").read_text().splitlines()) == 2
    report = grade(folder, out)
    assert sum(row.fresh for row in report.submissions) == 2
    assert state(out) == undisturbed(recorded)


def same(found: tuple, expected: tuple, where: str) -> None:
    """Asserts that two states are equal, file by file and table by table, to show where they differ."""
    for a, b in zip(found[:2], expected[:2]):
        assert a.keys() == b.keys(), where
        for name in b:
            assert a[name] == b[name], f"{name}, {where}"
    assert found[2] == expected[2], where


def crash_at(step: int, what: str, folder, out) -> bool:
    """Grades in a child that kills itself before or after its `step`th commit, or file; returns whether it
    came to that.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    left = [step]

    def counted(action):
        def act(*args, **kwargs):
            for moment in (lambda: None, lambda: action(*args, **kwargs)):
                result = moment()
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return act

    from sqlalchemy.orm import Session

    try:
        if what == "file":
            os.replace, os.unlink = counted(os.replace), counted(os.unlink)
        else:
            Session.commit = counted(Session.commit)
        grade(folder, out)
        os._exit(0)
    finally:
        os._exit(1)


def assert_whole(out) -> None:
    """What a killed run leaves: each submission with all of its grades or none, each file whole."""
    database = out / "gradebook.db"
    if database.exists():
        tables = classes.tables(database)
        assert not [
            row for row in tables["grade"] if row[2] is None
        ], "a submission with a part of its grades"
        assert (
            len(tables["grade"])
            == 12 * len(tables["submitted_assignment"])
            == 12 * len(tables["submitted_notebook"])
        )
        assert len(tables["student"]) == len(tables["submitted_assignment"])
    for path in [path for path in out.rglob("*.ipynb") if "handed_in" not in path.parts]:
        assert json.loads(path.read_text())["cells"] and path.stat().st_size > 1000


@pytest.mark.parametrize("start", ["empty", "new", "regrade"])
def test_a_run_killed_at_any_step_is_finished_by_the_next_run_as_if_nothing_had_happened(
    recorded, canned, tmp_path, start
):
    folder, expected = recorded[0] / "class", undisturbed(recorded)
    before = tmp_path / "before"
    if start == "new":  # nothing is graded yet, but the topic is there
        with Classroom(before, folder) as room:
            room.register(TOPIC)
    if start == "regrade":  # graded with the answers of ana and ben exchanged
        hand_in(tmp_path / "earlier", "ana")
        hand_in(tmp_path / "earlier", "ben", honest())
        grade(tmp_path / "earlier", before)
    print(f"GRADING_SEED={SEED}")
    generator = random.Random(SEED)
    steps = {
        "empty": [("commit", 100), ("file", 90)],
        "new": [("commit", 12), ("file", 60)],
        "regrade": [("commit", 12), ("file", 60)],
    }[start]
    reached = 0
    for what, last in steps:
        for step in generator.sample(
            range(1, last), min(last - 1, MOMENTS if start != "empty" else max(1, MOMENTS // 4))
        ):
            out = tmp_path / f"out-{what}-{step}"
            if before.exists():
                shutil.copytree(before, out)
            for moment in (step, generator.randrange(1, last)):
                if not crash_at(moment, what, folder, out):
                    break
                reached += 1
                assert_whole(out)
            grade(folder, out)
            same(state(out), expected, f"killed at {what} {step}, seed {SEED}")
            assert not (out / ".grading" / "work").exists()
    assert reached, f"no run was killed with seed {SEED}"


def descendants(process: int) -> list[int]:
    """All processes below one, by /proc."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found, frontier = [], [process]
    while frontier:
        frontier = [child for child, parent in parents.items() if parent in frontier]
        found += frontier
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="finds the run's processes in /proc")
def test_a_run_whose_processes_are_all_killed_goes_on_where_it_stopped(recorded, tmp_path):
    folder, out = recorded[0] / "class", tmp_path / "out"
    generator = random.Random(SEED)
    print(f"GRADING_SEED={SEED}")
    command = [sys.executable, "-m", "autograde", "grade", str(folder), "--out", str(out)]
    for _ in range(KILLS):
        run = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            run.wait(generator.uniform(0.5, 9.0))
        except subprocess.TimeoutExpired:
            below = descendants(run.pid)
            victims = (
                [run.pid, *below] if generator.random() < 0.5 else [run.pid]
            )  # the others must not outlive it
            for victim in victims:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            run.wait()
            deadline = time.monotonic() + 10
            while (
                alive := [
                    pid for pid in below if os.path.exists(f"/proc/{pid}") and "Z" not in status_of(pid)
                ]
            ) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not alive, f"processes outlived the run, seed {SEED}"
    done = classes.command(folder, "--out", out)
    assert done.returncode == 1, done.stderr
    assert classes.tables(out / "gradebook.db") == classes.tables(
        recorded[0] / "out" / "gradebook.db"
    ), f"seed {SEED}"
    assert [{**row, "questions": None} for row in told(out)] == [
        {**row, "questions": None} for row in told(recorded[0] / "out")
    ]


def status_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_a_worker_that_is_killed_costs_its_own_submission_alone(recorded, canned, tmp_path, monkeypatch):
    """The worker of ben's submission is shot each time; ana's and cem's marks are there."""
    mark = canned.mark
    monkeypatch.setattr(
        canned, "mark", lambda self, job: os._exit(1) if job.student == "ben" else mark(self, job)
    )
    report = rows(grade(recorded[0] / "class", tmp_path / "out", workers=2))
    assert (report["ana"].score, report["ben"].graded, report["cem"].graded) == (HONEST, False, True)


def test_a_gradebook_that_another_program_holds_is_waited_for_and_then_named(course, canned, monkeypatch):
    folder, out = course
    hand_in(folder, "dora")
    holder = sqlite3.connect(out / "gradebook.db", isolation_level=None)
    monkeypatch.setattr(gradebook, "PATIENCE", 0.2)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refusal, match="in use by another program"):
        grade(folder, out)
    holder.execute("ROLLBACK")
    holder.close()
    assert [row.student for row in grade(folder, out).submissions if row.fresh] == ["dora"]
