"""The marks in the forms that universities' systems take: Canvas, Moodle, Gradescope, and plain tables.

In: a graded class as `marks` reads it, and for Canvas and Moodle the file that the instructor downloaded
there. Out: files in OUT/export, and sentences about everyone who is in one of the two and not in the other.
Trusts no cell: what a spreadsheet would take for a formula is escaped. Columns that are not marks are copied
as they were.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograde.classroom import explained, replace
from autograde.course import Refusal
from autograde.feedback import LOOKS, function_of, mistake_of, number, section_of
from autograde.marks import Class, Question, Work, read

FORMATS = ("canvas", "moodle", "gradescope", "csv")
CANVAS_IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
MOODLE_IDS = ("Identifier", "Username", "ID number", "Email address")
NBGRADER = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # https://owasp.org/www-community/attacks/CSV_Injection
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?\s*%?")


@dataclass
class Exported:
    """The files that were written, and a sentence for each thing that the instructor should know."""

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export(
    out: Path, format: str, roster: Path | None = None, topics: Sequence[str] = (), to: Path | None = None
) -> Exported:
    """Writes the marks of the class graded into `out` for `format`, one of FORMATS, into OUT/export or the
    folder `to`.

    roster: the gradebook exported from Canvas, or Moodle's grading worksheet (of one topic) or participants
    list. topics: only these. Raises `Refusal` where the call cannot be carried out; nothing is then written.
    """
    if format not in FORMATS:
        raise Refusal(f"There is no format {format!r}; choose one of {', '.join(FORMATS)}.")
    group = read(out)
    chosen = [topic for topic in group.topics if not topics or topic in topics]
    if unknown := [topic for topic in topics if topic not in group.topics]:
        raise Refusal(
            f"Nothing was handed in for {', '.join(unknown)} in {out}; it holds"
            f" {', '.join(group.topics) or 'nothing'}."
        )
    if not chosen:
        raise Refusal(f"{out} holds no marks to export.")
    table = read_table(roster) if roster else None
    if format == "canvas":
        if table is None:
            raise Refusal(
                "Canvas imports marks by its own ids: export the gradebook from Canvas (Grades, Export) and"
                " name that file with --roster."
            )
        files, notes = canvas(group, chosen, table)
    elif format == "moodle":
        files, notes = moodle(group, chosen, table)
    elif format == "gradescope":
        files, notes = gradescope(group, chosen)
    else:
        files, notes = plain_tables(group, chosen)
    return _write(files, Path(to) if to else Path(out) / "export", notes + _waiting(group, chosen))


def _write(files: dict[str, bytes], folder: Path, notes: list[str]) -> Exported:
    result = Exported(notes=notes)
    with explained(folder):
        for name, content in files.items():
            replace(folder / name, content)
            result.files.append(folder / name)
    return result


def _waiting(group: Class, topics: list[str]) -> list[str]:
    waiting = [work for work in group.works if work.waiting and work.topic in topics]
    absent = [work for work in group.ungraded if work.topic in topics]
    notes = [
        f"{work.student}, {work.topic}: part of it waits for a mark by hand; the points so far are exported."
        for work in waiting
    ]
    return notes + [
        f"{work.student}, {work.topic}: not graded, so no mark is exported ({'; '.join(work.notes)})."
        for work in absent
    ]


# --- Tables ---------------------------------------------------------------------------------------


@dataclass
class Table:
    """A CSV file as it was: its header, its rows, and what separates the cells."""

    name: str
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","


def read_table(path: Path) -> Table:
    """A CSV or tab-separated file, UTF-8 or as older Excels write it."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise Refusal(f"{path} is a folder; name the file that you downloaded.") from None
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from None
    for encoding in (
        "utf-8-sig",
        "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8",
        "cp1252",
    ):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Refusal(f"{path} is no text that can be read; save it as CSV in UTF-8.")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as problem:
        raise Refusal(f"{path} is not a CSV file that can be read ({problem}).") from None
    if not rows:
        raise Refusal(f"{path} is empty; download it again.")
    return Table(
        path.name,
        [cell.strip() for cell in rows[0]],
        [row + [""] * (len(rows[0]) - len(row)) for row in rows[1:]],
        delimiter,
    )


def safe(cell) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what begins like one and is
    neither a number nor a dash.
    """
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) and text != "-" else text


def write_table(
    header: Sequence, rows: Iterable[Sequence], delimiter: str = ",", marked: bool = True
) -> bytes:
    """CSV in UTF-8 with escaped cells. `marked` puts in front the three bytes by which Excel knows UTF-8."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    table.writerow([safe(cell) for cell in header])
    table.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if marked else "utf-8")


def _key(text: str) -> str:
    """An id in the form in which two are compared."""
    return unicodedata.normalize("NFKC", text.removeprefix("'")).strip().casefold()


class Matching:
    """Who is who: rows of a roster against students of the class, by the first of `columns` that knows them.

    Students are known by the name of their folder, or by the e-mail that the gradebook holds.
    """

    def __init__(self, group: Class, table: Table, columns: Sequence[str], clean=lambda text: text):
        self.table = table
        places = [table.header.index(column) for column in columns if column in table.header]
        known = {_key(student): student for student in group.people}
        mails = {_key(person.email): person.id for person in group.people.values() if person.email}
        self.student: list[str | None] = []
        self.twice: list[str] = []
        found: set[str] = set()
        for row in table.rows:
            ids = [key for place in places for key in (_key(row[place]), _key(clean(row[place]))) if key]
            student = next((known[key] for key in ids if key in known), None) or next(
                (mails[key] for key in ids if key in mails), None
            )
            if student in found and student is not None:
                self.twice.append(student)
                student = None
            elif student is not None:
                found.add(student)
            self.student.append(student)
        self.missing = sorted(set(group.people) - found)

    def notes(self, name_column: int, topics: Sequence[str], works: dict) -> list[str]:
        """A sentence for each student of only one side."""
        notes = [
            f"{student} has marks, but is not in {self.table.name}: not exported."
            for student in self.missing
            if any((student, topic) in works for topic in topics)
        ]
        notes += [
            f"{row[name_column]} is in {self.table.name}, but handed in nothing: left as it was."
            for row, student in zip(self.table.rows, self.student)
            if student is None
        ]
        return notes + [
            f"{student} is in {self.table.name} more than once: the first row got the marks."
            for student in self.twice
        ]


# --- Canvas ---------------------------------------------------------------------------------------


def canvas(group: Class, topics: list[str], table: Table) -> tuple[dict[str, bytes], list[str]]:
    """Canvas's gradebook import: the roster's first columns and a column per topic, `Title (id)` where the
    roster has it.

    The form is that of https://community.canvaslms.com (How do I import grades in the Gradebook): five
    columns that name the student, then assignments; the row after the header holds the points possible.
    """
    if "Student" not in table.header or "ID" not in table.header:
        raise Refusal(
            f"{table.name} is not a gradebook exported from Canvas: it has no columns Student and ID."
        )
    names = [
        name for name in ("Student", "ID", "SIS User ID", "SIS Login ID", "Section") if name in table.header
    ]
    places = [table.header.index(name) for name in names]
    table.rows = [row for row in table.rows if not _is_points_row(row)]
    people = Table(
        table.name,
        table.header,
        [row for row in table.rows if not _is_test_student(row, table.header)],
        table.delimiter,
    )
    matching = Matching(group, people, CANVAS_IDS)
    columns, notes = [], []
    for topic in topics:
        column = _canvas_column(topic, table.header)
        if column is None:
            notes.append(
                f"{table.name} has no assignment that looks like {topic}: Canvas will ask whether to make one"
                " of that name."
            )
        columns.append(column or topic)
    if len(set(columns)) < len(columns):
        raise Refusal(
            f"Two topics fit the same assignment in {table.name}; name the assignments in Canvas by their"
            f" topics, such as {topics[0]}."
        )
    rows: list[list] = [
        ["    Points Possible", *[""] * (len(names) - 1), *(number(group.topics[topic]) for topic in topics)]
    ]
    for row, student in zip(people.rows, matching.student):
        if student is not None:
            rows.append(
                [row[place] for place in places]
                + [_score(group.by_key.get((student, topic))) for topic in topics]
            )
    notes += matching.notes(table.header.index("Student"), topics, group.by_key)
    return {"canvas.csv": write_table([*names, *columns], rows, marked=False)}, notes


def _is_points_row(row: list[str]) -> bool:
    return (
        row[0].strip() == "Points Possible"
        or not row[0].strip()
        and any("Manual Posting" in cell for cell in row)
    )


def _is_test_student(row: list[str], header: list[str]) -> bool:
    return row[0].strip() in ("Student, Test", "Test Student")


def _canvas_column(topic: str, header: list[str]) -> str | None:
    """The assignment that is this topic's: its title holds the folder's name, or number and name, or the name
    alone.
    """
    number_, _, name = topic.partition("_")
    wanted = (
        _words(topic),
        _words(f"{int(number_)} {name}") if number_.isdigit() else _words(topic),
        _words(name),
    )
    for words in wanted:
        fits = [
            column
            for column in header
            if re.fullmatch(r".+ \(\d+\)", column)
            and f" {words} " in f" {_words(re.sub(r' [(][0-9]+[)]$', '', column))} "
        ]
        if len(fits) == 1:
            return fits[0]
    return None


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _score(work: Work | None) -> str:
    """A score as a system reads it: nothing where nothing was handed in."""
    return "" if work is None else number(work.score)


# --- Moodle ---------------------------------------------------------------------------------------


def moodle(group: Class, topics: list[str], table: Table | None) -> tuple[dict[str, bytes], list[str]]:
    """The grading worksheet of one topic, filled in, or a plain table of grades by student for Moodle's
    import.

    The worksheet's columns are those of Moodle's offline grading worksheet (docs.moodle.org, Assignment
    settings).
    """
    if table is None or "Grade" not in table.header:
        return _moodle_plain(group, topics, table)
    if len(topics) != 1:
        raise Refusal(
            f"{table.name} is the grading worksheet of one assignment; say which topic it is with --topics,"
            f" such as {topics[0]}."
        )
    columns = [column for column in MOODLE_IDS if column in table.header]
    if not columns:
        raise Refusal(f"{table.name} names no student: none of the columns {', '.join(MOODLE_IDS)} is there.")
    topic, place = topics[0], {column: index for index, column in enumerate(table.header)}
    matching = Matching(group, table, columns, clean=participant)
    notes, rows = [], []
    for row, student in zip(table.rows, matching.student):
        row = list(row)
        work = group.by_key.get((student, topic)) if student is not None else None
        if work is not None:
            most = _float(row[place["Maximum grade"]]) if "Maximum grade" in place else None
            score = work.score
            if most and work.max_score and abs(most - work.max_score) > 1e-9:
                score = work.score * most / work.max_score
            row[place["Grade"]] = number(score)
            if "Feedback comments" in place:
                row[place["Feedback comments"]] = comment(work)
        rows.append(row)
    scales = (
        {_float(row[place["Maximum grade"]]) for row in table.rows} - {None}
        if "Maximum grade" in place
        else set()
    )
    if scales - {group.topics[topic]}:
        notes.append(
            f"{table.name} grades out of {', '.join(map(number, sorted(scales)))}, {topic} out of"
            f" {number(group.topics[topic])}: points were scaled."
        )
    name_column = place.get("Full name", place[columns[0]])
    notes += matching.notes(name_column, [topic], group.by_key)
    return {f"moodle_{topic}.csv": write_table(table.header, rows, table.delimiter)}, notes


def participant(text: str) -> str:
    """The number in Moodle's `Participant 123`, whatever the language."""
    digits = re.findall(r"\d+", text)
    return digits[-1] if digits and "@" not in text else text


def _float(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _moodle_plain(group: Class, topics: list[str], table: Table | None) -> tuple[dict[str, bytes], list[str]]:
    """Grades by username or e-mail: what Grades, Import, CSV file takes. The roster, where one is given, says
    the e-mails.
    """
    email = {student: person.email for student, person in group.people.items()}
    notes: list[str] = []
    if table is not None:
        columns = [
            column
            for column in (*MOODLE_IDS, *(name.lower() for name in MOODLE_IDS))
            if column in table.header
        ]
        if not columns:
            raise Refusal(
                f"{table.name} names no student: none of the columns {', '.join(MOODLE_IDS)} is there."
            )
        matching = Matching(group, table, columns, clean=participant)
        mail = next(
            (
                index
                for index, column in enumerate(table.header)
                if column.casefold() in ("email address", "email")
            ),
            None,
        )
        for row, student in zip(table.rows, matching.student):
            if student is not None and mail is not None:
                email[student] = row[mail]
        notes = matching.notes(table.header.index(columns[0]), topics, group.by_key)
    rows = [
        [student, email[student], *(_score(group.by_key.get((student, topic))) for topic in topics)]
        for student in sorted(group.people)
        if any((student, topic) in group.by_key for topic in topics)
    ]
    return {"moodle_grades.csv": write_table(["username", "email", *topics], rows)}, notes


def comment(work: Work) -> str:
    """A submission's feedback in a few lines of text: what was lost, and what to read again."""
    lines = [f"{number(work.score)} of {number(work.max_score)} points."]
    if work.penalty:
        lines.append(f"Late: {number(work.penalty)} points taken off.")
    for question in work.questions:
        if question.points < question.max_points:
            lost = (
                f"{function_of(question.name)}: {LOOKS[question.status][0]}, {number(question.points)} of"
                f" {number(question.max_points)}."
            )
            section = section_of(work.topic, question.name)
            parts = (lost, " ".join(question.message.split()), f"Read again: {section}." if section else "")
            lines.append(" ".join(part for part in parts if part))
    return "\n".join(lines)


# --- Gradescope, and plain tables -----------------------------------------------------------------


def gradescope(group: Class, topics: list[str]) -> tuple[dict[str, bytes], list[str]]:
    """A results.json per submission, as Gradescope's autograder platform reads it
    (gradescope-autograders.readthedocs.io).
    """
    files = {}
    for work in group.works:
        if work.topic in topics:
            files[f"gradescope/{work.student}/{work.topic}/results.json"] = json.dumps(
                results(work), indent=1, ensure_ascii=False
            ).encode("utf-8")
    return files, []


def results(work: Work) -> dict:
    """One submission in Gradescope's form."""
    told = {
        "score": round(work.score, 4),
        "output": "\n".join(
            filter(
                None, [f"Late: {number(work.penalty)} points taken off." if work.penalty else "", *work.notes]
            )
        ),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": function_of(question.name),
                "score": round(question.points, 4),
                "max_score": question.max_points,
                "status": "passed" if question.points >= question.max_points else "failed",
                "output": _output(work.topic, question),
                "output_format": "text",
                "visibility": "visible",
            }
            for question in work.questions
        ],
    }
    if work.seconds:
        told["execution_time"] = round(work.seconds, 3)
    return told


def _output(topic: str, question: Question) -> str:
    if question.points >= question.max_points:
        return ""
    section = section_of(topic, question.name)
    return "\n".join(
        filter(
            None,
            [
                question.message or LOOKS[question.status][0].capitalize() + ".",
                f"Read again: {section}." if section else "",
            ],
        )
    )


def plain_tables(group: Class, topics: list[str]) -> tuple[dict[str, bytes], list[str]]:
    """grades.csv with nbgrader's own columns, a row for each student and topic; questions.csv with a row for
    each question.
    """
    grades, questions = [], []
    for topic in topics:
        for student, person in sorted(group.people.items()):
            work = group.by_key.get((student, topic))
            raw = sum(question.points for question in work.questions) if work else 0.0
            grades.append(
                [
                    topic,
                    group.duedates.get(topic, ""),
                    work.timestamp if work else "",
                    student,
                    person.last_name,
                    person.first_name,
                    person.email,
                    float(raw),
                    float(work.penalty) if work else 0.0,
                    float(work.score) if work else 0.0,
                    float(group.topics[topic]),
                ]
            )
            for question in work.questions if work else ():
                mistake = mistake_of(topic, question.name, question.message)
                questions.append(
                    [
                        topic,
                        student,
                        function_of(question.name),
                        question.status,
                        number(question.points),
                        number(question.max_points),
                        mistake.label if mistake else "",
                        section_of(topic, question.name),
                        question.message,
                    ]
                )
    header = [
        "assignment",
        "student_id",
        "question",
        "status",
        "points",
        "max_points",
        "mistake",
        "lecture_section",
        "message",
    ]
    return {"grades.csv": write_table(NBGRADER, grades), "questions.csv": write_table(header, questions)}, []
