"""The page that a student gets holds nothing that is hidden, and nothing that runs or is fetched."""

import copy

import nbformat
import pytest
from bs4 import BeautifulSoup

from autograde import cells, feedback
from tests.grading.classes import TOPIC, cell_of, notebook

MARKS = {
    "student": "ana",
    "assignment": TOPIC.folder,
    "notebook": TOPIC.name,
    "score": 12.5,
    "max_score": 20.0,
    "late_penalty": 0,
}
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>x</a></pre></div>"
)


@pytest.fixture(scope="module")
def renderer():
    return feedback.Renderer()


def executed():
    """An autograded notebook: master sources, and grades in the metadata."""
    nb = notebook()
    master = cells.sources(cells.read(TOPIC.solution), cells.is_test)
    for cell in nb.cells:
        marks = cells.grading(cell)
        if cells.is_test(cell):
            cell.source = master[marks["grade_id"]]
            marks.update(score=1.5, points=2.0)
        elif cells.is_solution(cell):
            marks["comment"] = None
    return nb


def live(page: str) -> list[str]:
    """Everything in a page that a browser would run or fetch."""
    soup = BeautifulSoup(page, "html.parser")
    found = [
        str(tag)
        for tag in soup.find_all(["script", "iframe", "object", "embed", "form", "link", "meta", "base"])
    ]
    for tag in soup.find_all(True):
        found += [
            f"{tag.name} {key}"
            for key in tag.attrs
            if key.startswith("on") or key in ("srcdoc", "formaction", "ping")
        ]
        found += [
            str(tag.attrs[key]) for key in ("href", "src") if not str(tag.attrs.get(key, "#")).startswith("#")
        ]
    return found


def test_hidden_tests_are_not_on_the_page_and_visible_ones_are(renderer):
    page = renderer.render(executed(), MARKS)
    for trace in ("HIDDEN TESTS", "autograde.marking", "default_rng", "oracle"):
        assert trace not in page
    assert "At x = 0 both the quadratic and the linear term vanish" in page


def test_the_traceback_of_a_test_is_its_message_alone(renderer):
    nb = executed()
    cell_of(nb, "test_quadratic").outputs = [
        nbformat.v4.new_output(
            "error",
            ename="AssertionError",
            evalue="The half is missing.",
            traceback=["Cell In[3], line 7\n----> 7 oracle = secret_source()"],
        )
    ]
    page = renderer.render(nb, MARKS)
    assert "AssertionError: The half is missing." in page and "secret_source" not in page


@pytest.mark.parametrize(
    "make",
    [
        lambda: nbformat.v4.new_markdown_cell(HOSTILE),
        lambda: nbformat.v4.new_markdown_cell("\n\n" + HOSTILE + "\n\n    code\n"),
        lambda: nbformat.v4.new_markdown_cell(
            "[x](javascript:alert(1)) ![x](http://tracker.example/x.png) [y][z]\n\n[z]: javascript:alert(2)\n"
        ),
        lambda: nbformat.v4.new_markdown_cell(
            "[x] (javascript:alert(1)) <javascript:alert(1)> <http://tracker.example>"
        ),
        lambda: nbformat.v4.new_markdown_cell(
            "![x](attachment:a.png)", attachments={"a.png": {"image/svg+xml": "<svg onload=alert(1)>"}}
        ),
        lambda: nbformat.v4.new_markdown_cell(
            "$$<script>alert(1)</script>$$ $<img src=x onerror=alert(1)>$ "
            "`<script>`\n```html\n<script>alert(1)</script>\n```"
        ),
        lambda: nbformat.v4.new_markdown_cell("```mermaid\ngraph TD; A[<img src=x onerror=alert(1)>]\n```"),
        lambda: nbformat.v4.new_raw_cell(HOSTILE, metadata={"raw_mimetype": "text/html"}),
        lambda: nbformat.v4.new_code_cell(HOSTILE),
        lambda: nbformat.v4.new_code_cell("1", metadata={"magics_language": HOSTILE}),
        lambda: shown(data={"text/html": HOSTILE}),
        lambda: shown(data={"application/javascript": "alert(1)"}),
        lambda: shown(data={"image/svg+xml": "<svg onload='alert(1)'/>"}),
        lambda: shown(data={"text/markdown": HOSTILE}),
        lambda: shown(data={"text/latex": HOSTILE}),
        lambda: shown(data={"text/plain": HOSTILE}),
        lambda: shown(
            data={"application/vnd.jupyter.widget-view+json": {"model_id": HOSTILE}, "text/plain": "w"}
        ),
        lambda: shown(stream=HOSTILE),
        lambda: shown(stream="\x1b[31m" + HOSTILE + "\x1b]8;;http://tracker.example\x07link\x1b]8;;\x07"),
        lambda: shown(error=HOSTILE),
    ],
)
def test_what_a_student_wrote_or_printed_is_shown_as_text(renderer, make):
    plain = executed()
    plain.cells.append(nbformat.v4.new_code_cell("pass"))
    nb = executed()
    nb.cells.append(make())
    page = renderer.render(nb, MARKS)
    assert live(page) == live(renderer.render(plain, MARKS))
    assert "\x1b" not in page and 'tracker.example"' not in page


def shown(data=None, stream=None, error=None):
    cell = nbformat.v4.new_code_cell("show()")
    if data:
        cell.outputs = [
            nbformat.v4.new_output("display_data", data),
            nbformat.v4.new_output("execute_result", data),
        ]
    elif stream:
        cell.outputs = [nbformat.v4.new_output("stream", text=stream)]
    else:
        cell.outputs = [nbformat.v4.new_output("error", ename=error, evalue=error, traceback=[error])]
    return cell


def test_a_students_notes_keep_their_form(renderer):
    nb = executed()
    nb.cells.append(
        nbformat.v4.new_markdown_cell("I think **this** holds for $x < y$ and a[0] < 3.\n\n- one\n- two")
    )
    page = renderer.render(nb, MARKS)
    assert "<strong>this</strong>" in page and "<li>one</li>" in page and "a[0] &lt; 3" in page


def test_a_figure_is_shown_with_a_text_in_its_place(renderer):
    nb = executed()
    nb.cells.append(shown(data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}))
    image = BeautifulSoup(renderer.render(nb, MARKS), "html.parser").find_all("img")[-1]
    assert image["src"].startswith("data:image/png;base64,iVBOR") and image["alt"]


def test_pages_do_not_depend_on_those_made_before(renderer):
    first = renderer.render(executed(), MARKS)
    other = executed()
    other.cells.append(nbformat.v4.new_markdown_cell("*other*"))
    cell_of(other, "quadratic").source = "quadratic = None"
    renderer.render(other, MARKS)
    assert renderer.render(executed(), MARKS) == first == feedback.Renderer().render(executed(), MARKS)


def test_rendering_leaves_the_notebook_alone(renderer):
    nb = executed()
    before = copy.deepcopy(nb)
    renderer.render(nb, MARKS)
    assert nb == before


@pytest.mark.parametrize(
    "source",
    ["$" + r"\hat" * 400 + " a$", "- > a\n>> b\n" * 400, "1. > a\n>> b\n" * 400],
    ids=["accents on accents", "quotes in lists", "numbered"],
)
def test_what_is_nested_too_deep_to_be_read_is_shown_as_it_was_typed(renderer, source):
    nb = executed()
    nb.cells.append(nbformat.v4.new_markdown_cell(source))
    page = BeautifulSoup(renderer.render(nb, MARKS), "html.parser")
    assert source.split("\n")[0].strip("$")[:30] in page.get_text()
    assert "12.5" in page.get_text()


def test_a_page_that_takes_too_long_to_read_is_made_without_reading(renderer, monkeypatch):
    nb = executed()
    source = "*a **a " * 2000 + "**a" * 1900
    nb.cells.append(nbformat.v4.new_markdown_cell(source))
    monkeypatch.setattr(feedback, "PAGE_SECONDS", 0.2)
    monkeypatch.setattr(feedback, "LONG", 100_000)
    page = BeautifulSoup(renderer.render(nb, MARKS), "html.parser")
    assert any(source in pre.get_text() for pre in page.find_all("pre"))
    assert "12.5" in page.get_text()
