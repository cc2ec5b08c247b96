"""Classes to grade: notebooks as students hand them in, and what a gradebook holds afterwards."""

import copy
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import nbformat

from autograde import cells
from autograde.course import ROOT, find_topic, topics

TOPIC = find_topic("01_quadratics")
EXERCISE = cells.read(TOPIC.exercise)
SOLUTION = cells.sources(cells.read(TOPIC.solution), cells.is_solution)
RELEASED = [topic for topic in topics() if topic.exercise.is_file()]
WRONG = {
    "step_regime": "def step_regime(lr, curvature):\n    return 'monotone'",
    "answer_2": 'answer_2 = "c"',
}
FULL, HONEST = 20.0, 17.0
RANDOM_TABLES = {"alembic_version", "course"}


def notebook(answers: dict[str, str] | None = None, topic=TOPIC):
    """A topic's exercise with `answers` by grade_id; by default the reference solution."""
    nb = copy.deepcopy(EXERCISE if topic is TOPIC else cells.read(topic.exercise))
    answers = cells.sources(cells.read(topic.solution), cells.is_solution) if answers is None else answers
    for cell in nb.cells:
        if cells.is_solution(cell):
            cell.source = answers.get(cells.grading(cell)["grade_id"], cell.source)
    return nb


def honest():
    """Right but for two wrong answers, 17 points: the neighbour whose mark no other submission may change."""
    return notebook({**SOLUTION, **WRONG})


def cell_of(nb, grade_id: str):
    return next(cell for cell in nb.cells if cells.grading(cell).get("grade_id") == grade_id)


def text(nb) -> bytes:
    """As Jupyter would save it, but with nothing checked: a test may hand in what Jupyter would not write."""
    return json.dumps(nb).encode()


def hand_in(
    folder: Path, student: str, content=None, name: str = "quadratics.ipynb", topic: str = TOPIC.folder
) -> Path:
    """Puts a notebook, or bytes, where `student` would; by default the reference solution."""
    path = folder / student / topic / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        content if isinstance(content, bytes) else text(notebook() if content is None else content)
    )
    return path


def command(*arguments, **settings) -> subprocess.CompletedProcess:
    """Runs `python -m autograde grade` with one BLAS thread."""
    return subprocess.run(
        [sys.executable, "-m", "autograde", "grade", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        timeout=300,
        **settings,
    )


def rows(report) -> dict:
    """The report's submissions by student."""
    return {row.student: row for row in report.submissions}


def tables(database: Path) -> dict[str, list[tuple]]:
    """All that a gradebook stores, by table, with names in the place of its random ids, in a fixed order."""
    with closing(sqlite3.connect(database)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        read = {name: connection.execute(f"SELECT * FROM {name}") for name in names}
        columns = {name: [column[0] for column in cursor.description] for name, cursor in read.items()}
        content = {name: cursor.fetchall() for name, cursor in read.items()}
    label: dict[str, str] = {}

    def value(item):
        return label.get(item, item) if isinstance(item, str) else item

    for table in (
        "course",
        "assignment",
        "notebook",
        "base_cell",
        "source_cell",
        "submitted_assignment",
        "submitted_notebook",
    ):
        for row in content[table]:
            fields = dict(zip(columns[table], row))
            if table != "course":
                label[fields["id"]] = "/".join(
                    [
                        table,
                        *(
                            str(value(v))
                            for k, v in sorted(fields.items())
                            if k in ("name", "type", "student_id", "assignment_id", "notebook_id")
                        ),
                    ]
                )
    return {
        table: sorted(
            (
                tuple(
                    value(item)
                    for key, item in zip(columns[table], row)
                    if not (key == "id" and table in ("grade", "comment"))
                )
                for row in content[table]
            ),
            key=repr,
        )
        for table in names
    }


def scores(database: Path) -> dict[str, float]:
    """Automatic score by student, as the grade table has it."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(
            connection.execute(
                "SELECT s.student_id, SUM(g.auto_score) FROM grade g JOIN submitted_notebook n ON "
                "g.notebook_id = n.id "
                "JOIN submitted_assignment s ON n.assignment_id = s.id GROUP BY s.student_id"
            )
        )


def execute(database: Path, statement: str, *values) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def stored(path: Path):
    """An autograded notebook without what differs between two equal runs: ids of cells and times."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        cell.pop("id", None)
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.pop("traceback", None)
    return nb
