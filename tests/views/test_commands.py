"""The new commands as a person types them."""

import os
import subprocess
import sys

import pytest

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
