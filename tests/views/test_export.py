"""Marks arrive in other systems in their columns, for the right student, and never as a formula."""

import csv
import io
import json
import sqlite3
import zipfile

import pytest

from autograde.course import Refusal
from autograde.export import comment, export
from autograde.feedback import ticks
from autograde.marks import Question, Work, read
from autograde.roster import safe, unescaped, write_table

NAMES = ['Müller, Zoë "Z"', "עברית, אורה", "O'Neil, 李", '=HYPERLINK("http://x")', "+SUM(1)", "-1+cmd", "@me"]


def rows(path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def written(path, table, **more):
    path.write_bytes(write_table(table[0], table[1:], **more))
    return path


@pytest.fixture
def canvas_roster(tmp_path):
    """As Canvas exports it: students 01 to 07 by different ids, a stranger and the test student."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(
        [
            "Student",
            "ID",
            "SIS User ID",
            "SIS Login ID",
            "Section",
            "Exercise 1: Quadratics (4711)",
            "Momentum (4714)",
            "Final Score",
        ]
    )
    table.writerow(["", "", "", "", "", "Manual Posting", "", "(read only)"])
    table.writerow(["    Points Possible", "", "", "", "", "20", "20", "(read only)"])
    for number, name in enumerate(NAMES, start=1):
        ids = [number, f"student-{number:02}", ""] if number % 2 else [number, "", f"STUDENT-{number:02}"]
        table.writerow([name, *ids, "A", "", "", ""])
    table.writerow(["Stranger, Al", 99, "al", "al", "A", "", "", ""])
    table.writerow(["Student, Test", 100, "", "x", "A", "", "", ""])
    path = tmp_path / "canvas.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def test_canvas_gets_its_own_columns_points_possible_and_a_row_for_each_student_it_knows(out, canvas_roster):
    result = export(out, "canvas", canvas_roster)
    assert [path.name for path in result.files] == ["canvas.csv", "canvas_unmatched.csv"]
    assert not result.files[0].read_bytes().startswith(b"\xef\xbb\xbf")
    header, possible, *students = rows(result.files[0])
    assert header == [
        "Student",
        "ID",
        "SIS User ID",
        "SIS Login ID",
        "Section",
        "Exercise 1: Quadratics (4711)",
        "Momentum (4714)",
    ]
    assert possible == ["    Points Possible", "", "", "", "", "20", "20"]
    group = read(out)
    for number, row in enumerate(students, start=1):
        assert row[1] == str(number)
        marks = [
            group.by_key[f"student-{number:02}", topic].score for topic in ("01_quadratics", "04_momentum")
        ]
        assert [float(cell) for cell in row[5:]] == marks
    assert [row[0] for row in students] == [safe(name) for name in NAMES]


def test_whoever_is_on_one_side_only_is_listed(out, canvas_roster):
    notes = "\n".join(export(out, "canvas", canvas_roster).notes)
    for absent in ("student-08", "student-09", "student-10", "late", "odd"):
        assert f"{absent} has marks, but is not in canvas.csv" in notes
    assert "Stranger, Al is in canvas.csv, but handed in nothing" in notes
    assert "Test" not in notes and "student-07 " not in notes


def test_canvas_without_a_roster_or_with_another_file_is_refused_and_nothing_is_written(out, tmp_path):
    with pytest.raises(Refusal, match="--roster"):
        export(out, "canvas")
    with pytest.raises(Refusal, match="no columns Student and ID"):
        export(out, "canvas", written(tmp_path / "x.csv", [["a", "b"], ["1", "2"]]))
    assert not (out / "export").exists()


def canvas_rows(out, path, table, **more):
    """The header, the row of points, and the students' rows by id, of an export with this roster."""
    header, possible, *students = rows(export(out, "canvas", written(path, table, **more)).files[0])
    return header, possible, {row[header.index("ID")]: row for row in students}


HEAD = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
ROSTER = [
    [*HEAD, "01 Quadratics (11)", "Momentum, and how it helps (14)", "Final Score"],
    ["", "", "", "", "", "Manual Posting", "Manual Posting (scores hidden from instructors)", ""],
    ["    Points Possible", "", "", "", "", "100.00", "20,00", "(read only)"],
    ["Müller, Zoë", "1", "student-01", "zoe", "A and B", "", "", ""],
    ["Late, Lee", "2", "late", "lee", "A", "", "EX", ""],
    ["Student, Test", "9", "", "0", "A", "", "", ""],
]


def test_marks_are_scaled_to_the_points_that_the_assignment_has_in_canvas(out, tmp_path):
    header, possible, students = canvas_rows(out, tmp_path / "r.csv", ROSTER)
    work = read(out).by_key["student-01", "01_quadratics"]
    assert possible[5:] == ["100", "20"]
    assert float(students["1"][5]) == pytest.approx(5 * work.score) and students["1"][4] == "A and B"
    notes = export(out, "canvas", tmp_path / "r.csv").notes
    assert [note for note in notes if "scaled" in note] == [
        "01 Quadratics (11) has 100 points in r.csv, 01_quadratics has 20: points were scaled."
    ]


@pytest.mark.parametrize("most", ["", "nan", "inf", "x", "0", "(read only)"])
def test_points_that_are_none_scale_nothing(out, tmp_path, most):
    table = [[*HEAD, "Quadratics (1)"], ["    Points Possible", "", "", "", "", most], [*ROSTER[3][:5], ""]]
    _, possible, students = canvas_rows(out, tmp_path / "r.csv", table)
    work = read(out).by_key["student-01", "01_quadratics"]
    assert float(possible[5]) == work.max_score and float(students["1"][5]) == work.score


def test_where_nothing_was_handed_in_canvas_keeps_what_it_has(out, tmp_path):
    """To Canvas's importer an empty cell takes a mark away."""
    _, _, students = canvas_rows(out, tmp_path / "r.csv", ROSTER)
    assert students["2"][6] == "EX" and float(students["2"][5]) == pytest.approx(5 * 14)


def test_canvas_takes_the_file_back_whatever_columns_the_roster_had(out, tmp_path):
    """Its importer asks for Section after the ids, and for SIS Login ID after SIS User ID."""
    table = [["Student", "ID", "SIS User ID"], ["Müller, Zoë", "1", "student-01"]]
    header, _, students = canvas_rows(out, tmp_path / "r.csv", table)
    assert header[:5] == HEAD and students["1"][:5] == ["Müller, Zoë", "1", "student-01", "", ""]


def test_canvas_rosters_with_split_names_are_taken_as_they_are(out, tmp_path):
    table = [["LastName", "FirstName", *HEAD[1:]], ["Müller", "Zoë", "1", "student-01", "z", "A"]]
    header, possible, students = canvas_rows(out, tmp_path / "r.csv", table)
    assert header[:6] == table[0] and students["1"][:6] == table[1] and possible[0] == "    Points Possible"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_canvas_roster_as_excel_saves_it_comes_out_as_canvas_reads_it(out, tmp_path, delimiter):
    path = tmp_path / "r.csv"
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(ROSTER)
    path.write_bytes(text.getvalue().encode("utf-8-sig"))
    first, *others = rows(export(out, "canvas", path).files[0])
    assert first == [*HEAD, "01 Quadratics (11)", "Momentum, and how it helps (14)"]
    assert [row[0] for row in others] == ["    Points Possible", "Müller, Zoë", "Late, Lee"]
    again = rows(export(out, "canvas", path).files[0])
    assert again == [first, *others]


def test_what_is_exported_can_be_the_roster_of_the_next_export(out, tmp_path, canvas_roster):
    first = export(out, "canvas", canvas_roster).files[0]
    content = first.read_bytes()
    assert export(out, "canvas", first, to=tmp_path / "again").files[0].read_bytes() == content
    assert [unescaped(row[0]) for row in rows(first)[2:]] == NAMES


def test_canvas_is_told_that_an_assignment_is_not_theirs(out, tmp_path):
    table = [*ROSTER[:3], ["Müller, Zoë", "1", "student-01", "zoe", "A", "N/A", "", ""]]
    path = written(tmp_path / "r.csv", table)
    assert any("not assigned to them" in note for note in export(out, "canvas", path).notes)


def test_a_title_that_does_not_hold_the_topics_name_stands_in_the_course_file(out, tmp_path):
    table = [
        [*HEAD, "Homework 1 (11)", "Homework 4 (14)"],
        ["Müller, Zoë", "1", "student-01", "zoe", "A", "", ""],
    ]
    path = written(tmp_path / "r.csv", table)
    result = export(out, "canvas", path)
    assert rows(result.files[0])[0][5:] == ["01_quadratics", "04_momentum"]
    assert all("course.toml, under [titles]" in note for note in result.notes[:2])
    with open(out / "course.toml", "a") as course:
        course.write('[titles]\n01_quadratics = "Homework 1"\n4 = "homework 4"\n')
    result = export(out, "canvas", path)
    assert rows(result.files[0])[0][5:] == ["Homework 1 (11)", "Homework 4 (14)"]
    assert not any("titles" in note for note in result.notes)


def test_of_two_assignments_that_fit_none_is_guessed(out, tmp_path):
    table = [
        [*HEAD, "Quadratics (11)", "Quadratics, second try (12)"],
        ["Z", "1", "student-01", "zoe", "A", "", ""],
    ]
    result = export(out, "canvas", written(tmp_path / "r.csv", table))
    assert rows(result.files[0])[0][5] == "01_quadratics" and "several that look like" in result.notes[0]


def test_a_file_that_would_not_change_is_left_alone_and_a_changed_one_replaced(out):
    first, second = export(out, "csv").files
    before = first.stat().st_ino, second.stat().st_ino
    second.write_bytes(second.read_bytes().replace(b"01_quadratics", b"01_quadratiks", 1))
    content = first.read_bytes()
    export(out, "csv")
    assert first.stat().st_ino == before[0] and second.stat().st_ino != before[1]
    assert first.read_bytes() == content and b"quadratiks" not in second.read_bytes()


@pytest.mark.parametrize("format", ["canvas", "moodle", "gradescope", "csv"])
def test_who_is_on_one_side_only_is_in_a_table_with_the_marks(out, tmp_path, format):
    table = [
        ["Student", "ID", "Username", "Email address"],
        ["Müller, Zoë", "student-01", "student-01", "z@x.org"],
        ['=Stranger, "Al"', "99", "al", "al@x.org"],
    ]
    result = export(out, format, written(tmp_path / "r.csv", table))
    left = {row[1] or row[2]: row for row in rows(next(p for p in result.files if "unmatched" in p.name))[1:]}
    work = read(out).by_key["late", "01_quadratics"]
    assert left["late"][0] == "only in the class" and float(left["late"][4]) == work.score
    stranger = next(row for key, row in left.items() if "Stranger" in key)
    assert stranger[0] == "only in r.csv" and stranger[2].startswith("'=") and "student-01" not in left
    assert any("late has marks" in note for note in result.notes)
    assert any("Stranger" in note and "handed in nothing" in note for note in result.notes)


def test_the_table_of_those_left_over_goes_when_no_one_is(out, tmp_path):
    path = tmp_path / "r.csv"
    written(path, [["Student", "ID"], ["Zoë", "student-01"]])
    assert (out / "export" / "canvas_unmatched.csv") in export(out, "canvas", path).files
    written(path, [["Student", "ID"], *([student, student] for student in read(out).people)])
    result = export(out, "canvas", path)
    assert [file.name for file in result.files] == ["canvas.csv"]
    assert [file.name for file in (out / "export").iterdir()] == ["canvas.csv"]


def test_many_of_one_side_are_counted_and_a_few_named(out, tmp_path):
    table = [["Student", "ID"], ["Zoë", "student-01"], *([f"Stranger {k}", f"{k}"] for k in range(300))]
    result = export(out, "canvas", written(tmp_path / "r.csv", table))
    told = [note for note in result.notes if "Stranger" in note]
    assert len(told) == 10 and "And 290 more like the last one, all in canvas_unmatched.csv." in result.notes
    assert len(rows(result.files[1])) == 1 + 300 + len(read(out).people) - 1


def test_the_roster_names_the_students_of_the_plain_tables(out, tmp_path):
    path = written(
        tmp_path / "r.csv",
        [["Student", "ID"], *([name, f"student-{k:02}"] for k, name in enumerate(NAMES, 1))],
    )
    grades = rows(export(out, "csv", path).files[-2])
    found = {row[3]: (unescaped(row[4]), unescaped(row[5])) for row in grades[1:]}
    assert found["student-01"] == ("Müller", 'Zoë "Z"') and found["student-02"] == ("עברית", "אורה")
    assert found["student-04"][0] == '=HYPERLINK("http://x")'
    assert not any(cell.startswith(("=", "+", "@")) for row in grades for cell in row)


def test_a_number_in_another_column_is_not_taken_for_an_id(out, tmp_path):
    """student-01's SIS number is another student's id in Canvas."""
    table = [
        HEAD,
        ["Alma", "student-02", "student-01", "a", "A"],
        ["Zoë", "student-01", "77", "z", "A"],
        ["Ben", "student-03", "78", "b", "A"],
    ]
    _, _, students = canvas_rows(out, tmp_path / "r.csv", table)
    group = read(out)
    for id in ("student-01", "student-02", "student-03"):
        assert float(students[id][5]) == group.by_key[id, "01_quadratics"].score
    _, _, students = canvas_rows(
        out, tmp_path / "r.csv", [*table[:2], ["Zoë", "student-07", "77", "z", "A"], table[3]]
    )
    assert float(students["student-02"][5]) == group.by_key["student-02", "01_quadratics"].score


def test_a_student_twice_in_the_roster_gets_one_mark_and_is_named(out, tmp_path):
    table = [HEAD, ["Zoë", "student-01", "", "", "A"], ["Zoë", "student-01", "", "", "B"]]
    result = export(out, "canvas", written(tmp_path / "r.csv", table))
    assert len(rows(result.files[0])) == 3
    assert [note for note in result.notes if "Zoë" in note or "student-01" in note] == [
        "student-01 is in r.csv more than once: the first row got the marks."
    ]


def worksheet(path, most="100.00"):
    header = [
        "Identifier",
        "Full name",
        "Email address",
        "Status",
        "Grade",
        "Maximum grade",
        "Grade can be changed",
        "Last modified (submission)",
        "Last modified (grade)",
        "Feedback comments",
    ]
    table = [
        [
            f"Participant {k}",
            name,
            f"student-{k:02}",
            "Submitted for grading - ",
            "",
            most,
            "Yes",
            "-",
            "-",
            "",
        ]
        for k, name in enumerate(NAMES, 1)
    ]
    table.append(
        ["Participant 50", "Nobody", "n@x.org", "No submission", "", most, "Yes", "-", "-", "keep me"]
    )
    text = io.StringIO()
    csv.writer(text).writerows([header, *table])
    path.write_text(text.getvalue(), encoding="utf-8-sig")
    return path, header, table


def test_moodles_worksheet_is_filled_in_and_otherwise_left_as_it_was(out, tmp_path):
    path, header, table = worksheet(tmp_path / "sheet.csv")
    result = export(out, "moodle", path, ["01_quadratics"])
    found = rows(result.files[0])
    assert found[0] == header and len(found) == len(table) + 1
    group = read(out)
    for number, (old, new) in enumerate(zip(table, found[1:]), start=1):
        kept = [place for place in range(10) if place not in (4, 9)]
        assert [new[place] for place in kept] == [safe(old[place]) for place in kept]
        if number <= len(NAMES):
            work = group.by_key[f"student-{number:02}", "01_quadratics"]
            assert float(new[4]) == pytest.approx(work.score * 5) and new[9] == comment(work)
        else:
            assert (new[4], new[9]) == ("", "keep me")
    assert any("points were scaled" in note for note in result.notes) and any(
        "Nobody" in note for note in result.notes
    )


def test_the_comment_names_the_mistake_and_what_to_read_again(out):
    work = next(
        work for work in read(out).works if any(question.status == "wrong" for question in work.questions)
    )
    lost = next(question for question in work.questions if question.status == "wrong")
    assert ticks(" ".join(lost.message.split())) in comment(work) and "Read again: " in comment(work)


def test_a_worksheet_needs_to_be_told_its_topic(out, tmp_path):
    with pytest.raises(Refusal, match="--topics"):
        export(out, "moodle", worksheet(tmp_path / "sheet.csv")[0])


def changed(path, change):
    """A worksheet with its header and rows put through `change`."""
    table = [change(row) for row in rows(path)]
    return written(path, table)


def test_a_worksheet_with_its_columns_in_another_order_is_filled_in_the_same(out, tmp_path):
    path, header, _ = worksheet(tmp_path / "sheet.csv")
    straight = rows(export(out, "moodle", path, ["01_quadratics"]).files[0])
    turned = rows(export(out, "moodle", changed(path, lambda row: row[::-1]), ["01_quadratics"]).files[0])
    assert [row[::-1] for row in turned] == straight


@pytest.mark.parametrize("column", ["Identifier", "Grade", "Last modified (grade)"])
def test_a_worksheet_that_moodle_would_not_take_back_is_refused(out, tmp_path, column):
    path, header, _ = worksheet(tmp_path / "sheet.csv")
    place = header.index(column)
    changed(path, lambda row: row[:place] + row[place + 1 :])
    with pytest.raises(Refusal, match=r"no column .*Moodle takes no worksheet back"):
        export(out, "moodle", path, ["01_quadratics"])


def test_a_worksheet_in_another_language_is_refused_with_what_to_do(out, tmp_path):
    german = ["ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung"]
    german += [
        "Bewertung kann geändert werden",
        "Zuletzt geändert (Abgabe)",
        "Zuletzt geändert (Bewertung)",
        "Feedback",
    ]
    path, header, _ = worksheet(tmp_path / "sheet.csv")
    changed(path, lambda row: german if row == header else row)
    with pytest.raises(Refusal, match="switch it to English"):
        export(out, "moodle", path, ["01_quadratics"])


@pytest.mark.parametrize("most", ["-3.00", "0.00"])
def test_an_assignment_on_a_scale_or_without_points_is_refused(out, tmp_path, most):
    with pytest.raises(Refusal, match="set its grade to points"):
        export(out, "moodle", worksheet(tmp_path / "sheet.csv", most)[0], ["01_quadratics"])


FIRST = """SELECT g.id FROM grade g JOIN submitted_notebook n ON n.id = g.notebook_id
JOIN submitted_assignment s ON s.id = n.assignment_id JOIN assignment a ON a.id = s.assignment_id
WHERE s.student_id = 'student-01' AND a.name = '01_quadratics' LIMIT 1"""


def test_marks_above_the_maximum_and_locked_grades_are_named_for_moodle_passes_over_them(out, tmp_path):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(f"UPDATE grade SET extra_credit = 30 WHERE id = ({FIRST})")
    path, _, _ = worksheet(tmp_path / "sheet.csv", "20")
    changed(
        path, lambda row: [("No" if cell == "Yes" and row[0] == "Participant 2" else cell) for cell in row]
    )
    result = export(out, "moodle", path, ["01_quadratics"])
    assert any("student-01" in note and "Moodle takes no more than 20" in note for note in result.notes)
    assert [note for note in result.notes if "locked" in note] == [
        "student-02: the grade is locked in Moodle, which will keep it."
    ]
    assert {row[2]: row[4] for row in rows(result.files[0])}["student-01"] == "20"


def test_a_comment_is_html_for_moodle_reads_it_so():
    work = Work("ana", "01_quadratics", 1, 4, comments={"quadratic": "Well <i>done</i>"})
    work.questions = [Question("test_quadratic", "wrong", 0, 2, "Off where `x` < 2 & more.\nSee <script>.")]
    lines = comment(work).split("<br>\n")
    assert lines[0] == "1 of 4 points."
    assert "<code>x</code> &lt; 2 &amp; more. See &lt;script&gt;." in lines[1]
    assert lines[2] == "Your instructor on quadratic: Well &lt;i&gt;done&lt;/i&gt;"


def test_an_instructors_comment_goes_with_the_marks(out):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(
            "UPDATE comment SET manual_comment = 'Please see me' WHERE rowid = (SELECT MIN(rowid) FROM"
            " comment)"
        )
    work = next(work for work in read(out).works if work.comments)
    assert list(work.comments.values()) == ["Please see me"] and "Please see me" in comment(work)
    told = (
        export(out, "gradescope").files[0].parents[2] / work.student / work.topic / "results.json"
    ).read_text()
    assert "Please see me" in json.loads(told)["output"]


def test_students_called_by_their_e_mail_have_it_in_the_plain_table(out, tmp_path):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(
            "UPDATE submitted_assignment SET student_id = 'zoe@x.org' WHERE student_id = 'student-01'"
        )
        database.execute("UPDATE student SET id = 'zoe@x.org' WHERE id = 'student-01'")
    plain = {row[1]: row for row in rows(export(out, "moodle").files[0])}
    assert plain["zoe@x.org"][0] == ""
    path = written(
        tmp_path / "p.csv",
        [["First name", "Surname", "Username", "Email address"], ["Z", "M", "zm", "ZOE@x.org"]],
    )
    plain = {row[0]: row for row in rows(export(out, "moodle", path).files[0])}
    assert plain["zm"][1] == "ZOE@x.org"


def test_moodle_without_a_worksheet_gets_a_table_by_username_and_email(out):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute("UPDATE student SET email = 'zoe@x.org' WHERE id = 'student-01'")
    header, *students = rows(export(out, "moodle").files[0])
    assert header == ["username", "email", "01_quadratics", "04_momentum"]
    line = next(row for row in students if row[0] == "student-01")
    group = read(out)
    assert line[1] == "zoe@x.org" and float(line[2]) == group.by_key["student-01", "01_quadratics"].score
    assert next(row for row in students if row[0] == "late")[3] == ""


def test_gradescope_gets_results_for_each_submission_that_add_up(out):
    result = export(out, "gradescope", topics=["01_quadratics"])
    group = read(out)
    assert len(result.files) == sum(work.topic == "01_quadratics" for work in group.works)
    for path in result.files:
        told = json.loads(path.read_text(encoding="utf-8"))
        work = group.by_key[path.parts[-3], path.parts[-2]]
        assert (
            told["score"] == work.score == max(0, sum(test["score"] for test in told["tests"]) - work.penalty)
        )
        for test in told["tests"]:
            assert set(test) == {
                "name",
                "score",
                "max_score",
                "status",
                "output",
                "output_format",
                "visibility",
            }
            assert (
                (test["status"] == "passed") == (test["score"] == test["max_score"]) == (test["output"] == "")
            )


def test_the_plain_tables_have_nbgraders_columns_and_a_row_for_each_question(out):
    grades, questions = (rows(path) for path in export(out, "csv").files)
    stock = list(csv.reader(io.StringIO((out / "grades.csv").read_text())))
    assert grades[0] == stock[0]
    numbers = {(row[0], row[3]): [float(cell) for cell in row[7:]] for row in stock[1:]}
    assert {(row[0], row[3]): [float(cell) for cell in row[7:]] for row in grades[1:]} == numbers
    assert len(questions) - 1 == sum(len(work.questions) for work in read(out).works)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "=", "+"]
)
def test_what_a_spreadsheet_would_run_is_escaped(cell):
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "-", "-3.5", "+4", "12,5", "Zoë", "a=b", "3 - 2"])
def test_numbers_dashes_and_other_text_are_left_alone(cell):
    assert safe(cell) == cell


def test_names_survive_the_way_through_a_table():
    table = list(
        csv.reader(
            io.StringIO(write_table(["name"], [[name] for name in NAMES]).decode("utf-8-sig"), newline="")
        )
    )
    assert [row[0].removeprefix("'") for row in table[1:]] == NAMES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rosters_are_read_as_excel_saves_them(out, tmp_path, encoding, delimiter):
    path = tmp_path / "roster.csv"
    path.write_text(
        delimiter.join(["Student", "ID"]) + "\r\n" + delimiter.join(["Müller", "student-01"]) + "\r\n",
        encoding=encoding,
        newline="",
    )
    assert rows(export(out, "canvas", path).files[0])[2][:2] == ["Müller", "student-01"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("word",), "no format 'word'"),
        (("csv", None, ["02_learning_rate"]), "Nothing was handed in for 02_learning_rate"),
        (("canvas", "nowhere.csv"), "cannot be read"),
        (("canvas", "."), "is a folder"),
    ],
)
def test_a_wrong_call_gets_a_sentence(out, arguments, sentence):
    with pytest.raises(Refusal, match=sentence):
        export(out, *arguments)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("report.json", b"{", "damaged"),
        (
            "report.json",
            b'{"engine": 1, "layers": [], "submissions": [{}], "strays": [], "seconds": 0}',
            "damaged",
        ),
        ("gradebook.db", b"junk" * 300, "cannot be read"),
    ],
)
def test_a_damaged_class_is_named(out, name, content, sentence):
    (out / name).write_bytes(content)
    with pytest.raises(Refusal, match=sentence):
        export(out, "csv")


def test_a_folder_without_a_class_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Refusal, match="python -m autograde grade"):
            export(folder, "csv")


def test_pages_are_packed_a_folder_for_each_student(out):
    (gone,) = (out / "feedback" / "late").rglob("*.html")
    gone.unlink()
    result = export(out, "pages", topics=["01_quadratics"])
    with zipfile.ZipFile(result.files[0]) as archive:
        found = archive.namelist()
        page = archive.read("student-01/01_quadratics.html")
    assert len(found) == sum(work.topic == "01_quadratics" for work in read(out).works) - 1
    assert page == (out / "feedback" / "student-01" / "01_quadratics" / "quadratics.html").read_bytes()
    assert result.notes == [
        "late, 01_quadratics: there is no feedback page; grade again, and it is made.",
        *(note for note in result.notes if "not graded" in note),
    ]


def test_pages_for_moodle_are_called_as_it_knows_participants_whatever_their_names(out, tmp_path):
    path, _, table = worksheet(tmp_path / "sheet.csv")
    changed(path, lambda row: [cell.replace("Müller", "a_b/../c") for cell in row])
    result = export(out, "pages", path, ["01_quadratics"])
    with zipfile.ZipFile(result.files[0]) as archive:
        found = [name.split("_", 4) for name in archive.namelist()]
    assert [parts[1] for parts in found] == [str(number) for number in range(1, 8)]
    assert all(parts[2:] == ["assignfeedback", "file", "/01_quadratics.html"] for parts in found)
    assert found[0][0] == "a b c Zoë Z" and "pages_01_quadratics_unmatched.csv" == result.files[1].name


@pytest.mark.parametrize(
    ("header", "topics", "sentence"),
    [(["Student", "ID"], ["01_quadratics"], "no column Identifier"), (["Identifier"], [], "--topics")],
)
def test_pages_with_a_roster_that_says_too_little_are_refused(out, tmp_path, header, topics, sentence):
    with pytest.raises(Refusal, match=sentence):
        export(out, "pages", written(tmp_path / "r.csv", [header, ["x"] * len(header)]), topics)
