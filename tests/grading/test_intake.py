"""One submission, as handed in, becomes the released notebook with the student's sources."""

import json
import os
import random
import time

import nbformat
import pytest

from autograde import cells, intake
from tests.grading.classes import EXERCISE, SOLUTION, cell_of, hand_in, notebook, text


def sources(result) -> dict[str, str]:
    return cells.sources(result.notebook, cells.is_solution)


def order(result) -> list[str]:
    return [cells.grading(cell).get("grade_id", "") for cell in result.notebook.cells]


def position(nb, grade_id: str) -> int:
    return [cells.grading(cell).get("grade_id") for cell in nb.cells].index(grade_id)


def test_an_honest_notebook_comes_through_as_it_is():
    given = notebook()
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == given
    assert result.notes == [] and not result.repaired


def test_outputs_and_counts_are_dropped():
    given = notebook()
    cell = cell_of(given, "quadratic")
    cell.outputs, cell.execution_count = [nbformat.v4.new_output("stream", text="20/20")], 7
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook()


def test_added_cells_follow_the_cell_that_they_followed():
    given = notebook()
    at = position(given, "gradient_descent")
    given.cells[at + 1 : at + 1] = [
        nbformat.v4.new_code_cell("helper = 1"),
        nbformat.v4.new_markdown_cell("my notes"),
    ]
    given.cells.insert(0, nbformat.v4.new_code_cell("first = 1"))
    result = intake.normalise(text(given), EXERCISE)
    assert [cell.source for cell in result.notebook.cells] == [cell.source for cell in given.cells]
    assert not result.repaired


def test_metadata_of_added_cells_is_not_kept():
    given = notebook()
    given.cells.append(
        nbformat.v4.new_code_cell(
            "x = 1",
            metadata={
                "tags": ["skip-execution"],
                "nbgrader": {"grade": True, "grade_id": "mine", "points": 50},
            },
        )
    )
    assert intake.normalise(text(given), EXERCISE).notebook.cells[-1].metadata == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda meta: meta.update(points=1000),
        lambda meta: meta.update(grade=False),
        lambda meta: meta.update(solution=True),
        lambda meta: meta.update(locked=False),
        lambda meta: meta.update(schema_version=99),
        lambda meta: meta.update(checksum="0"),
        lambda meta: meta.update(task=True),
        lambda meta: meta.update(cell_type="markdown"),
        lambda meta: meta.update(points="nan"),
    ],
)
def test_changed_nbgrader_metadata_has_no_effect(change):
    given = notebook()
    for cell in given.cells:
        change(cell.metadata.nbgrader)
        cell.metadata.tags = ["skip-execution", "raises-exception"]
    given.metadata.kernelspec = {"name": "bash", "display_name": "x"}
    assert intake.normalise(text(given), EXERCISE).notebook == notebook()


@pytest.mark.parametrize("grade_id", ["title", "setup", "test_quadratic", "about_questions", "test_answer_4"])
def test_a_deleted_cell_is_put_back_in_its_place(grade_id):
    given = notebook()
    given.cells.remove(cell_of(given, grade_id))
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook()
    assert result.repaired and any(grade_id in note and "put back" in note for note in result.notes)


def test_a_deleted_answer_cell_counts_as_not_attempted():
    given = notebook()
    given.cells.remove(cell_of(given, "quadratic"))
    result = intake.normalise(text(given), EXERCISE)
    assert sources(result)["quadratic"] == cell_of(EXERCISE, "quadratic").source
    assert result.repaired


def test_an_edited_test_cell_is_put_back_as_released():
    given = notebook()
    cell_of(given, "test_quadratic").source = "pass"
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook() and result.repaired


def test_a_copied_test_cell_is_dropped_and_an_edited_copy_is_the_students_own():
    given = notebook()
    at = position(given, "test_quadratic")
    edited = nbformat.from_dict(json.loads(json.dumps(given.cells[at])))
    edited.source = "print(quadratic)"
    given.cells[at:at] = [nbformat.from_dict(json.loads(json.dumps(given.cells[at]))), edited]
    result = intake.normalise(text(given), EXERCISE)
    assert [name for name in order(result) if name] == [
        name for name in order(intake.normalise(text(notebook()), EXERCISE)) if name
    ]
    own = [cell for cell in result.notebook.cells if not cells.grading(cell)]
    assert [cell.source for cell in own] == ["print(quadratic)"]


def test_of_two_answer_cells_with_one_name_the_later_answer_counts_and_a_copy_of_the_stub_does_not():
    given, stub = notebook(), cell_of(EXERCISE, "quadratic")
    at = position(given, "quadratic")
    first = nbformat.from_dict(json.loads(json.dumps(given.cells[at])))
    first.source = "def quadratic(A, b, c, x):\n    return 0"
    given.cells.insert(at, first)
    given.cells.insert(at + 2, nbformat.from_dict(json.loads(json.dumps(stub))))
    result = intake.normalise(text(given), EXERCISE)
    assert sources(result)["quadratic"] == SOLUTION["quadratic"]
    assert not any(cell.source == stub.source for cell in result.notebook.cells)
    assert result.repaired


def test_moved_cells_go_back_to_their_places():
    given = notebook()
    random.Random(3).shuffle(given.cells)
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook()
    assert "moved cells were put back in order" in result.notes


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading"])
def test_a_cell_turned_into_another_type_is_turned_back(kind):
    given = notebook()
    for name in ("quadratic", "test_quadratic"):
        cell_of(given, name).cell_type = kind
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook() and result.repaired


def test_cells_without_metadata_are_known_by_their_ids():
    given = notebook()
    for cell in given.cells:
        cell.metadata = {}
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook() and result.repaired


def test_cells_without_metadata_and_ids_are_known_by_what_they_define():
    given = notebook()
    for number, cell in enumerate(given.cells):
        cell.metadata = {}
        cell.id = f"c{number}"
    result = intake.normalise(text(given), EXERCISE)
    assert result.notebook == notebook() and result.repaired


def test_a_stale_copy_of_the_stub_does_not_stand_in_for_the_answer():
    given = notebook()
    for number, cell in enumerate(given.cells):
        cell.metadata, cell.id = {}, f"c{number}"
    given.cells.append(nbformat.v4.new_code_cell(cell_of(EXERCISE, "quadratic").source))
    assert sources(intake.normalise(text(given), EXERCISE))["quadratic"] == SOLUTION["quadratic"]


def test_other_line_ends_and_trailing_blanks_are_no_edit():
    given = notebook()
    for cell in given.cells:
        if not cells.is_solution(cell):
            cell.source = cell.source.replace("\n", "  \r\n") + "\n"
    result = intake.normalise(text(given), EXERCISE)
    assert result.notes == [] and result.notebook == notebook()


def test_sources_as_lists_of_lines_are_read():
    given = json.loads(nbformat.writes(notebook()))
    assert isinstance(given["cells"][0]["source"], list)
    assert intake.normalise(json.dumps(given).encode(), EXERCISE).notebook == notebook()


def test_format_3_is_brought_up_to_date():
    old = nbformat.convert(notebook(), 3)
    result = intake.normalise(json.dumps(old).encode(), EXERCISE)
    assert sources(result) == SOLUTION
    assert any("old notebook format" in note for note in result.notes)


@pytest.mark.parametrize(
    "content, why",
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (text(notebook())[:5000], "cut off"),
        (b'{"cells": [', "cut off"),
        (b"hello", "not valid JSON"),
        (b"\xff\xfe" + text(notebook()), "not UTF-8"),
        (text(notebook()).decode().encode("utf-16"), "not UTF-8"),
        (b"[1, 2]", "no notebook"),
        (b'"cells"', "no notebook"),
        (b'{"cells": 3}', "no cells"),
        (b"{}", "no cells"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b"1" * 5000, "not valid JSON"),
        (b"\0" * 5000, "zero bytes"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (text(notebook()).decode().encode("utf-16-le"), "UTF-16"),
        (
            text(notebook()).replace(b"Gradient", b"Gr\xe4dient", 1),
            "not UTF-8 text: line 1 holds the byte 0xe4",
        ),
        (b"\n<!DOCTYPE html>\n<title>Log in</title>", "a web page"),
        (b"import numpy as np\n", "not valid JSON: it breaks off in line 1, column 1"),
        (b'{"cells": [],\n metadata: {}, "nbformat": 4}', "it breaks off in line 2"),
        (text(notebook()) + b"\n" + text(notebook()), "something follows the notebook's end in line 2"),
        (text(notebook())[:-1] + b', "n": ' + b"9" * 100_000 + b"}", "a whole number of 100,000 digits"),
        (text(notebook()).replace(b'"cells"', b'<<<<<<< HEAD\n"cells"', 1), "merge conflict"),
        (
            text(notebook()).replace(b'"cells"', b'\r\n=======\r\n"cells"', 1),
            "merge conflict",
        ),
        (b'{"a": 1}\n<<<<<<< HEAD\n', "merge conflict"),
        (
            text(notebook()).replace(b'{"nbformat', b"\n<<<<<<< HEAD\n{", 1) + b"\n>>>>>>> main",
            "merge conflict",
        ),
        (json.dumps({"cells": [], "nbformat": 4}).encode(), "not the notebook of this topic"),
        (json.dumps({"cells": [{"cell_type": "code", "source": "x"}] * 2000}).encode(), "2,000 cells.*by hand"),
        (
            json.dumps({"cells": [{"cell_type": "code", "source": "x" * 2_000_000}]}).encode(),
            "characters of source",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(content, why):
    with pytest.raises(intake.Unreadable, match=why):
        intake.normalise(content, EXERCISE)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xe4", b"{}", b"7", b"PK\x03\x04", b"{'a': 1}", b"{\n<<<<<<< HEAD\n}", b"1" * 9999],
)
def test_a_file_that_is_no_notebook_comes_with_what_to_do(content):
    with pytest.raises(intake.Unreadable, match=f"; {intake.AGAIN}$|merged and saved from Jupyter$"):
        intake.normalise(content, EXERCISE)


def test_a_cut_notebook_that_mentions_the_marks_of_a_conflict_is_cut_and_no_conflict():
    given = notebook({**SOLUTION, "answer_2": 'answer_2 = "c"  # <<<<<<< HEAD\n#=======\n'})
    with pytest.raises(intake.Unreadable, match="cut off"):
        intake.normalise(text(given)[:-20], EXERCISE)


def test_the_marks_of_a_conflict_within_an_answer_are_named_with_it():
    both = "<<<<<<< local\nanswer_2 = 'a'\n=======\nanswer_2 = 'b'\n>>>>>>> remote"
    result = intake.normalise(text(notebook({**SOLUTION, "answer_2": both})), EXERCISE)
    assert "an answer holds the marks of a merge conflict (<<<<<<<): answer_2" in result.notes


def test_an_answer_in_a_test_cell_is_pointed_out_and_not_graded():
    stub = cell_of(EXERCISE, "quadratic").source
    given = notebook({**SOLUTION, "quadratic": stub})
    cell_of(given, "test_quadratic").source = SOLUTION["quadratic"]
    result = intake.normalise(text(given), EXERCISE)
    assert sources(result)["quadratic"] == stub
    assert "an answer stands in a test cell, where it is not graded: quadratic" in result.notes
    given = notebook()
    cell_of(given, "test_quadratic").source += SOLUTION["quadratic"]
    assert not any("stands in a test cell" in n for n in intake.normalise(text(given), EXERCISE).notes)


def test_accents_written_otherwise_are_no_edit():
    released = nbformat.from_dict(json.loads(json.dumps(EXERCISE)))
    cell_of(released, "title").source += "\nd\u00e9but, \u1f82"
    given = notebook()
    cell_of(given, "title").source += "\nde\u0301but, \u03b1\u0313\u0300\u0345"
    assert intake.normalise(text(given), released).notes == []
    cell_of(given, "title").source += "\u0301"
    assert intake.normalise(text(given), released).notes


def test_a_long_run_of_accents_takes_no_time():
    marks = "a" + "\u0315\u0300" * 50_000
    given = notebook({**SOLUTION, "quadratic": marks})
    unmarked = notebook()
    for number, cell in enumerate(unmarked.cells):
        cell.metadata, cell.id = {}, f"c{number}"
    unmarked.cells.append(nbformat.v4.new_markdown_cell(marks))
    start = time.process_time()
    for nb in (given, unmarked):
        intake.normalise(text(nb), EXERCISE)
    assert time.process_time() - start < 5  # a minute where every text is brought into one form


def test_the_notebook_of_another_course_is_refused_though_it_uses_the_same_common_names():
    other = nbformat.v4.new_notebook()
    for name in ("title", "setup", "about_questions", "answer_1", "test_answer_1"):
        cell = nbformat.v4.new_code_cell(
            f"{name} = 1", metadata={"nbgrader": {"grade_id": name, "solution": name == "answer_1"}}
        )
        other.cells.append(cell)
    with pytest.raises(intake.Unreadable, match="not the notebook of this topic"):
        intake.normalise(text(other), EXERCISE)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.update(metadata=[1]),
        lambda raw: raw.update(nbformat=99),
        lambda raw: raw.pop("nbformat"),
        lambda raw: raw["cells"].append(3),
        lambda raw: raw["cells"].append({"cell_type": "video", "source": ""}),
        lambda raw: raw["cells"].append({"cell_type": "code", "source": {"a": 1}}),
        lambda raw: [cell.update(metadata=None) for cell in raw["cells"]],
        lambda raw: [cell.update(outputs=[[]]) for cell in raw["cells"]],
        lambda raw: [cell.update(id=7) for cell in raw["cells"]],
        lambda raw: [cell["metadata"].update(nbgrader="x") for cell in raw["cells"]],
        lambda raw: [cell["metadata"]["nbgrader"].update(grade_id=["x"]) for cell in raw["cells"]],
        lambda raw: raw.update(nbformat_minor=float("nan")),
        lambda raw: raw["metadata"].update(widgets={"application/javascript": "alert()"}),
    ],
)
def test_a_notebook_with_damaged_parts_is_graded_all_the_same(damage):
    raw = json.loads(text(notebook()))
    damage(raw)
    assert intake.normalise(json.dumps(raw).encode(), EXERCISE).notebook == notebook()


def test_duplicated_keys_and_odd_numbers_do_no_harm():
    content = text(notebook()).replace(
        b'"nbformat_minor": 5', b'"nbformat_minor": 5, "nbformat_minor": NaN, "x": 1e999, "y": -Infinity'
    )
    result = intake.normalise(content, EXERCISE)
    assert result.notebook == notebook() and result.notes


def test_half_characters_and_null_characters_can_be_stored():
    given = json.loads(text(notebook()))
    given["cells"].append({"cell_type": "code", "metadata": {}, "source": "'\ud800'\0", "outputs": []})
    result = intake.normalise(json.dumps(given).encode(), EXERCISE)
    assert nbformat.writes(result.notebook).encode()


@pytest.mark.parametrize("seed", range(4))
def test_a_notebook_with_bytes_changed_at_random_is_read_or_refused_but_never_an_error(seed):
    generator, whole = random.Random(seed), text(notebook())
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(generator.choice([1, 5, 200])):
            content[generator.randrange(len(content))] = generator.randrange(256)
        try:
            result = intake.normalise(bytes(content), EXERCISE)
        except intake.Unreadable:
            continue
        tests = [cell for cell in result.notebook.cells if cells.is_test(cell)]
        assert tests == [cell for cell in EXERCISE.cells if cells.is_test(cell)]


# --- Files ---------------------------------------------------------------------------------------------


def test_the_exact_name_is_preferred_and_the_others_are_named(tmp_path):
    hand_in(tmp_path, "ana", b"right")
    hand_in(tmp_path, "ana", b"wrong", "quadratics (1).ipynb")
    files = intake.collect(tmp_path / "ana" / "01_quadratics", "quadratics")
    assert files.content == b"right" and "quadratics (1).ipynb" in files.notes[0]


@pytest.mark.parametrize(
    "name",
    [
        "quadratics (1).ipynb",
        "quadratics-1.ipynb",
        "Copy of quadratics.ipynb",
        "Quadratics.IPYNB",
        "ana_quadratics.ipynb",
    ],
)
def test_a_single_renamed_notebook_is_taken(tmp_path, name):
    hand_in(tmp_path, "ana", b"it", name)
    files = intake.collect(tmp_path / "ana" / "01_quadratics", "quadratics")
    assert files.content == b"it" and name in files.notes[0]


def test_of_several_renamed_notebooks_the_newest_is_taken(tmp_path):
    for age, name in enumerate(["quadratics (2).ipynb", "quadratics (1).ipynb", "quadratics (3).ipynb"]):
        os.utime(hand_in(tmp_path, "ana", name.encode(), name), (1e9 - age, 1e9 - age))
    files = intake.collect(tmp_path / "ana" / "01_quadratics", "quadratics")
    assert files.content == b"quadratics (2).ipynb" and "newest" in files.notes[0]


def test_a_folder_named_like_the_notebook_does_not_hide_the_renamed_one(tmp_path):
    hand_in(tmp_path, "ana", b"it", "quadratics (1).ipynb")
    (tmp_path / "ana" / "01_quadratics" / "quadratics.ipynb").mkdir()
    assert intake.collect(tmp_path / "ana" / "01_quadratics", "quadratics").content == b"it"


@pytest.mark.parametrize(
    "make, why",
    [
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/etc/passwd"), "links are not followed"),
        (lambda path: path.symlink_to(path), "links are not followed"),
        (lambda path: path.symlink_to("/dev/zero"), "links are not followed"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 200_000_000), "too large: 200 MB.*outputs cleared"),
    ],
)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, make, why):
    folder = tmp_path / "ana" / "01_quadratics"
    folder.mkdir(parents=True)
    make(folder / "quadratics.ipynb")
    with pytest.raises(intake.Unreadable, match=why):
        intake.collect(folder, "quadratics")


def test_an_empty_folder_and_one_without_a_notebook_are_named(tmp_path):
    with pytest.raises(intake.Unreadable, match="it is empty"):
        intake.collect(tmp_path, "quadratics")
    (tmp_path / "quadratics.py").write_text("x = 1")
    with pytest.raises(intake.Unreadable, match="it holds quadratics.py"):
        intake.collect(tmp_path, "quadratics")
