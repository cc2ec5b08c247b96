"""The feedback page and the class report: what they say, and that all can use them, without network too."""

import json
import re
import sqlite3
import time
from html.parser import HTMLParser
from xml.dom.minidom import parseString

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup

from autograde import cells, charts, feedback, marks, report
from autograde.course import ROOT, topics
from autograde.marks import read
from autograde.mathml import mathml
from autograde.mistakes import catalogue_of
from tests.grading.classes import TOPIC, cell_of, notebook
from tests.views.made_up import made_up

MARKS = {
    "student": "ana",
    "assignment": TOPIC.folder,
    "notebook": TOPIC.name,
    "score": 14.0,
    "max_score": 20.0,
    "late_penalty": 0,
}
VOID = {"meta", "img", "br", "hr", "link", "input", "col"}


def failed(nb, grade_id, name, message):
    cell_of(nb, grade_id).outputs = [
        nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[])
    ]
    cell_of(nb, grade_id).metadata.nbgrader["score"] = 0.0


def executed():
    """An autograded notebook in which one question met each fate."""
    nb = notebook()
    master = cells.sources(cells.read(TOPIC.solution), cells.is_test)
    for cell in nb.cells:
        marks = cells.grading(cell)
        if cells.is_test(cell):
            cell.source, marks["score"] = master[marks["grade_id"]], float(marks["points"])
    mistake = catalogue_of(TOPIC.folder).mistakes["quadratic"][0]
    failed(nb, "test_quadratic", "AssertionError", mistake.sentence)
    failed(
        nb, "test_quadratic_gradient", "AssertionError", "Your result is off by 1 where `x` < 2 was expected."
    )
    failed(nb, "test_gradient_descent", "TimeoutError", "Your code did not finish within 30 s.")
    failed(nb, "test_step_regime", "NotImplementedError", "`step_regime` is not attempted yet.")
    failed(nb, "test_answer_1", "NameError", "`answer_1` is not defined in your notebook.")
    failed(nb, "answer_1", "NotImplementedError", "")
    cell_of(nb, "test_answer_2").metadata.nbgrader["score"] = 0.5
    cell_of(nb, "answer_2").metadata.nbgrader["comment"] = "Half <b>right</b>."
    return nb, mistake


@pytest.fixture(scope="module")
def page():
    return BeautifulSoup(feedback.Renderer().render(executed()[0], MARKS), "html.parser")


@pytest.fixture(scope="module")
def table(page):
    """The cells' texts of each row of the table of questions, by the function's name."""
    rows = {}
    for row in page.select("table.questions tbody tr"):
        rows[row.a["href"].removeprefix("#question-")] = [
            " ".join(cell.text.split()) for cell in row.find_all(["th", "td"])
        ]
    return rows


# --- The table of questions --------------------------------------------------------------------------


def test_every_question_has_a_row_that_leads_to_its_place_in_the_notebook(page, table):
    assert list(table) == [
        cell.metadata.nbgrader.grade_id.removeprefix("test_")
        for cell in notebook().cells
        if cells.is_test(cell)
    ]
    for link in page.select("table.questions tbody a"):
        assert page.find(id=link["href"][1:])["class"][:2] == ["cell", "test"]


def test_the_row_of_a_known_mistake_names_it_its_sentence_and_the_section_to_read_again(table):
    _, mistake = executed()
    heading, result, points, says, again = table["quadratic"]
    assert result == "✕ wrong" and points == "0 of 2"
    assert (
        mistake.sentence.replace("`", "") in says and f"Looks like a known mistake: {mistake.label}" in says
    )
    assert "What was compared" in says
    assert again == f"Lecture 01, “{catalogue_of(TOPIC.folder).sections['quadratic']}”"


def test_each_fate_has_its_word(table):
    assert {name: row[1] for name, row in table.items() if row[1] != "✓ right"} == {
        "quadratic": "✕ wrong",
        "quadratic_gradient": "✕ wrong",
        "gradient_descent": "◔ ran out of time",
        "step_regime": "○ not attempted",
        "answer_1": "○ not attempted",
        "answer_2": "● marked by hand",
    }
    assert "off by 1 where x < 2 was expected" in table["quadratic_gradient"][3]
    assert "known mistake" not in table["quadratic_gradient"][3]
    assert "not attempted yet" not in table["step_regime"][3]
    assert (
        table["answer_2"][2] == "0.5 of 1" and "Your instructor: Half <b>right</b>." in table["answer_2"][3]
    )


def test_the_summary_adds_up_and_names_each_section_to_read_again_once(page, table):
    header = " ".join(page.header.text.split())
    assert (
        "14 of 20 points" in header
        and "6 right, 2 wrong, 2 not attempted, 1 ran out of time, 1 marked by hand" in header
    )
    sections = re.findall("“([^”]+)”", header)
    assert len(sections) == len(set(sections)) >= 3


def test_status_agrees_with_what_the_engine_found(graded):
    for work in read(graded).works:
        path = graded / "autograded" / work.student / work.topic / f"{work.topic[3:]}.ipynb"
        nb = nbformat.read(path, as_version=4)
        undone = any(
            o.get("ename") == "NotImplementedError"
            for c in nb.cells
            if cells.is_solution(c)
            for o in c.outputs
        )
        for question in work.questions:
            assert feedback.status_of(cell_of(nb, question.name), undone) == question.status, (
                work.student,
                question,
            )


def test_hidden_tests_are_shown_only_to_who_asks():
    nb, _ = executed()
    assert "HIDDEN TESTS" not in feedback.Renderer().render(nb, MARKS)
    shown = feedback.Renderer(feedback.Config({"HideTests": {"show_hidden_tests": True}})).render(nb, MARKS)
    assert "HIDDEN TESTS" in shown and "autograde.marking" in shown.replace("</span>", "").replace(
        '<span class="nn">', ""
    )


LONG_MESSAGE = "\n".join(f"line {number}: expected {number * 1.5}" for number in range(40))


@pytest.mark.parametrize(
    ("message", "brief"),
    [
        (LONG_MESSAGE, "\n".join(LONG_MESSAGE.split("\n")[:6]) + " ..."),
        ("word " * 200, ("word " * 80)[:399] + " ..."),
        ("W" * 900, "W" * 400 + " ..."),
        ("Seven\nlines\nare\nshown\nas\nthey\nare", "Seven\nlines\nare\nshown\nas\nthey\nare"),
    ],
    ids=["lines", "words", "letters", "short"],
)
def test_of_a_long_message_the_table_shows_the_beginning_and_the_test_all_of_it(message, brief):
    nb, _ = executed()
    failed(nb, "test_quadratic", "AssertionError", message)
    soup = BeautifulSoup(feedback.Renderer().render(nb, MARKS), "html.parser")
    cell = soup.select("table.questions tbody tr")[0].find_all("td")[2].p
    link = cell.a.extract() if cell.a else None
    assert cell.text.strip() == brief and (link is not None) == (brief != message)
    assert soup.select_one("#question-quadratic .verdict").text == message
    assert link is None or link["href"] == "#question-quadratic"


FORGERIES = {
    "table": "# Questions\n\n| Question | Result | Points |\n|---|---|---|\n| All | ✓ right | **20 of 20** |",
    "heading": "# Score: 20 of 20 points",
    "script": "<script>alert(1)</script>",
    "handler": "<img src=x onerror=alert(1)>",
    "style": "<style>table{display:none}</style>",
    "cover": "<div style='position:fixed;inset:0'>20 of 20</div>",
    "link": "[click](javascript:alert(1)) and [data](data:text/html,x)",
    "reference": "[click][1]\n\n[1]: javascript:alert(1)",
    "autolink": "<javascript:alert(1)> <https://tracker.example/a>",
    "image": "![p](https://tracker.example/x.png) ![q](data:image/svg+xml,x)",
    "svg": "<svg onload=alert(1)><circle r=9/></svg>",
    "iframe": "<iframe src='https://tracker.example'></iframe>",
    "ids": "<a href='#x' id='questions'>x</a>",
    "formula": "$\\href{javascript:alert(1)}{x}$ $\\style{position:fixed}{x}$ $\\text{<img src=x>}$",
    "fence": "```html\n<script>alert(1)</script>\n```\n```x' onload='alert(1)\ny\n```",
    "list": "- <b onclick=alert(1)>x</b>\n- [ ] <i>y</i>",
    "entities": "&#x3c;script&#x3e;alert(1)&#x3c;/script&#x3e;",
    "comment": "<!-- --><script>alert(1)</script> <![CDATA[<script>]]> <?php x ?>",
}


@pytest.mark.parametrize("answer", [False, True], ids=["added cell", "answer"])
@pytest.mark.parametrize("source", FORGERIES.values(), ids=FORGERIES)
def test_what_a_student_writes_stays_text_in_a_frame_that_says_whose_it_is(source, answer):
    nb, _ = executed()
    before = BeautifulSoup(feedback.Renderer().render(nb, MARKS), "html.parser")
    cell = nbformat.v4.new_markdown_cell(source)
    if answer:
        cell.metadata["nbgrader"] = dict(grade_id="essay", solution=True, grade=False, locked=False, points=1)
    nb.cells.append(cell)
    soup = BeautifulSoup(feedback.Renderer().render(nb, MARKS), "html.parser")
    frame = soup.select(".cell")[-1]
    assert frame["aria-label"] == ("Your answer: essay" if answer else "A cell that you added")
    frame.extract()
    assert str(soup).split() == str(before).split()
    allowed = {
        "p",
        "div",
        "h3",
        "h5",
        "code",
        "pre",
        "ul",
        "li",
        "input",
        "math",
        "semantics",
        "mrow",
        "mi",
        "mo",
    }
    allowed |= {
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "mtext",
        "annotation",
        "section",
        "span",
    }
    for tag in [frame, *frame.find_all(True)]:
        assert tag.name in allowed, tag
        assert not [name for name in tag.attrs if name.startswith("on") or name in ("href", "src", "id")], tag
        assert "position" not in tag.get("style", "")


PIECES = """<img~src=x~onerror=alert(1)> <script>alert(1)</script> [ ]( ] ![ ) javascript:alert(1) ` ``` $ $$ \\ * |
- > 1. # : < <!-- --> <![CDATA[ ]]> <? " ' &lt; &#60; \\begin{x} \\end{x} \\text{ } [^1] [1]:~javascript:x
<a~href="javascript:x"> </a> <b x |---| onload=alert(1) data:text/html,x <svg/onload=alert(1)> \\( \\[ \\]""".split()
LIVE = re.compile("^(on|href|src|id|name|action|formaction|srcdoc|xlink)")


def test_no_mixture_of_markdown_html_and_formulas_comes_to_life():
    rng = np.random.default_rng(3)
    glue = ["", " ", "\n", "\n\n", "    "]
    for _ in range(600):
        source = "".join(
            str(rng.choice(PIECES)).replace("~", " ") + str(rng.choice(glue))
            for _ in range(rng.integers(2, 20))
        )
        for tag in BeautifulSoup(feedback.typed(source), "html.parser").find_all(True):
            assert tag.name not in ("script", "img", "svg", "a", "iframe", "style", "object", "b"), source
            assert not [name for name in tag.attrs if LIVE.match(name)], source


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("`a<b>c` and `x < y`", "a<b>c and x < y"),
        ("if a < b and c > d, *then* & so", "if a < b and c > d, then & so"),
        ("see [the book](https://x.org/a?b=1&c=2)", "see the book (https://x.org/a?b=1&c=2)"),
        ("a \u202egnp.exe", "a [U+202E]gnp.exe"),
    ],
)
def test_a_students_notes_are_read_as_they_were_meant(source, shown):
    assert BeautifulSoup(feedback.typed(source), "html.parser").text.strip() == shown


def test_in_code_what_turns_the_direction_of_writing_is_seen():
    """N. Boucher, R. Anderson: Trojan Source, 2021."""
    assert "[U+202E]" in feedback.code("x = 1  # \u202e }") and "\u202e" not in feedback.code("# \u202e")


def test_a_page_of_a_student_who_printed_nothing_is_small(graded):
    sizes = [path.stat().st_size for path in graded.glob("feedback/*/*/*.html")]
    assert len(sizes) >= 21 and max(sizes) < 300_000


# --- For everyone ------------------------------------------------------------------------------------


class Balance(HTMLParser):
    """Fails on a tag that is not closed in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())


@pytest.fixture(scope="module", params=["feedback", "report"])
def document(request, graded):
    if request.param == "report":
        return report.render(read(graded))
    return feedback.Renderer().render(executed()[0], MARKS)


def test_it_is_well_formed_with_every_id_once_and_no_dead_link(document):
    parser = Balance()
    parser.feed(re.sub(r"<(/?)(p|li|tr|td|th|mspace|rect|path|line|circle|image)\b[^>]*/>", "", document))
    assert not [tag for tag in parser.open if tag not in ("p", "li")]
    soup = BeautifulSoup(document, "html.parser")
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in soup.find_all("a", href=re.compile("^#"))} <= set(ids)
    assert {tag["aria-labelledby"] for tag in soup.find_all(attrs={"aria-labelledby": True})} <= set(ids)


def test_it_needs_no_network_and_no_script(document):
    soup = BeautifulSoup(document, "html.parser")
    assert not soup.find_all(["script", "link", "iframe", "object"])
    assert (
        "default-src 'none'" in soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    )
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|@import|url\(", document)


def test_it_has_landmarks_one_first_heading_a_skip_link_and_a_language(document):
    soup = BeautifulSoup(document, "html.parser")
    assert soup.html["lang"] == "en" and soup.title.text and soup.find("meta", attrs={"name": "viewport"})
    assert len(soup.find_all("main")) == len(soup.find_all("header")) == len(soup.find_all("h1")) == 1
    assert soup.body.find("a")["class"] == ["skip"] and soup.find(id=soup.body.find("a")["href"][1:])
    levels = [int(tag.name[1]) for tag in soup.find_all(re.compile("^h[1-6]$"))]
    assert (
        levels[0] == 1
        and levels.count(1) == 1
        and all(section.find(re.compile("^h[2-6]$")) for section in soup.select("main > section"))
    )


def test_each_table_has_a_caption_and_headers_with_a_scope(document):
    for table in BeautifulSoup(document, "html.parser").find_all("table"):
        assert table.caption.text.strip()
        assert table.find_all("th") and all(header.get("scope") for header in table.find_all("th"))


def test_each_picture_says_in_words_what_it_shows(document):
    soup = BeautifulSoup(document, "html.parser")
    pictures = soup.find_all(["img", "svg"])
    assert all(len(tag.get("alt") or tag.get("aria-label") or "") > 20 for tag in pictures)
    assert all(tag["role"] == "img" for tag in soup.find_all("svg"))


def test_it_prints(document):
    assert "@media print" in document


def luminance(colour):
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return sum(
        w * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
        for w, v in zip((0.2126, 0.7152, 0.0722), values)
    )


def test_text_stands_out_from_its_ground_as_wcag_asks():
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    css = (feedback.PAGES / "page.css").read_text() + (feedback.PAGES / "feedback.css").read_text()
    named = {
        name: "#" + "".join(c * 2 for c in value[1:]) if len(value) == 4 else value
        for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]+)", css)
    }
    pairs = [(named[name], named[f"{name}-bg"]) for name in ("right", "wrong", "open", "late")]
    pairs += [
        (named[name], named[ground]) for name in ("ink", "quiet", "link") for ground in ("paper", "shade")
    ]
    pairs += [(colour, named["shade"]) for colour in re.findall(r"\.hl [^{]*\{ color: (#[0-9a-f]{6})", css)]
    pairs += [(named["ink"], named[f"{name}-bg"]) for name in ("wrong", "open", "late")]
    assert len(pairs) > 15
    for text, ground in pairs:
        dark, light = sorted((luminance(text), luminance(ground)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


# --- Formulas ----------------------------------------------------------------------------------------


def formulas():
    for topic in topics():
        for cell in cells.read(topic.exercise).cells:
            if cell.cell_type == "markdown":
                yield from (
                    "".join(found) for found in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", cell.source, re.DOTALL)
                )


def test_every_formula_of_the_exercises_becomes_mathml():
    every = set(formulas())
    assert len(every) > 150
    for tex in every:
        found = mathml(tex)
        assert found.startswith("<math"), tex
        parseString(found)


@pytest.mark.parametrize(
    ("tex", "part"),
    [
        (r"\frac13", "<mfrac><mn>1</mn><mn>3</mn></mfrac>"),
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mrow><mn>2</mn></mrow></msubsup>"),
        ("f''", "″"),
        (r"\sum_n x", "<munder><mo"),
        (r"\text{a < b}", "<mtext>a &lt; b</mtext>"),
        (r"a < b", '<mo stretchy="false">&lt;</mo>'),
        (r"\begin{pmatrix} a \\ b \end{pmatrix}", "<mtr><mtd><mi>b</mi></mtd></mtr>"),
        (r"\mathcal N", "𝒩"),
        (r"\hat x", 'accent="true"'),
    ],
)
def test_a_formula_keeps_its_structure(tex, part):
    assert part in mathml(tex)


@pytest.mark.parametrize(
    "tex",
    [
        r"\unknown",
        r"\frac{1",
        "}",
        r"\left( x",
        "x^",
        "_a_b_c_d",
        "{" * 500,
        "x" * 5000,
        r"<script>alert(1)</script>",
        "a & b",
        r"\begin{evil}\end{evil}",
    ],
)
def test_what_cannot_be_translated_is_shown_as_it_was_typed_and_nothing_runs(tex):
    found = mathml(tex)
    assert "<script" not in found and BeautifulSoup(found, "html.parser").find(["math", "code"])


# --- The class report --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said(graded):
    return BeautifulSoup(report.render(read(graded)), "html.parser")


def test_the_report_counts_what_the_gradebook_holds(said, graded):
    group = read(graded)
    for row in said.select("#scores ~ details tbody tr"):
        topic = next(name for name in group.topics if name.startswith(row.th.text[:2]))
        scores = [work.score for work in group.works if work.topic == topic]
        assert row.td.text == str(len(scores)) and float(row.find_all("td")[2].text) == pytest.approx(
            np.mean(scores), abs=0.01
        )


def test_the_report_names_what_was_not_graded_as_handed_in_and_the_layers(said, graded):
    assert "odd" in said.find(id="exceptions").find_parent("section").text and "cut off" in said.text
    layers = json.loads((graded / "report.json").read_text())["layers"]
    assert layers and all(layer in said.find(id="sandbox").find_parent("section").text for layer in layers)


def test_mistakes_are_counted_by_their_sentence(said, graded):
    group = read(graded)
    sentences = [
        question.message
        for work in group.works
        for question in work.questions
        if question.status == "wrong" and feedback.mistake_of(work.topic, question.name, question.message)
    ]
    rows = said.select("#mistakes ~ .wide tbody tr, #mistakes ~ details tbody tr")
    assert sum(int(row.td.strong.text) for row in rows if row.td.strong) == len(sentences) > 20
    first = next(row for row in rows if row.td.strong)
    assert int(first.td.strong.text) == max(map(sentences.count, sentences))


def test_a_students_marks_lead_to_the_feedback_page(said, graded):
    links = [link["href"] for link in said.select("#map ~ details a")]
    assert len(links) == len(read(graded).works) and all((graded / link).is_file() for link in links)


def test_item_rest_correlation_is_that_of_numpy_and_none_where_nothing_varies():
    rng = np.random.default_rng(0)
    points, rest = rng.random(50), rng.random(50)
    assert report.item_rest(points, rest) == pytest.approx(np.corrcoef(points, rest)[0, 1])
    assert report.item_rest(np.ones(50), rest) is None and report.item_rest(points[:2], rest[:2]) is None


@pytest.mark.parametrize(("count", "total"), [(0, 10), (5, 10), (10, 10), (130, 400)])
def test_wilsons_interval_is_that_of_the_formula(count, total):
    """Against the roots of (p - count/total)^2 = z^2 p (1 - p) / total."""
    z = report.CHANCE**2 / total
    share = count / total
    roots = np.roots([1 + z, -2 * share - z, share**2])
    assert report.wilson_upper(count, total) == pytest.approx(max(roots.real))


@pytest.mark.parametrize(
    ("students", "who", "flag"),
    [
        (200, "the weak", True),
        (200, "the good", False),
        (200, "every other", True),
        (6, "every other", False),
    ],
)
def test_a_question_that_does_not_tell_students_apart_is_flagged_in_a_class_large_enough(students, who, flag):
    rest = np.linspace(0, 10, students)
    solved = {"the weak": rest < 5, "the good": rest > 3, "every other": np.arange(students) % 2 == 0}[who]
    best = report._best_quarter(solved, rest)
    assert bool(report._why(students, report.item_rest(solved.astype(float), rest), best)) == flag


def test_an_id_that_is_markup_stays_text(out):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(
            "UPDATE student SET first_name = '<script>x</script>', last_name = 'عمر' WHERE id = 'late'"
        )
    page = report.render(read(out))
    assert "&lt;script&gt;x" in page and "<script" not in page and '<bdi class="quiet">' in page


def test_points_given_by_hand_count_in_the_report(out):
    before = read(out).by_key["late", "01_quadratics"].score
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(
            "UPDATE grade SET manual_score = 0 WHERE cell_id = (SELECT id FROM base_cell WHERE name = ?)"
            " AND notebook_id IN"
            " (SELECT n.id FROM submitted_notebook n JOIN submitted_assignment s ON s.id = n.assignment_id"
            " WHERE s.student_id = ?)",
            ("test_quadratic", "late"),
        )
    work = read(out).by_key["late", "01_quadratics"]
    assert work.score == before - 2 and [q.status for q in work.questions if q.name == "test_quadratic"] == [
        "by hand"
    ]


def test_no_path_of_this_machine_is_on_the_pages(document):
    assert str(ROOT) not in document


def test_what_the_formgrader_graded_anew_counts_and_the_old_message_goes(out):
    with sqlite3.connect(out / "gradebook.db") as database:
        database.execute(
            "UPDATE grade SET auto_score = 2 - auto_score WHERE cell_id IN (SELECT id FROM base_cell WHERE"
            " name = 'test_quadratic')"
        )
    for work in read(out).works:
        for question in work.questions:
            if question.name == "test_quadratic":
                assert (question.points, question.status, question.message) in (
                    (2, "right", ""),
                    (0, "wrong", ""),
                )


def test_a_report_elsewhere_leads_to_the_feedback_pages_too(graded, tmp_path):
    page = report.report(graded, tmp_path / "r" / "class.html")
    links = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("#map ~ details a")
    assert links and all((page.parent / link["href"]).is_file() for link in links)


def test_a_class_of_which_nothing_could_be_graded_gets_a_report(graded):
    group = read(graded)
    group.ungraded, group.works = group.works, []
    page = BeautifulSoup(report.render(group), "html.parser")
    assert len(page.select("#exceptions ~ .wide tbody tr")) == len(group.ungraded)


@pytest.mark.parametrize(
    "nasty", ["[" * 60_000, "*a " * 6_000, "`" * 19_999, "$" * 19_999, "<" * 19_999, "![" * 9_999]
)
def test_a_nasty_text_does_not_hold_up_the_class(nasty):
    nb, _ = executed()
    nb.cells.append(nbformat.v4.new_markdown_cell(nasty))
    start = time.perf_counter()
    feedback.Renderer().render(nb, MARKS)
    assert time.perf_counter() - start < 20


def test_the_best_quarter_are_those_with_the_most_in_the_rest():
    solved, rest = np.array([True, False, False, False, True, True, False, True]), np.arange(8.0)
    assert report._best_quarter(solved, rest) == (1, 2)


def test_failures_without_a_name_are_wrong_answers_only(graded):
    group = read(graded)
    work = next(work for work in group.works if work.topic == "01_quadratics")
    for status in ("wrong", "not attempted", "timeout"):
        work.questions[0] = marks.Question("test_quadratic", status, 0.0, 2.0, f"Seen 3 times: {status}.")
        told = (
            BeautifulSoup(report.render(group), "html.parser").find(id="mistakes").find_parent("section").text
        )
        assert (f"Seen N times: {status}." in told) == (status == "wrong")


# --- Small, large and uniform classes ----------------------------------------------------------------


def soup_of(*arguments, **more):
    return BeautifulSoup(report.render(made_up(*arguments, **more)), "html.parser")


def glance(soup):
    return {item.dt.text: " ".join(item.dd.text.split()) for item in soup.select(".tiles div")}


def test_a_class_of_one_is_told_of_in_the_singular_and_without_a_discrimination():
    soup = soup_of(1, 1, "wrong")
    assert "1 student, 1 submission to 1 topic." in soup.header.text
    assert "takes three students" in soup.find(id="questions").find_parent("section").text
    assert not soup.find(id="questions").find_parent("section").svg


def test_where_all_have_full_marks_no_question_is_the_hardest_and_none_is_flagged():
    soup = soup_of(40, 2, "right")
    assert glance(soup)["Hardest question"].startswith("none") and glance(soup)["Mean score"].startswith(
        "100%"
    )
    assert not soup.select("tr.flag") and "Look at these" not in soup.text


def test_where_nothing_was_attempted_no_question_is_flagged():
    soup = soup_of(40, 2, "not attempted")
    assert glance(soup)["Mean score"].startswith("0%") and not soup.select("tr.flag")


def test_a_question_that_no_one_solved_is_flagged_though_all_are_alike_in_the_rest():
    group = made_up(40, 1, "right")
    for work in group.works:
        work.questions[0] = marks.Question(work.questions[0].name, "wrong", 0.0, 2.0, "Off.")
    flags = BeautifulSoup(report.render(group), "html.parser").select("tr.flag")
    assert len(flags) == 1 and "0 of the 40 best solve it" in flags[0].text


def test_the_list_of_marks_is_in_the_order_of_the_picture():
    group = made_up(25)
    soup = BeautifulSoup(report.render(group), "html.parser")
    rows = soup.select("#map ~ details tbody tr")
    totals = [float(row.find_all("td")[1].text) for row in rows]
    assert totals == sorted(totals, reverse=True) and [row.td.text for row in rows] == list(
        map(str, range(1, 26))
    )
    side = [text.text for text in soup.select("#map ~ figure svg text[text-anchor=end]")]
    shown = [row.th.find_all("bdi")[-1].text for row in rows]
    assert side == [charts.cut(name, 22) for name in shown]


@pytest.mark.parametrize(
    ("students", "numbers"), [(61, "1 10 20 30 40 50 60"), (300, "1 50 100 150 200 250 300")]
)
def test_in_a_large_class_the_rows_are_numbered(students, numbers):
    picture = charts.heat_map(np.ones((students, 9)), report.PALETTE, ["x"] * students, [(["01"], 9)], "alt")
    side = BeautifulSoup(picture, "html.parser").select("text[text-anchor=end]")
    assert " ".join(text.text for text in side) == numbers


@pytest.mark.parametrize(
    ("columns", "name"), [(13, "02 The optimal learning rate"), (6, "02 learning rate"), (3, "02 lear…")]
)
def test_columns_that_stand_together_have_the_longest_name_that_fits(columns, name):
    names = ["02 The optimal learning rate", "02 learning rate"]
    picture = charts.heat_map(
        np.ones((3, columns)), report.PALETTE, ["a", "b", "c"], [(names, columns)], "alt"
    )
    assert BeautifulSoup(picture, "html.parser").text.startswith(name)


@pytest.mark.parametrize(("students", "tall"), [(1003, 1003), (10_000, 1500)])
def test_a_row_of_the_picture_is_a_pixel_high_at_least_until_the_picture_is_too_high(students, tall):
    picture = charts.heat_map(np.ones((students, 3)), report.PALETTE, ["x"] * students, [(["01"], 3)], "alt")
    assert float(BeautifulSoup(picture, "html.parser").image["height"]) == tall
    assert ("pixelated" in picture) == (students == 1003)


def seen_by(colour, matrix):
    """A colour in linear light as someone sees it who lacks a kind of cone."""
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.clip(np.array(matrix) @ linear, 0, 1)


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        [[0.2126, 0.7152, 0.0722]] * 3,
    ],
    ids=["all", "protanopia", "deuteranopia", "grey"],
)
def test_the_colours_of_the_heat_map_differ_in_lightness_for_everyone(matrix):
    """G. M. Machado et al., IEEE TVCG 15, 2009, for the matrices."""
    lightness = sorted(
        116 * max(float(seen_by(colour, matrix) @ (0.2126, 0.7152, 0.0722)), 0.0089) ** (1 / 3) - 16
        for colour in report.PALETTE
    )
    assert min(np.diff(lightness)) > 9, lightness


def test_text_in_a_picture_is_cut_to_its_room_and_east_asian_letters_count_twice():
    assert charts.cut("abcdef", 6) == "abcdef" and charts.cut("abcdefg", 6) == "abcde…"
    assert charts.cut("王小明王小明", 6) == "王小…" and charts.wide("王a") == 3


@pytest.mark.parametrize("students", [1, 1003])
def test_reports_of_any_size_are_well_formed_and_name_their_pictures(students):
    soup = soup_of(students)
    assert all(len(tag["aria-label"]) > 20 for tag in soup.find_all("svg"))
    assert len(soup.select("#map ~ details tbody tr")) == students


def test_names_stand_wherever_a_student_is_named():
    group = made_up(5, 1)
    for work, handed_in in zip(group.works, (False, True)):
        work.as_handed_in, work.notes = handed_in, ["The file was cut off"]
    soup = BeautifulSoup(report.render(group), "html.parser")
    section = soup.find(id="exceptions").find_parent("section").text
    assert "s00000 Zoë Müller" in section and "s00001 محمد علي" in section
    names = {person.name for person in group.people.values()}
    assert soup.find(id="time").find_parent("section").select("tbody td bdi")[0].text in names
