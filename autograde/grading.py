"""A class: what to grade, where, in what order; what to say about it. Goes on where an earlier run stopped.

In: a folder of submissions and a folder for the results. Out: an nbgrader course and a `Report`. Trusts the
file names of neither; the work itself is done by workers, and all that is stored is stored here, one
submission after the other.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from autograde import intake
from autograde.classroom import Classroom, explained
from autograde.course import ROOT, Refusal, Topic, topics
from autograde.gradebook import Book, Grades
from autograde.marker import EngineMarker, Job, Master, Outcome, Question, StockMarker, longest, parse_time
from autograde.workers import Failed, Pool

ENGINES = ("sandbox", "nbgrader")
SOURCES = (
    "marking.py",
    "mistakes/__init__.py",
    "intake.py",
    "marker.py",
    "feedback.py",
    "late.py",
    "mathml.py",
    "deadline.py",
    "pages/feedback.html.j2",
    "pages/feedback.css",
    "pages/page.css",
    "gradebook.py",
    "engine",
)
PACKAGES = ("numpy", "matplotlib", "ipython", "ipykernel", "nbgrader", "nbconvert", "nbformat")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run; the text says what is done and how to go on."""


@dataclass
class Submission:
    """One row of a report. `as_handed_in` is false where something had to be put right, or nothing could be
    graded; `graded` says whether the gradebook holds a mark; `fresh`, whether this run made it.
    """

    student: str
    topic: str
    score: float = 0.0
    max_score: float = 0.0
    questions: list[Question] = field(default_factory=list)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    as_handed_in: bool = True
    graded: bool = True
    fresh: bool = True


@dataclass
class Stray:
    """Something that belongs to no student's topic: where it lies, and why it was not graded."""

    where: str
    why: str


@dataclass
class Report:
    """What a run did. Stored as OUT/report.json. `layers` of the sandbox were active, those of `missing` the
    machine has not.
    """

    engine: str
    layers: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exceptions(self) -> list[str]:
        """A line for each submission that could not be graded as it was handed in, and each stray file."""
        rows = [
            f"{row.student}, {row.topic}: {'; '.join(row.notes)}"
            for row in self.submissions
            if not row.as_handed_in
        ]
        return rows + [f"{stray.where}: {stray.why}" for stray in self.strays]

    def table(self) -> str:
        """The report as text: a row per submission, then what an instructor should look at."""
        width = max([7, *(len(row.student) for row in self.submissions)])
        lines = [f"{'student':<{width}}  {'topic':<18} {'score':>11}  wrong or missing"]
        for row in self.submissions:
            lost = [q.name.removeprefix("test_") for q in row.questions if q.points < q.max_points]
            shown = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
            mark = f"{row.score:g} / {row.max_score:g}" if row.graded else "not graded"
            lines.append(
                f"{row.student:<{width}}  {row.topic:<18} {mark:>11}  "
                f"{shown}{'' if row.as_handed_in else ' (*)'}".rstrip()
            )
        fresh = sum(row.fresh for row in self.submissions)
        lines.append(
            f"\n{fresh} graded in {self.seconds:.1f} s, {len(self.submissions) - fresh} unchanged since an "
            "earlier run."
        )
        if self.engine == "nbgrader":
            lines.append("Executed by stock nbgrader: students' code ran without a sandbox.")
        elif fresh:
            lines.append(f"Layers of the sandbox: {', '.join(self.layers) or 'none'}.")
        if self.missing:
            lines.append(f"WITHOUT these layers, which this machine has not: {'; '.join(self.missing)}.")
        if self.exceptions:
            lines.append("\n(*) Not graded as handed in:")
            lines += [f"  {line}" for line in self.exceptions]
        remarks = [
            f"  {row.student}, {row.topic}: {'; '.join(row.notes)}"
            for row in self.submissions
            if row.as_handed_in and row.notes
        ]
        if remarks:
            lines += ["\nGraded as handed in, with a remark:", *remarks]
        return "\n".join(lines)


@dataclass(frozen=True)
class Target:
    """A student's folder for a topic."""

    student: str
    topic: Topic
    folder: Path


def grade(
    submissions: Path,
    out: Path,
    *,
    workers: int = 1,
    timeout: float = 30,
    engine: str = "sandbox",
    allow_unsandboxed: bool = False,
    force: bool = False,
    progress: Callable | None = None,
) -> Report:
    """Grades SUBMISSIONS/<student>/<topic folder>/<notebook>.ipynb into OUT, an nbgrader course, and reports.

    workers: submissions marked at a time. timeout: seconds for each question. engine: "sandbox", or
    "nbgrader" for stock execution. force: also what has not changed since an earlier run. progress: called
    with (done, total) after each. Raises `Refusal` where the call cannot be carried out, and `Interrupted`
    after Ctrl-C; what is graded by then is kept.
    """
    start = time.perf_counter()
    if engine not in ENGINES:
        raise Refusal(f"There is no engine {engine!r}; choose one of {', '.join(ENGINES)}.")
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= 64:
        raise Refusal(f"{workers!r} is not a number of workers from 1 to 64.")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0.1 <= timeout <= 3600:
        raise Refusal(f"{timeout!r} is not a number of seconds from 0.1 to 3600.")
    submissions, out = Path(submissions), Path(out)
    targets, strays = survey(submissions)
    report = Report(engine, strays=strays)
    with Classroom(out, submissions) as room:
        used = list(dict.fromkeys(target.topic for target in targets))
        for topic in used:
            room.register(topic)
        config = room.config()
        run = _Run(room, targets, used, report, engine, timeout, force)

        if engine == "nbgrader":
            make = functools.partial(StockMarker, run.released, config, timeout, room.work)
        else:
            make = functools.partial(EngineMarker, run.masters, config, timeout, room.work, allow_unsandboxed)
        with Book(room.gradebook) as book, _asked_to_stop() as asked, Pool(
            make, workers, longest(run.masters.values(), timeout) + 60
        ) as pool:
            run.book = book
            for topic in used:
                if due := room.rules.due(topic.folder):
                    book.set_due(topic.folder, due)
            done = 0
            for row in run.rows(pool, asked):
                report.submissions.append(row)
                done += 1
                if progress:
                    progress(done, len(targets))
            report.submissions.sort(key=lambda row: (row.student, row.topic))
            report.layers, report.missing = list(pool.layers), list(pool.missing)
            report.seconds = time.perf_counter() - start
            with explained(room.root):
                book.export(room.root / "grades.csv", room.work)
                room.replace(room.root / "report.json", json.dumps(asdict(report), indent=1).encode())
        if asked():
            raise Interrupted(
                f"Interrupted: {done} of {len(targets)} submissions are graded and kept in {out}; "
                f"run the same command again to go on with the others."
            )
    return report


# --- What there is to grade ----------------------------------------------------------------------------


def survey(submissions: Path) -> tuple[list[Target], list[Stray]]:
    """What SUBMISSIONS holds: targets in order of student and topic, and what is none. Raises `Refusal` if no
    target.
    """
    if not submissions.exists():
        raise Refusal(f"There is no folder {submissions}; name the folder that holds a folder per student.")
    if not submissions.is_dir():
        raise Refusal(f"{submissions} is a file; name the folder that holds a folder per student.")
    known = {topic.folder: topic for topic in topics()}
    targets, strays = [], []
    for name in _entries(submissions):
        path = submissions / name
        if name.startswith(".") or name in intake.IGNORED_FOLDERS:
            if any((path / folder).is_dir() for folder in known):
                strays.append(
                    Stray(intake.shown(name), "is left out as hidden or a tool's; rename the folder")
                )
            continue
        if path.is_symlink():
            strays.append(Stray(intake.shown(name), "is a link, and links are not followed"))
        elif path.is_dir():
            if why := _unusable(name):
                strays.append(Stray(intake.shown(name), why))
            else:
                _survey_student(path, known, targets, strays)
        elif name.lower().endswith(".ipynb"):
            strays.append(Stray(intake.shown(name), "lies in no student's folder"))
    if not targets:
        found = "; ".join(f"{stray.where} {stray.why}" for stray in strays[:3])
        raise Refusal(
            f"There is nothing to grade in {submissions}: it should hold <student>/<topic "
            "folder>/<notebook>.ipynb, "
            f"with topic folders such as {next(iter(known), '01_topic')}" + (f" ({found})." if found else ".")
        )
    return targets, strays


def _survey_student(path: Path, known: dict[str, Topic], targets: list[Target], strays: list[Stray]) -> None:
    before = len(targets) + len(strays)
    try:
        names = _entries(path)
    except Refusal as problem:
        strays.append(Stray(intake.shown(path.name), str(problem).rstrip(".")))
        return
    for name in names:
        where = f"{path.name}/{intake.shown(name)}"
        if name.startswith(".") or name in intake.IGNORED_FOLDERS:
            continue
        inner = path / name
        if inner.is_symlink():
            strays.append(Stray(where, "is a link, and links are not followed"))
        elif name in known and inner.is_dir():
            targets.append(Target(path.name, known[name], inner))
        elif inner.is_dir():
            strays.append(Stray(where, f"is not a topic of the course; the topics are {', '.join(known)}"))
        elif name.lower().endswith(".ipynb"):
            strays.append(Stray(where, "lies in no topic folder"))
    if len(targets) + len(strays) == before:
        strays.append(Stray(path.name, "holds no topic folder"))


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as problem:
        raise Refusal(f"{folder} cannot be read: {problem.strerror}.") from None


def _unusable(student: str) -> str:
    """Why a folder's name cannot be a student's id in nbgrader, or ""."""
    if not student.isprintable() or student != student.strip():
        return "has a name with control characters, or blanks at an end; rename the folder"
    if set(student) & set('*?[]{},"\\'):
        return (
            'has a name with one of * ? [ ] { } , " \\, which nbgrader cannot use as an id; rename the folder'
        )
    if len(student) > 128:
        return "has a name of more than 128 characters, which the gradebook cannot hold; rename the folder"
    return ""


# --- The run -------------------------------------------------------------------------------------------


class _Run:
    """Takes the targets one by one: unchanged, to be marked, or not to be had; and stores what comes back."""

    def __init__(
        self,
        room: Classroom,
        targets: list[Target],
        used: list[Topic],
        report: Report,
        engine: str,
        timeout: float,
        force: bool,
    ):
        self.room, self.targets, self.report, self.force = room, targets, report, force
        self.book: Book
        self.masters = {topic.folder: Master(room.released(topic), room.cells(topic)) for topic in used}
        self.released = {name: master.released for name, master in self.masters.items()}
        self._fixed = {topic.folder: fingerprint(topic, room, engine, timeout) for topic in used}
        self._ready: list[Submission] = []

    def rows(self, pool: Pool, asked: Callable[[], bool]) -> Iterator[Submission]:
        """A row per target, as they are done."""
        graded = self.book.graded()
        for job, outcome in pool.run(self._jobs(graded), asked):
            yield from self._drain()
            yield self._failed(job, outcome) if isinstance(outcome, Failed) else self._store(job, outcome)
        yield from self._drain()

    def _drain(self) -> Iterator[Submission]:
        while self._ready:
            yield self._ready.pop(0)

    def _jobs(self, graded: set[tuple[str, str]]) -> Iterator[Job]:
        """The targets that have to be marked; rows of the others are put on `_ready`."""
        for target in self.targets:
            try:
                job = self._job(target, graded)
            except OSError as problem:
                self._ready.append(
                    self._standing_row(target.student, target.topic, f"it cannot be read: {problem.strerror}")
                )
                continue
            if job is not None:
                yield job

    def _job(self, target: Target, graded: set[tuple[str, str]]) -> Job | None:
        student, topic = target.student, target.topic
        content, notes, timestamp, unread = b"", [], "", ""
        try:
            files = intake.collect(target.folder, topic.name)
            content, notes, timestamp = files.content, list(files.notes), files.timestamp
        except intake.Unreadable as problem:
            unread = str(problem)
        if timestamp and parse_time(timestamp) is None:
            notes.append("timestamp.txt holds no time and was left out: the time of handing in is unknown")
            timestamp = ""
        standing = self.book.standing(student, topic.folder, topic.name)
        key = _digest(self._fixed[topic.folder], content, timestamp, unread, notes, standing.duedate)
        record = self.room.record(student, topic.folder)
        if (
            not self.force
            and record
            and record.get("key") == key
            and (student, topic.folder) in graded
            and all(
                self.room.files(student, topic)[step].is_file()
                for step in ("submitted", "autograded", "feedback")
            )
        ):
            self._ready.append(self._unchanged(record, standing))
            return None
        return Job(student, topic, content, tuple(notes), timestamp, standing, unread, key)

    def _unchanged(self, record: dict, standing) -> Submission:
        row = record["row"]
        row["questions"] = [Question(**question) for question in row["questions"]]
        return Submission(**{**row, "fresh": False, "score": standing.score})

    def _store(self, job: Job, outcome: Outcome) -> Submission:
        """Stores a marked submission: its grades, then its files, then the note that it is done."""
        student, topic = job.student, job.topic
        if outcome.unread and self._had_a_readable_version(job):
            return self._standing_row(
                student, topic, f"{outcome.unread}; the mark of the earlier version stands", outcome
            )
        row = Submission(
            student,
            topic.folder,
            0.0,
            sum(q.max_points for q in outcome.questions),
            outcome.questions,
            outcome.seconds,
            [*outcome.notes],
            not outcome.unread and not outcome.repaired,
        )
        if outcome.unread:
            row.notes.append(outcome.unread)
        self.book.write(
            Grades(
                student,
                topic.folder,
                topic.name,
                outcome.scores,
                outcome.comments,
                outcome.penalty,
                parse_time(job.timestamp),
            )
        )
        self.room.store(
            student,
            topic,
            submitted=outcome.rebuilt or job.content,
            autograded=outcome.autograded,
            feedback=outcome.feedback,
            timestamp=job.timestamp,
            handed_in=job.content if outcome.rebuilt and job.content else None,
        )
        row.score = self.book.standing(student, topic.folder, topic.name).score
        self.room.note(student, topic.folder, {"key": job.key, "row": asdict(row), "unread": outcome.unread})
        return row

    def _had_a_readable_version(self, job: Job) -> bool:
        """Whether an earlier version earned the mark that stands. Without a note of it, as after a crash,
        points speak for it.
        """
        earlier = self.room.record(job.student, job.topic.folder)
        return job.standing.graded and (not earlier.get("unread") if earlier else job.standing.score > 0)

    def _failed(self, job: Job, failure: Failed) -> Submission:
        return self._standing_row(job.student, job.topic, failure.reason)

    def _standing_row(
        self, student: str, topic: Topic, why: str, outcome: Outcome | None = None
    ) -> Submission:
        """The row of a submission that was not marked now: an earlier mark stands, or there is none."""
        standing = self.book.standing(student, topic.folder, topic.name)
        record = (self.room.record(student, topic.folder) or {}).get("row", {})
        most = sum(
            float(cell.metadata.nbgrader.points)
            for cell in self.released[topic.folder].cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        )
        notes = [*(outcome.notes if outcome else ()), why]
        if standing.graded and not outcome:
            notes.append("the earlier mark stands")
        return Submission(
            student,
            topic.folder,
            standing.score,
            most,
            [Question(**q) for q in record.get("questions", [])] if standing.graded else [],
            0.0,
            notes,
            as_handed_in=False,
            graded=standing.graded,
            fresh=False,
        )


def fingerprint(topic: Topic, room: Classroom, engine: str, timeout: float) -> str:
    """A digest of all but the submission that a mark depends on."""
    code = [
        path
        for name in SOURCES
        for path in sorted(
            (ROOT / "autograde" / name).rglob("*.py")
            if (ROOT / "autograde" / name).is_dir()
            else [ROOT / "autograde" / name]
        )
    ]
    code.append(ROOT / "autograde" / "mistakes" / f"{topic.name}.py")
    files = [
        *code,
        topic.solution,
        room.root / "release" / topic.folder / topic.solution.name,
        room.root / "nbgrader_config.py",
    ]
    contents = (path.read_bytes() for path in files if path.is_file())
    return _digest(engine, timeout, _versions(), sorted(room.rules.late.items()), *contents)


@functools.cache
def _versions() -> tuple[str, ...]:
    """What the packages that a mark depends on are."""
    versions = [platform.python_version()]
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{package} {importlib.metadata.version(package)}")
    return tuple(versions)


def _digest(*parts) -> str:
    whole = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        whole.update(len(content).to_bytes(8, "big") + content)
    return whole.hexdigest()


@contextlib.contextmanager
def _asked_to_stop():
    """Yields a function that says whether Ctrl-C or a polite kill came: the run then ends between two
    submissions.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {
        number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
