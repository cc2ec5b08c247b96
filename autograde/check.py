"""A student's own check: runs one notebook against the tests that students see, and says how each question stands.

In: a notebook that a student is working on. Out: a line per question. The tests are those of the released exercise, so
an edited test cell misleads nobody. The code is the student's own, on the student's own machine: it runs in the grading
engine where the system can fork, in an ordinary kernel where it cannot.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from autograde import cells, intake
from autograde.course import ROOT, Refusal, Topic

MARKS = {
    "right": "right",
    "partial": "partly",
    "wrong": "wrong",
    "not attempted": "not attempted",
    "timeout": "out of time",
    "crashed": "crashed",
}


@dataclass(frozen=True)
class Line:
    """One question: its name, how it stands (a key of `MARKS`), what the student should read, and its points."""

    question: str
    status: str
    message: str
    points: float

    def __str__(self) -> str:
        text = f"{MARKS[self.status]:14} {self.question:24} {self.points:g} point{'s' * (self.points != 1)}"
        return text + (f"\n{'':15}{self.message}" if self.status not in ("right", "not attempted") else "")


def check(path: Path, seconds: float = 30, root: Path = ROOT) -> tuple[Topic, list[Line], list[str]]:
    """The topic, a line per question, and notes on anything odd; raises `Refusal` where there is nothing to check."""
    if not path.exists():
        raise Refusal(f"There is no notebook at {path}.")
    try:
        content = intake.read_regular(path)
        topic = _topic_of(content, root)
        prepared = intake.normalise(content, cells.read(topic.exercise))
    except intake.Unreadable as problem:
        raise Refusal(f"{path} cannot be checked: {problem}.") from None
    run = _in_engine if hasattr(os, "fork") else _in_kernel
    outcomes = run(prepared.notebook, topic.exercise.parent, seconds)
    lines = [
        Line(name.removeprefix("test_"), *outcomes[name], points)
        for name, points in cells.max_points(prepared.notebook).items()
    ]
    return topic, lines, prepared.notes


def _topic_of(content: bytes, root: Path) -> Topic:
    """The topic whose functions the notebook's cells claim to hold."""
    found, _ = intake.parse(content)
    claims = {cell.claim for cell in found} | {cell.id for cell in found}
    exercises = sorted((root / "exercises").glob("[0-9][0-9]_*/*.ipynb"))
    if not exercises:
        raise Refusal(f"There are no exercises in {root / 'exercises'} to check a notebook against.")
    overlap = {}
    for exercise in exercises:
        names = set(cells.sources(cells.read(exercise), cells.is_solution))
        overlap[Topic(exercise.parent.name, root)] = len(
            {name for name in names if not name.startswith("answer_")} & claims
        )
    best = max(overlap, key=overlap.get)
    if not overlap[best]:
        raise intake.Unreadable(
            "none of its cells belongs to an exercise of this course; open a notebook of exercises/"
        )
    return best


def _in_engine(notebook, folder: Path, seconds: float) -> dict[str, tuple[str, str]]:
    """Status and message by test cell, from the engine that also grades; without its sandbox where there is none."""
    from autograde.engine import Engine, Limits

    with Engine(Limits(cell_seconds=seconds), sandbox="best-effort") as engine:
        questions = engine.run(notebook, files=folder).questions
    return {name: (question.status, question.message) for name, question in questions.items()}


def _in_kernel(notebook, folder: Path, seconds: float) -> dict[str, tuple[str, str]]:
    """The same from an ordinary Jupyter kernel."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook, timeout=seconds, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    stopped = ""
    try:
        client.execute()
    except CellTimeoutError:
        stopped = "timeout"
    except DeadKernelError:
        stopped = "crashed"
    return {
        cells.grading(cell)["grade_id"]: _standing(cell, stopped)
        for cell in notebook.cells
        if cells.is_test(cell)
    }


def _standing(cell, stopped: str) -> tuple[str, str]:
    """How one executed test cell stands; `stopped` says why the run ended early, if it did."""
    if cell.execution_count is None:
        return stopped, "The run ended before this question: is there a loop that never ends?"
    for output in cell.outputs:
        if output.output_type == "error":
            unattempted = (
                output.ename == "NotImplementedError"
                or output.ename == "NameError"
                and "answer_" in output.evalue
            )
            return "not attempted" if unattempted else "wrong", output.evalue
    return "right", ""
