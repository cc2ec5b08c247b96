"""One submission, as handed in -> the released notebook with the student's sources, and what was odd about
it.

In: the files of one student's folder for one topic. Out: the released notebook's cells in their order, the
student's source in each answer cell, added cells after the cell they followed, and notes for the instructor.
Trusts nothing of what was handed in: metadata, ids, tags, cell types, points, order and outputs are all taken
from the released notebook.
"""

import codecs
import contextlib
import copy
import json
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import Unicode

MAX_BYTES = 10_000_000
MAX_SOURCE = 1_000_000
MAX_CELLS = 1_000
AGAIN = "ask for it again, saved from Jupyter"
CONFLICT = re.compile(r"(?:<{7}|\|{7}|={7}|>{7})(?=\s)")
OTHER_KINDS = (
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"{\\rtf", "a text document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
IGNORED_FOLDERS = {"__pycache__", "__MACOSX", "feedback"}


class Unreadable(Exception):
    """What was handed in holds no notebook that can be graded; the text says why, for the instructor."""


@dataclass(frozen=True)
class Files:
    """What one topic folder held: the notebook's bytes, the text of timestamp.txt ("" without one), and
    notes.
    """

    content: bytes
    name: str
    timestamp: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Intake:
    """A submission brought into the released form.

    `notes` are sentences about anything unusual; `repaired` says that cells had to be put back, in place or
    in type.
    """

    notebook: nbformat.NotebookNode
    notes: list[str] = field(default_factory=list)
    repaired: bool = False


@dataclass(frozen=True)
class _Cell:
    """A student's cell with all that is believed of it: a kind, a source, and the names that it claims to
    have.

    `sound` says that nbformat, too, would read it.
    """

    kind: str
    source: str
    claim: str
    id: str
    sound: bool = True


# --- Files ---------------------------------------------------------------------------------------------


def read_regular(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file, without following a link, waiting on a pipe or reading more than `limit`.

    Raises `Unreadable` with the reason.
    """
    flags = (
        os.O_RDONLY
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_NONBLOCK", 0)
        | getattr(os, "O_CLOEXEC", 0)
    )
    try:
        if path.is_symlink():
            raise Unreadable(f"{path.name} is a link to another file; links are not followed")
        if path.is_dir():
            raise Unreadable(f"{path.name} is a folder, not a notebook")
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise Unreadable(f"{path.name} cannot be read: {problem.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(f"{path.name} is not a regular file")
        if status.st_size > limit:
            raise Unreadable(
                f"{path.name} is too large: {status.st_size / 1e6:.0f} MB, and the limit is "
                f"{limit / 1e6:.0f} MB; ask for it again, saved with its outputs cleared"
            )
        try:
            content = file.read(limit + 1)
        except OSError as problem:
            raise Unreadable(f"{path.name} cannot be read: {problem.strerror}") from None
    if len(content) > limit:
        raise Unreadable(f"{path.name} grew beyond {limit / 1e6:.0f} MB while it was read")
    return content


def collect(folder: Path, notebook: str) -> Files:
    """Finds the submission of `notebook` (a name without suffix) in a topic folder; raises `Unreadable` where
    there is none.

    The exact name is preferred; a single other .ipynb file is taken for a renamed one, of several the newest.
    """
    notes: list[str] = []
    try:
        entries = sorted(
            entry
            for entry in os.listdir(folder)
            if not entry.startswith(".") and entry not in IGNORED_FOLDERS
        )
    except OSError as problem:
        raise Unreadable(f"the folder cannot be read: {problem.strerror}") from None
    found = [entry for entry in entries if entry.lower().endswith(".ipynb")]
    if not found:
        held = f"; it holds {_listing(entries)}" if entries else ", it is empty"
        raise Unreadable(f"there is no notebook in the folder{held}")
    wanted = f"{notebook}.ipynb"
    regular = [entry for entry in found if _is_regular(folder / entry)]
    if wanted in found and (wanted in regular or not regular):
        chosen = wanted
    else:
        chosen = max(regular or found, key=lambda entry: _modified(folder / entry))
        notes.append(
            f"{shown(chosen)} was taken for {wanted}"
            + (", the newest of several" if len(regular) > 1 else "")
        )
    if others := [entry for entry in found if entry != chosen]:
        notes.append(f"not graded, beside the graded notebook: {_listing(others)}")
    if extra := [entry for entry in entries if entry not in found and entry != "timestamp.txt"]:
        notes.append(f"files that the exercise does not use were left out: {_listing(extra)}")
    timestamp = ""
    if "timestamp.txt" in entries:
        try:
            timestamp = read_regular(folder / "timestamp.txt", 1000).decode("utf-8").strip()
        except (Unreadable, UnicodeDecodeError):
            notes.append(
                "timestamp.txt could not be read and was left out: the time of handing in is unknown"
            )
    return Files(read_regular(folder / chosen), chosen, timestamp, tuple(notes))


def _is_regular(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISREG(path.lstat().st_mode)
    return False


def _modified(path: Path) -> tuple[float, str]:
    with contextlib.suppress(OSError):
        return path.lstat().st_mtime, path.name
    return 0.0, path.name


def _listing(names: list[str], most: int = 5) -> str:
    return ", ".join(shown(name) for name in names[:most]) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )


def shown(name: str, most: int = 60) -> str:
    """A file's name as it may stand in a report: one line, printable, of bounded length."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= most else text[:most] + "..."


# --- From bytes to cells -------------------------------------------------------------------------------


def parse(content: bytes) -> tuple[list[_Cell], list[str]]:
    """The cells of a notebook file and notes; raises `Unreadable` with the reason where it holds none."""
    notes: list[str] = []
    data = _loaded(_decoded(content))
    if not isinstance(data, dict):
        raise Unreadable(f"the file is JSON, but no notebook; {AGAIN}")
    raw = data.get("cells")
    if raw is None and isinstance(data.get("worksheets"), list):
        notes.append("an old notebook format was brought up to date")
        raw = [
            cell
            for sheet in data["worksheets"]
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    if not isinstance(raw, list):
        raise Unreadable(f"the file is JSON, but no notebook: it has no cells; {AGAIN}")
    if len(raw) > MAX_CELLS:
        raise Unreadable(
            f"the notebook has {len(raw):,} cells, and the limit is {MAX_CELLS:,}; look into it by hand"
        )
    cells = [cell for cell in map(_cell, raw) if cell is not None]
    if len(cells) < len(raw):
        notes.append(f"{len(raw) - len(cells)} of its cells could not be read and were left out")
    if data.get("nbformat") != 4 and "worksheets" not in data:
        notes.append("its format number is none that Jupyter writes; it was read as format 4")
    elif (
        not isinstance(data.get("metadata"), dict)
        or not isinstance(data.get("nbformat_minor"), int)
        or not all(c.sound for c in cells)
    ):
        notes.append("damaged metadata or outputs in it were dropped")
    if sum(len(cell.source) for cell in cells) > MAX_SOURCE:
        raise Unreadable(
            f"the notebook holds more than {MAX_SOURCE:,} characters of source; look into it by hand"
        )
    return cells, notes


def _decoded(content: bytes) -> str:
    """The file's text; raises `Unreadable` with what else the file is."""
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise Unreadable(f"the notebook file is empty; {AGAIN}")
    if not content.strip(b"\0 \t\r\n"):
        raise Unreadable(f"the notebook file holds nothing but zero bytes, as a broken copy does; {AGAIN}")
    for beginning, kind in OTHER_KINDS:
        if content.startswith(beginning):
            raise Unreadable(f"the notebook file is {kind} under a notebook's name; {AGAIN}")
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in content[:2]:
        raise Unreadable(f"the notebook file is UTF-16, as some editors save it, and not UTF-8; {AGAIN}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise Unreadable(
            f"the notebook file is not UTF-8 text: line {line} holds the byte 0x{content[problem.start]:02x}, "
            f"as another editor may have written it; {AGAIN}"
        ) from None
    if re.match(r"\s*<(!doctype html|html|head|body)\b", text, re.IGNORECASE):
        raise Unreadable(
            "the notebook file is a web page, such as one that asks for a login where the notebook should "
            f"have been downloaded; {AGAIN}"
        )
    return text


def _loaded(text: str):
    """The file's JSON; raises `Unreadable` with what is wrong with it."""
    try:
        return json.loads(text)
    except RecursionError:
        why = "is nested too deeply to be read, deeper than Jupyter writes"
    except MemoryError:
        why = "needs more memory than there is to be read"
    except json.JSONDecodeError as problem:
        if CONFLICT.match(text, problem.pos) or any(map(CONFLICT.match, text.splitlines(True))):
            raise Unreadable(
                "the notebook file holds the marks of a merge conflict (<<<<<<<): two versions of it were "
                "never made one; ask for the notebook again, merged and saved from Jupyter"
            ) from None
        if problem.pos >= len(text.rstrip()) - 1 or "Unterminated" in problem.msg:
            why = "is cut off before its end"
        elif problem.msg == "Extra data":
            why = f"is not valid JSON: something follows the notebook's end in line {problem.lineno}"
        else:
            why = f"is not valid JSON: it breaks off in line {problem.lineno}, column {problem.colno}"
    except ValueError as problem:  # int() has a limit
        digits = re.search(r"has (\d+) digits", str(problem))
        size = f"{int(digits[1]):,}" if digits else "thousands of"
        why = f"is not valid JSON for Jupyter: it holds a whole number of {size} digits"
    raise Unreadable(f"the notebook file {why}; {AGAIN}")


def _cell(raw) -> _Cell | None:
    """One cell of the file's JSON, or None where it is no cell."""
    if not isinstance(raw, dict) or raw.get("cell_type") not in (
        "code",
        "markdown",
        "raw",
        "heading",
        "html",
    ):
        return None
    source = raw.get("source", raw.get("input", ""))  # "input" until format 3
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    metadata = raw.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    claim = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    kind = raw["cell_type"] if raw["cell_type"] in ("code", "raw") else "markdown"
    outputs = raw.get("outputs", [])
    sound = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("nbgrader", {}), dict)
        and "\0" not in source
        and isinstance(outputs, list)
        and all(isinstance(o, dict) and isinstance(o.get("output_type"), str) for o in outputs)
    )
    return _Cell(
        kind,
        source.encode("utf-8", "replace").decode(),
        claim if isinstance(claim, str) else "",
        raw["id"] if isinstance(raw.get("id"), str) else "",
        sound,
    )


# --- From cells to the released form -------------------------------------------------------------------


def normalise(content: bytes, released: nbformat.NotebookNode) -> Intake:
    """The submission in the released notebook's form; raises `Unreadable` where it cannot be, with the
    reason.
    """
    cells, notes = parse(content)
    result = rebuild(cells, released)
    result.notes[:0] = notes
    return result


def rebuild(cells: list[_Cell], released: nbformat.NotebookNode) -> Intake:
    """Puts the student's sources into a copy of the released notebook; raises `Unreadable` for another
    notebook's cells.
    """
    roles = [_role(cell) for cell in released.cells]
    names = [_grade_id(cell) for cell in released.cells]
    place = {name: index for index, name in enumerate(names) if name}
    chosen, believed, duplicates = _match(cells, released, roles, names, place)
    if not _belongs(cells, chosen, released, roles):
        raise Unreadable("this is not the notebook of this topic: none of its cells is one of the exercise's")

    result = Intake(copy.deepcopy(released))
    at = {position: index for index, position in chosen.items()}  # student's cell -> released cell
    added: dict[int, list[int]] = {}
    anchor = -1
    for position, cell in enumerate(cells):
        if position in at:
            anchor = at[position]
        elif position in duplicates and _same(cell.source, released.cells[duplicates[position]].source):
            continue
        else:
            added.setdefault(anchor, []).append(position)

    for index, cell in enumerate(result.notebook.cells):
        if roles[index] == "solution" and index in chosen:
            cell.source = cells[chosen[index]].source
    ordered = list(_added_cells(cells, added.get(-1, [])))
    for index, cell in enumerate(result.notebook.cells):
        ordered.append(cell)
        ordered += _added_cells(cells, added.get(index, []))
    result.notebook.cells = ordered
    _describe(result, cells, chosen, believed, duplicates, released, roles, names)
    return result


def _match(cells, released, roles, names, place):
    """Which student's cell stands for which released cell: by the grade_id it claims, its id, or what it
    defines.

    Returns {released index: position}, the same for those that were recognised without a grade_id, and the
    positions that claim a released cell which another one stands for.
    """
    claims: dict[int, list[int]] = {}
    for position, cell in enumerate(cells):
        if cell.claim in place:
            claims.setdefault(place[cell.claim], []).append(position)
    chosen, believed, duplicates = {}, {}, {}
    for index, positions in claims.items():
        stub = released.cells[index].source
        changed = [p for p in positions if not _same(cells[p].source, stub)]
        keep = changed if roles[index] == "solution" else [p for p in positions if p not in changed]
        chosen[index] = (keep or positions)[-1]
        duplicates |= {p: index for p in positions if p != chosen[index]}
    ids = {cell.get("id"): index for index, cell in enumerate(released.cells)}
    taken = {*chosen.values(), *duplicates}
    for position, cell in enumerate(cells):
        index = ids.get(cell.id)
        if position not in taken and index is not None and index not in chosen:
            chosen[index] = believed[index] = position
            taken.add(position)
    for index, role in enumerate(roles):
        if index in chosen:
            continue
        if role == "solution":
            free = [
                p
                for p, cell in enumerate(cells)
                if p not in taken and _defines(cell.source, names[index], released.cells[index])
            ]
            changed = [p for p in free if not _same(cells[p].source, released.cells[index].source)]
            free = changed or free
        else:
            free = [
                p
                for p, cell in enumerate(cells)
                if p not in taken and _same(cell.source, released.cells[index].source)
            ]
        if free:
            chosen[index] = believed[index] = free[-1]
            taken.add(free[-1])
    return chosen, believed, duplicates


def _belongs(cells, chosen, released, roles) -> bool:
    """Whether the submission is of this notebook at all: a function of its own, or half of its fixed cells.

    Names such as `title` or `answer_1` are those of every topic, and prove nothing.
    """
    for index, position in chosen.items():
        if roles[index] == "solution" and any(
            _has_function(cells[position].source, name) for name in _functions(released.cells[index])
        ):
            return True
    fixed = [index for index, role in enumerate(roles) if role in ("fixed", "test")]
    same = [
        index
        for index in fixed
        if index in chosen and _same(cells[chosen[index]].source, released.cells[index].source)
    ]
    return len(same) * 2 >= max(len(fixed), 1)


def _describe(result: Intake, cells, chosen, believed, duplicates, released, roles, names) -> None:
    """Says what was put right; sets `repaired` where that concerns a cell that counts."""
    missing = [names[i] for i, role in enumerate(roles) if role != "free" and i not in chosen]
    edited = [
        names[i]
        for i, p in chosen.items()
        if roles[i] == "test" and not _same(cells[p].source, released.cells[i].source)
    ]
    text = [
        names[i]
        for i, p in chosen.items()
        if roles[i] == "fixed" and not _same(cells[p].source, released.cells[i].source)
    ]
    retyped = [
        names[i]
        for i, p in chosen.items()
        if roles[i] != "free" and cells[p].kind != released.cells[i].cell_type
    ]
    copies = [names[i] for i in dict.fromkeys(duplicates.values())]
    order = [chosen[index] for index in sorted(chosen)]
    unmarked = [names[i] for i in believed if roles[i] != "free"]
    for which, sentence in (
        (missing, "deleted cells were put back"),
        (edited, "changed test cells were put back as released"),
        (retyped, "cells of a changed type were put back"),
        (copies, "cells were there more than once"),
        (unmarked, "cells had lost their nbgrader marks and were recognised"),
    ):
        if which:
            result.notes.append(f"{sentence}: {_listing(sorted(which))}")
            result.repaired = True
    if order != sorted(order):
        result.notes.append("moved cells were put back in order")
        result.repaired = True
    if text:
        result.notes.append(f"changed read-only cells were put back as released: {_listing(sorted(text))}")
    for which, sentence in (
        (
            _pasted(cells, chosen, released, roles, names),
            "an answer stands in a test cell, where it is not graded",
        ),
        (_unmerged(cells, chosen, roles, names), "an answer holds the marks of a merge conflict (<<<<<<<)"),
    ):
        if which:
            result.notes.append(f"{sentence}: {_listing(which)}")


def _pasted(cells, chosen, released, roles, names) -> list[str]:
    """Answers that were left as released while a test cell, which is not taken from the student, defines them."""
    left = [
        i
        for i, role in enumerate(roles)
        if role == "solution"
        and (i not in chosen or _same(cells[chosen[i]].source, released.cells[i].source))
    ]
    tests = [cells[p].source for i, p in chosen.items() if roles[i] == "test"]
    return [names[i] for i in left if any(_defines(source, names[i], released.cells[i]) for source in tests)]


def _unmerged(cells, chosen, roles, names) -> list[str]:
    """Answers with two versions of themselves between marks, as a merge of notebooks leaves them."""
    return [
        names[i]
        for i, p in sorted(chosen.items())
        if roles[i] == "solution" and re.search(r"^<{7} ", cells[p].source, re.MULTILINE)
    ]


def _added_cells(cells, positions):
    for position in positions:
        kind, source = cells[position].kind, cells[position].source
        make = {
            "code": nbformat.v4.new_code_cell,
            "markdown": nbformat.v4.new_markdown_cell,
            "raw": nbformat.v4.new_raw_cell,
        }[kind]
        yield make(source, id=f"added-{position}")


def _role(cell) -> str:
    """solution, test, fixed (locked but ungraded), or free (no nbgrader role)."""
    marks = cell.metadata.get("nbgrader", {})
    if marks.get("solution"):
        return "solution"
    if marks.get("grade"):
        return "test"
    return "fixed" if marks.get("locked") else "free"


def _grade_id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _functions(cell) -> list[str]:
    """The functions that a released answer cell asks for."""
    return re.findall(r"^def (\w+)\(", cell.source, re.MULTILINE)


def _has_function(source: str, name: str) -> bool:
    return re.search(rf"^def {re.escape(name)}\s*\(", source, re.MULTILINE) is not None


def _defines(source: str, grade_id: str, released) -> bool:
    """Whether a source defines what the released answer cell asks for, as a function or as an answer."""
    names = _functions(released)
    if names:
        return any(_has_function(source, name) for name in names)
    return re.search(rf"^{re.escape(grade_id)}\s*=[^=]", source, re.MULTILINE) is not None


def _same(a: str, b: str) -> bool:
    """Equal but for line ends, trailing blanks and the form of accented letters, which editors change by
    themselves.
    """
    if a == b:
        return True
    mine, other = a.strip().splitlines(), b.strip().splitlines()
    return len(mine) == len(other) and all(map(_same_line, mine, other))


def _same_line(a: str, b: str) -> bool:
    a, b = a.rstrip(), b.rstrip()
    if a == b or a.isascii() and b.isascii():
        return a == b
    short, long = sorted((len(a), len(b)))
    if long > 4 * short:  # more than accents explain, and normalising a long run of them takes minutes
        return False
    return unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b)


# --- The same for nbgrader's own Autograde -------------------------------------------------------------


class Normalizer(NbGraderPreprocessor):
    """nbgrader's first sanitizing step here: the notebook that nbgrader read, in the released form.

    The released notebook is looked for in the course's `release` folder; nbgrader works from the course's
    root.
    """

    release_directory = Unicode(
        "release", help="Folder with the released notebooks, from the course's root."
    ).tag(config=True)

    def preprocess(self, nb, resources):
        ids = resources["nbgrader"]
        path = Path(self.release_directory) / ids["assignment"] / f"{ids['notebook']}.ipynb"
        released = nbformat.read(path, as_version=4)
        result = normalise(nbformat.writes(nb).encode("utf-8", "replace"), released)
        for note in result.notes:
            self.log.warning("%s, %s: %s", ids["student"], ids["assignment"], note)
        return result.notebook, resources
