"""Rows of a roster find their students, and no one else's; names reach the gradebook."""

import csv
import sqlite3

import pytest

from autograde.course import Refusal
from autograde.marks import Person, read
from autograde.roster import Matching, Table, enter, names, participant, read_table, unescaped, write_table


def people(*ids, **mails):
    return {id: Person(id, email=mails.get(id, "")) for id in ids}


def matched(students, header, *table, columns=("ID", "Login", "Identifier")):
    return Matching(students, Table("r.csv", header, [list(row) for row in table]), columns)


def test_the_column_that_knows_most_students_speaks_first():
    found = matched(people("1", "2", "3"), ["ID", "Login"], ("7", "1"), ("1", "2"), ("9", "3"))
    assert found.student == ["1", "2", "3"] and found.missing == [] and found.only_there() == []


def test_who_is_left_by_one_column_is_found_by_another():
    found = matched(people("1", "2", "ana"), ["ID", "Login"], ("1", "x"), ("2", "y"), ("3", "ANA "))
    assert found.student == ["1", "2", "ana"]


def test_an_id_that_could_be_two_students_is_taken_as_it_is_written_or_not_at_all():
    found = matched(people("ana", "Ana"), ["ID"], ("Ana",), ("ANA",))
    assert found.student == ["Ana", None] and found.missing == ["ana"]


def test_an_e_mail_that_two_students_share_is_no_ones():
    found = matched(people("a", "b", "c", a="x@y.z", b="X@y.z", c="c@y.z"), ["ID"], ("x@y.z",), ("C@Y.Z",))
    assert found.student == [None, "c"]


def test_moodles_participants_are_known_by_their_number_and_other_ids_are_not_cut():
    found = matched(people("77"), ["Identifier", "Login"], ("Teilnehmer/in 77", "x"))
    assert found.student == ["77"] and participant("a7@x.org") == "a7@x.org"
    assert matched(people("77"), ["Login"], ("A77",)).student == [None]


def test_an_id_that_a_spreadsheet_would_run_finds_its_student_escaped():
    assert matched(people("-x1"), ["ID"], ("'-x1",)).student == ["-x1"]


@pytest.mark.parametrize(
    ("header", "row", "person"),
    [
        (["Student"], ["Müller, Zoë"], Person("", "Zoë", "Müller")),
        (["Full name", "Email address"], ["Zoë Müller", "z@x.org"], Person("", "", "Zoë Müller", "z@x.org")),
        (["First name", "Surname"], ["Zoë", "Müller"], Person("", "Zoë", "Müller")),
        (["LastName", "FirstName"], ["אורה", "כהן"], Person("", "כהן", "אורה")),
        (["id", "first_name", "last_name", "email"], ["1", "", "", "none"], Person("")),
    ],
)
def test_names_are_read_from_the_columns_that_systems_write(header, row, person):
    assert names(Table("r.csv", header, [row])) == [person]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_is_the_one_that_all_rows_share(tmp_path, delimiter):
    table = [["Name", "A; B, C (1)", "D, E; F (2)"], ["x, y; z", "1", "2"], ["u, v; w", "3", "4"]]
    with open(tmp_path / "r.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(table)
    found = read_table(tmp_path / "r.csv")
    assert [found.header, *found.rows] == table


def test_a_line_that_tells_excel_the_separator_is_no_header(tmp_path):
    (tmp_path / "r.csv").write_text("sep=;\r\nStudent;ID\r\nZoë;1\r\n", encoding="utf-8-sig")
    found = read_table(tmp_path / "r.csv")
    assert [found.header, *found.rows] == [["Student", "ID"], ["Zoë", "1"]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\r\n\r\n,,\n", "is empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"a,b\n\x00\x01", "no text that can be read"),
    ],
)
def test_a_file_that_is_no_table_gets_a_sentence(tmp_path, content, sentence):
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(Refusal, match=sentence):
        read_table(tmp_path / "r.csv")


def roster(path, *table):
    path.write_bytes(write_table(["Student", "ID", "Email"], table))
    return path


def test_names_of_a_roster_are_in_the_gradebook_the_report_and_grades_csv(out, tmp_path):
    path = roster(
        tmp_path / "r.csv", ["Müller, Zoë", "student-01", "z@x.org"], ["=cmd, +Al", "student-02", ""]
    )
    told = enter(out, path)
    assert told == [
        "Not in r.csv, so without a name: late, odd, "
        + ", ".join(f"student-{number:02}" for number in range(3, 11))
        + "."
    ]
    group = read(out)
    assert group.people["student-01"] == Person("student-01", "Zoë", "Müller", "z@x.org")
    assert group.people["student-02"].name == "'+Al '=cmd"  # nbgrader's grades.csv escapes nothing
    rows = list(csv.DictReader((out / "grades.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["first_name"] for row in rows if row["student_id"] == "student-01"} == {"Zoë"}


def test_names_that_are_there_are_replaced_only_when_asked_and_by_nothing_empty(out, tmp_path):
    enter(out, roster(tmp_path / "a.csv", ["Müller, Zoë", "student-01", "z@x.org"]))
    assert enter(out, roster(tmp_path / "b.csv", ["squashed", "student-01", ""]), over=False) == []
    assert read(out).people["student-01"].name == "Zoë Müller"
    enter(out, roster(tmp_path / "c.csv", ["", "student-01", ""]))
    assert read(out).people["student-01"] == Person("student-01", "Zoë", "Müller", "z@x.org")
    enter(out, roster(tmp_path / "d.csv", ["Meier", "student-01", ""]))
    assert read(out).people["student-01"] == Person("student-01", "", "Meier", "z@x.org")


def test_a_roster_of_another_class_is_refused_and_changes_nothing(out, tmp_path):
    before = read(out).people
    with pytest.raises(Refusal, match="names no student"):
        enter(out, roster(tmp_path / "r.csv", ["Al", "99", ""]))
    assert read(out).people == before


def test_a_gradebook_in_use_or_missing_is_named(out, tmp_path, monkeypatch):
    path = roster(tmp_path / "r.csv", ["Müller, Zoë", "student-01", ""])
    monkeypatch.setattr("autograde.gradebook.PATIENCE", 0.1)
    with sqlite3.connect(out / "gradebook.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refusal, match="close other programs"):
            enter(out, path)
    with pytest.raises(Refusal, match="holds no gradebook"):
        enter(tmp_path, path)


def test_unescaping_undoes_escaping_only():
    assert [unescaped(text) for text in ("'=x", "'tis", "=x", "'")] == ["=x", "'tis", "=x", "'"]
