"""A university system's download -> a folder of submissions, through nbgrader's zip collector.

In: the zip that Canvas or Moodle gives for an assignment, or a zip or folder of one folder per student. Out:
SUBMISSIONS/ <student>/<topic>/<notebook>.ipynb, timestamp.txt where the time of handing in is known, earlier
versions in SUBMISSIONS/ .earlier, and sentences about everything that was left out. Trusts nothing in an
archive: no path, no size, no link.
"""

import csv
import datetime
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
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
from autograde.export import participant, read_table, write_table
from autograde.intake import IGNORED_FOLDERS, MAX_BYTES, Unreadable, read_regular
from autograde.late import Rules
from autograde.marker import parse_time

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


class Refused(Exception):
    """One upload that cannot be taken; the text says why. The class goes on."""


@dataclass
class Collected:
    """How many submissions were put in place, how many were there already, and what an instructor should
    know.
    """

    new: int = 0
    unchanged: int = 0
    notes: list[str] = field(default_factory=list)


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
    roster: Moodle's grading worksheet, which knows when each was handed in. course: the class's course.toml,
    for the worksheet's time zone, and for the due dates that Canvas's LATE refers to. progress: called with
    (done, total). Raises `Refusal` where the download cannot be taken; `out` is then as it was.
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
    times = _times(roster, rules, result.notes)
    with explained(out):
        near = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
        with tempfile.TemporaryDirectory(prefix=".collect-", dir=near) as scratch:
            _take(source, READERS[kind], out, Path(scratch), given, times, rules, result, progress)
    return result


def _take(
    source: Path,
    reader,
    out: Path,
    scratch: Path,
    given: Topic | None,
    times: dict,
    rules: Rules,
    result: Collected,
    progress,
) -> None:
    app = _app(scratch, result.notes)
    archive = scratch / "downloaded" / "archive"
    archive.mkdir(parents=True)
    (archive / "download").symlink_to(source.resolve())
    app.extractor_plugin_inst.extract(str(archive), str(scratch / "downloaded" / "extracted"))
    found = _identify(scratch / "downloaded" / "extracted", reader, given, times, result.notes)
    if not found and not result.notes:
        raise Refusal(f"There is no notebook in {source}.")
    latest: dict[tuple[str, str], list[Found]] = {}
    for item in found:
        latest.setdefault((item.student, item.topic.folder), []).append(item)
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
                progress(done, len(latest))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: {done} of {len(latest)} submissions are in {out}; "
            "run the same command again for the others"
        ) from None
    _people(out, found)


# --- nbgrader's collector -------------------------------------------------------------------------


class SafeExtractor(ExtractorPlugin):
    """nbgrader's step from archives to files, for archives that are not trusted. `notes` gets a sentence for
    each refusal.
    """

    notes = Any()

    def extract(self, archive_path: str, extracted_path: str) -> None:
        target = Path(extracted_path)
        target.mkdir(parents=True, exist_ok=True)
        for name in sorted(os.listdir(archive_path)):
            path = Path(archive_path, name)
            if path.is_dir():
                _copy_tree(path, target, self.notes)
            else:
                _unpack_download(path, target, self.notes)


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
    app.extractor_plugin_inst.notes = notes
    return app


# --- Archives -------------------------------------------------------------------------------------


def _unpack_download(path: Path, target: Path, notes: list[str]) -> None:
    """The download itself: what is wrong with it ends the call."""
    budget = _Budget(MAX_TOTAL, MAX_MEMBERS)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(archive)
            _unpack(archive, target, budget, notes, depth=1, where="")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as problem:
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
            raise Refused("it unpacks to more than is reasonable, as a zip bomb does")
        if self.members < 0:
            raise Refused("it holds more files than is reasonable, as a zip bomb does")


def _check_names(archive: zipfile.ZipFile) -> None:
    """Raises `Refused` for an archive that would write outside its folder, or that is no archive of files."""
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in PurePosixPath(name).parts:
            raise Refused(f"it holds the path {_shown(member.filename)}, which leads out of its folder")
        if "\0" in name:
            raise Refused("it holds a name that no file can have")


def _unpack(
    archive: zipfile.ZipFile, target: Path, budget: _Budget, notes: list[str], depth: int, where: str
) -> None:
    for member in archive.infolist():
        parts = [part for part in member.filename.replace("\\", "/").split("/") if part not in ("", ".")]
        shown = where + _shown("/".join(parts))
        if (
            member.is_dir()
            or not parts
            or any(part in IGNORED_FOLDERS or part.startswith((".", "~")) for part in parts)
        ):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            notes.append(f"{shown} is a link, and links are not followed: left out.")
            continue
        suffix = PurePosixPath(parts[-1]).suffix.lower()
        if suffix == ".ipynb" or parts[-1] == "timestamp.txt":
            limit = MAX_BYTES if suffix == ".ipynb" else 1000
            if member.file_size > limit:
                notes.append(
                    f"{shown} is too large ({member.file_size / 1e6:.0f} MB; the limit is {limit / 1e6:g}"
                    " MB): left out."
                )
                continue
            try:
                _write(target, parts, _read(archive, member, limit, budget))
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as problem:
                notes.append(f"{shown} cannot be unpacked ({problem}): left out.")
        elif suffix == ".zip":
            _unpack_upload(archive, member, parts, target, budget, notes, depth, shown)
        elif suffix in NO_NOTEBOOKS:
            notes.append(
                f"{shown} is an archive of a kind that is not opened; ask for the notebook itself or a zip."
            )
        else:
            budget.spend(0)


def _unpack_upload(
    archive, member, parts, target: Path, budget: _Budget, notes: list[str], depth: int, shown: str
) -> None:
    """A zip in the zip: one student's upload. What is wrong with it costs that student's upload only."""
    kept = len(notes)
    folder = target.joinpath(*parts)
    try:
        if depth >= MAX_DEPTH:
            raise Refused(f"archives lie in it more than {MAX_DEPTH - 1} deep")
        if member.file_size > MAX_UPLOAD:
            raise Refused(
                f"it is too large ({member.file_size / 1e6:.0f} MB; the limit is {MAX_UPLOAD / 1e6:.0f} MB)"
            )
        with zipfile.ZipFile(io.BytesIO(_read(archive, member, MAX_UPLOAD, budget))) as inner:
            _check_names(inner)
            _unpack(inner, folder, _Budget(MAX_UPLOAD, MAX_UPLOAD_MEMBERS), notes, depth + 1, f"{shown}: ")
    except (Refused, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as problem:
        shutil.rmtree(folder, ignore_errors=True)
        del notes[kept:]
        notes.append(f"{shown} is refused:" f" {_reason(problem)}.")


def _reason(problem: Exception) -> str:
    return str(problem) if isinstance(problem, Refused) else "it is not a zip file that can be read"


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int, budget: _Budget) -> bytes:
    if member.file_size > MAX_RATIO * max(member.compress_size, 1000):
        raise Refused(
            f"{_shown(member.filename)} unpacks to {member.file_size / max(member.compress_size, 1):.0f}"
            " times its size, as a zip bomb does"
        )
    budget.spend(member.file_size)
    with archive.open(member) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"{_shown(member.filename)} is larger than it says")
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


def _copy_tree(source: Path, target: Path, notes: list[str]) -> None:
    """A downloaded folder: its notebooks and zips, without following a link."""
    budget = _Budget(MAX_TOTAL, MAX_MEMBERS)
    top = source.resolve()
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if name not in IGNORED_FOLDERS and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            parts = list(path.relative_to(top).parts)
            shown, suffix = _shown("/".join(parts)), path.suffix.lower()
            if suffix == ".ipynb" or name == "timestamp.txt":
                try:
                    content = read_regular(path)
                    budget.spend(len(content))
                    _write(target, parts, content)
                except Unreadable as problem:
                    notes.append(f"{shown}: {problem}: left out.")
                except Refused as problem:
                    raise Refusal(f"{source} is refused: {problem}.") from None
            elif suffix == ".zip" and not path.is_symlink():
                kept, inside = len(notes), target.joinpath(*parts)
                try:
                    with zipfile.ZipFile(path) as archive:
                        _check_names(archive)
                        _unpack(
                            archive, inside, _Budget(MAX_UPLOAD, MAX_UPLOAD_MEMBERS), notes, 2, f"{shown}: "
                        )
                except (Refused, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as problem:
                    shutil.rmtree(inside, ignore_errors=True)
                    del notes[kept:]
                    notes.append(f"{shown} is refused:" f" {_reason(problem)}.")


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


def _identify(root: Path, reader, given: Topic | None, times: dict, notes: list[str]) -> list[Found]:
    """Every notebook below `root` of which student and topic are known; a note for each other one."""
    paths = sorted(path for path in root.rglob("*.[iI][pP][yY][nN][bB]") if path.is_file())
    strip = _wrapping(paths, root) if reader is _folder else 0
    names, found = _released_names(), []
    for path in paths:
        parts = path.relative_to(root).parts[strip:]
        shown = _shown("/".join(parts))
        whose = reader(parts)
        if whose is None or not _usable(whose[0]):
            notes.append(f"{shown} belongs to no student that can be told ({EXPECTED[reader]}): left out.")
            continue
        topic = _topic(path, parts, names) or given
        if topic is None:
            notes.append(f"{shown} is of no topic that can be told: left out; name it with --topic.")
            continue
        if given is not None and topic != given:
            notes.append(f"{shown} is of {topic.folder}, not of {given.folder}: taken for {topic.folder}.")
        beside = path.with_name("timestamp.txt")
        time = (
            parse_time(beside.read_text(errors="replace").strip())
            if beside.is_file()
            else times.get(whose[0])
        )
        number = COPY.search(path.stem)
        found.append(
            Found(path, shown, whose[0], topic, time, int(number[1]) if number else 0, whose[1], whose[2])
        )
    return found


def _usable(student: str) -> bool:
    return (
        bool(student.strip())
        and student.isprintable()
        and not set(student) & set('*?[]{},"\\/')
        and student not in (".", "..")
        and len(student) <= 128
    )


def _wrapping(paths: list[Path], root: Path) -> int:
    """How many folders lie around the students' folders: one where all share it and no topic or notebook lies
    right in it.
    """
    parts = [path.relative_to(root).parts for path in paths]
    known = {topic.folder for topic in topics()}
    around = len({part[0] for part in parts}) == 1 and all(
        len(part) > 2 and part[1] not in known for part in parts
    )
    return 1 if parts and around else 0


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


def _times(roster: Path | None, rules: Rules, notes: list[str]) -> dict[str, datetime.datetime]:
    """When each participant handed in (UTC), from the worksheet's column `Last modified (submission)`."""
    if roster is None:
        return {}
    table = read_table(roster)
    column = "Last modified (submission)"
    if column not in table.header or "Identifier" not in table.header:
        raise Refusal(
            f"{table.name} is not Moodle's grading worksheet: it has no columns Identifier and {column}."
        )
    who, when = table.header.index("Identifier"), table.header.index(column)
    found, unread = {}, 0
    for row in table.rows:
        time = parse_time(row[when]) if re.search(r"\d", row[when]) else None
        if time is not None:
            local = time.replace(tzinfo=rules.zone)
            found[participant(row[who])] = local.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        elif re.search(r"\d", row[when]):
            unread += 1
    if unread:
        notes.append(
            f"{unread} times in {table.name} cannot be read: switch Moodle to English and download it again."
        )
    return found


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
        result.notes.append(
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
        result.notes.append(
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
            result.notes.append(
                f"{where}: the version of {before:%Y-%m-%d %H:%M} (UTC) that is there is newer and stays;"
                f" this one is kept in {EARLIER}."
            )
            return
        if standing != content:
            _keep(out, item.student, item.topic, standing)
            result.notes.append(f"{where}: replaced by the new version; the one before is kept in {EARLIER}.")
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


def _people(out: Path, found: list[Found]) -> None:
    """Adds the names that the download tells to SUBMISSIONS/students.csv, which `nbgrader db student import`
    reads.
    """
    names = {item.student: unicodedata.normalize("NFC", item.name) for item in found if item.name}
    if not names:
        return
    path = out / PEOPLE
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as file:
            names = {row["id"]: row["last_name"] for row in csv.DictReader(file) if row.get("id")} | names
    replace(path, write_table(["id", "last_name"], sorted(names.items()), marked=False))


def _natural(text: str) -> list:
    """A key that orders numbers in texts by their size."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", text)]


def _shown(name: str, most: int = 100) -> str:
    text = "".join(character if character.isprintable() else "?" for character in name)
    return text if len(text) <= most else f"{text[:most // 2]}...{text[-most // 2:]}"
