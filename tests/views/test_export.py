"""Marks arrive in other systems in their columns, for the right student, and never as a formula."""

import csv
import io
import json
import sqlite3

import pytest

from autograde.course import Refusal
from autograde.export import comment, export, safe, write_table
from autograde.marks import read

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
    assert [path.name for path in result.files] == ["canvas.csv"]
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
    assert " ".join(lost.message.split()) in comment(work) and "Read again: " in comment(work)


def test_a_worksheet_needs_to_be_told_its_topic(out, tmp_path):
    with pytest.raises(Refusal, match="--topics"):
        export(out, "moodle", worksheet(tmp_path / "sheet.csv")[0])


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
