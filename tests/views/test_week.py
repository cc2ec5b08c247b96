"""What WEEK.md tells an instructor to type works, in the order in which it is told, and what it links to is
there.
"""

import csv
import re
import shlex
import tomllib
import zipfile

import pytest

from autograde import cells
from autograde.cli import main
from autograde.course import ROOT, find_topic
from autograde.late import Rules
from autograde.marks import read
from autograde.simulate import choices, filled_in
from tests.grading.classes import honest, notebook, text

PAGE = ROOT / "autograde" / "WEEK.md"
TEXT = PAGE.read_text(encoding="utf-8")
CALLS = [
    shlex.split(call) for call in re.findall(r"^\.venv/bin/python -m autograde (.+)$", TEXT, re.MULTILINE)
]
RIGHT = {name: versions[0] for name, versions in choices(find_topic("04_momentum")).right.items()}
MOMENTUM = text(filled_in(cells.read(find_topic("04_momentum").exercise), RIGHT))
CANVAS = [
    ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Quadratics (11)", "Homework 4 (14)"],
    ["    Points Possible", "", "", "", "", "20", "20"],
    ["Müller, Zoë", "1001", "s1", "zoe", "A", "", ""],
    ["Ng, Al", "1002", "s2", "al", "A", "", "EX"],
    ["Only, There", "1003", "s3", "ot", "A", "", ""],
]
WORKSHEET = [
    ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed"],
    ["Participant 77", "אורה כהן", "ora@x.org", "Submitted for grading - ", "", "100.00", "Yes"],
]
WORKSHEET[0] += ["Last modified (submission)", "Last modified (grade)", "Feedback comments"]
WORKSHEET[1] += ["Saturday, 14 November 2026, 9:30 PM", "-", ""]


def test_every_command_is_told():
    assert {call[0] for call in CALLS} == {"release", "collect", "grade", "report", "export"}
    assert {call[call.index("--format") + 1] for call in CALLS if "--format" in call} == {
        "canvas",
        "moodle",
        "gradescope",
        "csv",
        "pages",
    }


def test_every_link_and_picture_leads_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets and all((PAGE.parent / target).is_file() for target in targets)


def example(folder):
    found = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1]
    (folder / "course.toml").write_text(found, encoding="utf-8")
    return found


def test_no_other_programs_are_told_than_those_that_tests_try():
    """The rest of the lines to be typed: JupyterLab with the formgrader, which tests/views/test_browser.py
    opens.
    """
    blocks = [block.strip() for block in TEXT.split("```")[1::2] if block.startswith("\n")]
    lines = [line for block in blocks for line in block.splitlines() if "-m autograde" not in line]
    assert len(lines) == 1 and lines[0].startswith("cd graded && ../.venv/bin/jupyter lab ")
    assert not re.findall(r"`nbgrader [a-z_]+", TEXT)


def test_its_example_of_a_course_file_is_one(tmp_path):
    tomllib.loads(example(tmp_path))
    rules = Rules.read(tmp_path)
    assert list(rules.duedates) == ["04_momentum"] and len(rules.late) == 3
    assert rules.titles == {"04_momentum": "Homework 4"}


def table(path, rows):
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """The folder in which all of WEEK.md's commands were typed, one after the other, and what each
    returned.
    """
    folder = tmp_path_factory.mktemp("week")
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        archive.writestr("mullerzoe_1001_1_quadratics.ipynb", text(honest()))
        archive.writestr("mullerzoe_1001_2_momentum-1.ipynb", MOMENTUM)
        archive.writestr("ngal_1002_3_quadratics.ipynb", text(notebook()))
    with zipfile.ZipFile(folder / "Momentum-1234.zip", "w") as archive:
        archive.writestr("אורה כהן_77_assignsubmission_file_/momentum.ipynb", MOMENTUM)
    (folder / "old-term" / "paul" / "w").mkdir(parents=True)
    (folder / "old-term" / "paul" / "w" / "q.ipynb").write_bytes(text(notebook()))
    table(folder / "canvas-gradebook.csv", CANVAS)
    table(folder / "worksheet.csv", WORKSHEET)
    (folder / "graded").mkdir()
    example(folder / "graded")
    returned = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for call in CALLS:
            returned.append(main(call))
    return folder, returned


def test_each_command_of_the_week_does_what_it_should(week):
    folder, returned = week
    assert returned == [0] * len(CALLS)
    assert sorted(read(folder / "graded").people) == ["1001", "1002", "ora@x.org", "paul"]


def test_the_names_are_in_the_gradebook_the_report_and_the_tables(week):
    folder, _ = week
    people = read(folder / "graded").people
    assert [people[id].name for id in ("1001", "1002", "ora@x.org", "paul")] == [
        "Zoë Müller",
        "Al Ng",
        "אורה כהן",
        "",
    ]
    assert people["ora@x.org"].email == "ora@x.org"
    page = (folder / "graded" / "report.html").read_text(encoding="utf-8")
    assert "Zoë Müller" in page and "אורה כהן" in page
    for path in (folder / "graded" / "grades.csv", folder / "graded" / "export" / "grades.csv"):
        assert {row[5] for row in rows(path) if row[3] == "1001"} == {"Zoë"}


def test_the_marks_are_where_canvas_and_moodle_read_them(week):
    folder, _ = week
    group = read(folder / "graded")
    header, possible, *students = rows(folder / "graded" / "export" / "canvas.csv")
    assert header[5:] == ["Quadratics (11)", "Homework 4 (14)"]
    marks = {row[1]: row[5:] for row in students}
    assert set(marks) == {"1001", "1002"} and marks["1002"][1] == "EX"
    assert float(marks["1001"][0]) == group.by_key["1001", "01_quadratics"].score
    line = rows(folder / "graded" / "export" / "moodle_04_momentum.csv")[1]
    late = group.by_key["ora@x.org", "04_momentum"]
    assert late.penalty == pytest.approx(0.2 * 20) and float(line[4]) == 80
    left = rows(folder / "graded" / "export" / "canvas_unmatched.csv")
    assert {row[1] or row[2] for row in left[1:]} == {"ora@x.org", "paul", "Only, There"}


def test_each_student_has_a_page(week):
    folder, _ = week
    pages = {path.parts[-3] for path in (folder / "graded" / "feedback").rglob("*.html")}
    assert pages == {"1001", "1002", "ora@x.org", "paul"}


def test_moodle_gives_each_student_the_page_in_the_zip(week):
    """As its importer reads a name: cut at underscores, the second part the participant, then the plugin."""
    folder, _ = week
    with zipfile.ZipFile(folder / "graded" / "export" / "pages_04_momentum.zip") as archive:
        assert len(archive.namelist()) == 1
        name, number, kind, plugin, rest = archive.namelist()[0].split("_", 4)
        page = archive.read(archive.namelist()[0]).decode("utf-8")
    assert (name, number, kind, plugin, rest) == (
        "אורה כהן",
        "77",
        "assignfeedback",
        "file",
        "/04_momentum.html",
    )
    assert page == (folder / "graded" / "feedback" / "ora@x.org" / "04_momentum" / "momentum.html").read_text(
        "utf-8"
    )
