"""Rules that every notebook of the course keeps: lectures with their outputs, solutions and exercises without any."""

import re

import nbformat
import pytest

from autograde import cells
from autograde.course import ROOT, topics

LECTURES = sorted((ROOT / "lectures").glob("*.ipynb"))
WITHOUT_OUTPUTS = sorted([*(ROOT / "solutions").glob("*/*.ipynb"), *(ROOT / "exercises").glob("*/*.ipynb")])
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])/(home|root|tmp|usr|var|work|Users|mnt|opt|private)/|\b[A-Z]:\\\\")
IMAGES = ("image/png", "image/svg+xml", "image/jpeg")

every_notebook = pytest.mark.parametrize(
    "path", [*LECTURES, *WITHOUT_OUTPUTS], ids=lambda path: str(path.relative_to(ROOT))
)
every_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


def outputs(notebook):
    return [(cell, output) for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_each_topic_has_its_three_notebooks_under_one_name():
    for topic in topics():
        assert topic.lecture.is_file() and topic.exercise.is_file(), topic.folder
    assert [path.stem for path in LECTURES] == [topic.folder for topic in topics()]


@every_notebook
def test_it_is_valid_and_stored_as_nbformat_writes_it(path):
    notebook = cells.read(path)
    nbformat.validate(notebook)
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook).rstrip("\n") + "\n"


@every_notebook
def test_its_cell_ids_are_readable_names_and_its_metadata_hold_nothing_of_one_machine(path):
    notebook = cells.read(path)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    assert not [name for name in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", name)], (
        "ids should be names, not random"
    )
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}


@every_notebook
def test_it_holds_no_absolute_path_and_no_trace_of_an_error(path):
    notebook = cells.read(path)
    assert not ABSOLUTE_PATH.search(path.read_text(encoding="utf-8"))
    for cell, output in outputs(notebook):
        assert output.output_type != "error", cell.id
        assert output.get("name") != "stderr", cell.id


@pytest.mark.parametrize("path", WITHOUT_OUTPUTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_exercise_or_solution_stores_no_outputs(path):
    for cell in code_cells(cells.read(path)):
        assert cell.outputs == [] and cell.execution_count is None, cell.id


@every_lecture
def test_a_lecture_was_run_from_top_to_bottom(path):
    counts = [cell.execution_count for cell in code_cells(cells.read(path))]
    assert counts == list(range(1, len(counts) + 1))


@every_lecture
def test_every_figure_of_a_lecture_has_alternative_text_that_says_what_it_shows(path):
    figures = 0
    for cell, output in outputs(cells.read(path)):
        for kind in IMAGES:
            if kind in output.get("data", {}):
                figures += 1
                assert len(output.metadata.get(kind, {}).get("alt", "")) >= 40, (
                    f"a figure of {cell.id} has no alternative text"
                )
    assert figures >= 4


@every_lecture
def test_a_lecture_shows_its_figures_through_the_one_helper(path):
    for cell in code_cells(cells.read(path)):
        assert not re.search(r"plt\.show\(|(?<!\w)display\(", cell.source), (
            f"{cell.id}: use lab's show(fig, alt)"
        )


@every_lecture
def test_a_lecture_has_its_parts(path):
    notebook, text = cells.read(path), prose(cells.read(path))
    assert notebook.cells[0].source.startswith("# ")
    for part in (
        "you will be able to",
        "What you need first",
        "minutes",
        "From the slides",
        "Summary",
        "## Papers",
        f"exercises/{path.stem}/",
    ):
        assert part in text, f"no {part!r}"
    assert len(text.split()) >= 1500
    assert sum(cell.source.count("assert ") for cell in code_cells(notebook)) >= 12, (
        "claims should be asserted"
    )


@every_lecture
def test_a_lecture_is_a_deck_of_short_cells(path):
    notebook = cells.read(path)
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in notebook.cells]
    assert set(kinds) <= {"slide", "subslide", "fragment", "skip", "notes", "-"}
    assert kinds[0] == "slide" and kinds.count("slide") >= 5 and kinds.count("subslide") >= 10
    long = [cell.id for cell in code_cells(notebook) if len(cell.source.splitlines()) > 25]
    assert not long, f"cells of more than 25 lines: {long}"


@every_lecture
def test_a_lecture_imports_lab_before_numpy_so_that_blas_keeps_to_one_thread(path):
    setup = code_cells(cells.read(path))[0].source
    imports = re.findall(r"^(?:from|import) (\w+)", setup, re.MULTILINE)
    assert imports[0] == "lab"
