"""The marks of a class as they stand: what the gradebook holds now, with what the last run found out about
each question.

In: the folder OUT of a graded class. Out: a `Class`, plain data, for the report and the exports. Reads, never
writes: the gradebook counts before report.json, so that marks given by hand since are there. Trusts both
files' form, not their texts.
"""

import contextlib
import functools
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autograde import gradebook
from autograde.course import Refusal

GRADES = """
SELECT sa.student_id, a.name, bc.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade,
       gc.max_score, sn.late_submission_penalty, sa.timestamp
FROM grade g JOIN base_cell bc ON bc.id = g.cell_id JOIN grade_cells gc ON gc.id = bc.id
     JOIN submitted_notebook sn ON sn.id = g.notebook_id
     JOIN submitted_assignment sa ON sa.id = sn.assignment_id
     JOIN assignment a ON a.id = sa.assignment_id
ORDER BY sa.student_id, a.name, bc.rowid"""
COMMENTS = """
SELECT sa.student_id, a.name, bc.name, c.manual_comment
FROM comment c JOIN base_cell bc ON bc.id = c.cell_id JOIN submitted_notebook sn ON sn.id = c.notebook_id
     JOIN submitted_assignment sa ON sa.id = sn.assignment_id JOIN assignment a ON a.id = sa.assignment_id
WHERE c.manual_comment IS NOT NULL AND c.manual_comment != '' ORDER BY bc.rowid"""
MOST = """
SELECT a.name, SUM(gc.max_score)
FROM grade_cells gc JOIN base_cell bc ON bc.id = gc.id JOIN notebook n ON n.id = bc.notebook_id
     JOIN assignment a ON a.id = n.assignment_id GROUP BY a.name ORDER BY a.name"""


@dataclass(frozen=True)
class Question:
    """One test cell's standing. `status` as in report.json, or "by hand" where an instructor changed the
    points.
    """

    name: str
    status: str
    points: float
    max_points: float
    message: str = ""


@dataclass
class Work:
    """One submission. `score` is what counts: points given by hand before automatic ones, extra credit added,
    the late penalty taken off, never below 0. `waiting` says that a person still has to mark some of it;
    `comments` are the instructor's, by the answer that they are about.
    """

    student: str
    topic: str
    score: float
    max_score: float
    penalty: float = 0.0
    questions: list[Question] = field(default_factory=list)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    as_handed_in: bool = True
    timestamp: str = ""
    waiting: bool = False
    comments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """A student as the gradebook knows him or her; all but the id may be empty."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part)


@dataclass
class Class:
    """A graded class. `topics` maps each topic that was handed in by anyone to its points, in the course's
    order.
    """

    root: Path
    people: dict[str, Person]
    topics: dict[str, float]
    works: list[Work]
    ungraded: list[Work] = field(default_factory=list)
    duedates: dict[str, str] = field(default_factory=dict)
    engine: str = "sandbox"
    layers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    strays: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @functools.cached_property
    def by_key(self) -> dict[tuple[str, str], Work]:
        return {(work.student, work.topic): work for work in self.works}


def read(out: Path, progress: Callable | None = None) -> Class:
    """The class in folder `out`; raises `Refusal` where none is graded there. progress: called with (done,
    total, what is done) as submissions are read.
    """
    out = Path(out)
    try:
        return _read(out, _report(out), progress)
    except (KeyError, TypeError, AttributeError):
        raise Refusal(f"{out / 'report.json'} is damaged; grade again, and it is written anew.") from None


def _read(out: Path, told: dict, progress: Callable | None) -> Class:
    try:
        with contextlib.closing(
            sqlite3.connect(
                f"{(out / 'gradebook.db').resolve().as_uri()}?mode=ro", uri=True, timeout=gradebook.PATIENCE
            )
        ) as db:
            people = {
                row[0]: Person(*(value or "" for value in row))
                for row in db.execute("SELECT id, first_name, last_name, email FROM student ORDER BY id")
            }
            most, grades = dict(db.execute(MOST)), db.execute(GRADES).fetchall()
            comments = db.execute(COMMENTS).fetchall()
            duedates = {
                topic: due[:19]
                for topic, due in db.execute("SELECT name, duedate FROM assignment WHERE duedate IS NOT NULL")
            }
    except sqlite3.DatabaseError as problem:
        raise Refusal(
            f"{out / 'gradebook.db'} cannot be read ({problem}); close other programs that use it, or grade"
            " again."
        ) from None
    rows = {(row["student"], row["topic"]): row for row in told["submissions"]}
    works = _works(grades, most, rows, progress)
    by_key = {(work.student, work.topic): work for work in works}
    for student, topic, cell, comment in comments:
        if (student, topic) in by_key:
            by_key[student, topic].comments[cell] = comment
    graded = {(work.student, work.topic) for work in works}
    ungraded = [
        Work(
            student,
            topic,
            0.0,
            float(row["max_score"]),
            seconds=row["seconds"],
            notes=list(row["notes"]),
            as_handed_in=False,
        )
        for (student, topic), row in rows.items()
        if (student, topic) not in graded
    ]
    for student, _ in rows:
        people.setdefault(student, Person(student))
    handed_in = {work.topic for work in [*works, *ungraded]}
    return Class(
        out,
        people,
        {topic: points for topic, points in most.items() if topic in handed_in},
        works,
        ungraded,
        duedates,
        told["engine"],
        told["layers"],
        told.get("missing", []),
        [(stray["where"], stray["why"]) for stray in told["strays"]],
        told["seconds"],
    )


def _report(out: Path) -> dict:
    advice = f"name the folder that `python -m autograde grade SUBMISSIONS --out {out}` wrote"
    if not out.is_dir():
        raise Refusal(f"There is no folder {out}; {advice}.")
    if not (out / "report.json").is_file() or not (out / "gradebook.db").is_file():
        raise Refusal(f"{out} holds no graded class; {advice}.")
    try:
        told = json.loads((out / "report.json").read_bytes())
        if (
            not isinstance(told, dict)
            or not {"engine", "layers", "submissions", "strays", "seconds"} <= told.keys()
        ):
            raise ValueError
    except (OSError, ValueError):
        raise Refusal(f"{out / 'report.json'} is damaged; grade again, and it is written anew.") from None
    return told


def _works(grades, most: dict, rows: dict, progress: Callable | None) -> list[Work]:
    """A `Work` per submission that the gradebook holds marks of."""
    works: dict[tuple[str, str], Work] = {}
    marked, last = set(), len(grades)
    for done, (student, topic, cell, auto, manual, extra, needed, points, penalty, timestamp) in enumerate(
        grades, 1
    ):
        if progress and (done % 1000 == 0 or done == last):
            progress(done, last, "marks read")
        key = (student, topic)
        row = rows.get(key)
        if key not in works:
            told = {question["name"]: question for question in row["questions"]} if row else {}
            works[key] = Work(
                student,
                topic,
                0.0,
                most[topic],
                penalty or 0.0,
                seconds=row["seconds"] if row else 0.0,
                notes=list(row["notes"]) if row else [],
                as_handed_in=row["as_handed_in"] if row else True,
                timestamp=(timestamp or "")[:19],
            )
        work = works[key]
        if auto is not None or manual is not None:
            marked.add(key)
        work.waiting = work.waiting or manual is None and auto is None and bool(needed)
        work.questions.append(_question(cell, auto, manual, extra, points, told.get(cell)))
    for work in works.values():
        work.score = max(0.0, sum(question.points for question in work.questions) - work.penalty)
    return [work for key, work in works.items() if key in marked]


def _question(name: str, auto, manual, extra, most: float, told: dict | None) -> Question:
    points = (auto if manual is None else manual) or 0.0
    points += extra or 0.0
    if manual is not None or extra:
        return Question(name, "by hand", points, most, told["message"] if told else "")
    if told and told["points"] == points:  # else it was graded anew since, as by the formgrader
        return Question(name, told["status"], points, most, told["message"])
    return Question(
        name,
        "manual" if auto is None else "right" if points >= most else "partial" if points else "wrong",
        points,
        most,
    )
