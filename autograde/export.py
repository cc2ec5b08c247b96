"""The marks in the forms that universities' systems take: Canvas, Moodle, Gradescope, and plain tables; and
the feedback pages, packed for handing back.

In: a graded class as `marks` reads it, and for Canvas and Moodle the file that the instructor downloaded
there. Out: files in OUT/export, and sentences about everyone who is in one of the two and not in the other.
Trusts no cell: what a spreadsheet would take for a formula is escaped. Columns that are not marks are
copied as they were.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograde.classroom import explained, replace
from autograde.course import Refusal
from autograde.feedback import LOOKS, function_of, mistake_of, number, section_of, ticks
from autograde.late import Rules
from autograde.marks import Class, Question, Work, read
from autograde.roster import (
    CANVAS_IDS,
    MOODLE_IDS,
    Matching,
    Table,
    joined,
    names,
    participant,
    read_table,
    write_table,
)

FORMATS = ("canvas", "moodle", "gradescope", "csv", "pages")
WORKSHEET = ("Identifier", "Grade", "Last modified (grade)")  # without which Moodle takes no worksheet back
WORKSHEET_SIGNS = {*WORKSHEET, "Maximum grade", "Grade can be changed", "Last modified (submission)"}
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
TOLD = 10  # sentences of one kind; the others are counted, and stand in the table of those left over


@dataclass
class Exported:
    """The files that were written, and a sentence for each thing that the instructor should know."""

    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export(
    out: Path,
    format: str,
    roster: Path | None = None,
    topics: Sequence[str] = (),
    to: Path | None = None,
    progress: Callable | None = None,
) -> Exported:
    """Writes the marks of the class graded into `out` for `format`, one of FORMATS, into OUT/export or the
    folder `to`.

    roster: the gradebook exported from Canvas, or Moodle's grading worksheet (of one topic) or participants
    list; for the other formats any of them, for names. topics: only these. progress: called with (done,
    total, what is done). Raises `Refusal` where the call cannot be carried out; nothing is then written.
    """
    if format not in FORMATS:
        raise Refusal(f"There is no format {format!r}; choose one of {', '.join(FORMATS)}.")
    table = read_table(roster) if roster else None
    if format == "canvas" and table is None:
        raise Refusal(
            "Canvas imports marks by its own ids: export the gradebook from Canvas (Grades, Export) and"
            " name that file with --roster."
        )
    group = read(out, progress)
    chosen = [topic for topic in group.topics if not topics or topic in topics]
    if unknown := [topic for topic in topics if topic not in group.topics]:
        raise Refusal(
            f"Nothing was handed in for {', '.join(unknown)} in {out}; it holds"
            f" {', '.join(group.topics) or 'nothing'}."
        )
    if not chosen:
        raise Refusal(f"{out} holds no marks to export.")
    if format == "canvas":
        files, notes = canvas(group, chosen, table, Rules.read(out).titles)
    elif format == "moodle":
        files, notes = moodle(group, chosen, table)
    elif format == "gradescope":
        files, notes = gradescope(group, chosen, table)
    elif format == "csv":
        files, notes = plain_tables(group, chosen, table)
    else:
        files, notes = pages(group, chosen, table, progress)
    return _write(files, Path(to) if to else Path(out) / "export", notes + _waiting(group, chosen), progress)


def _write(files: dict[str, bytes], folder: Path, notes: list[str], progress: Callable | None) -> Exported:
    """Writes the files, each whole; one of no content is one that an earlier call may have left, and goes."""
    result, full = Exported(notes=notes), {name: content for name, content in files.items() if content}
    try:
        with explained(folder):
            for name in files.keys() - full.keys():
                (folder / name).unlink(missing_ok=True)
            for name, content in full.items():
                if not _holds(folder / name, content):
                    replace(folder / name, content)
                result.files.append(folder / name)
                if progress:
                    progress(len(result.files), len(full), "written")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: {len(result.files)} of {len(full)} files are in {folder}, each of them whole; run"
            " the same command again for all of them"
        ) from None
    return result


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file need not be replaced, which costs ten times what reading it does."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _waiting(group: Class, topics: list[str]) -> list[str]:
    waiting = [work for work in group.works if work.waiting and work.topic in topics]
    absent = [work for work in group.ungraded if work.topic in topics]
    return _some(
        [
            f"{work.student}, {work.topic}: part of it waits for a mark by hand; the points so far are"
            " exported."
            for work in waiting
        ]
    ) + _some(
        [
            f"{work.student}, {work.topic}: not graded, so no mark is exported ({'; '.join(work.notes)})."
            for work in absent
        ]
    )


def _some(notes: list[str], rest: str = "") -> list[str]:
    """The first of many sentences of a kind, and how many more there are; `rest` says where."""
    more = len(notes) - TOLD
    return notes if more <= 1 else [*notes[:TOLD], f"And {more} more like the last one{rest}."]


# --- Those of one side only -----------------------------------------------------------------------


def _left_over(
    matching: Matching, group: Class, topics: Sequence[str], file: str
) -> tuple[dict[str, bytes], list[str]]:
    """A table of everyone who is only in the class or only in the roster, in the file of this name (without
    content where there is no one), and a sentence for each.
    """
    table, people, told = matching.table, group.people, names(matching.table)
    absent = [
        student for student in matching.missing if any((student, topic) in group.by_key for topic in topics)
    ]
    strangers = matching.only_there()
    notes = _some(
        [
            f"{_called(people[student])} has marks, but is not in {table.name}: the marks are in {file} only."
            for student in absent
        ],
        f", all in {file}",
    )
    notes += _some(
        [
            f"{_row_name(table, row, told)} is in {table.name}, but handed in nothing: left as it was."
            for row in strangers
        ],
        f", all in {file}",
    )
    notes += [
        f"{_called(people[student])} is in {table.name} more than once: the first row got the marks."
        for student in sorted(set(matching.again.values()))
    ]
    rows = [
        ["only in the class", student, people[student].name, people[student].email]
        + [_score(group.by_key.get((student, topic))) for topic in topics]
        for student in absent
    ]
    rows += [
        [f"only in {table.name}", "", _row_name(table, row, told), told[row].email, *[""] * len(topics)]
        for row in strangers
    ]
    return {file: write_table(["who", "student", "name", "email", *topics], rows) if rows else b""}, notes


def _called(person) -> str:
    return f"{person.id} ({person.name})" if person.name else person.id


def _row_name(table: Table, row: int, told: list) -> str:
    place = table.place("Student", "Full name", "Name")
    return (
        (table.rows[row][place].strip() if place is not None else "")
        or told[row].name
        or next((cell.strip() for cell in table.rows[row] if cell.strip()), "a row without a name")
    )


# --- Canvas ---------------------------------------------------------------------------------------


def canvas(
    group: Class, topics: list[str], table: Table, titles: dict[str, str] | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """Canvas's gradebook import: who each student is, and a column per topic, `Title (id)` where the roster
    has it.

    titles: what topics are called in Canvas where their own names are not in the titles. The form is the
    one that Canvas's importer reads (github.com/instructure/canvas-lms, lib/gradebook_importer.rb; user's
    guide: How do I import grades in the Gradebook): Student, or LastName and FirstName; ID; SIS User ID and
    SIS Login ID, one only with the other; Section; then assignments; after the header the points possible.
    To it an empty cell means that a mark is taken away: where nothing was handed in, the cell stays as it
    was. Marks are scaled to the points that the assignment has in Canvas.
    """
    who = ["LastName", "FirstName"] if table.place("Student") is None else ["Student"]
    if table.place(who[0]) is None or table.place("ID") is None:
        raise Refusal(
            f"{table.name} is not a gradebook exported from Canvas: it has no columns Student and ID."
        )
    head = [*who, "ID", "SIS User ID", "SIS Login ID", "Section"]
    places = [table.place(name) for name in head]
    possible = next((row for row in table.rows if "Points Possible" in row[0]), [""] * len(table.header))
    people = Table(
        table.name, table.header, [row for row in table.rows if not _is_heading(row)], table.delimiter
    )
    matching = Matching(group.people, people, CANVAS_IDS)
    tests = [row for row in matching.only_there() if people.rows[row][0].strip() in TEST_STUDENT]
    for row in reversed(tests):  # Canvas's own stand-in for a student; who has handed in as it is exported
        del people.rows[row], matching.student[row]
        matching.again = {place - (place > row): student for place, student in matching.again.items()}
    columns, most, notes = [], [], []
    for topic in topics:
        column, told = _canvas_column(topic, table.header, (titles or {}).get(topic, ""))
        notes += [f"{table.name} {told}"] if told else []
        there = _float(possible[table.header.index(column)]) if column else None
        columns.append(column or topic)
        most.append(there or group.topics[topic])
        if there and abs(there - group.topics[topic]) > 1e-9:
            notes.append(
                f"{column} has {number(there)} points in {table.name}, {topic} has"
                f" {number(group.topics[topic])}: points were scaled."
            )
    if len(set(columns)) < len(columns):
        raise Refusal(
            f"Two topics fit the same assignment in {table.name}; say in course.toml, under [titles], what"
            " each"
            f' is called in Canvas, such as {topics[0]} = "Exercise 1".'
        )
    rows: list[list] = [["    Points Possible", *[""] * (len(head) - 1), *map(number, most)]]
    for row, student in zip(people.rows, matching.student):
        if student is not None:
            standing = [
                row[table.header.index(column)] if column in table.header else "" for column in columns
            ]
            works = [group.by_key.get((student, topic)) for topic in topics]
            rows.append(
                ["" if place is None else row[place] for place in places]
                + [
                    before if work is None else _score(work, points)
                    for work, points, before in zip(works, most, standing)
                ]
            )
            notes += [
                f"{_called(group.people[student])} has a mark in {topic}, which Canvas has not assigned to"
                " them: it will be left out there."
                for topic, work, before in zip(topics, works, standing)
                if work is not None and before.strip() == "N/A"
            ]
    files, told = _left_over(matching, group, topics, "canvas_unmatched.csv")
    return {"canvas.csv": write_table([*head, *columns], rows, marked=False), **files}, notes + told


TEST_STUDENT = ("Student, Test", "Test Student")


def _is_heading(row: list[str]) -> bool:
    """Whether a row is about the assignments: points possible, and where marks are posted by hand or muted."""
    told = [cell.strip() for cell in row if cell.strip()]
    return "Points Possible" in row[0] or all(re.match("(?i)(muted|manual posting)", cell) for cell in told)


def _canvas_column(topic: str, header: list[str], title: str) -> tuple[str | None, str]:
    """The assignment that is this topic's, and else why there is none: it has the title that is given, or one
    that holds the folder's name, or number and name, or the name alone.
    """
    assignments = {
        column: _words(re.sub(r" \(\d+\)$", "", column))
        for column in header
        if re.fullmatch(r".+ \(\d+\)", column, re.DOTALL)
    }
    if title:
        fits = [
            column
            for column, words in assignments.items()
            if title in (column, words) or words == _words(title)
        ]
        if len(fits) == 1:
            return fits[0], ""
        return (
            None,
            (
                f"has {len(fits) or 'no'} assignments called {title!r}, as course.toml says of {topic}:"
                f" Canvas will ask whether to make one called {topic}."
            ),
        )
    number_, _, name = topic.partition("_")
    wanted = (topic, f"{int(number_)} {name}" if number_.isdigit() else topic, name)
    several: list[str] = []
    for words in map(_words, wanted):
        fits = [column for column, found in assignments.items() if f" {words} " in f" {found} "]
        if len(fits) == 1:
            return fits[0], ""
        several = several or fits
    why = (
        f"has several that look like {topic} ({', '.join(several[:4])})"
        if several
        else (f"has no assignment that looks like {topic}")
    )
    return None, (
        f"{why}: Canvas will ask whether to make one of that name. To choose one, say in course.toml, under"
        f' [titles], what it is called: {topic} = "Its title".'
    )


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _score(work: Work | None, most: float | None = None) -> str:
    """A score as a system reads it, of `most` points; nothing where nothing was handed in."""
    if work is None:
        return ""
    return number(work.score * most / work.max_score if most and work.max_score else work.score)


# --- Moodle ---------------------------------------------------------------------------------------


def moodle(group: Class, topics: list[str], table: Table | None) -> tuple[dict[str, bytes], list[str]]:
    """The grading worksheet of one topic, filled in, or a plain table of grades by student for Moodle's
    import.

    The worksheet is Moodle's offline grading worksheet (docs.moodle.org, Assignment settings, Feedback
    types). Moodle takes it back only with the columns of WORKSHEET, in its own language, and passes over
    grades above the maximum, without a word (github.com/moodle/moodle, mod/assign/feedback/offline).
    """
    if table is None or len(WORKSHEET_SIGNS & set(table.header)) < 2:
        return _moodle_plain(group, topics, table)
    if len(topics) != 1:
        raise Refusal(
            f"{table.name} is the grading worksheet of one assignment; say which topic it is with --topics,"
            f" such as {topics[0]}."
        )
    if lacking := [column for column in WORKSHEET if column not in table.header]:
        raise Refusal(
            f"{table.name} has no column {' and no column '.join(lacking)}, and Moodle takes no worksheet"
            " back without: download it again, with Moodle in English, and keep its columns."
        )
    topic, place = topics[0], {column: index for index, column in enumerate(table.header)}
    maxima = [_float(row[place["Maximum grade"]]) for row in table.rows] if "Maximum grade" in place else []
    scale = next((most for most in maxima if most is not None), group.topics[topic])
    if scale <= 0:
        raise Refusal(
            f"{table.name} is of an assignment without points; set its grade to points in Moodle, such as"
            f" {number(group.topics[topic])}, and download it again."
        )
    matching = Matching(group.people, table, MOODLE_IDS)
    notes, rows, above, locked = [], [], [], []
    for row, student in zip(table.rows, matching.student):
        row = list(row)
        work = group.by_key.get((student, topic)) if student is not None else None
        if work is not None:
            score = work.score * scale / work.max_score if work.max_score else work.score
            if score > scale + 1e-9:
                above.append(
                    f"{_called(group.people[student])} has {number(score)} of {number(scale)} points; Moodle"
                    f" takes no more than {number(scale)}, which is what was filled in."
                )
            row[place["Grade"]] = number(min(score, scale))
            if "Feedback comments" in place:
                row[place["Feedback comments"]] = comment(work)
            if "Grade can be changed" in place and row[place["Grade can be changed"]].strip() == "No":
                locked.append(
                    f"{_called(group.people[student])}: the grade is locked in Moodle, which will keep it."
                )
        rows.append(row)
    if abs(scale - group.topics[topic]) > 1e-9:
        notes.append(
            f"{table.name} grades out of {number(scale)}, {topic} out of {number(group.topics[topic])}:"
            " points were scaled."
        )
    if "Feedback comments" not in place:
        notes.append(f"{table.name} has no column Feedback comments, so only marks were filled in.")
    files, told = _left_over(matching, group, [topic], f"moodle_{topic}_unmatched.csv")
    filled = {f"moodle_{topic}.csv": write_table(table.header, rows, table.delimiter), **files}
    return filled, notes + _some(above) + _some(locked) + told


def _float(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moodle_plain(group: Class, topics: list[str], table: Table | None) -> tuple[dict[str, bytes], list[str]]:
    """Grades by username or e-mail: what Moodle's Grades, Import, CSV file takes (docs.moodle.org, Grade
    import). The roster, where one is given, says who has which.
    """
    username = {student: "" if "@" in student else student for student in group.people}
    email = {
        student: person.email or (student if "@" in student else "")
        for student, person in group.people.items()
    }
    files: dict[str, bytes] = {}
    notes: list[str] = []
    if table is not None:
        numbered = table.rows and all(re.fullmatch(r"\D+\d+", row[0]) for row in table.rows)
        foreign = numbered and table.header[0].casefold() not in map(str.casefold, MOODLE_IDS)
        if foreign or all(table.place(column) is None for column in (*MOODLE_IDS, "Email")):
            raise Refusal(
                f"{table.name} names no student: none of the columns {', '.join(MOODLE_IDS)} is there. If"
                " Moodle speaks another language, switch it to English and download the file again."
            )
        matching = Matching(group.people, table, (*MOODLE_IDS, "Email"))
        user, told = table.place("Username"), names(table)
        for row, student in enumerate(matching.student):
            if student is not None:
                email[student] = told[row].email or email[student]
                username[student] = table.rows[row][user].strip() if user is not None else username[student]
        files, notes = _left_over(matching, group, topics, "moodle_unmatched.csv")
    rows = [
        [username[student], email[student], *(_score(group.by_key.get((student, topic))) for topic in topics)]
        for student in sorted(group.people)
        if any((student, topic) in group.by_key for topic in topics)
    ]
    return {"moodle_grades.csv": write_table(["username", "email", *topics], rows), **files}, notes


def comment(work: Work) -> str:
    """A submission's feedback for Moodle, which reads it as HTML (mod/assign/feedback/comments): what was
    lost, what to read again, and what the instructor wrote.
    """
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
    lines += [f"Your instructor on {name}: {' '.join(text.split())}" for name, text in work.comments.items()]
    return "<br>\n".join(ticks(line) for line in lines)


# --- Gradescope, and plain tables -----------------------------------------------------------------


def gradescope(
    group: Class, topics: list[str], table: Table | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """A results.json per submission, as Gradescope's autograder platform reads it
    (https://gradescope-autograders.readthedocs.io/en/latest/specs/, Output format).
    """
    files, notes = _compared(group, topics, table, "gradescope_unmatched.csv")
    for work in group.works:
        if work.topic in topics:
            files[f"gradescope/{work.student}/{work.topic}/results.json"] = json.dumps(
                results(work), indent=1, ensure_ascii=False
            ).encode("utf-8")
    return files, notes


def _compared(
    group: Class, topics: list[str], table: Table | None, file: str
) -> tuple[dict[str, bytes], list[str]]:
    """Who is on one side only, where the instructor gave a roster that the format itself does not need."""
    return _left_over(Matching(group.people, table), group, topics, file) if table else ({}, [])


def results(work: Work) -> dict:
    """One submission in Gradescope's form."""
    told = {
        "score": round(work.score, 4),
        "output": "\n".join(
            filter(
                None,
                [
                    f"Late: {number(work.penalty)} points taken off." if work.penalty else "",
                    *work.notes,
                    *(f"Your instructor on {name}: {text}" for name, text in work.comments.items()),
                ],
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


def plain_tables(
    group: Class, topics: list[str], table: Table | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """grades.csv with nbgrader's own columns, a row for each student and topic; questions.csv with a row for
    each question. The roster, where one is given, says the names.
    """
    files, notes = _compared(group, topics, table, "csv_unmatched.csv")
    people = dict(group.people)
    if table is not None:
        for student, told in zip(Matching(group.people, table).student, names(table)):
            if student is not None:
                people[student] = joined(people[student], told)
    grades, questions = [], []
    for topic in topics:
        for student, person in sorted(people.items()):
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
    files |= {"grades.csv": write_table(NBGRADER, grades), "questions.csv": write_table(header, questions)}
    return files, notes


# --- Feedback pages -------------------------------------------------------------------------------


def pages(
    group: Class, topics: list[str], table: Table | None = None, progress: Callable | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """A zip of each topic's feedback pages, `<student>/<topic>.html`; with Moodle's grading worksheet,
    under the names by which Moodle's `Upload multiple feedback files in a zip` knows whose they are: full
    name, participant, the plugin (github.com/moodle/moodle, mod/assign/feedback/file/importziplib.php).
    """
    place = table.place("Identifier") if table is not None else None
    if table is not None and place is None:
        raise Refusal(
            f"{table.name} has no column Identifier; for Moodle name its grading worksheet (in English), for"
            " others leave --roster away."
        )
    if table is not None and len(topics) != 1:
        raise Refusal(
            f"{table.name} is of one assignment; say which topic it is with --topics, such as {topics[0]}."
        )
    files, notes, called = {}, [], {student: student for student in group.people}
    if table is not None:
        matching, told = Matching(group.people, table, MOODLE_IDS), names(table)
        called = {}
        for row, student in enumerate(matching.student):
            if student is not None:
                name = re.sub(r"[\W_]+", " ", _row_name(table, row, told)).strip() or "x"
                called[student] = f"{name}_{participant(table.rows[row][place])}_assignfeedback_file_"
        files, notes = _left_over(matching, group, topics, f"pages_{topics[0]}_unmatched.csv")
    works = [work for work in group.works if work.topic in topics and work.student in called]
    packed = {topic: io.BytesIO() for topic in topics}
    archives = {topic: zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) for topic, box in packed.items()}
    for done, work in enumerate(works, start=1):
        name = work.topic.split("_", 1)[-1]
        try:
            page = (group.root / "feedback" / work.student / work.topic / f"{name}.html").read_bytes()
            archives[work.topic].writestr(f"{called[work.student]}/{work.topic}.html", page)
        except FileNotFoundError:
            notes.append(
                f"{work.student}, {work.topic}: there is no feedback page; grade again, and it is made."
            )
        if progress:
            progress(done, len(works), "pages packed")
    for archive in archives.values():
        archive.close()
    return {f"pages_{topic}.zip": box.getvalue() for topic, box in packed.items()} | files, notes
