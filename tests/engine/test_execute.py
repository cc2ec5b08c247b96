"""Honest notebooks through the engine: outputs, marks and messages as a student's own Jupyter would have
them."""

import base64
import contextlib
import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbgrader.utils import determine_grade

from autograde.engine import Engine, Limits, execute
from autograde.engine.warden import descendants
from tests.engine.conftest import deadline
from tests.engine.notebooks import added, given, notebook, solution, test

NUMPY = given("import numpy as np")


def marks(engine, *cells, **options):
    """(statuses by grade_id, points by grade_id as nbgrader reads them, the result)."""
    result = engine.run(notebook(*cells), **options)
    nbformat.validate(result.notebook)
    points = {
        cell.metadata.nbgrader.grade_id: determine_grade(cell)[0]
        for cell in result.notebook.cells
        if execute.kind_of(cell) == "test"
    }
    return {name: question.status for name, question in result.questions.items()}, points, result


def one(engine, source, check, **options):
    """(status, points, message, printed text) of one solution and its test."""
    statuses, points, result = marks(engine, NUMPY, solution(source), test(check, **options))
    cell = result.notebook.cells[-1]
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    return statuses["test"], points["test"], result.questions["test"].message, text


# --- marks --------------------------------------------------------------------------------------------------


def test_a_right_answer_gets_full_marks_and_a_wrong_one_none(engine):
    check = "assert double(4) == 8, 'Twice four is eight.'"
    assert one(engine, "def double(x): return 2 * x", check) == ("right", 1, "", "")
    assert one(engine, "def double(x): return 3 * x", check) == ("wrong", 0, "Twice four is eight.", "")


@pytest.mark.parametrize(
    "body",
    [
        "print('x =', x)",
        "import sys; print('note', file=sys.stderr)",
        "import warnings; warnings.warn('careful')",
        "import logging; logging.warning('careful')",
        "np.log(np.zeros(1))",
        "np.zeros(1) / 0",
        "import os; os.write(2, b'low')",
        "import sys; sys.stdout.flush(); sys.stderr.write('a'); sys.stdout.isatty()",
        "display(x)",
        "import time; time.sleep(0.01)",
    ],
)
def test_a_right_answer_that_prints_warns_or_logs_gets_full_marks(engine, body):
    source = f"def double(x):\n    {body}\n    return 2 * x"
    assert one(engine, source, "assert double(4) == 8")[:2] == ("right", 1)


def test_what_students_print_in_a_test_follows_as_one_stream_of_stdout(engine):
    source = "import sys\ndef double(x):\n    print('out'); print('err', file=sys.stderr)\n    return 2 * x"
    status, _, _, text = one(engine, source, "print('before')\nassert double(4) == 8\nprint('after')")
    assert (status, text) == ("right", "before\nout\nerr\nafter\n")


def test_a_warning_is_shown_and_can_be_asked_for(engine):
    source = "def f(x): return np.exp(x)"
    assert "RuntimeWarning: overflow" in one(engine, source, "assert f(np.array([1e4]))[0] == np.inf")[3]
    quiet = (
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('error')\n"
        "    f(np.array([1e4]))"
    )
    status, points, message, _ = one(engine, source, quiet)
    assert (status, points) == ("wrong", 0) and "overflow" in message
    recorded = (
        "import warnings\nwith warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        "    f(np.array([1e4]))\nassert [row.category for row in seen] == [RuntimeWarning]"
    )
    assert one(engine, source, recorded)[0] == "right"
    silenced = "def f(x):\n    with np.errstate(over='ignore'):\n        return np.exp(x)"
    assert one(engine, silenced, quiet)[0] == "right"


def test_the_error_modes_of_numpy_reach_the_students_code(engine):
    check = (
        "with np.errstate(over='raise'):\n    try:\n        f(np.array([1e4]))\n"
        "    except FloatingPointError:\n        pass\n"
        "    else:\n        raise AssertionError"
    )
    assert one(engine, "def f(x): return np.exp(x)", check)[0] == "right"


def test_a_number_at_the_end_of_a_test_is_a_partial_score(engine):
    assert one(engine, "def f(): return 1", "f()\n1.5", points=3)[:2] == ("partial", 1.5)
    assert one(engine, "def f(): return 1", "f()\n3", points=3)[:2] == ("right", 3)
    assert one(engine, "def f(): return 1", "f()\n0", points=3)[:2] == ("wrong", 0)


@pytest.mark.parametrize("score", ["float('nan')", "-1", "3.5", "float('inf')", "1e400", "np.float64(99)"])
def test_a_score_out_of_range_is_no_score(engine, score):
    assert one(engine, "def f(): return 1", score, points=3)[:2] == ("wrong", 0)


def test_a_test_cell_that_ends_in_another_value_shows_none(engine):
    statuses, points, result = marks(
        engine, solution("x = 3"), test("assert x == 3\nx == 3"), test("'5'", "text")
    )
    assert points == {"test": 1, "text": 1} and result.notebook.cells[1].outputs == []


@pytest.mark.parametrize(
    "stub, check",
    [
        ("def f(x):\n    raise NotImplementedError", "assert f(1) == 1"),
        ("def f(x):\n    raise NotImplementedError()", "f(1)"),
        ("answer = ...\nraise NotImplementedError", "assert answer_1 == 'b'"),
        ("raise NotImplementedError", "assert f(1) == 1"),
        (
            "def f(x):\n    raise NotImplementedError",
            "try:\n    f(1)\nexcept NotImplementedError:\n    pass\nassert False, 'Write f.'",
        ),
    ],
)
def test_an_answer_that_was_not_begun_is_not_attempted(engine, stub, check):
    assert one(engine, stub, check)[:2] == ("not attempted", 0)


def test_an_answer_that_was_begun_is_no_longer_not_attempted(engine):
    source = "def f(x):\n    if x > 1: raise NotImplementedError\n    raise ValueError"
    check = (
        "for x in (1, 2):\n    try:\n        f(x)\n    except Exception:\n        pass\nassert False, 'No.'"
    )
    assert one(engine, source, check)[:2] == ("wrong", 0)


def test_a_given_cell_that_ends_the_trusted_process_is_noted_and_costs_no_other_question(engine):
    cells = (
        given("import os, sys\nif 'engine' not in sys.modules or 'engine.trial' in sys.modules: os._exit(1)"),
    )
    result = engine.run(notebook(*cells, NUMPY, solution("x = 1"), test("assert x == 1")))
    assert result.questions["test"].status == "crashed" and result.notes == [
        "A test could not be run to its end."
    ]
    assert marks(engine, *HONEST)[0] == {"test": "right"}


def test_a_name_that_is_missing_for_another_reason_is_a_wrong_answer(engine):
    status, points, message, _ = one(engine, "g = 1", "assert f(1) == 1")
    assert (status, points, message) == ("wrong", 0, "`f` is not defined in your notebook.")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "def f(x)\n    return x",
            "`f` is not defined in your notebook. Its cell stopped with SyntaxError: ",
        ),
        ("1 / 0\n\ndef f(x):\n    return x", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(3)", "RuntimeError: Cell 1 ended the process that it ran in."),
    ],
)
def test_a_name_whose_cell_stopped_is_told_with_what_it_stopped(engine, source, told):
    result = engine.run(notebook(solution(source, "f"), test("assert f(1) == 1")))
    assert told in result.questions["test"].message


def test_a_message_of_the_students_that_sounds_like_the_graders_is_theirs(engine):
    source = "def f(x):\n    raise NameError('is not defined in your notebook.')"
    status, points, message, _ = one(engine, source, "assert f(1) == 1")
    assert (status, points) == ("wrong", 0)
    assert message == "Your code raised NameError: is not defined in your notebook."


# --- messages -----------------------------------------------------------------------------------------------


def test_an_exception_of_the_students_is_marked_as_such_and_shows_their_lines_alone(engine):
    source = "def inner(x):\n    return 1 / x\n\ndef f(x):\n    return inner(x)"
    result = engine.run(
        notebook(NUMPY, solution(source), test("HIDDEN = 'hidden word'\nassert f(0) == 1, HIDDEN"))
    )
    output = result.notebook.cells[2].outputs[0]
    assert (output.ename, output.evalue) == (
        "ZeroDivisionError",
        "Your code raised ZeroDivisionError: division by zero",
    )
    shown = "\n".join(output.traceback)
    assert (
        "cell 2, line 5, in f\n    return inner(x)" in shown
        and "cell 2, line 2, in inner\n    return 1 / x" in shown
    )
    assert "HIDDEN" not in shown and "hidden" not in shown


@pytest.mark.parametrize(
    "problem, caught",
    [
        ("ValueError('no')", "ValueError"),
        ("np.linalg.LinAlgError('no')", "ValueError"),
        ("KeyError('no')", "KeyError"),
        ("np.linalg.LinAlgError('no')", "np.linalg.LinAlgError"),
        ("type('Mine', (TypeError,), {})('no')", "TypeError"),
    ],
)
def test_a_test_can_ask_for_an_exception(engine, problem, caught):
    check = (
        f"try:\n    f()\nexcept {caught} as problem:\n    assert 'no' in str(problem)\nelse:\n"
        f"    raise AssertionError('It should raise.')"
    )
    assert one(engine, f"def f():\n    raise {problem}", check)[0] == "right"
    assert one(engine, "def f(): return 1", check)[2] == "It should raise."


def test_an_assertion_without_a_text_still_says_something(engine):
    assert one(engine, "def f(): return 1", "assert f() == 2")[2] == "A check in this cell failed."


def test_a_test_that_stumbles_over_an_answer_says_so(engine):
    status, points, message, _ = one(engine, "def f(): return None", "assert f() + 1 == 2")
    assert (status, points) == ("wrong", 0) and message.startswith(
        "Your answer could not be checked: unsupported operand"
    )


@pytest.mark.parametrize(
    "result, word",
    [
        ("(i for i in [1])", "generator"),
        ("[1, {'a': object()}]", "type `object`"),
        ("np", "module"),
        ("map(abs, [1])", "list("),
        ("np.array([[1], [1, 2]], dtype=object)", "object array"),
        ("type('C', (), {})()", "type `C`"),
        ("np.zeros(2**27)", "large"),
    ],
)
def test_a_result_that_cannot_be_checked_is_named(engine, result, word):
    status, points, message, _ = one(engine, f"def f(): return {result}", "assert f() is None")
    assert (
        (status, points) == ("wrong", 0)
        and word in message
        and message.startswith("Your answer cannot be checked")
    )


def test_a_cell_cannot_use_the_fork_that_a_test_did_not_need(engine):
    fork = (
        "import os\ntry:\n    if not os.fork(): os._exit(0)\n"
        "except OSError as problem:\n    print(problem.errno)"
    )
    for check in ("assert answer == 'b'", "assert f() == 'b'", "pass"):
        cells = (solution("answer = 'b'\ndef f(): return answer"), test(check), added(fork))
        statuses, _, result = marks(engine, *cells)
        assert statuses == {"test": "right"}
        assert result.notebook.cells[-1].outputs[0].text == f"{errno.EPERM}\n"


def test_a_test_meets_the_state_of_random_that_the_cells_left(engine):
    source = "import random\nrandom.seed(0)\ndef draw(): return random.random()"
    assert one(engine, source, "import random\nassert draw() == random.Random(0).random()")[0] == "right"


def test_memory_that_runs_out_ends_the_question_and_is_named(engine):
    """And not only at the deadline, after as many tries as the test has cases."""
    source = "calls = 0\ndef f(x):\n    global calls\n    calls += 1\n    if calls > 1: return x\n    raise MemoryError"
    status, points, message, _ = one(
        engine, source, "try:\n    f(1)\nexcept MemoryError:\n    pass\nassert f(1) == 1"
    )
    assert (status, points) == ("crashed", 0)
    assert message == "Your code needed more memory than a question may take."


def test_a_deadline_is_told_in_a_sentence(strict_engine):
    with deadline(strict_engine, 1):
        status, points, message, _ = one(strict_engine, "def f():\n    while True: pass", "f()")
    assert (status, points) == ("timeout", 0)
    assert message == "Your code did not finish within 1 s: is there a loop that never ends?"


@pytest.mark.parametrize("check", ["n = f()\nwhile n: pass", "while answer: pass"])
def test_a_test_that_loops_on_an_answer_ends_too(strict_engine, check):
    source = "answer = 1\ndef f(): return 1"
    with deadline(strict_engine, 0.8):  # the trial itself ends a second after the engine has given it up
        statuses, points, _ = marks(
            strict_engine, solution(source), test(check), test("assert f() == answer", "next")
        )
    assert statuses == {"test": "timeout", "next": "right"} and points == {"test": 0, "next": 1}
    latest = time.monotonic() + 30
    while descendants(strict_engine._sources["trial", ""].process.pid) and time.monotonic() < latest:
        time.sleep(0.05)
    assert not descendants(strict_engine._sources["trial", ""].process.pid)


def test_what_a_test_writes_does_not_come_to_the_student(engine):
    statuses, _, _ = marks(
        engine,
        test("open('expected.txt', 'w').write('b')"),
        added("import os\nos._exit(0)"),
        solution("import os\nnames = os.listdir()"),
        test("assert names == [] and open('expected.txt').read() == 'b'", "later"),
    )
    assert statuses == {"test": "right", "later": "right"}


# --- names and values ---------------------------------------------------------------------------------------


def test_a_test_sees_the_students_data_and_functions_and_its_own_imports(engine):
    statuses, _, _ = marks(
        engine,
        given("import numpy as np\nA = np.eye(2)"),
        solution(
            "table = {'a': [1, 2]}\narray = np.arange(3.0)\nA = None\nnp = None\nabs = None\nword = 'b'\n"
            "def call(f, x): return f(x)"
        ),
        test(
            "assert table == {'a': [1, 2]} and array.sum() == 3 and word == 'b'\n"
            "assert np.array_equal(A, np.eye(2)) and abs(-1) == 1\n"
            "assert call(lambda x: x + 1, 2) == 3\nassert [call(abs, y) for y in (-1, -2)] == [1, 2]"
        ),
    )
    assert statuses == {"test": "right"}


def test_a_given_cell_that_uses_the_students_code_is_run_on_their_side_and_helps_the_tests_as_far_as_it_can(
    engine,
):
    statuses, _, _ = marks(
        engine,
        solution("def f(x): return x + 1"),
        given("START = 1\nresult = f(START)\ndef helper(x):\n    return x * 10\nprint(result)"),
        test("assert START == 1 and result == 2 and helper(2) == 20"),
    )
    assert statuses == {"test": "right"}


def test_a_given_function_of_the_same_name_is_the_trusted_one(engine):
    statuses, _, _ = marks(
        engine,
        given("def check(x):\n    assert x == 1, 'No.'"),
        solution("def check(x): pass\nx = 2"),
        test("check(x)"),
    )
    assert statuses == {"test": "wrong"}


def test_names_of_one_test_are_not_those_of_the_next(engine):
    statuses, _, _ = marks(engine, test("kept = 1"), test("kept", "next"))
    assert statuses == {"test": "right", "next": "wrong"}


def test_what_a_test_does_to_the_students_state_is_forgotten_after_it(engine):
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    statuses, _, _ = marks(
        engine,
        solution(source),
        test("assert f(1) == 1 and f(1) == 2 and seen == [1, 1]"),
        test("assert f(1) == 1", "next"),
    )
    assert statuses == {"test": "right", "next": "right"}


def test_arguments_views_and_generators_are_those_of_one_process(engine):
    source = (
        "def change(x): x += 1\ndef view(x): return x[::-1]\ndef fresh(x): return x.copy()\n"
        "def draw(rng): return rng.normal()\n"
        "def state_step(w, state):\n    state['t'] += 1\n    return w - 1, state"
    )
    check = (
        "x = np.arange(3.0)\nchange(x)\nassert x.tolist() == [1, 2, 3]\nassert np.shares_memory(view(x), x)\n"
        "assert not np.shares_memory(fresh(x), x)\nrng = np.random.default_rng(1)\n"
        "assert draw(rng) == np.random.default_rng(1).normal() and draw(rng) != "
        "np.random.default_rng(1).normal()\n"
        "state = {'t': 1}\nw, new = state_step(x, state)\n"
        "assert state == {'t': 2} and new is state and w[0] == 0"
    )
    assert one(engine, source, check)[0] == "right"


def test_a_callback_counts_its_calls_and_may_raise(engine):
    source = (
        "def descend(gradient, x, lr, steps):\n    for _ in range(steps):\n"
        "        x = x - lr * gradient(x)\n    return x"
    )
    check = (
        "calls = 0\ndef gradient(x):\n    global calls\n    calls += 1\n"
        "    if calls > 5: raise RuntimeError('too many calls')\n"
        "    return 2 * x\nassert np.allclose(descend(gradient, np.ones(2), 0.25, 3), 0.125) and calls == 3\n"
        "try:\n    descend(gradient, np.ones(2), 0.25, 30)\nexcept RuntimeError as problem:\n"
        "    assert str(problem) == 'too many calls'\n"
        "else:\n    raise AssertionError"
    )
    assert one(engine, source, check)[0] == "right"


def test_data_files_are_there_on_both_sides(engine, tmp_path):
    np.save(tmp_path / "data.npy", np.arange(3.0))
    (tmp_path / "solution.ipynb").write_text("{}")
    cells = (
        NUMPY,
        given("data = np.load('data.npy')", "data"),
        solution(
            "import os\ntotal = float(np.load('data.npy').sum())\nnp.save("
            "'data.npy', np.zeros(3))\nseen = sorted(os.listdir())"
        ),
        test(
            "assert total == data.sum() == 3 and seen == ['data.npy']\n"
            "assert np.load('data.npy').sum() == 3"
        ),
    )
    assert marks(engine, *cells, files=tmp_path)[0] == {"test": "right"}
    assert np.load(tmp_path / "data.npy").sum() == 3


# --- students' cells ----------------------------------------------------------------------------------------


def outputs(engine, *sources):
    result = engine.run(notebook(*map(added, sources)))
    nbformat.validate(result.notebook)
    return [cell.outputs for cell in result.notebook.cells]


def test_cells_show_what_they_show_in_jupyter(engine):
    shown = outputs(
        engine,
        "print('a')\n1 + 1",
        "x = 3;",
        "x",
        "%timeit -n1 -r1 None",
        "import asyncio\nawait asyncio.sleep(0)\n'done'",
        "%%capture text\nprint('hidden')",
        "display('one', 'two')",
        "for i in range(2): print(i)",
    )
    assert (
        shown[0][0].text == "a\n"
        and shown[0][1].data["text/plain"] == "2"
        and shown[0][1].execution_count == 1
    )
    assert shown[1] == [] and shown[2][0].data["text/plain"] == "3"
    assert "loop" in shown[3][0].text and shown[4][0].data["text/plain"] == "'done'" and shown[5] == []
    assert [output.data["text/plain"] for output in shown[6]] == ["'one'", "'two'"] and shown[7][
        0
    ].text == "0\n1\n"


def test_cells_are_numbered_and_other_cells_left_alone(engine):
    nb = notebook(
        NUMPY, nbformat.v4.new_markdown_cell("# Title"), added(""), solution("x = 1"), test("assert x == 1")
    )
    nb.cells[3].metadata.tags = ["skip-execution", "raises-exception"]
    nb.cells[4].metadata.tags = ["skip-execution"]
    before = json.dumps(nb)
    result = engine.run(nb)
    assert [cell.get("execution_count") for cell in result.notebook.cells] == [1, None, 2, 3, 4]
    assert result.questions["test"].status == "right" and json.dumps(nb) == before


def test_an_error_is_shown_with_its_line_and_does_not_stop_the_later_cells(engine):
    shown = outputs(
        engine,
        "x = 1\ndef f():\n    return x / 0\nf()",
        "y = (",
        "x + 1",
        "!ls",
        "input('name')",
        "%nonsense",
    )
    assert (shown[0][0].ename, shown[0][0].evalue) == ("ZeroDivisionError", "division by zero")
    assert shown[0][0].traceback == [
        "cell 1, line 4\n    f()",
        "cell 1, line 3, in f\n    return x / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert shown[1][0].ename == "SyntaxError" and "line 1" in shown[1][0].traceback[0]
    assert shown[2][0].data["text/plain"] == "2"
    assert (
        "Programs cannot be started" in shown[3][0].evalue
        and "graded notebook" in shown[4][0].evalue
        and shown[5]
    )


def test_plots_become_images_and_leave_no_figure_open(engine):
    shown = outputs(
        engine,
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('x')",
        "len(plt.get_fignums())",
        "fig, ax = plt.subplots()\nax.plot([1, 2])\nplt.show()",
    )
    for cell in (shown[0], shown[2]):
        assert base64.b64decode(cell[-1].data["image/png"]).startswith(b"\x89PNG")
    assert shown[1][0].data["text/plain"] == "0"


def test_a_plot_in_a_function_that_is_tested_costs_nothing(engine):
    source = "import matplotlib.pyplot as plt\ndef f(x):\n    plt.plot([x])\n    plt.show()\n    return x"
    assert one(engine, source, "assert f(1) == 1")[:2] == ("right", 1)


def test_a_progress_bar_leaves_its_last_state(engine):
    shown = outputs(engine, "import sys\nfor i in range(101): sys.stderr.write(f'\\r{i}%')\nprint()")
    assert shown[0][-1].text.startswith("100%") and "99%" not in shown[0][-1].text


def test_what_runs_in_a_browser_is_left_out_and_text_is_kept(engine):
    shown = outputs(
        engine,
        "from IPython.display import HTML, Javascript, SVG\ndisplay(HTML('<script>alert(1)</script>'))\n"
        "display(Javascript('alert(1)'))\n"
        "display({'text/html': '<b>', 'image/svg+xml': '<svg/>', 'text/plain': 'ok'}, raw=True)",
    )
    assert (
        all(set(output.data) <= {"text/plain", "image/png"} for output in shown[0])
        and shown[0][-1].data["text/plain"] == "ok"
    )


def test_a_lost_process_is_made_again_from_the_cells_before(engine):
    statuses, points, result = marks(
        engine,
        solution("x = 1\ncount = []"),
        test("assert x == 1"),
        added("count.append(1)"),
        solution("import os\nos._exit(0)", "exit"),
        test("assert y == 1", "exited"),
        solution("z = x + len(count)", "after"),
        test("assert z == 2", "fine"),
    )
    assert statuses == {"test": "right", "exited": "wrong", "fine": "right"}
    assert (
        "ended the process" in result.notes[0] and result.notebook.cells[3].outputs[0].output_type == "error"
    )


def test_a_process_that_died_between_two_cells_does_not_cost_the_second(engine, monkeypatch):
    run = execute._Run._cell

    def late(self, cell, count):
        if count == 2 and not slept:
            slept.append(time.sleep(0.6))
        run(self, cell, count)

    slept = []
    monkeypatch.setattr(execute._Run, "_cell", late)
    deadly = added("import os, threading\nthreading.Timer(0.3, os._exit, (3,)).start()")
    statuses, points, result = marks(engine, deadly, solution("x = 1"), test("assert x == 1"))
    assert slept and statuses == {"test": "right"} and result.notes == []


def test_a_submission_that_runs_too_long_in_all_ends(tmp_path):
    cells = [added("import time\ntime.sleep(1)") for _ in range(5)]
    with Engine(Limits(cell_seconds=2.5, submission_seconds=2.5)) as engine:
        started = time.monotonic()
        statuses, points, result = marks(
            engine, solution("x = 1"), test("assert x == 1"), *cells, test("assert x == 1", "late")
        )
        assert time.monotonic() - started < 4.5
    assert statuses == {"test": "right", "late": "timeout"} and points == {"test": 1, "late": 0}
    assert "used up its 2.5 s" in result.questions["late"].message


@pytest.mark.parametrize(
    "loop, processes",
    [("def f{i}(): pass\nwhile True: pass", 21), ("def f{i}():\n    while True: pass", 1)],
    ids=["in the cell", "in the function"],
)
def test_twenty_endless_questions_cost_their_deadlines_and_little_else(
    strict_engine, monkeypatch, loop, processes
):
    """Where a function loops, only the copy of the process that serves its test is lost."""
    started = []
    spawn = strict_engine._spawn
    monkeypatch.setattr(
        strict_engine, "_spawn", lambda handle, *rest: started.append(handle.role) or spawn(handle, *rest)
    )
    questions = [
        cell for i in range(20) for cell in (solution(loop.format(i=i), f"s{i}"), test(f"f{i}()", f"t{i}"))
    ]
    with deadline(strict_engine, 0.1):
        statuses, points, result = marks(strict_engine, *questions)
    assert set(statuses.values()) <= {"timeout", "wrong"} and not any(points.values())
    assert started.count("student") <= processes and started.count("trial") == 1
    assert 2 < result.seconds < 60  # 0.1 s each; without their deadlines they would take the submission's 300
    assert marks(strict_engine, *HONEST)[0] == {"test": "right"}


# --- the engine itself --------------------------------------------------------------------------------------

HONEST = (NUMPY, solution("def f(x): return x + 1"), test("assert f(1) == 2"))


@pytest.mark.parametrize("role", ["student", "trial"])
def test_a_killed_zygote_is_replaced(role):
    with Engine() as engine:
        assert marks(engine, *HONEST)[0] == {"test": "right"}
        engine._sources[role, ""].process.send_signal(signal.SIGKILL)
        assert marks(engine, *HONEST)[0] == {"test": "right"}


def test_the_engine_leaves_nothing_behind():
    engine = Engine()
    home, processes = engine.home, [source.process for source in engine._sources.values()]
    marks(engine, *HONEST)
    assert os.listdir(home) and all(process.poll() is None for process in processes)
    engine.close()
    assert not os.path.exists(home) and all(process.poll() is not None for process in processes)
    with pytest.raises(execute.EngineError, match="closed"):
        engine.run(notebook())


def test_a_grader_that_is_killed_takes_everything_with_it(tmp_path):
    program = textwrap.dedent("""
        import sys
        from autograde.engine import Engine, Limits
        from tests.engine.notebooks import added, notebook
        with Engine(Limits(cell_seconds=60, submission_seconds=60)) as engine:
            print(engine.home, *(source.process.pid for source in engine._sources.values()), flush=True)
            engine.run(notebook(added("while True: pass")))
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as grader:
        home, *zygotes = grader.stdout.readline().split()
        time.sleep(0.5)
        grader.kill()
    latest = time.monotonic() + 30
    while time.monotonic() < latest and (
        os.path.exists(home) or any(os.path.exists(f"/proc/{pid}") for pid in zygotes)
    ):
        time.sleep(0.05)
    assert not os.path.exists(home) and not any(os.path.exists(f"/proc/{pid}") for pid in zygotes)


def forks_of(zygote):
    """Numbers of all processes that came of a zygote, wherever they hang by now."""
    started = Path(f"/proc/{zygote}/cmdline").read_bytes()
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (
                place.name.isdigit()
                and int(place.name) != zygote
                and (place / "cmdline").read_bytes() == started
            ):
                found.append(int(place.name))
    return found


@pytest.mark.parametrize("kind", ["strict_engine", "bare_engine"])
def test_a_warden_that_is_killed_leaves_no_process(request, kind):
    engine = request.getfixturevalue(kind)
    marks(engine, *HONEST)
    zygote = engine._sources["student", ""].process.pid

    def kill():
        while len(forks_of(zygote)) < 3:  # warden, student process, its copy that serves the test
            time.sleep(0.02)
        time.sleep(0.2)
        (warden,) = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
        os.kill(int(warden), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with deadline(engine, 20):
        cells = (solution("import time\ndef f(x):\n    time.sleep(60)"), test("f(1)"))
        statuses, _, result = marks(engine, *cells)
    killer.join()
    assert statuses == {"test": "crashed"} and result.seconds < 15
    latest = time.monotonic() + 20
    while forks_of(zygote) and time.monotonic() < latest:
        time.sleep(0.02)
    assert forks_of(zygote) == []
    assert marks(engine, *HONEST)[0] == {"test": "right"}


def descriptors(process):
    """How many a process holds; None where it hides them from this user."""
    try:
        return len(os.listdir(f"/proc/{process}/fd"))
    except PermissionError:
        return None


def test_descriptors_stay_flat_over_many_notebooks(engine):
    nb = notebook(*HONEST)
    for _ in range(3):
        engine.run(nb)
    count = len(os.listdir("/proc/self/fd"))
    zygote = engine._sources["student", ""].process.pid
    held = descriptors(zygote)
    for _ in range(15):
        engine.run(nb)
    assert len(os.listdir("/proc/self/fd")) == count and descriptors(zygote) == held


def test_a_result_is_plain_data(engine):
    _, _, result = marks(engine, *HONEST)
    assert result.seconds > 0 and result.cpu_seconds > 0 and result.notes == []
    json.dumps({name: dataclasses.asdict(question) for name, question in result.questions.items()})


@pytest.mark.parametrize(
    "limits, word",
    [
        ({"cell_seconds": 0}, "cell_seconds"),
        ({"cell_seconds": float("nan")}, "cell_seconds"),
        ({"cell_seconds": "30"}, "number"),
        ({"cell_seconds": True}, "number"),
        ({"memory_bytes": 1.5e9}, "whole"),
        ({"memory_bytes": 1}, "memory_bytes"),
        ({"disk_bytes": -1}, "disk_bytes"),
        ({"cell_seconds": 400}, "submission_seconds"),
        ({"processes": 10**9}, "processes"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_in_a_sentence(limits, word):
    with pytest.raises(ValueError, match=word):
        Limits(**limits)


def test_a_word_that_is_no_sandbox_mode_is_refused():
    with pytest.raises(ValueError, match="best-effort"):
        Engine(sandbox="off")


def test_the_engine_can_be_imported_where_it_cannot_run():
    program = (
        "import os, sys\nsys.platform = 'win32'\ndel os.fork\n"
        "sys.modules['fcntl'] = sys.modules['resource'] = None\nimport autograde.engine as engine\n"
        "try:\n    engine.Engine()\nexcept engine.SandboxUnavailable as problem:\n"
        "    print('refused:', problem)\n"
        "print(any(name.startswith('nbgrader') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.startswith("refused: ") and done.stdout.endswith("False\n"), done.stderr


def test_the_preprocessor_stands_in_for_nbgraders(engine, tmp_path):
    preprocessor = execute.EngineExecute(timeout=60)
    (tmp_path / "data.txt").write_text("7")
    preprocessor.files = str(tmp_path)
    nb, resources = preprocessor.preprocess(
        notebook(
            solution("n = int(open('data.txt').read())"),
            test("assert n == 7"),
            test("assert n == 8, 'No.'", "wrong"),
        ),
        {"nbgrader": {}},
    )
    assert [determine_grade(cell)[0] for cell in nb.cells[1:]] == [1, 0]
    assert resources["engine"]["questions"]["wrong"]["message"] == "No."


# --- cells that are read before they are run --------------------------------------------------------------


def dear(levels):
    """A right answer that takes twice as long to compile for each level (19: some seconds)."""
    lines = ["def double(x):"]
    for level in range(1, levels + 1):
        lines += ["    " * level + "try: pass", "    " * level + "finally:"]
    return "\n".join([*lines, "    " * (levels + 1) + "x = x + 0", "    return 2 * x"])


def test_a_cell_that_takes_long_to_compile_costs_no_other_cell(engine, monkeypatch):
    monkeypatch.setattr(execute, "READ_SECONDS", 0.2)
    cells = (
        given("import numpy as np"),
        solution("def triple(x): return 3 * x"),
        test("assert triple(2) == 6", "triple"),
        solution(dear(19)),
        test("assert double(4) == 8", "double"),
    )
    statuses, _, result = marks(engine, *cells)
    assert statuses == {"triple": "right", "double": "right"} and not result.notes
    with deadline(engine, 1):
        statuses, _, result = marks(engine, *cells)
    assert statuses == {"triple": "right", "double": "wrong"}
    assert result.notes == ["Cell 4 did not finish within 1 s: is there a loop that never ends?"]


def test_a_process_that_dies_of_reading_its_cells_is_started_anew_without(engine, monkeypatch):
    def dies(self, cells, deadline):
        asked.append(len(cells))
        raise execute.wire.WireClosed("gone")

    asked = []
    monkeypatch.setattr(execute.processes.Student, "read", dies)
    assert one(engine, "def double(x): return 2 * x", "assert double(4) == 8")[0] == "right"
    assert asked == [2]


def test_a_warning_of_the_compiler_is_shown_in_its_cell(engine):
    _, _, result = marks(engine, solution("first = 1"), solution("y = 1 is 1"))
    first, second = result.notebook.cells
    assert first.outputs == [] and "SyntaxWarning" in second.outputs[0].text


def test_a_cell_is_read_again_where_a_transformer_has_come_before_it(engine):
    hook = (
        "def louder(lines): return [line.replace('2 * x', '3 * x') for line in lines]\n"
        "get_ipython().input_transformers_post.append(louder)"
    )
    cells = (added(hook), solution("def double(x): return 2 * x"), test("assert double(4) == 12"))
    assert marks(engine, *cells)[0] == {"test": "right"}


def test_an_engine_that_is_gone_before_its_zygote_is_ready_leaves_nothing(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    zygote = execute.processes.Zygote("student", str(home))
    zygote.control.close()
    zygote.process.wait(60)
    assert not home.exists()


def test_an_engine_that_is_killed_while_it_closes_leaves_nothing():
    code = (
        "import os, signal\nfrom autograde.engine import Engine, execute\n"
        "engine = Engine()\nprint(engine.home, flush=True)\n"
        "execute.folders.remove = lambda home: os.kill(os.getpid(), signal.SIGKILL)\n"
        "engine.close()"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=execute.PROJECT, stdout=subprocess.PIPE, text=True)
    home = Path(run.stdout.strip())
    assert run.returncode == -signal.SIGKILL and home.name.startswith("grading-")
    latest = time.monotonic() + 60
    while home.exists() and time.monotonic() < latest:
        time.sleep(0.05)
    assert not home.exists()
