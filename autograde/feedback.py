"""What a student gets back: nbgrader's own feedback page, without hidden tests, tracebacks of tests, or live HTML.

In: an autograded notebook with its grades in the cells' metadata. Out: one HTML page. Trusts the released cells' text;
what came from the student, source or output, is shown as text.
"""

import os
import re

import nbgrader
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import utils
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets.config import Config

HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?")
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
    return re.sub(r"[<\[\]]", lambda c: {"<": "&lt;", "[": "&#91;", "]": "&#93;"}[c[0]], markdown)


def plain(text: str) -> str:
    """Text without terminal codes and other control characters."""
    return "".join(c for c in ANSI.sub("", text) if c in "\n\t" or c.isprintable() or ord(c) > 159)


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
    """Makes feedback pages, one after the other, with nbgrader's template loaded once."""

    def __init__(self, config: Config | None = None):
        settings = feedback_config()
        settings.merge(config or Config())
        self._exporter = HTMLExporter(config=settings)
        for step in (HideTests, CSSHTMLHeaderPreprocessor):
            self._exporter.register_preprocessor(step, enabled=True)

    def render(self, notebook, marks: dict) -> str:
        """The page. `notebook` holds score, points and comment in its nbgrader metadata; `marks` holds what the template
        reads of the whole: student, assignment, notebook, score, max_score, late_penalty."""
        resources = {"nbgrader": dict(marks), "unique_key": marks["notebook"], "metadata": {"name": marks["notebook"]}}
        page, _ = self._exporter.from_notebook_node(notebook, resources=resources)
        return page
