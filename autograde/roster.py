"""Who is who: the tables that universities' systems give out, and the names, ids and e-mails in them.

In: a CSV file from Canvas, Moodle or a spreadsheet, and the students of a class. Out: which row is whom,
and names for the gradebook. Trusts no cell: what a spreadsheet would take for a formula is escaped when a
table is written, and an id that could be two people's is nobody's.
"""

import contextlib
import csv
import io
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograde import gradebook
from autograde.classroom import explained
from autograde.course import Refusal
from autograde.marks import Person

CANVAS_IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
MOODLE_IDS = ("Username", "Email address", "ID number", "Identifier")
ANY_IDS = (*CANVAS_IDS, *MOODLE_IDS, "id", "student_id", "Email")
# What makes a cell a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?\s*%?")
SAMPLE = 50  # rows by which the separator is found


# --- Tables ---------------------------------------------------------------------------------------


@dataclass
class Table:
    """A CSV file as it was: its header, its rows, and what separates the cells."""

    name: str
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","

    def place(self, *names: str) -> int | None:
        """Where the first of these columns stands that is there, in capitals or not."""
        folded = [column.casefold() for column in self.header]
        return next((folded.index(name.casefold()) for name in names if name.casefold() in folded), None)


def read_table(path: Path) -> Table:
    """A CSV or tab-separated file, UTF-8 or as older Excels write it."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise Refusal(f"{path} is a folder; name the file that you downloaded.") from None
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from None
    if content[:4] == b"PK\x03\x04" or content[:4] == b"\xd0\xcf\x11\xe0":
        raise Refusal(f"{path} is an Excel workbook; save it as CSV (UTF-8), and name that file.")
    text = re.sub(
        r'^"?sep=."?\r?\n', "", _decoded(path, content)
    )  # a line by which Excel is told the separator
    try:
        rows, delimiter = max((_split(text, mark) for mark in ",;\t"), key=lambda pair: _fit(pair[0]))
    except csv.Error as problem:
        raise Refusal(f"{path} is not a CSV file that can be read ({problem}).") from None
    if not text.strip(',;\t\r\n "'):
        raise Refusal(f"{path} is empty; download it again.")
    header = [cell.strip() for cell in rows[0]]
    return Table(path.name, header, [row + [""] * (len(header) - len(row)) for row in rows[1:]], delimiter)


def _decoded(path: Path, content: bytes) -> str:
    wide = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    for encoding in ("utf-8-sig", wide, "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            if "\0" not in text:
                return text
    raise Refusal(f"{path} is no text that can be read; save it as CSV in UTF-8.")


def _split(text: str, delimiter: str) -> tuple[list[list[str]], str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [row for row in rows if any(cell.strip() for cell in row)], delimiter


def _fit(rows: list[list[str]]) -> tuple[int, float, int]:
    """How well a separator explains a table: more than one column, rows as long as the header, many
    columns.
    """
    if not rows:
        return 0, 0.0, 0
    wide, sample = len(rows[0]), rows[:SAMPLE]
    return int(wide > 1), sum(len(row) == wide for row in sample) / len(sample), wide


def safe(cell) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what begins like one and is
    neither a number nor a dash.
    """
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) and text != "-" else text


def unescaped(cell: str) -> str:
    """A cell without the apostrophe that `safe` put in front."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def write_table(
    header: Sequence, rows: Iterable[Sequence], delimiter: str = ",", marked: bool = True
) -> bytes:
    """CSV in UTF-8 with escaped cells. `marked` puts in front the three bytes by which Excel knows UTF-8."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    table.writerow([safe(cell) for cell in header])
    table.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if marked else "utf-8")


# --- Rows and students ----------------------------------------------------------------------------


def participant(text: str) -> str:
    """The number in Moodle's `Participant 123`, whatever the language."""
    digits = re.findall(r"\d+", text)
    return digits[-1] if digits and "@" not in text else text


def _key(text: str) -> str:
    """An id in the form in which two are compared."""
    return unicodedata.normalize("NFKC", unescaped(text)).strip().casefold()


class Matching:
    """Which row of a roster is which student.

    Students are known by the name of their folder, or by the e-mail that the gradebook holds. The column that
    knows most of them speaks first, the others only of those whom it left: a number that is one student's id
    in one column may be another student's in another. `student` has an entry per row, None where the row is
    nobody's; `again` are rows that name a student a second time; `missing`, students whom no row names.
    """

    def __init__(self, people: Mapping[str, Person], table: Table, columns: Sequence[str] = ANY_IDS):
        self.table, self.people = table, people
        known = _unambiguous((_key(id), id) for id in people)
        mails = _unambiguous((_key(person.email), id) for id, person in people.items() if person.email)
        meant = {}
        for place in dict.fromkeys(table.place(column) for column in columns):
            if place is not None:
                clean = participant if table.header[place].casefold() == "identifier" else str
                ids = [(row[place], _key(row[place]), _key(clean(row[place]))) for row in table.rows]
                meant[place] = [
                    exact if exact in people else known.get(key) or known.get(cleaned) or mails.get(key)
                    for exact, key, cleaned in ids
                ]
        self.student: list[str | None] = [None] * len(table.rows)
        self.again: dict[int, str] = {}
        by: dict[str, int] = {}
        for place in sorted(meant, key=lambda place: -len(set(meant[place]) - {None})):
            for row, student in enumerate(meant[place]):
                if student is None or self.student[row] is not None or row in self.again:
                    continue
                if student not in by:
                    self.student[row], by[student] = student, place
                elif by[student] == place:
                    self.again[row] = student
        self.missing = sorted(set(people) - set(by))

    def only_there(self) -> list[int]:
        """The rows that are no student's of the class."""
        return [row for row, student in enumerate(self.student) if student is None and row not in self.again]


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(pairs)
    count = Counter(key for key, _ in pairs)
    return {key: value for key, value in pairs if key and count[key] == 1}


def names(table: Table) -> list[Person]:
    """For each row, what the table says of a person: first and last name apart where it has them apart."""
    first = table.place("FirstName", "First name", "first_name", "Given name")
    last = table.place("LastName", "Last name", "Surname", "last_name", "Family name")
    whole = table.place("Student", "Full name", "Name")
    mail = table.place("Email address", "Email", "E-mail")

    def cell(row: list[str], place: int | None) -> str:
        return "" if place is None else unescaped(row[place].strip())

    found = []
    for row in table.rows:
        given, family = cell(row, first), cell(row, last)
        if not given and not family:
            family, _, given = (part.strip() for part in cell(row, whole).partition(","))
        found.append(Person("", given, family, cell(row, mail) if "@" in cell(row, mail) else ""))
    return found


# --- Names for the gradebook ----------------------------------------------------------------------


def enter(out: Path, roster: Path, over: bool = True) -> list[str]:
    """Puts a roster's names and e-mails into the gradebook of the class graded into `out`, for the
    formgrader, the report and the exports; returns a sentence about the students whom the roster does not
    name.

    roster: Canvas's gradebook, Moodle's worksheet or participants list, or SUBMISSIONS/students.csv. over:
    whether to replace what is there; an empty cell replaces nothing. Raises `Refusal` where there is no
    gradebook, or the roster names none of its students.
    """
    table, path = read_table(roster), Path(out) / "gradebook.db"
    if not path.is_file():
        raise Refusal(f"{out} holds no gradebook; name the folder that `python -m autograde grade` wrote.")
    changed = 0
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=gradebook.PATIENCE)) as database, database:
            people = {
                row[0]: Person(*(value or "" for value in row))
                for row in database.execute("SELECT id, first_name, last_name, email FROM student")
            }
            matching = Matching(people, table)
            if people and len(matching.missing) == len(people):
                raise Refusal(
                    f"{table.name} names no student of {out}: none of its columns"
                    f" {', '.join(table.header[:6])} holds an id such as {min(people)}."
                )
            for student, told in zip(matching.student, names(table)):
                if student is None:
                    continue
                new = joined(people[student], told, over)
                if new != people[student]:
                    changed += 1
                    database.execute(
                        "UPDATE student SET first_name = ?, last_name = ?, email = ? WHERE id = ?",
                        (new.first_name or None, new.last_name or None, new.email or None, student),
                    )
    except sqlite3.DatabaseError as problem:
        raise Refusal(
            f"Names cannot be written to {path} ({problem}); close other programs that use it, and try again."
        ) from None
    if changed:
        _export(Path(out), path)
    absent = matching.missing if over else []
    more = f" and {len(absent) - 10} more" if len(absent) > 10 else ""
    return [f"Not in {table.name}, so without a name: {', '.join(absent[:10])}{more}."] if absent else []


def joined(old: Person, told: Person, over: bool = True) -> Person:
    """Names go together: a first name is not kept beside another last name. They are stored escaped, for
    nbgrader's own grades.csv escapes nothing.
    """
    named = bool(told.first_name or told.last_name) and (over or not (old.first_name or old.last_name))
    return Person(
        old.id,
        safe(told.first_name) if named else old.first_name,
        safe(told.last_name) if named else old.last_name,
        (told.email if over else "") or old.email or told.email,
    )


def _export(out: Path, path: Path) -> None:
    """grades.csv anew, in which nbgrader's exporter puts the names."""
    with gradebook.Book(path) as book, explained(out):
        (out / ".grading").mkdir(exist_ok=True)
        book.export(out / "grades.csv", out / ".grading")
