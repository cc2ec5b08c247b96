"""What a student gets back: a page with a table of the questions on top and the notebook, as it was run,
below.

In: an autograded notebook with its grades in the cells' metadata. Out: one HTML page that needs neither the
network nor a script. Trusts the released cells' text; what came from the student, source or output, is shown
as text. Hidden tests are left out unless nbgrader_config.py says `c.HideTests.show_hidden_tests = True`.
"""

import contextlib
import contextvars
import copy
import functools
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup
from mistune import HTMLRenderer, import_plugin
from nbconvert.exporters import Exporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from nbgrader import utils
from nbgrader.preprocessors.base import NbGraderPreprocessor
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets import Bool
from traitlets.config import Config

from autograde.course import COURSE_ID, FOLDER_NAME
from autograde.deadline import within
from autograde.mathml import mathml
from autograde.mistakes import Catalogue, catalogue_of

HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.DOTALL | re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
REMARK = re.compile(r"^# ?(.*)$")
PAGE_SECONDS = 20  # for a page; then a student's cells are shown as they were typed
REMEMBERED, LONG = 1000, 20_000  # texts whose formatted form is kept, and the length up to which they are
PLUGINS = [
    import_plugin(name) for name in MarkdownWithMath.DEFAULT_PLUGINS if name != "url"
]  # a bare address stays text
BRIEF = 6, 400  # lines, and characters, of a message in the table; all of it stands at the test
SHOWN_OUTPUT = 200_000  # characters of one output that the page shows
PAGES = Path(__file__).with_name("pages")
LOOKS = {  # status in report.json: word on the page, style, sign
    "right": ("right", "right", "✓"),
    "wrong": ("wrong", "wrong", "✕"),
    "not attempted": ("not attempted", "open", "○"),
    "timeout": ("ran out of time", "late", "◔"),
    "crashed": ("crashed", "late", "!"),
    "partial": ("partly right", "late", "◑"),
    "manual": ("not yet marked", "open", "…"),
    "by hand": ("marked by hand", "open", "●"),
}


# --- What is said of a question -------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """A catalogued mistake that a question's message names: its label and the lecture's section to read
    again.
    """

    label: str
    section: str


@functools.cache
def _book(topic: str) -> Catalogue:
    """The topic's catalogue, an empty one for a folder that is no topic of the course."""
    try:
        return catalogue_of(topic) if FOLDER_NAME.fullmatch(topic) else Catalogue(topic)
    except ImportError:
        return Catalogue(topic)


def function_of(question: str) -> str:
    """The function or answer that a test cell is about: `optimal_lr` of `test_optimal_lr`."""
    return question.removeprefix("test_")


def section_of(topic: str, question: str) -> str:
    """The heading in the topic's lecture that a question goes back to, "" where the catalogue names none."""
    return _book(topic).sections.get(function_of(question), "")


def mistake_of(topic: str, question: str, message: str) -> Mistake | None:
    """The catalogued mistake whose sentence a question's message is, or None."""
    book, name = _book(topic), function_of(question)
    for version in book.mistakes.get(name, []):
        if message and version.sentence == message:
            return Mistake(version.label, section_of(topic, question))
    for letter, sentence in book.answers.get(name, {}).items():
        if message and sentence == message:
            return Mistake(f"answer {letter}", section_of(topic, question))
    return None


def status_of(cell, undone: bool = False) -> str:
    """right, wrong, partial, not attempted, timeout, crashed or manual: what the outputs of an executed test
    cell say.

    `undone` tells whether an answer of the notebook still raises NotImplementedError: a name that is missing
    is then no error.
    """
    error = _error(cell)
    if error is not None:
        told = plain(error.evalue)
        if undone and error.ename == "NameError" and "is not defined" in told:
            return "not attempted"
        if (
            error.ename == "NotImplementedError"
            or told.startswith("Not attempted")
            or "is not attempted yet" in told
        ):
            return "not attempted"
        if error.ename in ("TimeoutError", "CellTimeoutError"):
            return "timeout"
        ended = error.ename == "RuntimeError" and told.startswith(
            (
                "Your code ended the process",
                "Your code broke the connection",
                "Your code needed more memory",
                "The test could not be run",
            )
        )
        return "crashed" if ended or error.ename == "DeadKernelError" else "wrong"
    score, most = utils.determine_grade(cell)
    if score is None:
        return "manual"
    return "right" if score == most else "partial" if score else "wrong"


def _error(cell):
    return next((output for output in cell.get("outputs", []) if output.output_type == "error"), None)


def compared(source: str) -> tuple[str, ...]:
    """What a visible test cell compares, in its own words: the comments at the margin of its source."""
    blocks: list[str] = []
    open_block = False
    for line in source.splitlines():
        remark = REMARK.match(line)
        if remark and open_block:
            blocks[-1] += f" {remark[1]}"
        elif remark:
            blocks.append(remark[1])
        open_block = remark is not None
    return tuple(block.strip() for block in blocks)


# --- What may be shown ----------------------------------------------------------------------------


class HideTests(NbGraderPreprocessor):
    """A step of nbgrader's generate_feedback: takes out what a student may not see, and what would run in a
    browser.
    """

    show_hidden_tests = Bool(False, help="Whether the feedback shows the source of hidden tests, too.").tag(
        config=True
    )

    def preprocess_cell(self, cell, resources, cell_index):
        if utils.is_grade(cell) and not self.show_hidden_tests:
            cell.metadata["hidden"] = HIDDEN.search(cell.source) is not None
            cell.source = HIDDEN.sub("", cell.source)
        cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if output.output_type == "error" and utils.is_grade(cell):
                output.traceback = [
                    plain(f"{output.ename}: {output.evalue}" if output.evalue else output.ename)
                ]
            elif output.output_type == "error":
                output.traceback = [plain(line) for line in output.traceback]
            elif output.output_type == "stream":
                output.text = plain(output.text)
            else:
                output.data = {
                    kind: data
                    for kind, data in output.data.items()
                    if kind in ("image/png", "image/jpeg", "text/plain")
                }
                if "text/plain" in output.data:
                    output.data["text/plain"] = plain(output.data["text/plain"])
        return cell, resources


def plain(text: str) -> str:
    """Text without terminal codes and other characters that cannot be seen."""
    return "".join(c for c in ANSI.sub("", text) if c in "\n\t" or unicodedata.category(c)[0] != "C")


def visible(text: str) -> str:
    """Text in which characters that turn the direction of writing around stand as their numbers."""
    return TURNING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


# --- Text as HTML ---------------------------------------------------------------------------------


class _Markdown(HTMLRenderer):
    """The course's Markdown as HTML: headings below the page's own two, formulas as MathML, links only to the
    web.
    """

    def __init__(self, escape: bool = False):
        super().__init__(escape=escape)

    def heading(self, text, level, **attributes):
        level = min(level + 2, 6)
        return f"<h{level}>{text}</h{level}>\n"

    def link(self, text, url, title=None):
        return super().link(text, url, title) if url.startswith("https://") else text

    def image(self, text, url, title=None):
        return f"[{text}]"

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, True)

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", True)


class _Typed(_Markdown):
    """A student's Markdown: HTML in it is text, and nothing in it is a link."""

    def __init__(self):
        super().__init__(escape=True)

    def link(self, text, url, title=None):
        return f"{text} ({html.escape(url)})" if url and url not in text else text


# Whether the page in hand is made without parsing what a student wrote; of a thread's own, as the formgrader has several.
_plain = contextvars.ContextVar("plain", default=False)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Shows a student's cells as they were typed."""
    before = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(before)


def _remembering(function: Callable[[str], str]) -> Callable[[str], str]:
    """`function` with its latest results kept, among them those of the released cells, which every page
    holds.
    """
    kept = functools.lru_cache(REMEMBERED)(function)
    return lambda source: function(source) if _plain.get() or len(source) > LONG else kept(source)


@_remembering
def markdown(source: str) -> str:
    """A Markdown cell's HTML. One too long to be written by hand stays as it is: parsing could take
    minutes.
    """
    if len(source) > LONG:
        return f"<pre>{html.escape(_cut(source))}</pre>"
    return MarkdownWithMath(renderer=_Markdown(), plugins=PLUGINS).render(source)


def typed(source: str) -> str:
    """A student's Markdown cell as HTML."""
    if _plain.get() or len(source) > LONG:
        return f"<pre>{html.escape(_cut(source))}</pre>"
    shown = MarkdownWithMath(renderer=_Typed(), plugins=PLUGINS).render(visible(source))
    return shown.replace("<table>", '<table aria-label="A table that you wrote">')


@_remembering
def markdown_inline(source: str) -> str:
    """A line of trusted Markdown, such as a heading, without the paragraph around it; a number in front
    begins no list.
    """
    return (
        markdown(re.sub(r"^(\d+)([.)])", r"\1\\\2", source)).strip().removeprefix("<p>").removesuffix("</p>")
    )


@_remembering
def code(source: str) -> str:
    """Python source, coloured. A long one, which no exercise asks for, stays as it is: colouring it could
    take minutes.
    """
    if _plain.get() or len(source) > LONG:
        return f"<pre>{html.escape(visible(source))}</pre>"
    coloured = highlight(visible(source), PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return f'<pre class="hl">{coloured}</pre>'


def ticks(text: str) -> str:
    """A sentence as HTML: what stands between backticks as code, all else as text."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:
        return html.escape(text)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def number(value: float) -> str:
    """Points as people write them: 2 and not 2.0, two decimals at most."""
    return f"{round(float(value), 2):g}"


# --- The page -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of the table of questions."""

    name: str
    anchor: str
    title: str
    status: str
    style: str
    sign: str
    points: str
    most: str
    message: str
    mistake: str
    compared: tuple[str, ...]
    section: str
    comment: str = ""

    @property
    def brief(self) -> str:
        """The message as the table shows it: some lines of a long one."""
        lines = self.message.split("\n")
        told = "\n".join(lines[: BRIEF[0]])
        if len(lines) <= BRIEF[0] + 1 and len(self.message) <= BRIEF[1]:
            return self.message
        cut = (
            told
            if len(told) <= BRIEF[1]
            else told[: told.rfind(" ", 0, BRIEF[1]) if " " in told[: BRIEF[1]] else BRIEF[1]]
        )
        return cut + " ..."


def row_of(cell, topic: str, title: str, comment: str = "", undone: bool = False) -> Row:
    """The line about an executed test cell, whose score and points are in its nbgrader metadata."""
    marks = cell.metadata.nbgrader
    status, error, name = status_of(cell, undone), _error(cell), function_of(marks.grade_id)
    score, most = float(marks.get("score") or 0.0), float(marks.points)
    automatic = utils.determine_grade(cell)[0]
    if score != (automatic or 0.0) or automatic is None and score:
        status = "by hand"
    word, style, sign = LOOKS[status]
    message = plain(error.evalue) if error is not None and status != "by hand" else ""
    if status == "not attempted" and re.search(
        f"^Not attempted|`{re.escape(name)}`,? (is not|which is not)", message
    ):
        message = ""
    mistake = mistake_of(topic, marks.grade_id, message)
    told = compared(HIDDEN.sub("", cell.source)) if mistake or not message else ()
    return Row(
        name,
        f"question-{name}",
        title or f"`{name}`",
        word,
        style,
        sign,
        number(score),
        number(most),
        message,
        mistake.label if mistake else "",
        told,
        section_of(topic, marks.grade_id),
        comment,
    )


def page(notebook, marks: dict) -> str:
    """The page about a notebook that HideTests has gone over. `marks`: student, assignment, notebook, score,
    max_score, late_penalty.
    """
    topic = marks["assignment"]
    title, heading, rows, cells = "", "", [], []
    comments = {
        cell.metadata.nbgrader.grade_id: _comment(cell) for cell in notebook.cells if utils.is_solution(cell)
    }
    undone = any(
        error.ename == "NotImplementedError"
        for cell in notebook.cells
        if utils.is_solution(cell) and (error := _error(cell))
    )
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            found = HEADING.search(cell.source) if utils.is_locked(cell) else None
            title, heading = title or (found[1] if found else ""), found[1] if found else heading
            kind = "answer" if utils.is_solution(cell) else "text" if utils.is_locked(cell) else "own"
            cells.append(
                {
                    "kind": kind,
                    "html": markdown(cell.source) if utils.is_locked(cell) else typed(cell.source),
                    "outputs": "",
                    "name": cell.metadata.get("nbgrader", {}).get("grade_id", ""),
                    "comment": _comment(cell) if kind == "answer" else "",
                }
            )
            if utils.is_grade(cell):
                rows.append(_written(cell, topic, heading))
                cells[-1]["anchor"] = rows[-1].anchor
        elif cell.cell_type != "code":
            kind = "other" if utils.is_locked(cell) else "own"
            cells.append({"kind": kind, "html": f"<pre>{html.escape(cell.source)}</pre>", "outputs": ""})
        elif utils.is_grade(cell):
            rows.append(
                row_of(
                    cell,
                    topic,
                    heading,
                    comments.get(function_of(cell.metadata.nbgrader.grade_id), ""),
                    undone,
                )
            )
            cells.append(
                {
                    "kind": "test",
                    "row": rows[-1],
                    "html": code(cell.source),
                    "hidden": cell.metadata.get("hidden", False),
                    "outputs": outputs(cell, place, errors=not rows[-1].message),
                }
            )
        else:
            kind = "answer" if utils.is_solution(cell) else "other" if utils.is_locked(cell) else "own"
            cells.append(
                {
                    "kind": kind,
                    "html": code(cell.source),
                    "outputs": outputs(cell, place),
                    "name": cell.metadata.get("nbgrader", {}).get("grade_id", ""),
                    "comment": _comment(cell),
                }
            )
    counts = {word: sum(row.status == word for row in rows) for word, _, _ in LOOKS.values()}
    again = dict.fromkeys(row.section for row in rows if row.section and row.style != "right")
    return _template().render(
        course=COURSE_ID,
        student=marks["student"],
        title=plain(title) or marks["notebook"],
        lecture=topic.split("_")[0],
        rows=rows,
        cells=cells,
        again=list(again),
        score=number(marks["score"]),
        most=number(marks["max_score"]),
        penalty=number(marks["late_penalty"]) if marks["late_penalty"] else "",
        summary=", ".join(f"{count} {word}" for word, count in counts.items() if count) or "No questions",
    )


def _written(cell, topic: str, heading: str) -> Row:
    """The line about a written answer, which a person marks."""
    marks = cell.metadata.nbgrader
    word, style, sign = LOOKS["by hand" if marks.get("score") else "manual"]
    return Row(
        marks.grade_id,
        f"question-{marks.grade_id}",
        heading,
        word,
        style,
        sign,
        number(marks.get("score") or 0.0),
        number(marks.points),
        "",
        "",
        (),
        section_of(topic, marks.grade_id),
        _comment(cell),
    )


def _comment(cell) -> str:
    """An instructor's comment; nbgrader's own to an empty answer is left to the table's words."""
    comment = plain(cell.metadata.get("nbgrader", {}).get("comment") or "")
    return "" if comment == "No response." else comment


def outputs(cell, place: int, errors: bool = True) -> str:
    """What a cell printed, drew and raised; the error of a test cell stands in its verdict already."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            shown.append(f"<pre>{html.escape(_cut(output.text))}</pre>")
        elif output.output_type == "error":
            if errors:
                shown.append(f"<pre>{html.escape(_cut(chr(10).join(output.traceback)))}</pre>")
        elif image := next((kind for kind in ("image/png", "image/jpeg") if kind in output.data), None):
            data = re.sub(r"[^A-Za-z0-9+/=]", "", output.data[image])
            shown.append(
                f'<img src="data:{image};base64,{data}" alt="Picture drawn by cell {place} of the notebook">'
            )
        elif "text/plain" in output.data:
            shown.append(f"<pre>{html.escape(_cut(output.data['text/plain']))}</pre>")
    return "".join(shown)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_OUTPUT else text[:SHOWN_OUTPUT] + "\n... the rest is cut off ..."


@functools.cache
def _template() -> jinja2.Template:
    css = "".join((PAGES / name).read_text(encoding="utf-8") for name in ("page.css", "feedback.css"))
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGES), autoescape=True, trim_blocks=True)
    environment.filters |= {
        "ticks": lambda text: Markup(ticks(text)),
        "md_inline": lambda text: Markup(markdown_inline(text)),
    }
    environment.globals["css"] = Markup(css)
    return environment.get_template("feedback.html.j2")


class Page(Exporter):
    """The exporter that nbgrader's generate_feedback uses: `c.GenerateFeedback.exporter_class =
    "autograde.feedback.Page"`.
    """

    output_mimetype = "text/html"
    optimistic_validation = True

    def _file_extension_default(self):
        return ".html"

    @property
    def default_config(self):
        return Config({"Exporter": {"default_preprocessors": []}})

    def from_notebook_node(self, nb, resources=None, **kw):
        nb, resources = super().from_notebook_node(nb, resources, **kw)
        return _safely(nb, resources["nbgrader"]), resources


def _safely(nb, marks: dict) -> str:
    """The page of a notebook that `HideTests` has been over."""
    try:
        with within(PAGE_SECONDS):
            return page(nb, marks)
    except (RecursionError, TimeoutError):  # Markdown, formulas or code made to be hard to read
        with _plainly():
            return page(nb, marks)


class Renderer:
    """Makes feedback pages, one after the other, as nbgrader's generate_feedback makes them with the same
    settings, but for an exporter's copies and checks of each notebook.
    """

    def __init__(self, config: Config | None = None):
        self._hide = HideTests(config=config or Config())

    def render(self, notebook, marks: dict) -> str:
        """The page. `notebook` holds score, points and comment in its nbgrader metadata; `marks` holds what
        is said of the whole: student, assignment, notebook, score, max_score, late_penalty."""
        notebook, _ = self._hide.preprocess(copy.deepcopy(notebook), {"nbgrader": dict(marks)})
        return _safely(notebook, dict(marks))
