"""One clean notebook in, the same with outputs out.

Takes a notebook whose test and locked cells are the released ones and whose other cells are a stranger's.
Trusts the former, and of the latter nothing: their code runs in the student process alone, and what comes
back from there is read as a message from a network attacker. Needs no gradebook. `EngineExecute` is the same
as a preprocessor in the place of nbgrader's `Execute`.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from . import clean, folders, outputs, processes, wire
from .processes import EngineError, SandboxUnavailable

PROJECT = Path(__file__).resolve().parents[2]
STATUSES = ("right", "wrong", "not attempted", "timeout", "crashed", "partial")
READ_SECONDS, LONGEST_AHEAD = 2, 20_000  # for the compilation of cells to come; characters of one
SHELL_NAMES = re.compile(
    r"[iI][pP]ython|IPYTHON|\b(?:display|exit|quit)\(|\b(?:In|Out)\[|\b_(?:[io]h|dh|i{1,3}|i?\d+)\b"
)
SHOWS_A_VALUE = re.compile(  # of a cell's last line: a magic, a call, a place in an array, or no `=` in it
    r"[%!]|(?![\s#@)\]}]|(?:print|assert|pass|raise|del|import|from|def|class|if|elif|else|for|while|with|try"
    r"|except|finally|async)\b)(?:[A-Za-z_][\w.]*\s*[(\[]|[^=]+$)"
)
NOT_DEFINED = re.compile(r"`(\w+)` is not defined in your notebook\.")  # as trial.py says it


@dataclass(frozen=True)
class Limits:
    """What one submission may take. Seconds are of the clock, and of the processor too; bytes are bytes."""

    cell_seconds: float = 30
    submission_seconds: float = 300
    memory_bytes: int = 2 * 2**30
    processes: int = 32
    file_bytes: int = 32 * 2**20
    disk_bytes: int = 64 * 2**20
    output_bytes: int = 2 * 2**20
    report_bytes: int = 8 * 2**20

    def __post_init__(self):
        least = {
            "cell_seconds": 0.05,
            "submission_seconds": 0.05,
            "memory_bytes": 64 * 2**20,
            "processes": 1,
            "file_bytes": 1024,
            "disk_bytes": 4096,
            "output_bytes": 1000,
            "report_bytes": 1000,
        }
        most = {
            "cell_seconds": 86_400,
            "submission_seconds": 7 * 86_400,
            "memory_bytes": 2**46,
            "processes": 10_000,
        }
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            whole = item.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise ValueError(f"{item.name} must be a {'whole ' if whole else ''}number, not {value!r}.")
            low, high = least[item.name], most.get(item.name, 2**40)
            if not low <= value <= high:
                raise ValueError(f"{item.name} must lie between {low:,} and {high:,}, not be {value!r}.")
        if self.submission_seconds < self.cell_seconds:
            raise ValueError("submission_seconds must be at least cell_seconds.")


@dataclass
class Question:
    """How one test cell ended: `status` is one of STATUSES, `message` is for the student."""

    status: str
    seconds: float
    message: str = ""


@dataclass
class Result:
    """A run notebook: outputs filled, execution counts 1 to n; and what a report needs to know."""

    notebook: object
    questions: dict[str, Question] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def kind_of(cell):
    """ "test", "locked" (given, runs on both sides) or "student" for a code cell; None for any other cell."""
    if cell.cell_type != "code":
        return None
    about = cell.metadata.get("nbgrader") or {}
    if about.get("grade") and not about.get("solution"):
        return "test"
    if about.get("locked") and not about.get("solution"):
        return "locked"
    return "student"


class Engine:
    """Runs notebooks, one after another. Use it in a `with` statement, or call `close`.

    limits        what a submission may take
    sandbox       "require" refuses to run where a layer is missing; "best-effort" runs with the layers there
                  are
    import_path   folder on the trusted side's path, from which test cells import; the student's side cannot
                  read it
    """

    def __init__(self, limits=Limits(), sandbox="require", import_path=PROJECT):
        if sandbox not in ("require", "best-effort"):
            raise ValueError(f'sandbox must be "require" or "best-effort", not {sandbox!r}.')
        if not sys.platform.startswith("linux"):
            raise SandboxUnavailable(
                "The grading engine isolates students' code with Linux's Landlock, "
                "which this system has "
                "not; grade on Linux (a container or WSL will do)."
            )
        self.limits = limits
        self.sandbox = sandbox
        self.import_path = Path(import_path).resolve()
        self.home = tempfile.mkdtemp(prefix="grading-")
        self._one_at_a_time = threading.Lock()
        self._sources = {}
        self.close = weakref.finalize(self, _close, self._sources, self.home)
        try:
            for role in ("student", "trial"):
                self._sources[role, ""] = self._zygote(role, "")
            for source in self._sources.values():
                source.wait_until_ready()
            for name in ("student", "files"):
                folders.fresh(os.path.join(self.home, name))
            probe = self._spawn(processes.Student, self._order())
            self.layers, self.missing = probe.layers, probe.missing
            probe.close()
        except BaseException:
            self.close()
            raise

    def _zygote(self, role, needs):
        arguments = [needs] if needs else []
        return processes.Zygote(
            role, self.home, *arguments, *([str(self.import_path)] if role == "trial" else [])
        )

    def _spawn(self, handle, order, needs=""):
        """A new process from the zygote of `handle`'s role with what a notebook needs, which is started if it
        is not there or something has ended it."""
        role = handle.role
        for attempt in range(2):
            try:
                if (role, needs) not in self._sources:
                    self._sources[role, needs] = self._zygote(role, needs)
                    self._sources[role, needs].wait_until_ready()
                return handle(self._sources[role, needs], order)
            except (OSError, EngineError) as problem:
                if attempt:
                    raise EngineError(
                        f"The grading engine cannot start a {role} process: {problem}"
                    ) from None
                source = self._sources.pop((role, needs), None)
                if source is not None:
                    source.close()

    def _order(self):
        return {
            "folder": os.path.join(self.home, "student"),
            "files": os.path.join(self.home, "files"),
            "sandbox": self.sandbox,
            "protect": [str(self.import_path)],
            **dataclasses.asdict(self.limits),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, notebook, files=None):
        """A `Result` for a sanitized notebook. `files` is a folder whose files the notebook's cells find
        beside them."""
        if not self._sources:
            raise EngineError("This engine is closed; make a new one.")
        with self._one_at_a_time:
            # what a test writes must not come to a student process
            for name in ("files", "trial"):
                folders.fresh(os.path.join(self.home, name))
                if files is not None:
                    _copy_files(Path(files), Path(self.home, name), self.limits.disk_bytes)
            return _Run(self, notebook).run()


def _close(sources, home):
    folders.remove(home)  # first: should this process be killed here, its zygotes see to it
    while sources:
        sources.popitem()[1].close()


class _Run:
    """One submission on its way through the engine."""

    def __init__(self, engine, notebook):
        self.engine = engine
        self.limits = engine.limits
        self.order = engine._order()
        self.result = Result(_own(notebook))
        self.student = self.trial = None
        self.given = []  # locked sources so far, for a trial that must start again
        self.history = []  # (source, count) of the cells that the student process has run
        self.ahead = []  # the same of all that it is to run
        self.undone = False  # a cell of the student's stopped at NotImplementedError
        self.report_left = self.limits.report_bytes
        cells = [(kind_of(cell), cell.source) for cell in self.result.notebook.cells]
        self.trial_order = {
            **self.order,
            "folder": os.path.join(engine.home, "trial"),
            "tests": [text for kind, text in cells if kind == "test"],
            "locked": [text for kind, text in cells if kind == "locked"],
        }
        self.needs = _needs(cells)

    def run(self):
        started = time.monotonic()
        self.deadline = started + self.limits.submission_seconds
        cells = [(cell, kind) for cell in self.result.notebook.cells if (kind := kind_of(cell))]
        self.ahead = [
            (cell.source, count)
            for count, (cell, kind) in enumerate(cells, 1)
            if kind != "test" and len(cell.source) <= LONGEST_AHEAD
        ]
        try:
            self._start_trial()  # it warms up while the student process does
            for count, (cell, kind) in enumerate(cells, 1):
                cell.execution_count = count
                cell.outputs = []
                if kind == "test":
                    self._test(cell)
                    continue
                if kind == "locked":
                    self.given.append(cell.source)
                    self.trial.locked(cell.source)
                self._cell(cell, count)
        finally:
            self._drop_student()
            if self.trial is not None:
                self.trial.close()
        self.result.seconds = time.monotonic() - started
        return self.result

    # student's side

    def _note(self, text):
        if len(self.result.notes) < 50 and text not in self.result.notes:
            self.result.notes.append(text)

    def _drop_student(self):
        if self.student is not None:
            _, cpu = self.student.close()
            self.result.cpu_seconds += cpu
            self.student = None

    def _left(self):
        return min(self.limits.cell_seconds, self.deadline - time.monotonic())

    def _student(self):
        """The student process, brought to where the notebook stands; None once the time is up."""
        while self.student is None:
            if self._left() <= 0:
                return None
            folders.fresh(self.order["folder"])  # without what a process before this one left
            self.student = self.engine._spawn(processes.Student, self.order, self.needs)
            if not self._read_ahead():
                continue
            for place, (source, count) in enumerate(self.history):
                try:
                    self.student.run(source, count, time.monotonic() + max(self._left(), 0.01))
                except wire.WireError:
                    self._note(
                        f"Cell {count} could not be run again after another cell had ended the process."
                    )
                    del self.history[place]
                    self._drop_student()
                    break
        return self.student

    def _read_ahead(self):
        """Have the new process compile the cells to come; False where it is dropped, for one with IPython.

        That is because a cell needs it, or because it did not end with them: then the next compiles each cell
        when its turn comes, so that it is that cell's to answer for.
        """
        if not self.ahead:
            return True
        try:
            alone = self.student.read(self.ahead, time.monotonic() + min(READ_SECONDS, self._left()))
            if alone or self.needs in ("ipython", "plots"):
                return True
        except wire.WireError:
            self.ahead = []
        if self.needs != "plots":
            self.needs = "ipython"
        self._drop_student()
        return False

    def _cell(self, cell, count):
        """Run a cell of the student's side and keep what it shows."""
        if not cell.source.strip():
            return
        used = self.student is not None
        student = self._student()
        if student is None:
            self._fail(cell, "TimeoutError", self._out_of_time())
            return
        seconds = self._left()
        try:
            problem, rows = student.run(cell.source, count, time.monotonic() + max(seconds, 0.01))
            shown = outputs.of_rows(rows, count)
        except wire.WireTimeout:
            self._lose(
                cell,
                count,
                "TimeoutError",
                f"Cell {count} did not finish within {seconds:.3g} s: is there a loop that never ends?",
            )
            return
        except wire.WireError as problem:
            if used and isinstance(problem, wire.WireClosed):  # it may have died of something earlier
                self._drop_student()
                self._cell(cell, count)
                return
            self._lose(cell, count, "RuntimeError", f"Cell {count} ended the process that it ran in.")
            return
        self.undone = self.undone or problem == "NotImplementedError"
        self.history.append((cell.source, count))
        for output in shown:
            size = len(str(output))
            if output.output_type == "error" or size <= self.report_left:
                self.report_left -= size
                cell.outputs.append(output)
            else:
                self._note("Some output was left out: there was too much of it.")

    def _lose(self, cell, count, name, message):
        self._drop_student()
        self._note(message)
        self._fail(cell, name, message)

    def _out_of_time(self):
        return f"The notebook had used up its {self.limits.submission_seconds:g} s before this cell."

    @staticmethod
    def _fail(cell, name, message, lines=()):
        cell.outputs.append(outputs.error(name, message, lines))

    # trusted side

    def _start_trial(self):
        if self.trial is not None:
            self.trial.close()
        needs = "plots" if self.needs == "plots" else ""
        self.trial = self.engine._spawn(processes.Trial, self.trial_order, needs)
        for source in self.given:
            self.trial.locked(source)

    def _test(self, cell):
        about = cell.metadata["nbgrader"]
        started = time.monotonic()
        status, name, message, lines, score, text = self._outcome(
            cell.source, float(about.get("points") or 0)
        )
        message = clean.text(message + self._why_undefined(name, message), outputs.MAX_MESSAGE)
        name = clean.line(name, 100)
        if text:
            cell.outputs.append(outputs.stream(text, 20_000))
        if name:
            self._fail(cell, name, message, lines)
        elif score is not None:
            cell.outputs.append(outputs.result({"text/plain": repr(score)}, cell.execution_count))
        self.result.questions[about.get("grade_id", f"cell {cell.execution_count}")] = Question(
            status, time.monotonic() - started, message
        )

    def _why_undefined(self, error, message):
        """Where a name is missing because the cell that should define it stopped: with what it stopped."""
        found = NOT_DEFINED.fullmatch(message)
        if error != "NameError" or found is None:
            return ""
        missing = found[1]
        for cell in self.result.notebook.cells:
            if cell.cell_type == "code" and (cell.metadata.get("nbgrader") or {}).get("grade_id") == missing:
                for output in cell.get("outputs", []):
                    if output.output_type == "error" and output.ename != "NotImplementedError":
                        told = clean.line(f"{output.ename}: {output.evalue}", 300)
                        return f" Its cell stopped with {told}"
        return ""

    def _outcome(self, source, points):
        """(status, error name, message, traceback lines, score, printed text)."""
        for _ in range(2):
            student = self._student()
            seconds = self._left()
            if student is None or seconds <= 0:
                return "timeout", "TimeoutError", self._out_of_time(), (), None, ""
            try:
                sock = student.serve()
            except wire.WireError:
                self._drop_student()
                continue
            try:
                with sock:
                    try:
                        return self.trial.test(sock, source, points, seconds, self.undone)
                    finally:
                        student.served()  # before the fork can hear that the connection is closed, and act on it
            except wire.WireTimeout:
                self._start_trial()
                return (
                    "timeout",
                    "TimeoutError",
                    f"The test did not finish within {seconds:.3g} s on what your code returned.",
                    (),
                    None,
                    "",
                )
            except wire.WireError:  # the trial is gone; was it this answer, or an accident?
                self._start_trial()
        self._note("A test could not be run to its end.")
        return "crashed", "RuntimeError", "The test could not be run to its end with your code.", (), None, ""


def _needs(cells):
    """What the processes of a notebook of (kind, source) seem to need besides Python and numpy's core. What else
    needs IPython, the student process itself will say; random numbers take it longer if this does not tell.
    """
    if any(kind and ("matplotlib" in source or "pylab" in source) for kind, source in cells):
        return "plots"
    theirs = [source for kind, source in cells if kind in ("locked", "student")]
    if any(
        len(source) > LONGEST_AHEAD
        or SHELL_NAMES.search(source)
        or SHOWS_A_VALUE.match(source.rstrip().rsplit("\n", 1)[-1])
        for source in theirs
    ):
        return "ipython"
    return "random" if any("random" in source or "rng" in source for source in theirs) else ""


def _own(notebook):
    """A copy in which cells may get other outputs and metadata; what those hold is the same as before."""
    mine = NotebookNode(notebook)
    mine.cells = [NotebookNode(cell) for cell in notebook.cells]
    for node in (mine, *mine.cells):
        node.metadata = NotebookNode(node.metadata)
    return mine


def _copy_files(source, target, most):
    """Copy the regular files of a folder, no links and no notebooks, `most` bytes at most in all."""
    for path in sorted(source.rglob("*")):
        if (
            path.is_symlink()
            or not path.is_file()
            or path.suffix == ".ipynb"
            or ".ipynb_checkpoints" in path.parts
        ):
            continue
        most -= path.stat().st_size
        if most < 0:
            raise EngineError(
                f"The data files in {source} take more than a submission's disk limit; raise disk_bytes."
            )
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def __getattr__(name):
    """`EngineExecute`, without which the engine needs nothing of nbgrader's."""
    if name == "EngineExecute":
        from .preprocessor import EngineExecute

        return EngineExecute
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
