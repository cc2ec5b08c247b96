"""A university system's download -> a folder of submissions, through nbgrader's zip collector.

In: the zip that Canvas or Moodle gives for an assignment, or a zip or folder of one folder per student. Out:
SUBMISSIONS/<student>/<topic>/<notebook>.ipynb, timestamp.txt where the time of handing in is known, earlier
versions in SUBMISSIONS/.earlier, and sentences about everything that was left out. Trusts nothing in an
archive: no path, no size, no link, and no time that a student could have written.
"""

import csv
import datetime
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Any
from traitlets.config import Config

from autograde import cells
from autograde.classroom import explained, replace
from autograde.course import Refusal, Topic, find_topic, topics
from autograde.intake import IGNORED_FOLDERS, MAX_BYTES, Unreadable, read_regular
from autograde.late import Rules
from autograde.marker import parse_time
from autograde.marks import Person
from autograde.roster import FORMULA, Table, joined, names, participant, read_table, unescaped, write_table

MAX_MEMBERS, MAX_TOTAL, MAX_DEPTH = 200_000, 8_000_000_000, 3  # of the whole download
MAX_UPLOAD, MAX_UPLOAD_MEMBERS = 100_000_000, 2_000  # of one student's archive
MAX_RATIO = 1000  # times that a member may be larger than its compressed form
EARLIER, PEOPLE = ".earlier", "students.csv"
CANVAS = re.compile(
    r"(?P<name>.*?)_(?:(?P<late>LATE)_)?(?P<student>\d+)_(?P<upload>(?:text_)?\d+)_(?P<file>.+)", re.DOTALL
)
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<student>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL
)
COPY = re.compile(
    r"[-_ ]?\(?(\d{1,3})\)?$"
)  # the number that Canvas and browsers put after a name: topic-2, topic (1)
NO_NOTEBOOKS = (".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
BROKEN = (  # what zipfile raises for an archive that is damaged, encrypted, or of a kind it does not know
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,
    EOFError,
    ValueError,
    OverflowError,
)
LASTING = (
    "Username",
    "Email address",
    "ID number",
)  # by which Moodle's worksheets name a person in all topics
SIGNATURE = {".ipynb", ".json", ".txt"}  # what browsers make of a notebook's name; known by what is in it


class Refused(Exception):
    """One upload that cannot be taken; the text says why. The class goes on."""


class TooMuch(Refused):
    """An archive that unpacks to more than is reasonable."""


@dataclass
class Collected:
    """How many submissions were put in place, how many were there already, and what an instructor should
    know: what was not taken, and other things.
    """

    new: int = 0
    unchanged: int = 0
    left_out: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return self.left_out + self.remarks


@dataclass(frozen=True)
class Found:
    """A notebook of a download: where it lies, whose it is, of which topic, and in which order it came."""

    path: Path
    shown: str
    student: str
    topic: Topic
    time: datetime.datetime | None
    copy: int
    name: str = ""
    late: bool = False


@dataclass
class Roster:
    """What a roster says of each student, by the number that the download names him or her with: a person,
    whose `id` is what the student is called in SUBMISSIONS, and when he or she handed in.
    """

    name: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    times: dict[str, datetime.datetime] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)


def collect(
    source: Path,
    kind: str,
    out: Path,
    topic: str | None = None,
    roster: Path | None = None,
    course: Path | None = None,
    progress: Callable | None = None,
) -> Collected:
    """Takes the notebooks of a download into the folder `out`.

    kind: "canvas", "moodle" or "folder". topic: of notebooks that do not say themselves which they are.
    roster: the gradebook exported from Canvas, for names; or Moodle's grading worksheet, for names, for the
    times of handing in, and for what a student is called in all topics alike, since Moodle numbers its
    participants anew in each assignment. course: the class's course.toml, for the worksheet's time zone,
    and for the due dates that Canvas's LATE refers to. progress: called with (done, total, what is done).
    Raises `Refusal` where the download cannot be taken; `out` is then as it was.
    """
    source, out = Path(source), Path(out)
    if kind not in READERS:
        raise Refusal(f"There is no kind of download {kind!r}; choose one of {', '.join(READERS)}.")
    if not source.exists():
        raise Refusal(f"There is no {source}; name the file or folder that you downloaded.")
    if out.exists() and not out.is_dir():
        raise Refusal(f"{out} is a file; name a folder for the submissions with --out.")
    if source.is_dir() and (
        out.resolve() == source.resolve()
        or source.resolve() in out.resolve().parents
        or out.resolve() in source.resolve().parents
    ):
        raise Refusal(f"Neither {source} nor {out} may lie in the other; choose another folder with --out.")
    given = find_topic(topic) if topic else None
    rules = Rules.load(Path(course)) if course else Rules()
    result = Collected()
    told = _roster(kind, roster, rules, out, result.remarks)
    with explained(out):
        near = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
        with tempfile.TemporaryDirectory(prefix=".collect-", dir=near) as scratch:
            _take(source, READERS[kind], out, Path(scratch), given, told, rules, result, progress)
    return result


def _take(
    source: Path,
    reader,
    out: Path,
    scratch: Path,
    given: Topic | None,
    told: Roster,
    rules: Rules,
    result: Collected,
    progress,
) -> None:
    app = _app(scratch, result.left_out)
    archive, extracted = scratch / "downloaded" / "archive", scratch / "downloaded" / "extracted"
    archive.mkdir(parents=True)
    (archive / "download").symlink_to(source.resolve())
    app.extractor_plugin_inst.progress = progress
    try:
        app.extractor_plugin_inst.extract(str(archive), str(extracted))
        found = _identify(extracted, reader, given, told, result, progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted while {source.name} was unpacked: {out} is as it was; run the same command again"
        ) from None
    if not found and not result.left_out:
        raise Refusal(f"There is no notebook in {source}.")
    result.left_out += _without_notebook(found, app.extractor_plugin_inst.others, reader, told)
    latest: dict[tuple[str, str], list[Found]] = {}
    for item in found:
        latest.setdefault((item.student, item.topic.folder), []).append(item)
    result.remarks += _alike({student for student, _ in latest})
    for versions in latest.values():
        versions.sort(key=lambda item: (item.time or datetime.datetime.min, item.copy, _natural(item.shown)))
    for topic in {item.topic for item in found}:
        chosen = {
            str(versions[-1].path): versions[-1]
            for versions in latest.values()
            if versions[-1].topic == topic
        }
        app.collector_plugin_inst.chosen = chosen
        app.coursedir.assignment_id = topic.folder
        app.process_extracted_files()
    done = 0
    try:
        for (student, folder), versions in sorted(latest.items()):
            _place(out, scratch / "submitted" / student / folder, versions, rules, result)
            done += 1
            if progress:
                progress(done, len(latest), "collected")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: {done} of {len(latest)} submissions are in {out}; "
            "run the same command again for the others"
        ) from None
    _people(out, found, told)


# --- nbgrader's collector -------------------------------------------------------------------------


class SafeExtractor(ExtractorPlugin):
    """nbgrader's step from archives to files, for archives that are not trusted. `notes` gets a sentence for
    each refusal, `others` the path of each file that is no notebook.
    """

    notes = Any()
    others = Any()
    progress = Any(allow_none=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        target = Path(extracted_path)
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(os.listdir(archive_path)):
            path = Path(archive_path, name)
            unpacking = _Unpacking(target, self.notes, self.others, self.progress)
            if path.is_dir():
                _copy_tree(path, target, unpacking)
            else:
                _unpack_download(path, target, unpacking)


class ChosenCollector(FileNameCollectorPlugin):
    """nbgrader's step from files to submissions: the files that were chosen, each under its topic's name."""

    chosen = Any(default_value={})

    def collect(self, submitted_file: str) -> dict | None:
        item = self.chosen.get(submitted_file)
        if item is None:
            return None
        return {"student_id": item.student, "file_id": item.topic.name, "timestamp": item.time}


def _app(root: Path, notes: list[str]) -> ZipCollectApp:
    config = Config()
    config.NbGrader.log_level = config.Application.log_level = "CRITICAL"
    config.CourseDirectory.root = str(root)
    config.ZipCollectApp.collect_directory_structure = "{downloaded}/{collect_step}"
    config.ZipCollectApp.extractor_plugin, config.ZipCollectApp.collector_plugin = (
        SafeExtractor,
        ChosenCollector,
    )
    app = ZipCollectApp(config=config)
    app.coursedir = CourseDirectory(config=config, parent=app)
    app.log.setLevel("CRITICAL")
    app.init_plugins()
    app.extractor_plugin_inst.notes, app.extractor_plugin_inst.others = notes, []
    return app


# --- Archives -------------------------------------------------------------------------------------


@dataclass
class _Unpacking:
    """What an unpacking tells of: refusals, and files that are no notebooks."""

    root: Path
    notes: list[str]
    others: list[tuple[str, ...]]
    progress: Callable | None = None

    def other(self, target: Path, parts: list[str]) -> None:
        self.others.append((*target.relative_to(self.root).parts, *parts))


def _unpack_download(path: Path, target: Path, unpacking: _Unpacking) -> None:
    """The download itself: what is wrong with it ends the call."""
    budget = _Budget(MAX_TOTAL, MAX_MEMBERS)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(archive)
            _unpack(archive, target, budget, unpacking, depth=1, where="")
    except BROKEN as problem:
        raise Refusal(
            f"{path.resolve().name} is not a zip file that can be read ({problem}); download it again."
        ) from None
    except Refused as problem:
        raise Refusal(f"{path.resolve().name} is refused: {problem}.") from None


@dataclass
class _Budget:
    """What may still be unpacked."""

    bytes: int
    members: int

    def spend(self, size: int) -> None:
        self.bytes -= size
        self.members -= 1
        if self.bytes < 0:
            raise TooMuch("it unpacks to more than is reasonable, as a zip bomb does")
        if self.members < 0:
            raise TooMuch("it holds more files than is reasonable, as a zip bomb does")


def _check_names(archive: zipfile.ZipFile) -> None:
    """Raises `Refused` for an archive that would write outside its folder, or that is no archive of files."""
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in PurePosixPath(name).parts:
            raise Refused(f"it holds the path {_shown(member.filename)}, which leads out of its folder")
        if "\0" in name:
            raise Refused("it holds a name that no file can have")


def _unpack(
    archive: zipfile.ZipFile, target: Path, budget: _Budget, unpacking: _Unpacking, depth: int, where: str
) -> None:
    """Writes an archive's notebooks below `target`, and at the top the times of handing in beside them."""
    members = archive.infolist()
    for place, member in enumerate(members, start=1):
        if unpacking.progress and depth == 1:
            unpacking.progress(place, len(members), "unpacked")
        parts = [part for part in member.filename.replace("\\", "/").split("/") if part not in ("", ".")]
        shown = where + _shown("/".join(parts))
        if member.is_dir() or not parts or any(_ignored(part) for part in parts):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            unpacking.notes.append(f"{shown} is a link, and links are not followed: left out.")
            continue
        suffix = PurePosixPath(parts[-1]).suffix.lower()
        if suffix == ".zip":
            _unpack_upload(archive, member, parts, target, budget, unpacking, depth, shown)
        elif suffix in NO_NOTEBOOKS:
            unpacking.notes.append(
                f"{shown} is an archive of a kind that is not opened; ask for the notebook itself or a zip."
            )
        elif suffix in SIGNATURE and (suffix == ".ipynb" or member.file_size <= MAX_BYTES):
            try:
                _take_file(target, parts, _read(archive, member, MAX_BYTES, budget), unpacking, depth == 1)
            except TooMuch:
                raise
            except Refused as problem:
                unpacking.notes.append(f"{shown}: {problem}: left out.")
        else:
            budget.spend(0)
            unpacking.other(target, parts)


def _ignored(part: str) -> bool:
    return part in IGNORED_FOLDERS or part.startswith((".", "~"))


def _take_file(target: Path, parts: list[str], content: bytes, unpacking: _Unpacking, outside: bool) -> None:
    """Writes a file if it is a notebook, whatever its name has become, or a time of handing in that stands
    `outside` what a student has packed.
    """
    name = parts[-1].lower()
    if name.endswith(".ipynb"):
        _write(
            target, [*parts[:-1], f"{parts[-1][:-6]}.ipynb"], content
        )  # nbgrader copies the ending as it is
    elif name == "timestamp.txt":
        if outside:
            _write(target, parts, content[:1000])
    elif content.lstrip()[:1] == b"{" and b'"nbformat"' in content:
        _write(target, [*parts[:-1], f"{parts[-1]}.ipynb"], content)
    else:
        unpacking.other(target, parts)


def _unpack_upload(
    archive, member, parts, target: Path, budget: _Budget, unpacking: _Unpacking, depth: int, shown: str
) -> None:
    """A zip in the zip: one student's upload. What is wrong with it costs that student's upload only."""

    def opened() -> zipfile.ZipFile:
        if depth >= MAX_DEPTH:
            raise Refused(f"archives lie in it more than {MAX_DEPTH - 1} deep")
        return zipfile.ZipFile(io.BytesIO(_read(archive, member, MAX_UPLOAD, budget)))

    _open_upload(opened, target, parts, unpacking, depth, shown)


def _open_upload(
    opened: Callable, target: Path, parts: list[str], unpacking: _Unpacking, depth: int, shown: str
) -> None:
    """Unpacks the archive that `opened` opens into a folder of its name."""
    kept, folder = len(unpacking.notes), target.joinpath(*map(_file_name, parts))
    try:
        with opened() as inner:
            _check_names(inner)
            budget = _Budget(MAX_UPLOAD, MAX_UPLOAD_MEMBERS)
            _unpack(inner, folder, budget, unpacking, depth + 1, f"{shown}: ")
    except (Refused, *BROKEN) as problem:
        shutil.rmtree(folder, ignore_errors=True)
        del unpacking.notes[kept:]
        unpacking.notes.append(f"{shown} is refused: {_reason(problem)}.")
    if len(unpacking.notes) == kept:
        unpacking.other(target, parts)


def _reason(problem: Exception) -> str:
    return str(problem) if isinstance(problem, Refused) else "it is not a zip file that can be read"


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, budget: _Budget) -> bytes:
    """A member's bytes. Raises `Refused` for one that cannot be had, or that is too large."""
    if member.flag_bits & 1:
        raise Refused("it is encrypted; ask for it without a password")
    if member.file_size > limit:
        raise Refused(f"it is too large ({member.file_size / 1e6:.0f} MB; the limit is {limit / 1e6:g} MB)")
    if member.file_size > MAX_RATIO * max(member.compress_size, 1000):
        raise Refused(
            f"it unpacks to {member.file_size / max(member.compress_size, 1):.0f} times its size, as a zip"
            " bomb does"
        )
    budget.spend(member.file_size)
    try:
        with archive.open(member) as file:
            content = file.read(limit + 1)
    except (*BROKEN, OSError) as problem:
        raise Refused(f"it cannot be unpacked ({problem})") from None
    if len(content) > limit:
        raise Refused("it is larger than it says")
    return content


def _write(target: Path, parts: list[str], content: bytes) -> None:
    path = target.joinpath(*(_file_name(part) for part in parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    while path.exists():
        path = path.with_name(f"{path.stem}~{path.suffix}")
    path.write_bytes(content)


def _file_name(part: str) -> str:
    """A name that the file system takes: printable, and at most 200 bytes long with its end kept."""
    part = "".join(character if character.isprintable() else "?" for character in part)
    encoded = part.encode("utf-8", "replace")
    return (
        part
        if len(encoded) <= 200
        else encoded[:60].decode("utf-8", "ignore") + "~" + encoded[-130:].decode("utf-8", "ignore")
    )


def _copy_tree(source: Path, target: Path, unpacking: _Unpacking) -> None:
    """A downloaded folder: its notebooks and zips, without following a link."""
    budget, notes = _Budget(MAX_TOTAL, MAX_MEMBERS), unpacking.notes
    top = source.resolve()
    files = []
    for folder, inner, here in os.walk(top):
        inner[:] = sorted(name for name in inner if not _ignored(name))
        links = [name for name in inner if Path(folder, name).is_symlink()]
        files += [Path(folder, name) for name in sorted([*here, *links])]
    for place, path in enumerate(files, start=1):
        if unpacking.progress:
            unpacking.progress(place, len(files), "looked at")
        parts = list(path.relative_to(top).parts)
        shown, suffix = _shown("/".join(parts)), path.suffix.lower()
        if _ignored(parts[-1]):
            continue
        if path.is_symlink():
            notes.append(f"{shown} is a link, and links are not followed: left out.")
        elif suffix == ".zip":
            _open_upload(lambda path=path: zipfile.ZipFile(path), target, parts, unpacking, 1, shown)
        elif suffix in NO_NOTEBOOKS:
            notes.append(
                f"{shown} is an archive of a kind that is not opened; ask for the notebook itself or a zip."
            )
        elif suffix in SIGNATURE and (suffix == ".ipynb" or path.stat().st_size <= MAX_BYTES):
            try:
                content = read_regular(path)
                budget.spend(len(content))
                _take_file(target, parts, content, unpacking, True)
            except Unreadable as problem:
                notes.append(f"{shown}: {problem}: left out.")
            except Refused as problem:
                raise Refusal(f"{source.resolve()} is refused: {problem}.") from None
        else:
            unpacking.other(target, parts)


# --- Whose, and of which topic --------------------------------------------------------------------


def _canvas(parts: tuple[str, ...]) -> tuple[str, str, bool] | None:
    """Student, name and lateness of a path from Canvas: name_[LATE_]user_upload_file, at any depth."""
    for part in parts:
        if match := CANVAS.fullmatch(part):
            return match["student"], match["name"], bool(match["late"])
    return None


def _moodle(parts: tuple[str, ...]) -> tuple[str, str, bool] | None:
    """The same of Moodle's: Full name_participant_assignsubmission_file_, a folder or the beginning of a
    file's name.
    """
    for part in parts:
        if match := MOODLE.fullmatch(part):
            return match["student"], match["name"], False
    return None


def _folder(parts: tuple[str, ...]) -> tuple[str, str, bool] | None:
    """The same of a folder per student."""
    return (parts[0].removesuffix(".zip"), "", False) if len(parts) > 1 else None


READERS = {"canvas": _canvas, "moodle": _moodle, "folder": _folder}
EXPECTED = {
    _canvas: "name_user_upload_file as Canvas names them",
    _moodle: "Name_number_assignsubmission_file as Moodle names them",
    _folder: "a folder per student",
}


def _identify(
    root: Path, reader, given: Topic | None, told: Roster, result: Collected, progress: Callable | None
) -> list[Found]:
    """Every notebook below `root` of which student and topic are known; a note for each other one."""
    paths = sorted(path for path in root.rglob("*.ipynb") if path.is_file())
    strip = _wrapping(paths, root) if reader is _folder else 0
    if strip:
        around = _shown(paths[0].relative_to(root).parts[0])
        result.remarks.append(f"All lies in the folder {around}: students are called by the folders in it.")
    known, found = _released_names(), []
    for done, path in enumerate(paths, start=1):
        if progress:
            progress(done, len(paths), "recognized")
        parts = path.relative_to(root).parts[strip:]
        shown = _shown("/".join(parts))
        whose = reader(parts)
        if whose is None or not _usable(whose[0]):
            result.left_out.append(
                f"{shown} belongs to no student that can be told ({EXPECTED[reader]}): left out."
            )
            continue
        topic = _topic(path, parts, known) or given
        if topic is None:
            result.left_out.append(
                f"{shown} is of no topic that can be told: left out; name it with --topic."
            )
            continue
        if given is not None and topic != given:
            result.remarks.append(
                f"{shown} is of {topic.folder}, not of {given.folder}: taken for {topic.folder}."
            )
        number, time = COPY.search(path.stem), told.times.get(whose[0])
        beside = path.with_name("timestamp.txt")
        if reader is _folder and beside.is_file():  # elsewhere a student could have uploaded it
            time = parse_time(beside.read_text(errors="replace").strip())
        student = told.people[whose[0]].id if whose[0] in told.people else whose[0]
        found.append(
            Found(path, shown, student, topic, time, int(number[1]) if number else 0, whose[1], whose[2])
        )
    return found


def _without_notebook(found: list[Found], others: list[tuple[str, ...]], reader, told: Roster) -> list[str]:
    """A sentence for each student who handed something in, and no notebook; and for each whom the roster
    says to have handed in, and of whom the download has nothing.
    """
    have = {item.student for item in found}
    without: dict[str, list[str]] = {}
    for parts in others:
        whose = reader(parts)
        student = told.people[whose[0]].id if whose and whose[0] in told.people else whose and whose[0]
        if student and student not in have:
            without.setdefault(f"{student} ({whose[1]})" if whose[1] else student, []).append(parts[-1])
            told.expected.pop(whose[0], None)
    notes = [
        f"{who} handed in"
        f" {', '.join(_shown(name) for name in files[:3])}{' and more' if len(files) > 3 else ''}, and no"
        " notebook that could be taken."
        for who, files in sorted(without.items())
    ]
    absent = [
        name
        for number, name in told.expected.items()
        if told.people.get(number, Person(number)).id not in have
    ]
    if absent:
        more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
        notes.append(
            f"{told.name} says that {', '.join(absent[:10])}{more} handed in, and the download has nothing of"
            " them: download it again."
        )
    return notes


def _alike(students: set[str]) -> list[str]:
    """A sentence for names that people would take for the same."""
    folded: dict[str, list[str]] = {}
    for student in sorted(students):
        folded.setdefault(unicodedata.normalize("NFKC", student).casefold(), []).append(student)
    return [
        f"{' and '.join(map(repr, alike))} look alike and are kept as {len(alike)} students: rename one"
        " folder if they are one."
        for alike in folded.values()
        if len(alike) > 1
    ]


def _usable(student: str) -> bool:
    return (
        bool(student.strip())
        and student.isprintable()
        and not set(student) & set('*?[]{},"\\/')
        and student not in (".", "..")
        and not student.startswith(FORMULA)
        and len(student) <= 128
    )


def _wrapping(paths: list[Path], root: Path) -> int:
    """How many folders lie around the students' folders: one where all share it, several lie in it, and no
    topic or notebook lies right in it.
    """
    parts = [path.relative_to(root).parts for path in paths]
    known = {topic.folder for topic in topics()}
    around = len({part[0] for part in parts}) == 1 and all(
        len(part) > 2 and part[1] not in known for part in parts
    )
    return 1 if around and len({part[1] for part in parts}) > 1 else 0


def _released_names() -> dict[str, Topic]:
    """For each cell name that only one topic has, that topic."""
    seen: dict[str, list[Topic]] = {}
    for topic in topics():
        if topic.exercise.is_file():
            for name in cells.sources(
                cells.read(topic.exercise), lambda cell: bool(cells.grading(cell).get("grade_id"))
            ):
                seen.setdefault(name, []).append(topic)
    return {name: found[0] for name, found in seen.items() if len(found) == 1}


def _topic(path: Path, parts: tuple[str, ...], names: dict[str, Topic]) -> Topic | None:
    """The topic that a notebook says it is of: by its cells, by a folder it lies in, or by its own name."""
    votes: dict[Topic, int] = {}
    try:
        data = json.loads(path.read_bytes())
        for cell in data["cells"]:
            topic = (
                names.get(cell["metadata"]["nbgrader"]["grade_id"])
                if "nbgrader" in cell["metadata"]
                else None
            )
            if topic is not None:
                votes[topic] = votes.get(topic, 0) + 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    if votes:
        return max(votes, key=lambda topic: votes[topic])
    for topic in topics():
        if topic.folder in parts:
            return topic
    stem = re.sub(r"[\W_]+", "_", path.stem.casefold())
    return max(
        (topic for topic in topics() if topic.name in stem), key=lambda topic: len(topic.name), default=None
    )


def _roster(kind: str, path: Path | None, rules: Rules, out: Path, notes: list[str]) -> Roster:
    """What a roster says of the students of a download of this kind."""
    if path is None:
        if kind == "moodle":
            notes.append(
                "Moodle numbers its participants anew in each assignment: with the grading worksheet as"
                " --roster, students are called the same in all topics."
            )
        return Roster()
    table = read_table(path)
    if kind == "moodle":
        return _worksheet(table, rules, out, notes)
    place = table.place("ID") if kind == "canvas" else table.place("id", "student_id", "Username")
    if place is None:
        raise Refusal(
            f"{table.name} names no student: it has no column {'ID' if kind == 'canvas' else 'id'}."
        )
    found = Roster(table.name)
    for row, person in zip(table.rows, names(table)):
        if row[place].strip():
            found.people[row[place].strip()] = joined(Person(row[place].strip()), person)
    return found


def _worksheet(table: Table, rules: Rules, out: Path, notes: list[str]) -> Roster:
    """Moodle's grading worksheet: names, times from `Last modified (submission)`, and whoever is said to have
    handed in. Students are called by the column by which most of them are called in `out` already.
    """
    column, number = table.place("Last modified (submission)"), table.place("Identifier")
    if column is None or number is None:
        raise Refusal(
            f"{table.name} is not Moodle's grading worksheet: it has no columns Identifier and Last modified"
            " (submission). If Moodle speaks another language, switch it to English and download the file"
            " again."
        )
    lasting = max(
        (place for name in LASTING if (place := _lasting(table, name)) is not None),
        key=lambda place: sum((out / _called(row[place])).is_dir() for row in table.rows),
        default=None,
    )
    if lasting is None:
        notes.append(
            f"{table.name} has no usernames, e-mails or ID numbers: students are called by their numbers in"
            " this assignment, which are others in the next."
        )
    status, found, unread = table.place("Status"), Roster(table.name), 0
    for row, person in zip(table.rows, names(table)):
        who = participant(row[number])
        found.people[who] = joined(Person(_called(row[lasting]) if lasting is not None else who), person)
        time = parse_time(row[column]) if re.search(r"\d", row[column]) else None
        if time is not None:
            local = time.replace(tzinfo=rules.zone)
            found.times[who] = local.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        elif re.search(r"\d", row[column]):
            unread += 1
        if status is not None and row[status].startswith("Submitted"):
            found.expected[who] = found.people[who].name or who
    if unread:
        notes.append(
            f"{unread} times in {table.name} cannot be read: switch Moodle to English and download it again."
        )
    return found


def _called(id: str) -> str:
    return id.strip().lower() if "@" in id else id.strip()


def _lasting(table: Table, name: str) -> int | None:
    """A column's place, if each row has in it what can be a folder's name, and no other row has."""
    place = table.place(name)
    if place is None:
        return None
    ids = [row[place].strip() for row in table.rows]
    return place if all(map(_usable, ids)) and len({id.casefold() for id in ids}) == len(ids) else None


# --- Into the folder of the class -----------------------------------------------------------------


def _place(out: Path, folder: Path, versions: list[Found], rules: Rules, result: Collected) -> None:
    """Moves a submission that nbgrader's collector put into `folder` to its place; what was there before is
    kept aside.
    """
    item = versions[-1]
    where = f"{item.student}, {item.topic.folder}"
    content = (folder / f"{item.topic.name}.ipynb").read_bytes()
    place = out / item.student / item.topic.folder
    target, when = place / f"{item.topic.name}.ipynb", place / "timestamp.txt"
    time = item.time
    if item.late and time is None:
        due = rules.due(item.topic.folder)
        time = due + datetime.timedelta(seconds=1) if due else None
        result.remarks.append(
            f"{where}: Canvas says that it came late, and not when"
            + (
                "; taken as one second after the due date: correct timestamp.txt if you know better."
                if due
                else "; no due date is known, so no penalty follows."
            )
        )
    for version in versions[:-1]:
        _keep(out, version.student, version.topic, version.path.read_bytes())
    if len(versions) > 1:
        result.remarks.append(
            f"{where}: handed in {len(versions)} times; {item.shown} counts, the others are kept in"
            f" {EARLIER}."
        )
    if target.is_file():
        before = parse_time(when.read_text(errors="replace").strip()) if when.is_file() else None
        standing = target.read_bytes()
        if standing == content and (time is None or time == before):
            result.unchanged += 1
            return
        if standing != content and time is not None and before is not None and time < before:
            _keep(out, item.student, item.topic, content)
            result.remarks.append(
                f"{where}: the version of {before:%Y-%m-%d %H:%M} (UTC) that is there is newer and stays;"
                f" this one is kept in {EARLIER}."
            )
            return
        if standing != content:
            _keep(out, item.student, item.topic, standing)
            result.remarks.append(
                f"{where}: replaced by the new version; the one before is kept in {EARLIER}."
            )
    if time is not None:
        replace(when, f"{time:%Y-%m-%d %H:%M:%S} UTC\n".encode())
    elif when.exists() and not (target.is_file() and target.read_bytes() == content):
        when.unlink()
    replace(target, content)
    result.new += 1


def _keep(out: Path, student: str, topic: Topic, content: bytes) -> None:
    replace(
        out / EARLIER / student / topic.folder / f"{hashlib.sha256(content).hexdigest()[:12]}.ipynb", content
    )


def _people(out: Path, found: list[Found], told: Roster) -> None:
    """Adds the names that the download and the roster tell to SUBMISSIONS/students.csv, which `grade` and
    `nbgrader db student import` read.
    """
    people = {
        item.student: Person(item.student, "", unicodedata.normalize("NFC", item.name))
        for item in found
        if item.name
    }
    handed_in, listed = {item.student for item in found}, {person.id for person in told.people.values()}
    people |= {
        person.id: person
        for person in told.people.values()
        if person.id in handed_in and (person.name or person.email)
    }
    if not people:
        return
    path = out / PEOPLE
    if path.is_file():
        with open(path, newline="", encoding="utf-8-sig") as file:
            before = {
                unescaped(row["id"]): Person(unescaped(row["id"]), *(row.get(name) or "" for name in COLUMNS))
                for row in csv.DictReader(file)
                if row.get("id")
            }
        people = {
            id: joined(
                before.get(id, Person(id)), people.get(id, Person(id)), id in listed or id not in before
            )
            for id in before | people
        }
    rows = [[id, *(getattr(person, name) for name in COLUMNS)] for id, person in sorted(people.items())]
    replace(path, write_table(["id", *COLUMNS], rows, marked=False))


COLUMNS = ("first_name", "last_name", "email")


def _natural(text: str) -> list:
    """A key that orders numbers in texts by their size."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", text)]


def _shown(name: str, most: int = 100) -> str:
    text = "".join(character if character.isprintable() else "?" for character in name)
    return text if len(text) <= most else f"{text[:most // 2]}...{text[-most // 2:]}"
