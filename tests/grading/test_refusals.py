"""A call that cannot be carried out says why in one sentence, and leaves everything as it was."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autograde import classroom, grading
from autograde.course import ROOT, Refusal
from autograde.engine import SandboxUnavailable
from autograde.grading import grade
from tests.grading import classes
from tests.grading.classes import TOPIC, hand_in, honest

HOLD = """
import sys, time
from pathlib import Path
from autograde.classroom import Classroom
with Classroom(Path(sys.argv[1]), Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""


def listing(folder: Path) -> dict:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def refused(folder, out, match: str, **settings) -> None:
    """Asserts one sentence that matches, and that neither folder changed."""
    before = [listing(path) if path.is_dir() else path.exists() for path in (folder, out)]
    with pytest.raises(Refusal, match=match) as caught:
        grade(folder, out, **settings)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence
    assert [listing(path) if path.is_dir() else path.exists() for path in (folder, out)] == before


@pytest.fixture
def folder(tmp_path):
    hand_in(tmp_path / "class", "ana", honest())
    return tmp_path / "class"


def test_a_missing_class_a_file_an_empty_class_and_one_of_another_shape_are_refused(tmp_path, folder):
    refused(tmp_path / "none", tmp_path / "out", "There is no folder")
    refused(folder / "ana" / TOPIC.folder / "quadratics.ipynb", tmp_path / "out", "is a file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "grades.csv").write_text("")
    refused(tmp_path / "empty", tmp_path / "out", "nothing to grade")
    refused(
        folder / "ana",
        tmp_path / "out",
        "nothing to grade.*01_quadratics lies|nothing to grade.*lies in no topic folder",
    )
    hand_in(tmp_path / "other", "ana", topic="cookery")
    refused(tmp_path / "other", tmp_path / "out", "ana/cookery is not a topic")


def test_results_that_cannot_go_where_they_should_are_refused(tmp_path, folder):
    (tmp_path / "file").write_text("x")
    refused(folder, tmp_path / "file", "is a file")
    refused(folder, tmp_path / "file" / "deeper", "cannot be used|is a file")
    refused(folder, folder, "neither it nor the submissions may lie in the other")
    refused(folder, folder / "out", "neither it nor the submissions may lie in the other")
    refused(folder, tmp_path, "neither it nor the submissions may lie in the other")
    refused(folder, tmp_path / "a[1]", "choose a path without")
    (tmp_path / "alias").symlink_to(folder)
    refused(folder, tmp_path / "alias" / "out", "neither it nor the submissions may lie in the other")


@pytest.mark.parametrize(
    "settings",
    [
        {"workers": 0},
        {"workers": -1},
        {"workers": 1.5},
        {"workers": True},
        {"workers": 1000},
        {"timeout": 0},
        {"timeout": -3},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": "soon"},
        {"timeout": True},
        {"engine": "docker"},
    ],
)
def test_workers_deadlines_and_engines_that_make_no_sense_are_refused(tmp_path, folder, settings):
    refused(folder, tmp_path / "out", "is not a number of|There is no engine", **settings)


def test_an_out_that_cannot_be_written_to_is_refused(tmp_path, folder):
    out = Path("/proc/self/out")  # no file can be made there, not even by root
    with pytest.raises(Refusal, match="cannot be (written to|used)"):
        grade(folder, out)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.geteuid():
        refused(folder, closed / "out", "cannot be written to")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a small file system needs root")
def test_a_full_disk_is_named_nothing_is_half_written_and_the_next_run_goes_on(tmp_path, folder):
    for number in range(12):
        hand_in(folder, f"s{number:02}")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        with pytest.raises(Refusal, match="no space left.*run again"):
            grade(folder, disk / "out", workers=2)
        done = len(list((disk / "out").glob(".grading/records/*/*.json")))
        assert 0 < done < 13
        with closing(sqlite3.connect(disk / "out" / "gradebook.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        report = grade(folder, disk / "out", workers=2)
        assert sum(row.fresh for row in report.submissions) == 13 - done
        assert all(row.score in (17.0, 20.0) and row.graded for row in report.submissions)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_second_run_on_the_same_out_says_so_and_leaves(tmp_path, folder):
    out = tmp_path / "out"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, out, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        refused(folder, out, "Another run is grading into")
    finally:
        holder.kill()
        holder.wait()
    with classroom.Classroom(out, folder):  # the lock of a killed run holds nobody up
        pass


@pytest.mark.parametrize(
    "damage, match",
    [
        (
            lambda path: path.write_bytes(b"no database" * 100),
            "is not a gradebook|was made by another version",
        ),
        (lambda path: path.write_bytes(b""), "was made by another version"),
        (
            lambda path: classes.execute(path, "UPDATE alembic_version SET version_num = '50a4d84c131a'"),
            "nbgrader db upgrade",
        ),
        (lambda path: classes.execute(path, "DROP TABLE alembic_version"), "nbgrader db upgrade"),
    ],
)
def test_a_gradebook_of_another_kind_or_version_is_refused_and_left_alone(tmp_path, folder, damage, match):
    out = tmp_path / "out"
    with classroom.Classroom(out, folder):
        pass
    damage(out / "gradebook.db")
    before = (out / "gradebook.db").read_bytes()
    with pytest.raises(Refusal, match=match):
        grade(folder, out)
    assert (out / "gradebook.db").read_bytes() == before
    assert not (out / "submitted").exists()


def test_a_broken_configuration_is_named(tmp_path, folder):
    out = tmp_path / "out"
    with classroom.Classroom(out, folder):
        pass
    (out / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(Refusal, match=r"nbgrader_config.py cannot be read \(SyntaxError"):
        grade(folder, out)


def test_without_a_sandbox_the_reason_and_the_flag_are_named_and_nothing_is_graded(
    tmp_path, folder, monkeypatch
):
    import autograde.marker

    def unavailable(limits, sandbox):
        if sandbox == "require":
            raise SandboxUnavailable("This kernel has no Landlock.")
        raise AssertionError(sandbox)

    monkeypatch.setattr(autograde.marker, "Engine", unavailable)
    with pytest.raises(Refusal, match="no Landlock. With --allow-unsandboxed"):
        grade(folder, tmp_path / "out")
    assert classes.scores(tmp_path / "out" / "gradebook.db") == {}
    with pytest.raises(Refusal, match="could not be started"):
        grade(folder, tmp_path / "out", allow_unsandboxed=True)


def test_the_command_gives_the_sentence_and_status_2(tmp_path, folder):
    done = classes.command(tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("autograde: There is no folder") and done.stderr.count("\n") == 1


def test_a_student_name_that_nbgrader_cannot_use_is_named_and_others_survive(tmp_path, folder):
    for name in ("a*b", "x{y}", "tab\there", "back\\slash", "comma,comma", "n" * 129, " blank"):
        hand_in(folder, name)
    targets, strays = grading.survey(folder)
    assert [target.student for target in targets] == ["ana"] and len(strays) == 7
    assert all("rename the folder" in stray.why and stray.where.isprintable() for stray in strays)
    for name in (
        "-x",
        "--out",
        "two words",
        "Zoë",
        "日本",
        "o'neil",
        "a.b+c@d",
        "=1+1",
        "100%",
        "#5",
        "~",
        "$HOME",
        "x;y",
    ):
        hand_in(folder, name)
    assert len(grading.survey(folder)[0]) == 14


def test_a_folder_that_is_hidden_or_cannot_be_read_is_named_and_costs_no_one_else_anything(
    tmp_path, monkeypatch
):
    for student in ("ana", ".ben", "cleo"):
        (tmp_path / student / TOPIC.folder).mkdir(parents=True)
    (tmp_path / ".cache").mkdir()
    listdir = os.listdir

    def closed(folder):
        if Path(folder).name == "cleo":
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", closed)
    targets, strays = grading.survey(tmp_path)
    assert [target.student for target in targets] == ["ana"]
    assert {stray.where: stray.why for stray in strays} == {
        ".ben": "is left out as hidden or a tool's; rename the folder",
        "cleo": f"{tmp_path / 'cleo'} cannot be read: Permission denied",
    }
