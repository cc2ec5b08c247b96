"""Cells without IPython, and how a notebook comes to a process with it where it needs one."""

import pytest

from autograde.engine import execute, processes
from tests.engine.notebooks import added, given, notebook, solution, test

PLAIN_CELLS = {
    "prints": "for i in range(3):\n    print(i)",
    "print last": "x = 2\nprint('x is', x)",
    "comment": "# nothing yet",
    "writes to stderr": "import sys\nsys.stderr.write('careful')\nx = 1",
    "error": "def f(x):\n    return x / 0\ny = f(1)",
    "error of a function of another cell": "y = helper(0)",
    "own error": "class Odd(ValueError): pass\nraise Odd('a', 1)",
    "assert": "assert 1 == 2, 'not equal'",
    "exit": "raise SystemExit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "chained": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
    "recursion": "def f(n): return f(n + 1)\ny = f(0)",
    "warning": "import warnings\nwarnings.warn('old')\nx = 1",
    "deprecation": "import warnings\nwarnings.warn('old', DeprecationWarning)\nx = 1",
    "compiler's warning": "x = 1\ny = x is 1",
    "main": "assert __name__ == '__main__'\nimport __main__\nassert __main__.helper is helper",
    "class of main": "class A: pass\nprint(A.__module__, A)",
    "pickle": "import pickle\nprint(pickle.loads(pickle.dumps(helper)) is helper)",
    "source": "import inspect\nprint(inspect.getsource(helper))",
    "underscore": "for _ in range(2): pass\nprint(_)",
    "input": "name = input('name')",
    "many lines": "print('x' * 50 + '\\n' * 5)\nraise ValueError('é' * 40)",
    "lying traceback": "class E(Exception):\n    __traceback__ = property(lambda self: 1 / 0)\nraise E('x')",
}


def shown(engine, *sources):
    cells = engine.run(notebook(*map(added, sources))).notebook.cells
    return [[dict(output) for output in cell.outputs] for cell in cells]


@pytest.fixture
def spawned(engine, monkeypatch):
    """What the student processes of a run were started with."""
    seen = []
    spawn = type(engine)._spawn

    def watch(self, handle, order, needs=""):
        if handle is processes.Student:
            seen.append(needs)
        return spawn(self, handle, order, needs)

    monkeypatch.setattr(type(engine), "_spawn", watch)
    return seen


@pytest.mark.parametrize("source", PLAIN_CELLS.values(), ids=PLAIN_CELLS)
def test_python_alone_shows_the_same_with_ipython_and_without(engine, spawned, monkeypatch, source):
    cells = "def helper(x):\n    # divides\n    return 1 / x", source, "z = 3", "print(z)"
    monkeypatch.setattr(execute, "_needs", lambda cells: "")
    without = shown(engine, *cells)
    monkeypatch.setattr(execute, "_needs", lambda cells: "ipython")
    assert shown(engine, *cells) == without
    assert spawned == ["", "ipython"] and without[3][0]["text"] == "3\n"
    assert any(without[1:3]) or source in (PLAIN_CELLS["comment"], PLAIN_CELLS["main"])


def test_a_future_statement_holds_for_the_cells_after_it(engine, spawned):
    cells = (
        "from __future__ import annotations",
        "def f(x: not_there) -> int: return x",
        "print(f.__annotations__)",
    )
    assert "'x': 'not_there'" in shown(engine, *cells)[2][0]["text"] and spawned == [""]
    assert shown(engine, *cells[1:])[0][0]["ename"] == "NameError"


@pytest.mark.parametrize(
    "source, needs",
    [
        ("def f(x):\n    return x", ""),
        ("x = f(1)\nprint(x)  # shows nothing of its own", ""),
        ("assert f(1) == 1", ""),
        ("", ""),
        ("# In: x. Out: its display", ""),
        ("import matplotlib.pyplot as plt", "plots"),
        ("%pylab inline", "plots"),
        ("import random\nx = random.random()", "random"),
        ("def he_normal(fan_in, fan_out, rng):\n    return rng.normal(size=(fan_in, fan_out))", "random"),
        ("rng = np.random.default_rng(0)\nrng.normal()", "ipython"),
        ("if 1: x = 1\nelse: x = 2", ""),
        ("import math", ""),
        ("table = {\n    1: 2,\n}", ""),
        ("async def later(): return 4", ""),
        ("x", "ipython"),
        ("1 + 2", "ipython"),
        ("-x, 3", "ipython"),
        ("'text'  # of mine", "ipython"),
        ("f(x, lr=0.1)", "ipython"),
        ("not x", "ipython"),
        ("f?", "ipython"),
        ("x = f(1)\nf(x)\n", "ipython"),
        ("table[3:].sum()", "ipython"),
        ("%timeit f(1)", "ipython"),
        ("!ls", "ipython"),
        ("from IPython.display import HTML", "ipython"),
        ("get_ipython().magic('time')\ny = 1", "ipython"),
        ("display(x)\ny = 1", "ipython"),
        ("y = Out[3]", "ipython"),
        ("quit()\ny = 1", "ipython"),
        ("x = 1\n" * 4000, "ipython"),
    ],
)
def test_most_notebooks_are_known_by_their_text(engine, spawned, source, needs):
    engine.run(notebook(added(source), test("assert 1")))
    assert spawned == [needs]


@pytest.mark.parametrize(
    "source",
    [
        "1 == x",
        "1 == x  # rng",
        "[\n  x,\n]",
        "x = await later()",
        "y = (",
        "files = !ls",
        "z = 1;y",
        "(\n1\n)",
    ],
)
def test_a_cell_that_turns_out_to_need_ipython_gets_it(engine, spawned, source):
    before = "x = y = 2\nasync def later(): return 4"
    result = engine.run(
        notebook(added(before), added(source), solution("def f(): return x"), test("assert f() in (2, 4)"))
    )
    assert spawned == ["random" if "rng" in source else "", "ipython"]
    assert result.questions["test"].status == "right"
    assert result.notebook.cells[1].outputs or "await" in source
    assert not result.notes


def test_a_notebook_with_values_to_show_starts_no_process_in_vain(engine, spawned):
    cells = shown(engine, "x = [1, 2]", "x", "print(x)\nlen(x)")
    assert spawned == ["ipython"]
    assert [output["data"]["text/plain"] for output in (cells[1][0], cells[2][1])] == ["[1, 2]", "2"]


def test_a_plot_in_a_test_needs_matplotlib_on_both_sides(engine, spawned):
    result = engine.run(
        notebook(solution("def f(): return 1"), test("import matplotlib.pyplot as plt\nassert f() == 1"))
    )
    assert spawned == ["plots"] and result.questions["test"].status == "right"


# --- functions that are handed out before the fork


@pytest.mark.parametrize(
    "check",
    [
        "assert f(1) == 2 and g(1) == 3",
        "a, b, c = f, same, g\nassert (c(1), b(1), a(1)) == (3, 2, 2)",
        "assert same(1) == f(1) == 2 and twice(f, 1) == twice(same, 1) == 3",
        "n = number\nassert (f(n), g(n)) == (6, 7) and word == 'w'",
        "assert f(table[0]) == 2 and g(table[1]) == 4",
        "a = f\nt = table\nassert g(t[1]) == 4 and a(t[0]) == 2",
        "assert total(2) == 2 and f(1) == 2 and built([1, 2]) == 3 and wave(0.0) == 0.0",
        "assert callable(f) and callable(g)",
        "try:\n    missing\nexcept NameError:\n    pass\nassert f(1) == 2",
        "for k in range(200):\n    assert f(k) == k + 1",
        "assert twice(lambda x: g(x), 1) == 5",
        f"assert {'n' * 280}(1) == 2",
    ],
)
def test_any_order_of_names_and_calls_gets_the_right_functions(engine, check):
    source = (
        "import numpy as np\ndef f(x): return x + 1\ndef g(x): return x + 2\nsame = f\nnumber = 5\nword = 'w'\n"
        "def twice(h, x): return h(h(x))\ntable = np.array([1, 2])\n"
        "class Total:\n    n = 0\n    def __call__(self, x):\n        self.n += x\n        return self.n\n"
        f"total = Total()\nbuilt = sum\nwave = np.sin\n{'n' * 280} = f"
    )
    result = engine.run(notebook(solution(source), test(check), test(check, "again")))
    assert {name: (q.status, q.message) for name, q in result.questions.items()} == {
        "test": ("right", ""),
        "again": ("right", ""),
    }


def test_a_given_cell_is_python_alone_too(engine, spawned):
    result = engine.run(notebook(given("import numpy as np"), solution("y = np.pi"), test("assert y > 3")))
    assert spawned == [""] and result.questions["test"].status == "right"


def test_a_generator_reaches_code_that_says_nothing_of_it(engine, spawned):
    check = (
        "import numpy as np\nr = np.random.default_rng(3)\nassert f(r) == np.random.default_rng(3).normal()"
    )
    result = engine.run(
        notebook(
            solution("def f(source):\n    return source.normal()"),
            test(check + "\nassert r.normal() != np.random.default_rng(3).normal(), 'it stands still'"),
            test("import numpy as np\nassert g(np.random.default_rng(3)) is not None", "other"),
        )
    )
    assert spawned == [""] and result.questions["test"].status == "right"
    assert result.questions["other"].status == "wrong"


@pytest.mark.parametrize("value", ["lambda x: 7", "5"])
def test_a_name_that_is_none_stands_for_no_question(engine, value):
    source = f"def f(x): return x + 1\nglobals()[None] = {value}"
    result = engine.run(notebook(solution(source), test("assert f(1) == 2 and f(6) == 7")))
    assert result.questions["test"].status == "right"
