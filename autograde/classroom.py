"""The folder OUT of a class: an ordinary nbgrader course, with the little that grading keeps beside it in
.grading/.

In: a path from the command line. Out: the course's folders, its lock, its configuration, and files that
appear whole or not at all. Trusts the instructor; every error of the file system becomes a sentence.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import nbformat
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from autograde import gradebook, late
from autograde.course import COURSE_ID, ROOT, Refusal, Topic
from autograde.engine import folders
from autograde.release import STUB

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

CONFIG = '''"""nbgrader's settings for this class. Written by `python -m autograde grade`; yours to extend."""
import os
import sys
from pathlib import Path

COURSE = {course}
sys.path.insert(0, str(COURSE))
os.environ["PYTHONPATH"] = str(COURSE)  # so that a kernel finds what the hidden tests import

c = get_config()
c.CourseDirectory.course_id = "{course_id}"
c.ClearSolutions.code_stub = {{"python": "{stub}"}}

# A submission is first put into the released form; then the course's engine runs it in the place of Execute.
c.Autograde.sanitize_preprocessors = [
    "autograde.intake.Normalizer", "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds", "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells", "nbgrader.preprocessors.CheckCellMetadata"]
c.Autograde.autograde_preprocessors = [
    "autograde.engine.preprocessor.EngineExecute", "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor", "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades", "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata"]

# Students see neither hidden tests nor anything that would run in their browser. To show hidden tests:
# c.HideTests.show_hidden_tests = True
c.GenerateFeedback.preprocessors = ["nbgrader.preprocessors.GetGrades", "autograde.feedback.HideTests"]
c.GenerateFeedback.exporter_class = "autograde.feedback.Page"

# Late penalties, and the due dates that they count from, stand in course.toml.
from autograde import late
late.configure(c, Path(__file__).parent)
'''


@contextlib.contextmanager
def explained(folder: Path):
    """Turns errors of the file system below `folder` into sentences."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refusal(
                f"There is no space left in {folder}; free some and run again: what is graded so far is kept."
            ) from None
        if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Refusal(
                f"{folder} cannot be written to ({problem.strerror}); choose another folder with --out."
            ) from None
        raise Refusal(f"{problem.filename or folder} cannot be used: {problem.strerror}.") from None


def replace(path: Path, content: bytes, mode: int = 0o644, draft: Path | None = None) -> None:
    """Writes a file that appears whole: whoever looks, or is killed, sees the old one or the new one.

    `draft` is where it is written first, on the same file system; beside it by default.
    """
    draft = draft or path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(content)
    os.chmod(draft, mode)
    os.replace(draft, path)


class Classroom:
    """The opened and locked folder of a class. A context manager; raises `Refusal` where it cannot be one."""

    def __init__(self, out: Path, submissions: Path):
        self.root = out.absolute()
        self._check(submissions)
        self._lock = None
        self.rules = late.Rules()

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def work(self) -> Path:
        """Scratch space of this run, emptied when the next one starts."""
        return self.root / ".grading" / "work"

    def replace(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        """Writes a file of the course, whole or not at all; a draft that a killed run leaves goes with the
        scratch space.
        """
        replace(path, content, mode, self.work / "draft")

    def _check(self, submissions: Path) -> None:
        out, given = self.root.resolve(), submissions.resolve()
        if self.root.exists() and not self.root.is_dir():
            raise Refusal(f"{self.root} is a file; name a folder for the results with --out.")
        if out == given or given in out.parents or out in given.parents:
            raise Refusal(
                f"The results cannot go to {self.root}: neither it nor the submissions may lie in the other."
            )
        if set("*?[]{}%#") & set(str(self.root)):
            raise Refusal(
                f"nbgrader cannot work in {self.root}: choose a path without any of * ? [ ] {{ }} % #."
            )

    def __enter__(self):
        with explained(self.root):
            (self.root / ".grading").mkdir(parents=True, exist_ok=True)
            self._lock = open(self.root / ".grading" / "lock", "a+")
        try:
            if fcntl:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise Refusal(
                f"Another run is grading into {self.root}; wait until it ends, or choose another folder with "
                "--out."
            ) from None
        try:
            with explained(self.root):
                self._prepare()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)
        self._lock.close()

    def _prepare(self) -> None:
        for link in self.work.glob(
            "engine-*"
        ):  # a killed run's engines could not take their folders with them
            if link.is_symlink() and Path(os.readlink(link)).name.startswith("grading-"):
                folders.remove(os.readlink(link))
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        if not (self.root / "nbgrader_config.py").exists():
            inside = ROOT in self.root.resolve().parents
            depth = len(self.root.resolve().relative_to(ROOT).parts) if inside else 0
            course = f"Path(__file__).resolve().parents[{depth}]" if inside else f"Path({str(ROOT)!r})"
            self.replace(
                self.root / "nbgrader_config.py",
                CONFIG.format(course=course, course_id=COURSE_ID, stub=STUB).encode(),
            )
        if not (self.root / late.NAME).exists():
            self.replace(self.root / late.NAME, late.EXAMPLE.encode())
        self.rules = late.Rules.read(self.root)
        if not self.gradebook.exists():
            gradebook.create(self.gradebook, self.work)
        gradebook.check(self.gradebook)

    def config(self) -> Config:
        """The settings in nbgrader_config.py."""
        try:
            config = PyFileConfigLoader("nbgrader_config.py", str(self.root)).load_config()
        except Refusal:
            raise
        except Exception as problem:  # whatever an instructor's Python raises
            raise Refusal(
                f"{self.root / 'nbgrader_config.py'} cannot be read ({type(problem).__name__}: {problem}); "
                f"correct it, or delete it and run again."
            ) from None
        return config

    def register(self, topic: Topic) -> bool:
        """Brings source/, release/ and the gradebook's assignment up to the topic's solution; returns whether
        anything changed.
        """
        digest = hashlib.sha256(topic.solution.read_bytes()).hexdigest()
        seal = self.root / ".grading" / "topics" / topic.folder
        release = self.root / "release" / topic.folder / topic.solution.name
        if release.is_file() and seal.is_file() and seal.read_text() == digest and self.cells(topic):
            return False
        with explained(self.root):
            self.replace(
                self.root / "source" / topic.folder / topic.solution.name, topic.solution.read_bytes()
            )
            generate(self.root, topic, self.gradebook)
            self.replace(seal, digest.encode())
        return True

    def cells(self, topic: Topic) -> dict[str, tuple[str, str, bool]]:
        """Source with hidden tests, checksum and lock of the topic's cells by grade_id; empty if it is not
        registered.
        """
        with gradebook.Book(self.gradebook) as book:
            return book.master(topic.folder, topic.name)

    def released(self, topic: Topic) -> nbformat.NotebookNode:
        return nbformat.read(self.root / "release" / topic.folder / topic.solution.name, as_version=4)

    def record(self, student: str, topic: str) -> dict | None:
        """What an earlier run noted about a submission, or None."""
        try:
            found = json.loads(self._record(student, topic).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def note(self, student: str, topic: str, record: dict) -> None:
        """Notes that a submission is done. The last step of each: what has no note is graded again."""
        with explained(self.root):
            self.replace(self._record(student, topic), json.dumps(record).encode())

    def forget(self, student: str, topic: str) -> None:
        with explained(self.root):
            self._record(student, topic).unlink(missing_ok=True)

    def _record(self, student: str, topic: str) -> Path:
        return self.root / ".grading" / "records" / student / f"{topic}.json"

    def files(self, student: str, topic: Topic) -> dict[str, Path]:
        """Where a submission's files are."""
        return {
            "submitted": self.root / "submitted" / student / topic.folder / f"{topic.name}.ipynb",
            "autograded": self.root / "autograded" / student / topic.folder / f"{topic.name}.ipynb",
            "feedback": self.root / "feedback" / student / topic.folder / f"{topic.name}.html",
            "handed in": self.root / "handed_in" / student / topic.folder / f"{topic.name}.ipynb",
        }

    def store(
        self,
        student: str,
        topic: Topic,
        *,
        submitted: bytes,
        autograded: bytes,
        feedback: bytes,
        timestamp: str,
        handed_in: bytes | None,
    ) -> None:
        """Writes the files of one submission. `handed_in` is the original where `submitted` had to be another
        form of it.
        """
        paths = self.files(student, topic)
        with explained(self.root):
            if handed_in is None:
                paths["handed in"].unlink(missing_ok=True)
            else:
                self.replace(paths["handed in"], handed_in)
            for step, content, mode in (("submitted", submitted, 0o644), ("autograded", autograded, 0o444)):
                when = paths[step].with_name("timestamp.txt")
                if timestamp:
                    self.replace(when, f"{timestamp}\n".encode(), mode)
                else:
                    when.unlink(missing_ok=True)
                self.replace(paths[step], content, mode)
            self.replace(paths["feedback"], feedback)


def generate(root: Path, topic: Topic, database: Path) -> None:
    """Runs nbgrader's generate_assignment for a topic whose solution lies in `root`/source."""
    config = Config()
    config.ClearSolutions.code_stub = {"python": STUB}
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{database}"
    config.CourseDirectory.course_id = COURSE_ID
    config.CourseDirectory.assignment_id = topic.folder
    config.GenerateAssignment.force = True
    try:
        run(GenerateAssignment, config)
    except (NbGraderException, RuntimeError) as problem:
        raise Refusal(
            f"{topic.folder} has other test cells than when {root} was first graded into ({problem}); "
            f"grade into a new folder with --out."
        ) from None


def run(converter: type, config: Config) -> None:
    """Runs one of nbgrader's converters in silence, in this process; restores the working directory, which it
    changes.
    """
    config.NbGrader.log_level = "CRITICAL"
    app = NbGrader(config=config)
    app.log.setLevel("CRITICAL")
    with contextlib.suppress(FileNotFoundError):
        here = os.getcwd()
    try:
        converter(coursedir=CourseDirectory(config=config, parent=app), config=config, parent=app).start()
    finally:
        os.chdir(here)
