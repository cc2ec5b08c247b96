"""The pages in a real browser, and nbgrader's own buttons on what this project writes."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import nbformat
import pytest

from autograde import cells, feedback
from autograde.course import ROOT
from autograde.marks import read
from autograde.report import render, report
from tests.grading.classes import TOPIC, hand_in, notebook
from tests.views import browser as chromium
from tests.views.made_up import made_up
from tests.views.test_pages import FORGERIES

pytestmark = pytest.mark.skipif(
    chromium.find() is None, reason="there is no Chromium or Chrome on this machine to look at the pages with"
)


@pytest.fixture(scope="module")
def tab():
    with chromium.Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(graded, tmp_path_factory):
    """The addresses of a feedback page, with a student's mischief in it, and of the class report."""
    folder = tmp_path_factory.mktemp("pages")
    nb = notebook()
    for cell in nb.cells:
        if cells.is_test(cell):
            cell.metadata.nbgrader["score"] = float(cell.metadata.nbgrader["points"])
    hostile = (
        "<script>document.title = 'taken over'</script><img src=https://tracker.example/x.png"
        " onerror=\"document.title='x'\">"
    )
    nb.cells += [nbformat.v4.new_markdown_cell(source) for source in (hostile, *FORGERIES.values())]
    shown = nbformat.v4.new_code_cell("show()")
    shown.outputs = [
        nbformat.v4.new_output("stream", text=hostile),
        nbformat.v4.new_output("display_data", {"text/html": hostile}),
        nbformat.v4.new_output(
            "display_data", {"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "svg"}
        ),
    ]
    nb.cells.append(shown)
    marks = {
        "student": "ana",
        "assignment": TOPIC.folder,
        "notebook": TOPIC.name,
        "score": 20.0,
        "max_score": 20.0,
        "late_penalty": 0,
    }
    (folder / "feedback.html").write_text(feedback.Renderer().render(nb, marks), encoding="utf-8")
    report(graded, folder / "report.html")
    return {name: (folder / f"{name}.html").as_uri() for name in ("feedback", "report")}


@pytest.fixture(params=["feedback", "report"])
def opened(request, tab, pages):
    tab.resize(1280, 900)
    tab.requests.clear()
    tab.errors.clear()
    tab.open(pages[request.param])
    return tab, pages[request.param]


def test_a_page_asks_for_nothing_but_itself_and_complains_of_nothing(opened):
    tab, address = opened
    assert [url for url in tab.requests if not url.startswith("data:")] == [address]
    assert tab.errors == [] and "taken over" not in tab.ask("document.title")


def test_nothing_lies_over_the_marks_and_nothing_of_a_student_can_be_clicked(tab, pages):
    tab.resize(1280, 900)
    tab.open(pages["feedback"])
    top = "document.querySelector('.score').getBoundingClientRect()"
    assert tab.ask(f"document.elementFromPoint({top}.left + 5, {top}.top + 5).closest('.score') !== null")
    place = "(e => (e.scrollIntoView({block: 'center'}), e.getBoundingClientRect()))"
    for row in range(tab.ask("document.querySelectorAll('table.questions tbody tr').length")):
        box = tab.ask(
            f"(b => [b.left, b.top])({place}(document.querySelectorAll('table.questions .badge')[{row}]))"
        )
        assert tab.ask(f"document.elementFromPoint({box[0] + 5}, {box[1] + 5}).closest('.badge') !== null")
    fixed = (
        "[...document.querySelectorAll('body *')].filter(e => ['fixed',"
        " 'sticky'].includes(getComputedStyle(e).position))"
    )
    assert tab.ask(f"{fixed}.length") == 0
    assert tab.ask("document.querySelectorAll('.own').length") > 15
    assert (
        tab.ask("document.querySelectorAll('.own a, .own [onclick], .own script, .own iframe').length") == 0
    )


def test_the_first_tab_stop_skips_to_the_content(opened):
    tab, _ = opened
    tab.press("Tab", 9)
    assert tab.ask("document.activeElement.className") == "skip"
    assert (
        tab.ask("document.activeElement.getBoundingClientRect().left") >= 0
    ), "it should be seen once it has the focus"
    tab.press("Enter", 13, "\r")
    assert tab.wait("location.hash") in ("#notebook", "#glance")


def test_every_link_and_scrolling_table_can_be_reached_with_the_keyboard(opened):
    tab, _ = opened
    scrolling = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    assert tab.ask(f"{scrolling}.every(e => e.tabIndex === 0)")
    assert tab.ask("[...document.querySelectorAll('a')].every(e => e.tabIndex === 0 && e.href)")


def test_a_screen_reader_meets_landmarks_headings_and_tables_with_headers(opened):
    tab, _ = opened
    roles = tab.roles()
    found = {role for role, _ in roles}
    assert {"main", "banner", "heading", "table", "columnheader", "rowheader", "link", "region"} <= found
    assert all(
        name.strip() for role, name in roles if role in ("link", "image", "region", "heading", "table")
    )


def test_on_a_narrow_screen_only_tables_and_code_scroll_sideways(opened):
    """Reflow at 320 px (WCAG 2.2, 1.4.10)."""
    tab, _ = opened
    tab.resize(320, 700)
    assert tab.ask("document.documentElement.scrollWidth") <= 320


def test_it_prints_and_a_closed_hint_is_printed_too(opened):
    tab, _ = opened
    assert len(tab.call("Page.printToPDF")["data"]) > 20_000
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.ask(
        "[...document.querySelectorAll('.skip')].every(e => getComputedStyle(e).display === 'none')"
    )
    meaning = (  # their colour says something
        "[...document.querySelectorAll('.legend i, .meter, .strip span')]"
    )
    assert tab.ask(
        f"{meaning}.length > 5 && {meaning}.every(e => getComputedStyle(e).printColorAdjust === 'exact')"
    )
    tab.call("Emulation.setEmulatedMedia", media="")


def test_formulas_have_a_size_and_are_known_as_mathematics(tab, pages):
    tab.open(pages["feedback"])
    assert tab.ask("document.querySelectorAll('math').length") > 5
    tab.ask("document.querySelectorAll('details').forEach(e => e.open = true)")
    assert tab.ask("[...document.querySelectorAll('math')].every(e => e.getBoundingClientRect().width > 4)")
    assert any("math" in role.lower() for role, _ in tab.roles())


@pytest.mark.parametrize(("students", "folders"), [(3, 1), (40, 2), (70, 4), (300, 8)])
def test_words_in_the_heat_map_do_not_run_into_each_other(tab, tmp_path, students, folders):
    (tmp_path / "r.html").write_text(render(made_up(students, folders)), encoding="utf-8")
    tab.resize(1280, 900)
    tab.open((tmp_path / "r.html").as_uri())
    boxes = tab.ask(
        "[...document.querySelectorAll('#map ~ figure svg text')].map(e => e.getBoundingClientRect()).map(b"
        " => [b.left, b.right, b.top, b.bottom])"
    )
    for place, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = other[0] >= right or other[1] <= left or other[2] >= bottom - 4 or other[3] <= top + 4
            assert apart, (boxes[place], other)
    edge = tab.ask("document.querySelector('#map ~ figure svg').getBoundingClientRect().left")
    assert min(box[0] for box in boxes) >= edge - 1


# --- nbgrader's own buttons --------------------------------------------------------------------------


@contextmanager
def jupyter(folder, home, *options):
    """JupyterLab in a folder, for no one but this test; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    }
    settings["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    log = open(home / "jupyter.log", "w")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={port}",
            "--port-retries=0",
            "--ip=127.0.0.1",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.news_url=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            *options,
        ],
        cwd=folder,
        stdout=log,
        stderr=log,
        env={**os.environ, **settings},
    )
    address = f"http://127.0.0.1:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(600):
            assert process.poll() is None, (home / "jupyter.log").read_text()[-2000:]
            try:
                opener.open(f"{address}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def pressed(tab, student, button):
    """What the formgrader says after one of its buttons in a student's row was pressed."""
    row = f"[...document.querySelectorAll('tbody tr')].find(r => r.innerText.includes('{student}'))"
    tab.wait(f"{row} && {row}.querySelector('.{button} a')")
    tab.ask(f"{row}.querySelector('.{button} a').click()")
    return tab.wait(
        "(e => e && /success|error|fail/i.test(e.innerText) &&"
        " e.innerText)(document.querySelector('.modal.in, .modal.show, .modal-dialog'))"
    )


def test_the_formgraders_buttons_grade_through_the_engine_and_make_the_page(out, tab, tmp_path):
    """Opened as WEEK.md says; a student's new version is put into submitted/ by hand, as an instructor
    would.
    """
    week = (ROOT / "autograde" / "WEEK.md").read_text(encoding="utf-8")
    options = shlex.split(re.search(r"^cd graded && ../.venv/bin/jupyter lab(.*)$", week, re.MULTILINE)[1])
    shutil.copy(
        hand_in(tmp_path / "new", "student-01"),
        out / "submitted" / "student-01" / TOPIC.folder / "quadratics.ipynb",
    )
    before = read(out).by_key["student-01", TOPIC.folder].score
    tab.resize(1280, 900)
    with jupyter(out, tmp_path, *options) as address:
        tab.open(address)
        tab.wait(
            "location.pathname.startsWith('/formgrader') && document.body.innerText.includes('01_quadratics')"
        )
        tab.open(f"{address}/formgrader/manage_submissions/{TOPIC.folder}")
        assert "uccess" in pressed(tab, "student-01", "autograde")
        (out / "feedback" / "student-01" / TOPIC.folder / "quadratics.html").unlink()
        tab.open(f"{address}/formgrader/manage_submissions/{TOPIC.folder}")
        assert "uccess" in pressed(tab, "student-01", "generate-feedback")
    page = (out / "feedback" / "student-01" / TOPIC.folder / "quadratics.html").read_text(encoding="utf-8")
    assert "<strong>20</strong> of 20 points" in page and "HIDDEN TESTS" not in page
    assert before < 20 == read(out).by_key["student-01", TOPIC.folder].score


def test_a_student_validates_an_exercise_in_jupyterlab(tab, tmp_path):
    (tmp_path / "work").mkdir()
    path = tmp_path / "work" / "quadratics.ipynb"
    hand_in(tmp_path / "from", "ana", name="quadratics.ipynb")
    shutil.copy(TOPIC.exercise, path)
    tab.resize(1400, 900)
    with jupyter(tmp_path / "work", tmp_path) as address:
        tab.open(f"{address}/lab/tree/quadratics.ipynb?reset")
        button = (
            "[...document.querySelectorAll('jp-button, button, .jp-ToolbarButtonComponent')].find(e =>"
            " e.textContent.trim() === 'Validate')"
        )
        tab.wait(button)
        tab.wait("document.querySelector('.jp-NotebookPanel .jp-Cell')")
        tab.ask(f"({button}).click()")
        told = tab.wait(
            "(e => e && /passed|fail|success|changed/i.test(e.innerText) &&"
            " e.innerText)(document.querySelector('.jp-Dialog'))"
        )
        assert "failed" in told.lower() and "quadratic" in told
    assert str(ROOT) not in told
