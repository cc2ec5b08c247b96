"""Reads nbgrader notebooks and runs their cells as plain Python in this process.

In: a notebook of the course's own and sources to put in place of some cells. Out: points and message per test cell.
Trusts everything it runs, so it is for our own solutions, mistakes and mutants: students' work goes through the engine.
"""

import ast
import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograde.course import Refusal


@dataclass(frozen=True)
class Outcome:
    """What one test cell gave: `points` of `max_points`, and the error's name and message where it failed."""

    points: float
    max_points: float
    error: str = ""
    message: str = ""


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`; raises `Refusal` with a sentence where there is none."""
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise Refusal(f"There is no notebook at {path}.") from None
    except IsADirectoryError:
        raise Refusal(f"{path} is a folder; name the notebook in it.") from None
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from None
    except Exception:  # nbformat raises what its parser met: JSON, schema, encoding
        raise Refusal(
            f"{path} is not a Jupyter notebook that can be read; save it again from Jupyter."
        ) from None


def grading(cell) -> dict:
    """The cell's nbgrader metadata, empty where it has none."""
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def is_test(cell) -> bool:
    return cell.cell_type == "code" and bool(grading(cell).get("grade"))


def is_solution(cell) -> bool:
    return cell.cell_type == "code" and bool(grading(cell).get("solution"))


def sources(notebook, keep) -> dict[str, str]:
    """Source by grade_id of the cells for which `keep(cell)` is true."""
    return {grading(cell)["grade_id"]: cell.source for cell in notebook.cells if keep(cell)}


def max_points(notebook) -> dict[str, float]:
    """Points by grade_id of the test cells."""
    return {
        grading(cell)["grade_id"]: float(grading(cell)["points"]) for cell in notebook.cells if is_test(cell)
    }


def companions(notebook, name: str) -> set[str]:
    """The other answers that the hidden test of `name` goes through, as it declares them to `mark` by keyword."""
    test = sources(notebook, is_test)[f"test_{name}"]
    calls = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    return {
        keyword.arg for call in calls if getattr(call.func, "id", "") == "mark" for keyword in call.keywords
    }


def replace_function(cell_source: str, function_source: str) -> str:
    """The cell with `function_source` in place of the function of that name, the rest of the cell as it was."""
    name = ast.parse(function_source).body[0].name
    for node in ast.parse(cell_source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            lines = cell_source.splitlines()
            lines[node.lineno - 1 : node.end_lineno] = function_source.rstrip().splitlines()
            return "\n".join(lines)
    raise ValueError(f"no function {name} in this cell")


def run(
    notebook, replacements: dict[str, str] | None = None, tests: set[str] | None = None
) -> dict[str, Outcome]:
    """Runs the notebook's code cells in order in one fresh namespace and returns the outcome of each test cell.

    `replacements` gives other sources by grade_id; `tests` restricts which test cells run.
    """
    replacements = replacements or {}
    namespace: dict = {"__name__": "__main__"}
    outcomes = {}
    for cell in notebook.cells:
        grade_id = grading(cell).get("grade_id", "")
        if cell.cell_type != "code" or is_test(cell) and tests is not None and grade_id not in tests:
            continue
        error = _execute(replacements.get(grade_id, cell.source), f"<{grade_id or cell.id}>", namespace)
        if is_test(cell):
            points = float(grading(cell)["points"])
            outcomes[grade_id] = Outcome(0.0 if error else points, points, *(error or ("", "")))
    return outcomes


def define(notebook) -> dict:
    """The names that the notebook's setup and solution cells define, by running them and no test."""
    namespace: dict = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not is_test(cell):
            exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)  # noqa: S102 - our own notebooks
    return namespace


def _execute(source: str, filename: str, namespace: dict) -> tuple[str, str] | None:
    """Runs one cell; the name and text of the exception that ended it, if one did."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(source, filename, "exec"), namespace)  # noqa: S102 - our own notebooks
        except Exception as problem:
            return type(problem).__name__, str(problem)
    return None
