"""What a student gets back: nbgrader's own feedback page, without hidden tests, tracebacks of tests, or live HTML.

In: an autograded notebook with its grades in the cells' metadata. Out: one HTML page. Trusts the released cells' text;
what came from the student, source or output, is shown as text.
"""

import functools
import os
import re
import unicodedata
from collections.abc import Callable

import jinja2
import nbgrader
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbgrader import utils
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets.config import Config

HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?")
IMAGE = re.compile(r"<img\s+(?![^>]*\balt=)")
REMEMBERED = 1000  # texts whose formatted form is kept
SAFE_OUTPUTS = ("image/png", "image/jpeg", "text/plain")


class HideTests(NbGraderPreprocessor):
    """A step of nbgrader's generate_feedback: takes out what a student may not see, and what would run in a browser."""

    def preprocess_cell(self, cell, resources, cell_index):
        if utils.is_grade(cell):
            cell.source = HIDDEN.sub("", cell.source)
        if cell.cell_type == "markdown" and not utils.is_locked(cell):
            cell.source = as_text(cell.source)
        cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if output.output_type == "error" and utils.is_grade(cell):
                output.traceback = [plain(f"{output.ename}: {output.evalue}" if output.evalue else output.ename)]
            elif output.output_type == "error":
                output.traceback = [plain(line) for line in output.traceback]
            elif output.output_type == "stream":
                output.text = plain(output.text)
            else:
                output.data = {kind: data for kind, data in output.data.items() if kind in SAFE_OUTPUTS}
                if "text/plain" in output.data:
                    output.data["text/plain"] = plain(output.data["text/plain"])
        return cell, resources


def as_text(markdown: str) -> str:
    """A student's Markdown with every HTML tag, link and image in it shown as what was typed."""
    markdown = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", markdown)
    return re.sub(r"\](?=\s*[(:\[])", "&#93;", markdown)


def plain(text: str) -> str:
    """Text without terminal codes and other characters that cannot be seen."""
    return "".join(c for c in ANSI.sub("", text) if c in "\n\t" or unicodedata.category(c)[0] != "C")


def feedback_config() -> Config:
    """The settings with which nbgrader's GenerateFeedback makes its pages."""
    home = os.path.join(os.path.dirname(nbgrader.__file__), "server_extensions", "formgrader")
    config = Config()
    config.Exporter.default_preprocessors = []
    config.HTMLExporter.template_name = "feedback"
    config.HTMLExporter.extra_template_basedirs = [os.path.join(home, "templates")]
    config.HTMLExporter.extra_template_paths = [os.path.join(home, "static", "node_modules", "bootstrap", "dist", "css")]
    return config


class Renderer:
    """Makes feedback pages, one after the other: nbgrader's template is loaded once, and a text that every student's page
    holds is formatted once."""

    def __init__(self, config: Config | None = None):
        settings = feedback_config()
        settings.merge(config or Config())
        self._exporter = _Exporter(config=settings)
        self._exporter.register_preprocessor(HideTests)

    def render(self, notebook, marks: dict) -> str:
        """The page. `notebook` holds score, points and comment in its nbgrader metadata; `marks` holds what the template
        reads of the whole: student, assignment, notebook, score, max_score, late_penalty."""
        resources = {"nbgrader": dict(marks), "unique_key": marks["notebook"], "metadata": {"name": marks["notebook"]}}
        page, _ = self._exporter.from_notebook_node(notebook, resources=resources)
        return page


class _Exporter(HTMLExporter):
    """nbconvert's HTML exporter without its last step, which parses the page into a tree to give images a text and then
    prints the tree: two thirds of the time a page took. Sources are formatted once and kept."""

    optimistic_validation = True

    def __init__(self, **settings):
        super().__init__(**settings)
        self._highlighters: dict[str, Callable] = {}
        self._markdown = _remembering(lambda source: HTMLExporter.markdown2html(self, {}, source))

    def from_notebook_node(self, nb, resources=None, **kw):
        about = nb.metadata.get("language_info", {})
        lexer = about.get("pygments_lexer", about.get("name"))
        if lexer not in self._highlighters:
            highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)
            self._highlighters[lexer] = _highlighting(highlight)
        self.register_filter("highlight_code", self._highlighters[lexer])
        resources = self._init_resources(resources)
        self.register_filter("filter_data_type", WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources))
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        self._nb_metadata.clear()  # grows by a notebook per page otherwise
        return IMAGE.sub(r'<img alt="No description has been provided for this image" ', page), resources

    @jinja2.pass_context
    def markdown2html(self, context, source):
        return self._markdown(source)


def _highlighting(highlight: Highlight2HTML) -> Callable:
    """The template's filter for sources; one of a %%magic's language is not remembered."""
    remembered = _remembering(highlight)

    def filtered(source, metadata=None):
        return highlight(source, metadata=metadata) if "magics_language" in (metadata or {}) else remembered(source)

    return filtered


def _remembering(function: Callable[[str], str]) -> Callable[[str], str]:
    """`function` with its latest results kept, among them those of the released cells, which every page holds."""
    kept = functools.lru_cache(REMEMBERED)(function)
    return lambda source: kept(source) if len(source) <= 20_000 else function(source)
