"""The one writer of a course's gradebook: nbgrader's database, each submission's grades in one transaction.

In: the grades that a worker found for one submission. Out: the rows that nbgrader's own SaveAutoGrades and
AssignLatePenalties would have stored. Never touches what an instructor entered: manual scores, comments,
extra credit.
"""

import contextlib
import datetime
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from alembic.script import ScriptDirectory
from nbgrader.api import (
    Assignment,
    Base,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    InvalidEntry,
    Notebook,
    SolutionCell,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.plugins.export import CsvExportPlugin
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DatabaseError, OperationalError

from autograde.course import COURSE_ID, Refusal

PATIENCE = 30  # seconds to wait for another program, such as the formgrader, that writes to the gradebook
INDEXES = {
    "grade_notebook": "grade (notebook_id)",
    "comment_notebook": "comment (notebook_id)",
    "submitted_notebook_assignment": "submitted_notebook (assignment_id)",
}


@dataclass(frozen=True)
class Standing:
    """What the gradebook already holds about a submission and grading must respect."""

    graded: bool = False
    score: float = 0.0
    manual: dict[str, float] = field(default_factory=dict)
    extra: dict[str, float] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    duedate: datetime.datetime | None = None
    timestamp: datetime.datetime | None = None


@dataclass(frozen=True)
class Grades:
    """A submission's automatic grades: scores and comments by grade_id; None waits for a person."""

    student: str
    assignment: str
    notebook: str
    scores: dict[str, float | None]
    comments: dict[str, str | None]
    penalty: float | None = None
    timestamp: datetime.datetime | None = None


def create(path: Path, scratch: Path) -> None:
    """Makes an empty gradebook of the installed nbgrader's version, whole or not at all: in the folder
    `scratch` first.
    """
    draft = scratch / "gradebook.draft"
    draft.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{draft}", future=True)
    Base.metadata.create_all(bind=engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(
            text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": schema_version()}
        )
        for (
            name,
            columns,
        ) in INDEXES.items():  # nbgrader reads a submission's score by a scan of all grades without them
            connection.execute(text(f"CREATE INDEX {name} ON {columns}"))
    engine.dispose()
    os.replace(draft, path)


def schema_version() -> str:
    """The database version of the installed nbgrader."""
    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


def check(path: Path) -> None:
    """Raises `Refusal` unless `path` is a gradebook that the installed nbgrader can write to."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
        ) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError as problem:
        if "locked" in str(problem):
            raise _busy(path) from None
        if "unable to open" in str(problem):
            raise Refusal(f"{path} cannot be opened; check its permissions.") from None
        found = []
    except sqlite3.DatabaseError:
        raise Refusal(
            f"{path} is not a gradebook; move it away and run again, and a new one is made."
        ) from None
    if found != [(schema_version(),)]:
        raise Refusal(
            f"{path} was made by another version of nbgrader; copy it to a safe place and run "
            f"`nbgrader db upgrade` in {path.parent}, or choose another folder with --out."
        )
    if not os.access(path, os.W_OK):
        raise Refusal(f"{path} is read-only; make it writable or choose another folder with --out.")


def _busy(path: Path) -> Refusal:
    return Refusal(
        f"{path} is in use by another program; close the formgrader or wait for it, and run again: "
        f"what is graded so far is kept."
    )


@contextlib.contextmanager
def explained(path: Path):
    """Turns the database's errors into sentences."""
    try:
        yield
    except OperationalError as problem:
        reason = str(problem.orig)
        if "locked" in reason:
            raise _busy(path) from None
        if "full" in reason:
            raise Refusal(
                f"There is no space left for {path}; free some and run again: what is graded so far is kept."
            ) from None
        if "readonly" in reason:
            raise Refusal(f"{path} is read-only; make it writable and run again.") from None
        raise Refusal(
            f"{path} cannot be written to ({reason}); run again, and what is graded so far is kept."
        ) from None
    except InvalidEntry as problem:  # what nbgrader makes of some of them
        raise Refusal(
            f"{path} cannot be written to ({str(problem)[:200]}); run again, and what is graded so far is "
            "kept."
        ) from None
    except DatabaseError as problem:
        raise Refusal(
            f"{path} is damaged ({problem.orig}); restore a copy of it, or move it away and grade anew."
        ) from None


class Book:
    """An open gradebook. A context manager; `path` must have passed `check`."""

    def __init__(self, path: Path):
        self.path = path
        with explained(path):
            self._book = Gradebook(f"sqlite:///{path}?timeout={PATIENCE}", COURSE_ID)
        self._cells: dict[tuple[str, str], dict] = {}

    @property
    def _db(self):
        return self._book.db

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._book.close()

    def master(self, assignment: str, notebook: str) -> dict[str, tuple[str, str, bool]]:
        """Source (hidden tests included), checksum and lock by grade_id of the master version's cells."""
        with explained(self.path):
            rows = self._db.execute(
                select(SourceCell.name, SourceCell.source, SourceCell.checksum, SourceCell.locked)
                .join(Notebook)
                .join(Assignment)
                .where(Assignment.name == assignment, Notebook.name == notebook)
            ).all()
            self._db.rollback()
        return {name: (source, checksum, locked) for name, source, checksum, locked in rows}

    def set_due(self, assignment: str, duedate: datetime.datetime) -> None:
        """Stores when an assignment is due (UTC, without a zone)."""
        with explained(self.path):
            row = self._db.scalars(select(Assignment).where(Assignment.name == assignment)).one()
            row.duedate = duedate
            self._db.commit()
            self._db.expunge_all()

    def graded(self) -> set[tuple[str, str]]:
        """(student, assignment) of all submissions that have rows here."""
        rows = self._db.execute(
            select(SubmittedAssignment.student_id, Assignment.name).join(Assignment)
        ).all()
        self._db.rollback()
        return {tuple(row) for row in rows}

    def standing(self, student: str, assignment: str, notebook: str) -> Standing:
        """What is stored about a submission; an empty `Standing` with the due date where there is none."""
        with explained(self.path):
            duedate = self._db.scalar(select(Assignment.duedate).where(Assignment.name == assignment))
            submission = self._submission(student, assignment)
            if submission is None:
                self._db.rollback()
                return Standing(duedate=duedate)
            grades = self._db.execute(
                select(GradeCell.name, Grade.manual_score, Grade.extra_credit, Grade.auto_score)
                .join_from(Grade, GradeCell, Grade.cell_id == GradeCell.id)
                .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
                .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
                .where(SubmittedNotebook.assignment_id == submission.id, Notebook.name == notebook)
            ).all()
            comments = self._db.execute(
                select(SolutionCell.name, Comment.manual_comment)
                .join_from(Comment, SolutionCell, Comment.cell_id == SolutionCell.id)
                .join(SubmittedNotebook, Comment.notebook_id == SubmittedNotebook.id)
                .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
                .where(SubmittedNotebook.assignment_id == submission.id, Notebook.name == notebook)
            ).all()
            result = Standing(
                graded=any(auto is not None for _, _, _, auto in grades),
                score=sum((auto if manual is None else manual) or 0.0 for _, manual, _, auto in grades)
                + sum(e or 0.0 for _, _, e, _ in grades),
                manual={name: manual for name, manual, _, _ in grades if manual is not None},
                extra={name: extra for name, _, extra, _ in grades if extra is not None},
                comments={name: comment for name, comment in comments if comment is not None},
                duedate=submission.duedate if duedate is not None else None,
                timestamp=submission.timestamp,
            )
            self._db.rollback()
            self._db.expunge_all()
            return result

    def write(self, grades: Grades) -> None:
        """Stores one submission's grades, all of them or none."""
        try:
            with explained(self.path):
                self._write(grades)
        except BaseException:
            self._db.rollback()
            raise
        finally:
            self._db.expunge_all()

    def _write(self, grades: Grades) -> None:
        db = self._db
        if db.get(Student, grades.student) is None:
            db.add(Student(id=grades.student))
            db.flush()
        submission = self._submission(grades.student, grades.assignment)
        cells = self._cell_ids(grades.assignment, grades.notebook)
        if submission is None:
            submission = SubmittedAssignment(assignment_id=cells["assignment"], student_id=grades.student)
            db.add(submission)
            db.flush()
            self._mirror(submission.id, cells["assignment"])
            db.flush()
        if grades.timestamp is not None:
            submission.timestamp = grades.timestamp
        notebook = db.scalars(
            select(SubmittedNotebook).where(
                SubmittedNotebook.assignment_id == submission.id,
                SubmittedNotebook.notebook_id == cells["notebook"],
            )
        ).one()
        stored = {
            grade.cell_id: grade
            for grade in db.scalars(select(Grade).where(Grade.notebook_id == notebook.id))
        }
        for name, score in grades.scores.items():
            grade = stored[cells["grades"][name]]
            grade.auto_score = score
            grade.needs_manual_grade = grade.manual_score is not None or score is None
        remarks = {
            comment.cell_id: comment
            for comment in db.scalars(select(Comment).where(Comment.notebook_id == notebook.id))
        }
        for name, comment in grades.comments.items():
            remarks[cells["comments"][name]].auto_comment = comment
        notebook.late_submission_penalty = grades.penalty
        db.commit()

    def _mirror(self, submission_id: str, assignment_id: str) -> None:
        """The empty rows of a new submission, as nbgrader's `add_submission` makes them."""
        for notebook in self._db.scalars(
            select(Notebook).where(Notebook.assignment_id == assignment_id)
        ).all():
            row = SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission_id)
            self._db.add(row)
            self._db.flush()
            for cell in [*notebook.grade_cells, *notebook.task_cells]:
                self._db.add(Grade(cell_id=cell.id, notebook_id=row.id))
            for cell in [*notebook.solution_cells, *notebook.task_cells]:
                self._db.add(Comment(cell_id=cell.id, notebook_id=row.id))

    def _submission(self, student: str, assignment: str) -> SubmittedAssignment | None:
        return self._db.scalars(
            select(SubmittedAssignment)
            .join(Assignment)
            .where(Assignment.name == assignment, SubmittedAssignment.student_id == student)
        ).one_or_none()

    def _cell_ids(self, assignment: str, notebook: str) -> dict:
        """The database's ids of an assignment, its notebook and its cells, read once."""
        if (assignment, notebook) not in self._cells:
            row = self._db.scalars(
                select(Notebook)
                .join(Assignment)
                .where(Assignment.name == assignment, Notebook.name == notebook)
            ).one()
            self._cells[assignment, notebook] = {
                "assignment": row.assignment_id,
                "notebook": row.id,
                "grades": {cell.name: cell.id for cell in [*row.grade_cells, *row.task_cells]},
                "comments": {cell.name: cell.id for cell in [*row.solution_cells, *row.task_cells]},
            }
        return self._cells[assignment, notebook]

    def stored(self, student: str, assignment: str, notebook: str) -> tuple[dict, dict, float | None]:
        """The automatic scores and comments by grade_id, and the late penalty, that nbgrader stored for a
        submission.
        """
        row = self._book.find_submission_notebook(notebook, assignment, student)
        scores = {grade.name: grade.auto_score for grade in row.grades}
        comments = {comment.name: comment.auto_comment for comment in row.comments}
        penalty = row.late_submission_penalty
        self._db.rollback()
        return scores, comments, penalty

    def enter_manual(self, student: str, assignment: str, notebook: str, standing: Standing) -> None:
        """Copies what an instructor entered in another gradebook, so that a feedback page made from this one
        shows it.
        """
        row = self._book.find_submission_notebook(notebook, assignment, student)
        for grade in row.grades:
            grade.manual_score, grade.extra_credit = standing.manual.get(grade.name), standing.extra.get(
                grade.name
            )
        for comment in row.comments:
            comment.manual_comment = standing.comments.get(comment.name)
        self._db.commit()

    def export(self, path: Path, scratch: Path) -> None:
        """Writes grades.csv through nbgrader's own exporter, whole or not at all."""
        draft = scratch / "grades.csv"
        with explained(self.path):
            CsvExportPlugin(to=str(draft)).export(self._book)
            self._db.rollback()
            self._db.expunge_all()
        os.replace(draft, path)
