"""The lectures' templates: what a page and a deck make of a figure."""

from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, SlidesExporter

TEMPLATES = Path(__file__).resolve().parents[2] / "lectures" / "templates"
ALT = 'A line that "rises" from 0 to 1, and no other.'


def rendered(exporter, template):
    figure = nbformat.v4.new_output(
        "display_data",
        data={"image/png": "iVBORw0KGgo=", "text/plain": ALT},
        metadata={"image/png": {"alt": ALT, "width": 800}},
    )
    cells = [
        nbformat.v4.new_markdown_cell("# A lecture", metadata={"slideshow": {"slide_type": "slide"}}),
        nbformat.v4.new_code_cell("value = 3\nshowing = value"),
        nbformat.v4.new_code_cell('show(line_figure(),\n     "A line that rises.")', outputs=[figure]),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    export = exporter(template_name=template, extra_template_basedirs=[str(TEMPLATES)])
    return export.from_notebook_node(notebook)[0]


@pytest.mark.parametrize("exporter, template", [(HTMLExporter, "page"), (SlidesExporter, "deck")])
def test_a_figure_keeps_its_alternative_text(exporter, template):
    images = BeautifulSoup(rendered(exporter, template), "html.parser").find_all("img")
    assert [image["alt"] for image in images] == [ALT]


def test_a_page_shows_a_figure_at_its_own_width():
    assert 'width="800"' in rendered(HTMLExporter, "page")


def test_a_deck_shows_code_but_not_the_line_that_shows_a_figure():
    deck, page = rendered(SlidesExporter, "deck"), rendered(HTMLExporter, "page")
    assert "showing" in deck and "line_figure" not in deck
    assert "showing" in page and "line_figure" in page
