"""Downloads of universities' systems become submissions; what cannot be taken is refused with a sentence, and
costs no one else.
"""

import csv
import io
import json
import stat
import struct
import zipfile

import pytest

from autograde import cells
from autograde.collect import collect
from autograde.course import Refusal, find_topic
from autograde.grading import survey
from tests.grading.classes import EXERCISE, honest, notebook, text

MOMENTUM = find_topic("04_momentum")
FULL, OTHER = text(notebook()), text(honest())
MOMENTUM_TEXT = text(cells.read(MOMENTUM.exercise))


def zipped(files, compress=zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of {name: bytes}, or of (name, bytes) where a name comes twice."""
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", compress) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return box.getvalue()


@pytest.fixture
def take(tmp_path):
    """Collects a download of these files and returns (what was said, {path: bytes} of the submissions)."""

    def run(files, kind="canvas", **more):
        path = tmp_path / "download.zip"
        path.write_bytes(files if isinstance(files, bytes) else zipped(files))
        said = collect(path, kind, tmp_path / "class", **more)
        return said, held(tmp_path / "class")

    return run


def held(folder) -> dict[str, bytes]:
    return (
        {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if folder.exists()
        else {}
    )


def test_a_canvas_download_becomes_a_folder_per_student(take, tmp_path):
    said, files = take(
        {"mullerzoe_1001_5551_quadratics.ipynb": FULL, "ng_LATE_1002_5552_momentum-2.ipynb": MOMENTUM_TEXT}
    )
    assert said.new == 2
    assert (
        files["1001/01_quadratics/quadratics.ipynb"] == FULL
        and files["1002/04_momentum/momentum.ipynb"] == MOMENTUM_TEXT
    )
    assert [(target.student, target.topic.folder) for target in survey(tmp_path / "class")[0]] == [
        ("1001", "01_quadratics"),
        ("1002", "04_momentum"),
    ]
    assert list(csv.reader(io.StringIO(files["students.csv"].decode()))) == [
        ["id", "last_name"],
        ["1001", "mullerzoe"],
        ["1002", "ng"],
    ]
    assert any("came late, and not when" in note for note in said.notes)


@pytest.mark.parametrize(
    "path",
    [
        "Zoë Müller_77_assignsubmission_file_/quadratics.ipynb",
        "Zoë Müller_77_assignsubmission_file_quadratics.ipynb",
        "אורה_77_assignsubmission_file_/deep/folder/my work (3).ipynb",
        "Zoë_77_assignsubmission_file_/w.zip",
    ],
)
def test_a_moodle_download_with_folders_or_without(take, path):
    said, files = take(
        {path: zipped({"a/quadratics.ipynb": FULL}) if path.endswith(".zip") else FULL}, "moodle"
    )
    assert said.new == 1 and not said.notes and files["77/01_quadratics/quadratics.ipynb"] == FULL


def test_moodles_worksheet_says_when_each_was_handed_in(take, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        'Identifier,Full name,Grade,Last modified (submission)\nParticipant 77,Z,,"Monday, 2 November 2026,'
        ' 9:30 PM"\nParticipant 78,Y,,-\n',
        encoding="utf-8",
    )
    _, files = take(
        {"Z_77_assignsubmission_file_/q.ipynb": FULL, "Y_78_assignsubmission_file_/q.ipynb": FULL},
        "moodle",
        roster=sheet,
    )
    assert (
        files["77/01_quadratics/timestamp.txt"] == b"2026-11-02 21:30:00 UTC\n"
        and "78/01_quadratics/timestamp.txt" not in files
    )
    (tmp_path / "course.toml").write_text('timezone = "America/New_York"')
    again = {"Z_79_assignsubmission_file_/q.ipynb": FULL}
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("77", "79"), encoding="utf-8")
    _, files = take(again, "moodle", roster=sheet, course=tmp_path / "course.toml")
    assert files["79/01_quadratics/timestamp.txt"] == b"2026-11-03 02:30:00 UTC\n"


def test_times_in_another_language_are_named(take, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Last modified (submission)\nParticipant 77,luni 2 noiembrie 2026 21:30\n")
    said, files = take({"Z_77_assignsubmission_file_/q.ipynb": FULL}, "moodle", roster=sheet)
    assert (
        "77/01_quadratics/quadratics.ipynb" in files
        and "1 times in sheet.csv cannot be read" in said.notes[0]
    )


@pytest.mark.parametrize("around", ["", "Assignment 1/"])
def test_a_folder_per_student_zipped_or_not_with_a_folder_around_or_without(take, tmp_path, around):
    files = {
        f"{around}ana/01_quadratics/quadratics.ipynb": FULL,
        f"{around}ben/04_momentum/x.ipynb": MOMENTUM_TEXT,
        f"{around}ben/04_momentum/timestamp.txt": b"2026-11-01 10:00",
    }
    if around:
        files = {
            name.replace("01_quadratics/", "w/").replace("04_momentum/", "w/"): content
            for name, content in files.items()
        }
    said, taken = take(files, "folder")
    assert (
        said.new == 2
        and taken["ana/01_quadratics/quadratics.ipynb"] == FULL
        and taken["ben/04_momentum/timestamp.txt"] == b"2026-11-01 10:00:00 UTC\n"
    )
    for name, content in files.items():
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(content)
    collect(tmp_path / "plain", "folder", tmp_path / "again")
    assert held(tmp_path / "again") == taken


def test_a_renamed_notebook_is_known_by_its_cells_and_a_stripped_one_by_its_name_or_by_topic(take):
    nb = json.loads(FULL)
    for cell in nb["cells"]:
        cell["metadata"] = {}
    stripped = json.dumps(nb).encode()
    said, files = take({"a_1_1_homework final.ipynb": FULL, "b_2_1_My Quadratics.ipynb": stripped})
    assert (
        said.new == 2
        and "1/01_quadratics/quadratics.ipynb" in files
        and files["2/01_quadratics/quadratics.ipynb"] == stripped
    )
    said, _ = take({"c_3_1_x.ipynb": stripped})
    assert said.new == 0 and "--topic" in said.notes[0]
    said, files = take({"c_3_1_x.ipynb": stripped}, topic="1")
    assert said.new == 1 and files["3/01_quadratics/quadratics.ipynb"] == stripped


def test_of_several_uploads_the_last_counts_and_the_earlier_are_kept(take):
    said, files = take(
        {
            "a_1_10_quadratics.ipynb": OTHER,
            "a_1_11_quadratics-2.ipynb": text(EXERCISE),
            "a_1_12_quadratics-10.ipynb": FULL,
        }
    )
    assert files["1/01_quadratics/quadratics.ipynb"] == FULL
    assert sorted(content for name, content in files.items() if name.startswith(".earlier/1/")) == sorted(
        [OTHER, text(EXERCISE)]
    )
    assert "handed in 3 times" in said.notes[0]


def test_a_second_download_replaces_and_keeps_the_first_and_repeats_change_nothing(take, tmp_path):
    take({"a_1_10_q.ipynb": OTHER})
    said, files = take({"a_1_11_q-1.ipynb": FULL})
    assert (
        files["1/01_quadratics/quadratics.ipynb"] == FULL
        and OTHER in files.values()
        and "replaced by the new version" in said.notes[0]
    )
    again, after = take({"a_1_11_q-1.ipynb": FULL})
    assert (again.new, again.unchanged, again.notes) == (0, 1, []) and after == files


def test_an_older_download_does_not_replace_a_newer_version(take):
    take(
        {"ana/01_quadratics/q.ipynb": FULL, "ana/01_quadratics/timestamp.txt": b"2026-11-05 10:00"}, "folder"
    )
    said, files = take(
        {"ana/01_quadratics/q.ipynb": OTHER, "ana/01_quadratics/timestamp.txt": b"2026-11-01 10:00"}, "folder"
    )
    assert (
        files["ana/01_quadratics/quadratics.ipynb"] == FULL
        and "is newer and stays" in said.notes[0]
        and OTHER in files.values()
    )


def test_canvas_lateness_without_a_time_becomes_the_smallest_lateness_where_a_due_date_is_known(
    take, tmp_path
):
    (tmp_path / "course.toml").write_text(
        'timezone = "Europe/Berlin"\n[due]\n01_quadratics = 2026-11-02 23:59:00\n'
    )
    uploads = {"a_LATE_1_1_q.ipynb": FULL, "b_2_1_q.ipynb": FULL}
    said, files = take(uploads, course=tmp_path / "course.toml")
    assert (
        files["1/01_quadratics/timestamp.txt"] == b"2026-11-02 22:59:01 UTC\n"
        and "2/01_quadratics/timestamp.txt" not in files
    )
    assert "one second after the due date" in said.notes[0]


# --- hostile archives -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../escape.ipynb", "a/../../escape.ipynb", "/etc/escape.ipynb", "..\\escape.ipynb", "C:\\escape.ipynb"],
)
def test_a_path_out_of_the_folder_is_refused_in_the_download_and_costs_one_student_in_an_upload(
    take, tmp_path, name
):
    with pytest.raises(Refusal, match="leads out of its folder"):
        take({"a_1_1_q.ipynb": FULL, name: FULL})
    assert held(tmp_path / "class") == {}
    said, files = take({"a_1_1_w.zip": zipped({"q.ipynb": FULL, name: FULL}), "b_2_1_q.ipynb": OTHER})
    assert (
        said.new == 1
        and list(files) == ["2/01_quadratics/quadratics.ipynb", "students.csv"]
        and "leads out of its folder" in said.notes[0]
    )
    assert not list(tmp_path.rglob("*escape*"))


def test_a_zip_bomb_is_refused_and_its_neighbour_is_taken(take):
    bomb = zipped({"quadratics.ipynb": b" " * 9_000_000})
    many = zipped({f"{number}.ipynb": b"{}" for number in range(2_001)})
    deep = zipped({"q.ipynb": FULL})
    for _ in range(4):
        deep = zipped({"inner.zip": deep})
    said, files = take({"a_1_1_b.zip": bomb, "b_2_1_m.zip": many, "c_3_1_d.zip": deep, "d_4_1_q.ipynb": FULL})
    assert said.new == 1 and "4/01_quadratics/quadratics.ipynb" in files
    assert (
        len(said.notes) == 3
        and sum("zip bomb" in note for note in said.notes) == 2
        and sum("deep" in note for note in said.notes) == 1
    )


def test_a_member_that_lies_about_its_size_is_not_unpacked_beyond_it(take):
    honest_zip = bytearray(zipped({"quadratics.ipynb": FULL}, zipfile.ZIP_STORED))
    at = honest_zip.index(b"PK\x01\x02") + 24
    struct.pack_into("<I", honest_zip, at, 100)
    said, files = take({"a_1_1_w.zip": bytes(honest_zip), "b_2_1_q.ipynb": FULL})
    assert said.new == 1 and "1/01_quadratics/quadratics.ipynb" not in files and said.notes


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not a zip", "is refused"),
        (b"", "is refused"),
        (b"PK\x05\x06" + b"\0" * 18, None),
        (zipped({"q.ipynb": bytes(range(256)) * 40_000}, zipfile.ZIP_STORED), "too large"),
    ],
)
def test_a_broken_upload_is_named_and_the_class_goes_on(take, content, sentence):
    said, files = take({"a_1_1_w.zip": content, "b_2_1_q.ipynb": FULL})
    assert said.new == 1 and "2/01_quadratics/quadratics.ipynb" in files
    assert (sentence in said.notes[0]) if sentence else said.notes == []


def test_links_and_other_archives_are_named_and_left_out(take):
    link = zipfile.ZipInfo("a_1_1_q.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    said, files = take(
        [
            (link, b"/etc/passwd"),
            ("b_2_1_w.tar.gz", b"x"),
            ("c_3_1_q.ipynb", FULL),
            ("__MACOSX/c_3_1_q.ipynb", b"x"),
            ("d_4_1_notes.txt", b"x"),
        ]
    )
    assert (
        said.new == 1
        and len(said.notes) == 2
        and "links are not followed" in said.notes[0]
        and "ask for the notebook" in said.notes[1]
    )
    assert "3/01_quadratics/quadratics.ipynb" in files


def test_a_notebook_of_no_student_is_named(take):
    said, _ = take({"stranger.ipynb": FULL, "b_2_1_q.ipynb": FULL})
    assert said.new == 1 and "belongs to no student" in said.notes[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"junk", "not a zip file"), (zipped({}), "no notebook"), (zipped({"a.txt": b"x"}), "no notebook")],
)
def test_a_download_with_nothing_in_it_is_refused_and_leaves_nothing(take, tmp_path, content, sentence):
    with pytest.raises(Refusal, match=sentence):
        take(content)
    assert not (tmp_path / "class").exists() and [path.name for path in tmp_path.iterdir()] == [
        "download.zip"
    ]
