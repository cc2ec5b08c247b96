"""One submission -> its marks, the executed notebook and the feedback page: a pure function, run in a worker.

In: a `Job`, plain data. Out: an `Outcome`, plain data; nothing is written but scratch files. Trusts the job's
topic and standing, which come from the gradebook, and nothing of the submission. `EngineMarker` executes
through the course's engine, `StockMarker` through nbgrader as it is; what they return is the same.
"""

import copy
import datetime
import math
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import utils
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    Execute,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets.config import Config

from autograde import feedback, gradebook, intake
from autograde.classroom import generate, replace, run
from autograde.course import ROOT, Refusal, Topic
from autograde.deadline import within
from autograde.engine import Engine, EngineError, Limits, SandboxUnavailable
from autograde.gradebook import Standing
from autograde.workers import Failed

READING_SECONDS = 60  # for putting a notebook into the released form
MESSAGE = 2000  # characters of a question's message that the report keeps


@dataclass(frozen=True)
class Job:
    """One submission to mark. `unread` says why there is no notebook; the released one then stands in, for 0
    points.
    """

    student: str
    topic: Topic
    content: bytes
    notes: tuple[str, ...] = ()
    timestamp: str = ""
    standing: Standing = Standing()
    unread: str = ""
    key: str = ""


@dataclass
class Question:
    """One test cell's mark. `status`: right, wrong, not attempted, timeout, crashed, partial or manual."""

    name: str
    status: str
    points: float
    max_points: float
    message: str = ""


@dataclass
class Outcome:
    """Everything about a marked submission that is to be stored or reported.

    `rebuilt` is the notebook in the released form where it differs from what was handed in by more than a
    file's name.
    """

    scores: dict[str, float | None]
    comments: dict[str, str | None]
    penalty: float | None
    questions: list[Question]
    rebuilt: bytes
    autograded: bytes
    feedback: bytes
    seconds: float
    notes: list[str] = field(default_factory=list)
    unread: str = ""
    repaired: bool = False


def serialise(notebook) -> bytes:
    return nbformat.writes(notebook).encode("utf-8")


def take_in(job: Job, released) -> tuple[intake.Intake, str, bytes]:
    """The job's notebook in the released form, why it could not be read (then it is the released one,
    unanswered), and its text where that has to stand in for what was handed in.
    """
    reason = job.unread
    if not reason:
        try:
            with within(READING_SECONDS):
                taken = intake.normalise(job.content, released)
            rebuilt = serialise(taken.notebook) if taken.notes or taken.repaired else b""
            taken.notes[:0] = job.notes
            return taken, "", rebuilt
        except intake.Unreadable as problem:
            reason = str(problem)
        except (TimeoutError, RecursionError):
            reason = f"it is nested too deep, or takes more than {READING_SECONDS} s to read: hand it in anew"
    return intake.Intake(copy.deepcopy(released), list(job.notes)), reason, serialise(released)


def questions(
    notebook, scores: dict[str, float | None], statuses: dict[str, str] | None = None
) -> list[Question]:
    """A line per test cell of an executed notebook."""
    found = []
    for cell in notebook.cells:
        if not utils.is_grade(cell):
            continue
        name, most = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points)
        score = scores[name]
        error = next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)
        message = feedback.plain(error.evalue)[:MESSAGE] if error else ""
        if score is None:
            status = "manual"
        elif statuses and name in statuses:
            status = statuses[name]
        elif error:
            status = {
                "NotImplementedError": "not attempted",
                "CellTimeoutError": "timeout",
                "DeadKernelError": "crashed",
            }.get(error.ename, "wrong")
        else:
            status = "right" if score == most else "partial" if score else "wrong"
        found.append(Question(name, status, score or 0.0, most, message))
    return found


class StockMarker:
    """Marks through nbgrader's own Autograde, with its kernel, and generate_feedback, in a scratch course of
    its own.

    Not safe against hostile code, which runs with the rights of the instructor; here for comparison.
    """

    layers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __init__(
        self, topics: dict[str, nbformat.NotebookNode], config: Config, timeout: float, scratch: Path
    ):
        self._released, self._timeout, self._config = topics, timeout, config
        self._root = Path(tempfile.mkdtemp(prefix="stock-", dir=scratch))
        self._pristine = self._root / "pristine.db"

    def __enter__(self):
        os.environ["PYTHONPATH"] = str(ROOT)  # the kernel imports what hidden tests import
        gradebook.create(self._pristine, self._root)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._root, ignore_errors=True)

    def mark(self, job: Job) -> Outcome | Failed:
        start = time.perf_counter()
        topic = job.topic
        if not (self._root / "source" / topic.folder).exists():
            replace(self._root / "source" / topic.folder / topic.solution.name, topic.solution.read_bytes())
            generate(self._root, topic, self._pristine)
        database = self._root / "gradebook.db"
        shutil.copyfile(self._pristine, database)
        for step in ("submitted", "autograded", "feedback"):
            shutil.rmtree(self._root / step, ignore_errors=True)
        if job.standing.duedate:
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(
                    "UPDATE assignment SET duedate = ?", (f"{job.standing.duedate:%Y-%m-%d %H:%M:%S.%f}",)
                )
        taken, unread, rebuilt = take_in(job, self._released[topic.folder])
        folder = self._root / "submitted" / job.student / topic.folder
        replace(folder / topic.solution.name, serialise(taken.notebook))
        if job.timestamp:
            replace(folder / "timestamp.txt", job.timestamp.encode())
        try:
            run(Autograde, self._settings(job))
        except NbGraderException:  # what went wrong is in nbgrader's log, which nobody reads here
            return Failed("stock nbgrader could not run it: its kernel died, or could not be stopped")
        with gradebook.Book(database) as book:
            scores, comments, penalty = book.stored(job.student, topic.folder, topic.name)
            book.enter_manual(job.student, topic.folder, topic.name, job.standing)
        run(GenerateFeedback, self._settings(job))
        autograded = (
            self._root / "autograded" / job.student / topic.folder / topic.solution.name
        ).read_bytes()
        page = (self._root / "feedback" / job.student / topic.folder / f"{topic.name}.html").read_bytes()
        executed = nbformat.reads(autograded.decode(), as_version=4)
        return Outcome(
            scores,
            comments,
            penalty,
            questions(executed, scores),
            rebuilt,
            autograded,
            page,
            time.perf_counter() - start,
            taken.notes,
            unread,
            taken.repaired,
        )

    def _settings(self, job: Job) -> Config:
        config = copy.deepcopy(self._config)
        course = config.CourseDirectory
        course.root, course.db_url = str(self._root), f"sqlite:///{self._root / 'gradebook.db'}"
        course.student_id, course.assignment_id = job.student, job.topic.folder
        config.Autograde.sanitize_preprocessors = [
            ClearOutput,
            DeduplicateIds,
            OverwriteKernelspec,
            OverwriteCells,
            CheckCellMetadata,
        ]
        config.Autograde.autograde_preprocessors = [
            Execute,
            IgnorePattern,
            ClearMetadataPreprocessor,
            LimitOutput,
            SaveAutoGrades,
            AssignLatePenalties,
            CheckCellMetadata,
        ]
        config.GenerateFeedback.preprocessors = [GetGrades, feedback.HideTests]
        config.GenerateFeedback.exporter_class = feedback.Page
        config.Execute.timeout = math.ceil(self._timeout)
        return config


class EngineMarker:
    """Marks through the course's engine. What nbgrader does for each submission anew (opening the gradebook,
    loading templates, validating) is done once here; its own functions still decide on scores, penalties and
    the page.
    """

    def __init__(
        self,
        masters: dict[str, "Master"],
        config: Config,
        timeout: float,
        scratch: Path,
        allow_unsandboxed: bool = False,
    ):
        self._masters, self._config = masters, config
        self._limits = Limits(cell_seconds=timeout, submission_seconds=longest(masters.values(), timeout))
        self._sandbox = "best-effort" if allow_unsandboxed else "require"
        self._steps = [
            step(config=config) for step in (IgnorePattern, ClearMetadataPreprocessor, LimitOutput)
        ]
        self._renderer = feedback.Renderer(config)
        try:
            self._engine = Engine(self._limits, sandbox=self._sandbox)
        except SandboxUnavailable as problem:
            raise Refusal(
                f"{str(problem).rstrip('.')}. With --allow-unsandboxed students' code runs all the same, "
                "with the layers "
                f"there are; --engine nbgrader runs it with none."
            ) from None
        except EngineError as problem:
            raise Refusal(" ".join(str(problem).split())) from None
        (scratch / f"engine-{os.getpid()}").symlink_to(
            self._engine.home
        )  # for the run that cleans up after a killed one
        self.layers = tuple(self._engine.layers)
        self.missing = tuple(f"{layer} ({why})" for layer, why in self._engine.missing.items())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._engine.close()

    def mark(self, job: Job) -> Outcome:
        start = time.perf_counter()
        master = self._masters[job.topic.folder]
        taken, unread, rebuilt = take_in(job, master.released)
        result = self._engine.run(master.overwrite(taken.notebook))
        executed = self._finish(result.notebook)
        scores = {
            cell.metadata.nbgrader.grade_id: utils.determine_grade(cell)[0]
            for cell in executed.cells
            if utils.is_grade(cell)
        }
        comments = {
            cell.metadata.nbgrader.grade_id: (
                "No response." if utils.compute_checksum(cell) == cell.metadata.nbgrader.checksum else None
            )
            for cell in executed.cells
            if utils.is_solution(cell)
        }
        penalty = self._penalty(job, scores)
        autograded = serialise(executed)
        page = self._page(job, executed, scores, comments, penalty)
        statuses = {name: question.status for name, question in result.questions.items()}
        return Outcome(
            scores,
            comments,
            penalty,
            questions(executed, scores, statuses),
            rebuilt,
            autograded,
            page,
            time.perf_counter() - start,
            [*taken.notes, *result.notes],
            unread,
            taken.repaired,
        )

    def _finish(self, notebook):
        """What nbgrader does to an executed notebook before it is stored, in place."""
        notebook.metadata["language_info"] = language_info()
        for step in self._steps:
            notebook, _ = step(notebook, {})
        return notebook

    def _penalty(self, job: Job, scores: dict[str, float | None]) -> float | None:
        """What AssignLatePenalties, with the class's plugin, would take off."""
        seconds = late_by(job)
        if not seconds:
            return None
        step = AssignLatePenalties(config=self._config)
        step.init_plugin()
        score = sum(final(name, score, job.standing) for name, score in scores.items())
        penalty = step.plugin_inst.late_submission_penalty(job.student, score, seconds)
        return None if penalty is None else step._check_late_penalty(SimpleNamespace(score=score), penalty)

    def _page(self, job: Job, executed, scores, comments, penalty) -> bytes:
        """The feedback page, with manual scores and comments where an instructor entered them: they are
        written into the notebook, which has been serialised before."""
        total = most = 0.0
        for cell in executed.cells:
            marks = cell.metadata.get("nbgrader", {})
            name = marks.get("grade_id")
            if utils.is_solution(cell):
                marks["comment"] = job.standing.comments.get(name, comments[name])
            if utils.is_grade(cell):
                marks["score"], marks["points"] = final(name, scores[name], job.standing), float(
                    marks["points"]
                )
                total, most = total + marks["score"], most + marks["points"]
        return self._renderer.render(
            executed,
            {
                "student": job.student,
                "assignment": job.topic.folder,
                "notebook": job.topic.name,
                "score": total - (penalty or 0.0),
                "max_score": most,
                "late_penalty": penalty or 0,
            },
        ).encode()


@dataclass(frozen=True)
class Master:
    """A topic as released, and what the gradebook keeps of its master version: hidden tests and checksums by
    grade_id.
    """

    released: nbformat.NotebookNode
    cells: dict[str, tuple[str, str, bool]]

    def overwrite(self, notebook):
        """A copy with the master's locked sources and checksums, as nbgrader's OverwriteCells leaves it."""
        notebook = copy.deepcopy(notebook)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in self.cells:
                source, checksum, locked = self.cells[name]
                cell.metadata.nbgrader["checksum"] = checksum
                cell.source = source if locked else cell.source
        return notebook


def longest(masters, timeout: float) -> float:
    """Seconds that a submission may take: each cell of the longest notebook its own deadline, and two for
    added ones.
    """
    return timeout * (
        2 + max(sum(cell.cell_type == "code" for cell in master.released.cells) for master in masters)
    )


def final(name: str, score: float | None, standing: Standing) -> float:
    """The score that counts: an instructor's before the automatic one, plus extra credit."""
    return standing.manual.get(name, score or 0.0) + standing.extra.get(name, 0.0)


def language_info() -> dict:
    """What a Python kernel says of itself, and nbgrader stores with the executed notebook."""
    major = sys.version_info.major
    return nbformat.from_dict(
        {
            "codemirror_mode": {"name": "ipython", "version": major},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": f"ipython{major}",
            "version": platform.python_version(),
        }
    )


def late_by(job: Job) -> float:
    """Seconds after the due date that the submission was handed in, 0 if in time or unknown."""
    when = parse_time(job.timestamp) or job.standing.timestamp
    if when is None or job.standing.duedate is None:
        return 0.0
    return max(0.0, (when - job.standing.duedate).total_seconds())


def parse_time(timestamp: str) -> datetime.datetime | None:
    """The UTC time that a timestamp.txt holds, or None where it holds none; never raises."""
    try:
        return utils.parse_utc(timestamp) if timestamp else None
    except Exception:  # dateutil raises what its parts raise
        return None
