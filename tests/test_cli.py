"""The commands as a person types them: what they print, what they refuse, and their exit statuses."""

import os
import subprocess
import sys

import pytest

from autograde.cli import main
from autograde.course import ROOT, find_topic


def run(*arguments: str, cwd=ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "autograde", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_help_names_every_command_and_the_exit_statuses():
    told = run("--help")
    assert told.returncode == 0
    for word in ("release", "check", "grade", "simulate", "Exit status"):
        assert word in told.stdout


def test_a_command_works_from_another_folder_too(tmp_path):
    assert run("release", "01", cwd=tmp_path).stdout == "01_quadratics: up to date\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["release", "99_nothing"], "There is no topic '99_nothing'"),
        (["check", "missing.ipynb"], "There is no notebook at missing.ipynb"),
        (["check", "README.md"], "cannot be checked"),
        (["check", "exercises"], "is a folder"),
        (["grade", "missing", "--out", "{out}"], "missing"),
        (["grade", "README.md", "--out", "{out}"], "README.md"),
        (["simulate", "--students", "2", "--out", "README.md"], "README.md holds something already"),
        (["simulate", "--students", "2", "--out", "{out}", "--topics", "99"], "There is no topic '99'"),
    ],
)
def test_a_wrong_call_gets_one_sentence_status_2_and_writes_nothing(arguments, sentence, tmp_path):
    told = run(*[part.format(out=tmp_path / "out") for part in arguments])
    assert told.returncode == 2
    assert sentence in told.stderr and told.stderr.startswith("autograde: ") and told.stderr.count("\n") == 1
    assert told.stdout == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["grade", "x", "--out", "y", "--workers", "0"],
        ["grade", "x", "--out", "y", "--workers", "many"],
        ["grade", "x", "--out", "y", "--timeout", "nan"],
        ["grade", "x", "--out", "y", "--timeout", "-1"],
        ["grade", "x"],
        ["simulate", "--students", "0", "--out", "x"],
        ["dance"],
        [],
    ],
)
def test_nonsense_is_refused_with_status_2_before_anything_happens(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "error:" in capsys.readouterr().err


def test_check_says_how_each_question_of_an_untouched_exercise_stands():
    told = run("check", str(find_topic("01").exercise))
    assert told.returncode == 0
    lines = told.stdout.splitlines()
    assert sum(line.startswith("not attempted") for line in lines) == 12
    assert "0 of 12 questions right, 0 of 20 points" in told.stdout


def test_check_tells_right_from_wrong_and_says_why(tmp_path):
    from autograde import cells
    from autograde.release import serialize
    from autograde.simulate import Answer, choices, filled_in

    topic = find_topic("01")
    offer = choices(topic)
    answers = {name: versions[0] for name, versions in offer.right.items()}
    answers["quadratic"] = Answer("def quadratic(A, b, c, x):\n    return x @ A @ x + b @ x + c", 0, "")
    answers["gradient_descent"] = Answer(
        "def gradient_descent(gradient, x0, lr, steps):\n    while True: pass", 0, ""
    )
    answers["answer_3"] = Answer(None, 0, "")
    notebook = filled_in(cells.read(topic.exercise), answers)
    path = tmp_path / "my own name.ipynb"
    path.write_text(serialize(notebook), encoding="utf-8")
    told = run("check", str(path), "--timeout", "2")
    assert told.returncode == 0, told.stderr
    assert "wrong          quadratic " in told.stdout and "Is the 1/2 there?" in told.stdout
    assert "out of time    gradient_descent " in told.stdout
    assert "not attempted  answer_3 " in told.stdout
    assert "right          quadratic_gradient " in told.stdout
    assert "9 of 12 questions right" in told.stdout


def test_check_uses_the_released_tests_whatever_the_notebook_says(tmp_path):
    text = find_topic("01").exercise.read_text(encoding="utf-8")
    path = tmp_path / "quadratics.ipynb"
    path.write_text(text.replace("assert np.isclose", "assert True or np.isclose"), encoding="utf-8")
    assert "0 of 12 questions right" in run("check", str(path)).stdout
