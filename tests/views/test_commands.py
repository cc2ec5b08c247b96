"""The new commands as a person types them."""

import os
import subprocess
import sys

import pytest

from autograde import progress
from autograde.cli import main
from autograde.course import ROOT
from tests.grading.classes import hand_in


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "autograde", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def test_collect_grade_report_and_export_go_hand_in_hand(tmp_path):
    hand_in(tmp_path / "download", "ana")
    told = run("collect", tmp_path / "download", "--from", "folder", "--out", tmp_path / "class")
    assert told.returncode == 0 and told.stdout.startswith("1 new, 0 unchanged")
    told = run("grade", tmp_path / "class", "--out", tmp_path / "out")
    assert told.returncode == 0 and "graded 1 of 1" in told.stderr and "report.html" in told.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    told = run("grade", tmp_path / "class", "--out", tmp_path / "out", "--quiet")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    told = run("export", tmp_path / "out", "--format", "csv", "--to", tmp_path / "marks")
    assert told.stdout.splitlines() == [
        str(tmp_path / "marks" / name) for name in ("grades.csv", "questions.csv")
    ]
    assert run("report", tmp_path / "out", "--to", tmp_path / "r.html").stdout == f"{tmp_path / 'r.html'}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["collect", "missing.zip", "--from", "canvas", "--out", "{out}"], "There is no missing.zip"),
        (["collect", "README.md", "--from", "moodle", "--out", "{out}"], "not a zip file"),
        (["collect", "README.md", "--from", "moodle", "--out", "README.md"], "is a file"),
        (["export", "missing", "--format", "csv"], "There is no folder missing"),
        (["export", "lectures", "--format", "csv", "--topics", "99"], "no topic '99'"),
        (["report", "lectures"], "holds no graded class"),
    ],
)
def test_a_wrong_call_gets_one_sentence_and_status_2(arguments, sentence, tmp_path):
    told = run(*[part.format(out=tmp_path / "out") for part in arguments])
    assert told.returncode == 2 and told.stdout == ""
    assert sentence in told.stderr and told.stderr.startswith("autograde: ") and told.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


LONG = {
    "report": ["report", "{out}", "--to", "{new}/r.html"],
    "export": ["export", "{out}", "--format", "gradescope", "--to", "{new}"],
    "simulate": ["simulate", "--students", "3", "--topics", "1", "--out", "{new}/class"],
    "collect": ["collect", "{download}", "--from", "folder", "--out", "{new}/class"],
}


def filled(command, out, tmp_path):
    hand_in(tmp_path / "download", "ana")
    hand_in(tmp_path / "download", "ben")
    places = {"out": out, "new": tmp_path / "new", "download": tmp_path / "download"}
    return [part.format(**places) for part in LONG[command]]


@pytest.mark.parametrize("command", LONG)
def test_long_work_shows_how_far_it_is_and_quiet_work_does_not(command, graded, tmp_path, capsys):
    arguments = filled(command, graded, tmp_path)
    assert main([*arguments, "--quiet"]) == 0
    quiet = capsys.readouterr()
    assert quiet.err == "" and quiet.out
    if command == "simulate":
        arguments[-1] += "2"
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert " of " in told.err and told.err.endswith("\n") and ", in " in told.err


def stopped_at(monkeypatch, number):
    """Ctrl-C as the progress of the work is told for the `number`th time."""
    calls = iter(range(1, number + 1))

    def call(self, done, total, what=""):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Progress, "__call__", call)


@pytest.mark.parametrize(
    ("command", "number", "sentence"),
    [
        ("report", 1, "r.html is not written; run the same command again"),
        ("export", 4, "4 of 22 files are in"),
        ("simulate", 1, "class is as it was; run the same command again"),
        ("collect", 0, "class is as it was; run the same command again"),
        ("collect", 5, "2 of 2 submissions are in"),
    ],
)
def test_ctrl_c_says_what_is_done_and_how_to_go_on(
    command, number, sentence, graded, tmp_path, capsys, monkeypatch
):
    arguments = filled(command, graded, tmp_path)
    stopped_at(monkeypatch, number)
    assert main(arguments) == 130
    told = capsys.readouterr().err
    assert sentence in told and "run the same command again" in told and "Traceback" not in told
    assert not list(tmp_path.rglob(".*new*")) and not list(tmp_path.rglob(".collect*"))
    monkeypatch.undo()
    assert main(arguments) == 0


def test_a_report_that_stands_is_kept_when_the_next_is_interrupted(out, capsys, monkeypatch):
    assert main(["report", str(out)]) == 0
    before = (out / "report.html").read_bytes()
    stopped_at(monkeypatch, 2)
    assert main(["report", str(out)]) == 130
    assert (
        "report.html is as it was" in capsys.readouterr().err and (out / "report.html").read_bytes() == before
    )


def test_ctrl_c_after_the_last_submission_leaves_the_report_to_its_own_command(tmp_path, capsys, monkeypatch):
    hand_in(tmp_path / "class", "ana")
    stopped_at(monkeypatch, 1)
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]) == 130
    told = capsys.readouterr().err
    assert (
        "all submissions are graded and kept" in told
        and f"autograde report {tmp_path / 'out'}` writes it" in told
    )
    monkeypatch.undo()
    assert main(["report", str(tmp_path / "out"), "--quiet"]) == 0


def test_ctrl_c_while_releasing_names_the_topics_that_are_left(capsys, monkeypatch):
    def release(topic):
        if topic.folder.startswith("03"):
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr("autograde.release.release", release)
    assert main(["release", "1", "2", "3", "4"]) == 130
    told = capsys.readouterr()
    assert "01_quadratics: up to date\n02_learning_rate: up to date\n" == told.out
    assert "2 of 4 topics are released" in told.err and "release 03_schedules 04_momentum`" in told.err


def test_names_beside_the_submissions_are_in_the_report_at_once(tmp_path, capsys):
    hand_in(tmp_path / "class", "1001")
    (tmp_path / "class" / "students.csv").write_text(
        "id,first_name,last_name,email\n1001,Zoë,Müller,\n", encoding="utf-8"
    )
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert "Zoë Müller" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Müller" in (tmp_path / "out" / "grades.csv").read_text(encoding="utf-8")


def test_names_that_cannot_be_read_do_not_cost_the_report(tmp_path, capsys):
    hand_in(tmp_path / "class", "1001")
    (tmp_path / "class" / "students.csv").write_bytes(b"")
    assert main(["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert "Without names:" in capsys.readouterr().err and (tmp_path / "out" / "report.html").is_file()


def test_collect_returns_1_where_something_could_not_be_taken(tmp_path, capsys):
    hand_in(tmp_path / "download", "ana")
    call = [
        "collect",
        str(tmp_path / "download"),
        "--from",
        "folder",
        "--out",
        str(tmp_path / "class"),
        "--quiet",
    ]
    assert main(call) == 0 and capsys.readouterr().err == ""
    (tmp_path / "download" / "ben").mkdir()
    (tmp_path / "download" / "ben" / "work.zip").write_bytes(b"")
    assert main(call) == 1
    told = capsys.readouterr()
    assert told.err == "Note: ben/work.zip is refused: it is not a zip file that can be read.\n"
    assert told.out.startswith("0 new, 1 unchanged")
