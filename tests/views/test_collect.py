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
        ["id", "first_name", "last_name", "email"],
        ["1001", "", "mullerzoe", ""],
        ["1002", "", "ng", ""],
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
    assert said.new == 1 and files["77/01_quadratics/quadratics.ipynb"] == FULL
    assert len(said.notes) == 1 and "with the grading worksheet as --roster" in said.notes[0]


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
        and "1 times in sheet.csv cannot be read" in said.notes[1]
    )


SHEET = """Identifier,Full name,Email address,Status,Grade,Last modified (submission)
Participant {0},Zoë Müller,zoe@x.org,Submitted for grading - ,,-
Participant {1},"=Ng, Al",al@x.org,Submitted for grading - ,,-
Participant {2},Bo,bo@x.org,No submission,,-
"""


def test_with_moodles_worksheet_a_student_is_called_the_same_in_all_topics(take, tmp_path):
    """Moodle numbers participants anew in each assignment; a number of one week may be another's in the
    next.
    """
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET.format(77, 78, 79), encoding="utf-8-sig")
    take(
        {"Zoë Müller_77_assignsubmission_file_/q.ipynb": FULL, "Ng_78_assignsubmission_file_/q.ipynb": OTHER},
        "moodle",
        roster=sheet,
    )
    sheet.write_text(SHEET.format(901, 77, 903).replace("zoe@", "Zoe@"), encoding="utf-8-sig")
    said, files = take(
        {
            "Zoë Müller_901_assignsubmission_file_/m.ipynb": MOMENTUM_TEXT,
            "Ng_77_assignsubmission_file_/m.ipynb": MOMENTUM_TEXT,
        },
        "moodle",
        roster=sheet,
    )
    assert said.notes == []
    assert files["zoe@x.org/01_quadratics/quadratics.ipynb"] == FULL
    assert files["al@x.org/01_quadratics/quadratics.ipynb"] == OTHER
    assert {"zoe@x.org/04_momentum/momentum.ipynb", "al@x.org/04_momentum/momentum.ipynb"} <= set(files)
    assert list(csv.reader(io.StringIO(files["students.csv"].decode()))) == [
        ["id", "first_name", "last_name", "email"],
        ["al@x.org", "Al", "'=Ng", "al@x.org"],
        ["zoe@x.org", "", "Zoë Müller", "Zoe@x.org"],
    ]


def test_a_student_keeps_his_name_when_the_worksheet_says_more_than_before(take, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET.format(77, 78, 79), encoding="utf-8")
    take({"Zoë Müller_77_assignsubmission_file_/q.ipynb": FULL}, "moodle", roster=sheet)
    lines = SHEET.format(81, 82, 83).splitlines()
    more = [f"{line},{name}" for line, name in zip(lines, ("Username", "zoem", "aln", "bo"))]
    sheet.write_text("\n".join(more), encoding="utf-8")
    _, files = take({"Zoë Müller_81_assignsubmission_file_/m.ipynb": MOMENTUM_TEXT}, "moodle", roster=sheet)
    assert {name.split("/")[0] for name in files} == {"zoe@x.org", "students.csv"}


def test_who_has_handed_in_as_the_worksheet_says_and_is_not_in_the_download_is_named(take, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET.format(77, 78, 79), encoding="utf-8")
    said, _ = take({"Zoë Müller_77_assignsubmission_file_/q.ipynb": FULL}, "moodle", roster=sheet)
    assert len(said.notes) == 1 and "Al '=Ng handed in, and the download has nothing of them" in said.notes[0]


def test_canvas_names_come_from_its_gradebook_and_stay(take, tmp_path):
    roster = tmp_path / "canvas.csv"
    roster.write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"Müller, Zoë",1001,,,A\n',
        encoding="utf-8",
    )
    take({"mullerzoe_1001_5551_quadratics.ipynb": FULL}, roster=roster)
    _, files = take({"mullerzoe_1001_5552_m.ipynb": MOMENTUM_TEXT, "ng_1002_3_q.ipynb": FULL})
    table = list(csv.reader(io.StringIO(files["students.csv"].decode())))
    assert table[1:] == [["1001", "Zoë", "Müller", ""], ["1002", "", "ng", ""]]


def test_a_roster_of_another_kind_is_refused_and_nothing_is_taken(take, tmp_path):
    roster = tmp_path / "r.csv"
    roster.write_text("Name,Mark\nAl,1\n")
    for kind, sentence in (
        ("canvas", "no column ID"),
        ("moodle", "switch it to English"),
        ("folder", "no column id"),
    ):
        with pytest.raises(Refusal, match=sentence):
            take({"a_1_1_q.ipynb": FULL}, kind, roster=roster)
    assert not (tmp_path / "class").exists()


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
    assert [note for note in said.notes if "All lies in the folder Assignment 1" in note] == said.notes
    assert bool(said.notes) == bool(around)
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


def test_one_students_folder_is_not_taken_for_one_around_the_students(take):
    said, files = take({"paul/work/q.ipynb": FULL}, "folder")
    assert list(files) == ["paul/01_quadratics/quadratics.ipynb"] and said.notes == []


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
    assert (
        len(said.notes) == 1 and (sentence or "1 (a) handed in a_1_1_w.zip, and no notebook") in said.notes[0]
    )


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
        and len(said.notes) == 3
        and "links are not followed" in said.notes[0]
        and "ask for the notebook" in said.notes[1]
        and "4 (d) handed in d_4_1_notes.txt, and no notebook" in said.notes[2]
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


def flagged(content: bytes, flag: int, method: int | None = None) -> bytes:
    """A zip of one member, with this flag, and this way of compression, in both of its headers."""
    box = bytearray(content)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = box.index(mark) + place
        box[at : at + 2] = struct.pack("<H", struct.unpack_from("<H", box, at)[0] | flag)
        if method is not None:
            box[at + 2 : at + 4] = struct.pack("<H", method)
    return bytes(box)


def damaged(content: bytes) -> bytes:
    """A zip whose compressed bytes are noise."""
    box = bytearray(content)
    start = box.index(b"q.ipynb") + len(b"q.ipynb")
    box[start + 2 : start + 60] = bytes(range(100, 158))
    return bytes(box)


def not_utf8(content: bytes) -> bytes:
    return flagged(content.replace(b"q.ipynb", b"\xff.ipynb"), 0x800)


ONE = zipped({"q.ipynb": FULL})
OVERLAPPING = zipped([(f"{k}.ipynb", b" " * 60_000) for k in range(4)])
START = OVERLAPPING.index(b"PK\x01\x02")


def overlapping() -> bytes:
    """Every entry of the directory points at the same file."""
    box, at = bytearray(OVERLAPPING), START
    while (at := box.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<I", box, at + 42, 0)
        at += 4
    return bytes(box)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (flagged(ONE, 1), "encrypted; ask for it without a password"),
        (flagged(ONE, 0, method=99), "cannot be unpacked"),
        (damaged(ONE), "cannot be unpacked"),
        (ONE[: len(ONE) // 2], "not a zip file"),
        (not_utf8(ONE), ""),
        (overlapping(), ""),
        (zipped({"q.ipynb": b" " * 9_900_000}), "zip bomb"),
        (zipped({f"{k}.ipynb": bytes([k]) * 9_000_000 + FULL for k in range(20)}), "zip bomb"),
        (zipped({"CON": b"x", "a" * 300 + ".ipynb": FULL, "b/../../x.ipynb": FULL}), "leads out"),
        (zipped({"nul\x01\x1b[2J.ipynb": b"{}"}), ""),
    ],
    ids=[
        "encrypted",
        "method",
        "noise",
        "half",
        "not utf-8",
        "overlapping",
        "ratio",
        "sum",
        "names",
        "control",
    ],
)
@pytest.mark.parametrize("nested", [True, False], ids=["upload", "folder"])
def test_a_hostile_zip_costs_its_student_only_and_is_named(take, tmp_path, content, sentence, nested):
    if nested:
        said, files = take({"a_1_1_w.zip": content, "b_2_1_q.ipynb": OTHER})
        neighbour = "2/01_quadratics/quadratics.ipynb"
    else:
        for student, name, what in (("evil", "w.zip", content), ("good", "q.ipynb", OTHER)):
            (tmp_path / "plain" / student).mkdir(parents=True)
            (tmp_path / "plain" / student / name).write_bytes(what)
        said, files = collect(tmp_path / "plain", "folder", tmp_path / "class"), held(tmp_path / "class")
        neighbour = "good/01_quadratics/quadratics.ipynb"
    assert files[neighbour] == OTHER and said.notes
    assert any(sentence in note for note in said.notes), said.notes
    assert all(note.isprintable() for note in said.notes)
    assert not list(tmp_path.rglob("x.ipynb"))


def test_one_bad_file_in_a_download_does_not_cost_the_class(take):
    """Canvas and Moodle pack what students upload: a bomb may lie right in the download."""
    said, files = take(
        {"a_1_1_q.ipynb": b" " * 9_900_000, "b_2_1_q.ipynb": FULL, "c_3_1_q.ipynb": b"0" * 11_000_000}
    )
    assert list(files) == ["2/01_quadratics/quadratics.ipynb", "students.csv"]
    assert len(said.notes) == 2 and "zip bomb" in said.notes[0] and "too large" in said.notes[1]


@pytest.mark.parametrize("kind", ["canvas", "moodle"])
def test_a_student_cannot_say_when_he_handed_in(take, kind):
    first = {"canvas": "a_1_1_w.zip", "moodle": "Al_1_assignsubmission_file_/w.zip"}[kind]
    beside = {"canvas": "a_1_2_timestamp.txt", "moodle": "Al_1_assignsubmission_file_/timestamp.txt"}[kind]
    said, files = take(
        {first: zipped({"q.ipynb": FULL, "timestamp.txt": b"2020-01-01 10:00"}), beside: b"2020-01-01 10:00"},
        kind,
    )
    assert "1/01_quadratics/quadratics.ipynb" in files and not [name for name in files if "timestamp" in name]


def test_a_time_uploaded_beside_a_notebook_does_not_count_either(take):
    folder = "Al_1_assignsubmission_file_"
    _, files = take({f"{folder}/q.ipynb": FULL, f"{folder}/timestamp.txt": b"2020-01-01 10:00"}, "moodle")
    assert list(files) == ["1/01_quadratics/quadratics.ipynb", "students.csv"]


def test_in_a_zip_that_a_student_packed_no_time_counts_though_folders_may_have_one(take):
    inner = zipped({"q.ipynb": FULL, "timestamp.txt": b"2020-01-01 10:00"})
    _, files = take(
        {"ana/w.zip": inner, "ben/q.ipynb": FULL, "ben/timestamp.txt": b"2026-11-01 10:00"}, "folder"
    )
    assert [name for name in files if "timestamp" in name] == ["ben/01_quadratics/timestamp.txt"]


@pytest.mark.parametrize("name", ["q.ipynb.txt", "q.ipynb.json", "q.json", "Q.IPYNB", "q.txt"])
def test_a_notebook_that_a_browser_renamed_is_taken(take, name):
    said, files = take({f"a_1_1_{name}": FULL, "b_2_1_notes.json": b'{"not": "one"}'})
    assert files["1/01_quadratics/quadratics.ipynb"] == FULL
    assert said.notes == ["2 (b) handed in b_2_1_notes.json, and no notebook that could be taken."]


def test_what_macs_put_into_zips_is_passed_over(take):
    upload = zipped({"q.ipynb": FULL, "__MACOSX/._q.ipynb": b"x", ".DS_Store": b"x", "._q.ipynb": b"x"})
    said, files = take({"a_1_1_w.zip": upload, "__MACOSX/._a_1_1_w.zip": b"x", ".DS_Store": b"x"})
    assert (said.new, said.notes) == (1, []) and files["1/01_quadratics/quadratics.ipynb"] == FULL


def test_names_that_look_alike_stay_two_students_and_are_named(take):
    said, files = take({"Zo\u00eb/q.ipynb": FULL, "Zoe\u0308/q.ipynb": OTHER, "ZOË/q.ipynb": FULL}, "folder")
    assert said.new == 3 and len([name for name in files if name.endswith(".ipynb")]) == 3
    assert len(said.notes) == 1 and "look alike and are kept as 3 students" in said.notes[0]


def test_a_folder_that_a_spreadsheet_would_run_is_no_student(take):
    said, files = take({"=cmd()/q.ipynb": FULL, "ben/q.ipynb": FULL}, "folder")
    assert (
        list(files) == ["ben/01_quadratics/quadratics.ipynb"]
        and "=cmd()/q.ipynb belongs to no student" in said.notes[0]
    )


def test_links_in_a_downloaded_folder_are_named_and_not_followed(tmp_path):
    (tmp_path / "plain" / "ana").mkdir(parents=True)
    (tmp_path / "secret.ipynb").write_bytes(FULL)
    (tmp_path / "plain" / "ana" / "q.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (tmp_path / "plain" / "ana" / "w.zip").symlink_to(tmp_path / "secret.ipynb")
    (tmp_path / "plain" / "all").symlink_to(tmp_path)
    (tmp_path / "plain" / "ben").mkdir()
    (tmp_path / "plain" / "ben" / "q.ipynb").write_bytes(OTHER)
    said = collect(tmp_path / "plain", "folder", tmp_path / "class")
    assert list(held(tmp_path / "class")) == ["ben/01_quadratics/quadratics.ipynb"]
    assert [note.split(" ")[0] for note in said.notes] == ["all", "ana/q.ipynb", "ana/w.zip"]


def test_ctrl_c_says_what_is_taken_and_how_to_go_on(tmp_path):
    """Once while the archive is unpacked, and once between two submissions."""
    (tmp_path / "d.zip").write_bytes(zipped({f"a_{k}_1_q.ipynb": FULL for k in range(5)}))

    def stop(at):
        def progress(done, total, what):
            if (what, done) == at:
                raise KeyboardInterrupt

        return progress

    with pytest.raises(KeyboardInterrupt, match="class is as it was; run the same command again"):
        collect(tmp_path / "d.zip", "canvas", tmp_path / "class", progress=stop(("unpacked", 2)))
    assert [path.name for path in tmp_path.iterdir()] == ["d.zip"]
    with pytest.raises(KeyboardInterrupt, match="interrupted: 3 of 5 submissions are in"):
        collect(tmp_path / "d.zip", "canvas", tmp_path / "class", progress=stop(("collected", 3)))
    assert len(held(tmp_path / "class")) == 3
    said = collect(tmp_path / "d.zip", "canvas", tmp_path / "class")
    assert (said.new, said.unchanged) == (2, 3)
