"""solutions/ -> exercises/, through nbgrader's own generate_assignment.

In: a reference solution with marked solutions and hidden tests. Out: the notebook that students get. Trusts the
solution's author to mean well and not to be infallible: a stub that still holds an answer is refused.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from traitlets.config import Config

from autograde import cells
from autograde.course import Refusal, Topic

MARKER = re.compile(r"\b(begin|end)\s+(solution|hidden|mark)", re.IGNORECASE)
STUB = "raise NotImplementedError"


def release_config() -> Config:
    """nbgrader's settings that decide what a released notebook looks like."""
    config = Config()
    config.ClearSolutions.code_stub = {"python": STUB}
    config.NbGrader.log_level = config.GenerateAssignment.log_level = "CRITICAL"
    return config


def released(topic: Topic) -> nbformat.NotebookNode:
    """The notebook that students get for `topic`; raises `Refusal` where it would hold an answer or a hidden test."""
    source = cells.read(topic.solution)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        notebook = _generate(topic, Path(folder))
    problems = leaks(source, notebook)
    if problems:
        raise Refusal(f"{topic.folder} is not released: " + "; ".join(problems) + ".")
    return notebook


def release(topic: Topic) -> bool:
    """Writes exercises/ for one topic; returns whether anything changed. The old file stands until the new is whole."""
    text = serialize(released(topic))
    if topic.exercise.is_file() and topic.exercise.read_text(encoding="utf-8") == text:
        return False
    topic.exercise.parent.mkdir(parents=True, exist_ok=True)
    draft = topic.exercise.with_name(f".{topic.exercise.name}.new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, topic.exercise)
    return True


def serialize(notebook) -> str:
    """A notebook as the text this project stores: one line per line of source, keys in order."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def leaks(source, notebook) -> list[str]:
    """What of the solution or the hidden tests a released notebook still holds, one clause each."""
    found = []
    for cell in source.cells:
        if cell.cell_type == "code" and not cells.grading(cell):
            found.append(
                f"cell {cell.id!r} has no nbgrader role (solution, test or read-only), so it would be released as it is"
            )
    answers = {
        line.strip()
        for text in cells.sources(source, cells.is_solution).values()
        for line in _answer_lines(text)
    }
    for cell in notebook.cells:
        name = cells.grading(cell).get("grade_id", cell.id)
        if MARKER.search(cell.source):
            found.append(
                f"cell {name!r} still holds a BEGIN or END mark: is one misspelt, or without its partner?"
            )
        if cell.cell_type == "code" and "autograde" in cell.source:
            found.append(
                f"cell {name!r} imports the course's own tools, which hidden tests may and students cannot"
            )
        if cells.is_solution(cell):
            if STUB not in cell.source:
                found.append(f"cell {name!r} has no {STUB!r}: is its solution marked?")
            if kept := answers & {line.strip() for line in cell.source.splitlines()}:
                found.append(f"cell {name!r} still holds {sorted(kept)[0]!r}")
        if cell.get("outputs"):
            found.append(f"cell {name!r} still has outputs")
    if not found:
        stubs = cells.sources(notebook, cells.is_solution)
        passed = [name for name, outcome in cells.run(source, stubs).items() if outcome.points]
        found += [f"the empty exercise passes {name!r}" for name in passed]
    return found


def _answer_lines(text: str) -> list[str]:
    """The lines between solution marks that are worth hiding: not a bare bracket or `else:`."""
    inside, lines = False, []
    for line in text.splitlines():
        if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
            inside = "BEGIN" in line
        elif inside and len(line.strip()) > 6:
            lines.append(line)
    return lines


def _generate(topic: Topic, folder: Path):
    """Runs nbgrader's generate_assignment on a copy of the topic's folder, without a database."""
    shutil.copytree(
        topic.solution.parent,
        folder / "source" / topic.folder,
        ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"),
    )
    config = release_config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = topic.folder
    config.GenerateAssignment.no_database = True
    app = NbGrader(config=config)
    converter = GenerateAssignment(
        coursedir=CourseDirectory(config=config, parent=app), config=config, parent=app
    )
    converter.preprocessors = [step for step in converter.preprocessors if step is not SaveCells]
    here = os.getcwd()
    try:
        converter.start()
    except (NbGraderException, RuntimeError) as problem:
        raise Refusal(
            f"{topic.folder} is not released: nbgrader refuses {topic.solution.name}: {problem}"
        ) from None
    finally:
        os.chdir(here)  # nbgrader's converters change the working directory
    return cells.read(folder / "release" / topic.folder / topic.solution.name)
