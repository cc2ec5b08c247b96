"""The trusted side: runs locked cells and test cells, and asks the student process for the names that they do
not define.

A test cell gets a namespace of its own: what the locked, ungraded cells defined, and builtins; any other name
is looked up in the student process, where data is copied and a function becomes a proxy. The cell's own text
never leaves this process.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import importlib
import io
import marshal
import math
import numbers
import os
import pkgutil
import signal
import socket
import sys
import time
import warnings

import numpy as np

from . import calls, rehearsal, sandbox, wire

MAX_TEXT = 50_000
BUILTINS = {name: value for name, value in vars(builtins).items() if not name.startswith("_")}


class Ended(BaseException):
    """The student's process answers no more in this cell. No `except Exception` of a test swallows it."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


class StudentFunction(calls.RemoteFunction):
    """A student's function in a test cell; calling it runs it in the student's process."""

    __slots__ = ()


class Asker(calls.Peer):
    """The trusted end of a serving child's channel. Any breach, silence or death ends the cell, whatever the
    test makes of it."""

    remote = StudentFunction

    def __init__(self, channel, deadline, seconds):
        super().__init__(channel, deadline)
        self.seconds = seconds
        self.ended = None
        self.calls = 0
        self.undone = 0  # calls that ended in NotImplementedError
        self.missing = False

    def _ask(self, kind, rest):
        if self.ended is not None:
            raise self.ended
        try:
            self.calls += kind == calls.CALL
            return super()._ask(kind, rest)
        except wire.WireTimeout:
            self.ended = Ended(
                "timeout",
                f"Your code did not finish within {self.seconds:g} s: is there a loop that never ends?",
            )
        except wire.WireClosed:
            self.ended = Ended("crashed", "Your code ended the process that it ran in.")
        except wire.WireError as problem:
            self.ended = Ended("crashed", f"Your code broke the connection to the tests ({problem}).")
        except NotImplementedError:
            self.undone += kind == calls.CALL
            raise
        except MemoryError as problem:
            if kind != calls.CALL or not hasattr(problem, "raised"):
                raise
            # filling the memory takes seconds: in each of a test's cases they would add up to its deadline
            self.ended = Ended("crashed", "Your code needed more memory than a question may take.")
        raise self.ended

    def heard(self, text, rows):
        if text:
            sys.stdout.write(text)
        calls.reissue(rows)


class Space(dict):
    """The globals of a test cell."""

    def __init__(self, base, asker):
        super().__init__(BUILTINS | base)  # each of them would pass through __missing__ before it is found
        self.asker = asker

    def __missing__(self, name):
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        try:
            value = self.asker.ask_for(name)
        except NameError as problem:
            if hasattr(problem, "raised"):
                self.asker.missing = True
                raise NameError(f"`{name}` is not defined in your notebook.") from None
            raise
        if isinstance(value, StudentFunction):
            value.__name__ = name
        self[name] = value
        return value


class Text(io.TextIOBase):
    """Collects what a cell prints, up to a limit."""

    def __init__(self):
        self.parts = []
        self.left = MAX_TEXT

    def write(self, text):
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.parts.append("\n... the rest of the output is cut off ...\n")
        return len(text)

    def writable(self):
        return True

    def value(self):
        return "".join(self.parts)


class _NoShell:
    """Stands for IPython in trusted cells: their magics (`%matplotlib inline`) have nothing to do here."""

    def run_line_magic(self, *args, **kwargs):
        return None

    run_cell_magic = system = getoutput = run_line_magic


def warm(plots):
    """Import once what trusted cells are likely to import; what is not there, or broken, is left to them."""
    importlib.import_module("numpy.random")
    with contextlib.suppress(Exception):
        importlib.import_module("autograde.marking")
        catalogues = importlib.import_module("autograde.mistakes")
        for module in pkgutil.iter_modules(catalogues.__path__, catalogues.__name__ + "."):
            with contextlib.suppress(Exception):
                importlib.import_module(module.name)
    for name in ("matplotlib.pyplot", "IPython.core.inputtransformer2") if plots else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    rehearsal.rehearse(lambda channel: Asker(channel, time.monotonic() + 60, 60), calls.Peer)


def serve(order, channel, door):
    """Answer the engine's orders until it closes the channel."""
    os.chdir(order["folder"])
    sandbox.limit_memory(2 * order["memory_bytes"])
    wires = wire.Channel(channel)
    trial = Trial()
    while True:
        kind, seconds, *rest = marshal.loads(wires.receive())
        # ends this process, if an answer keeps a test busy for ever
        signal.setitimer(signal.ITIMER_REAL, seconds)
        if kind == "locked":
            trial.locked(*rest)
        else:
            _, (fd,), _, _ = socket.recv_fds(door, 1, 1)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd) as own:
                wires.send(calls.dumps(trial.test(own, *rest)))
        signal.setitimer(signal.ITIMER_REAL, 0)


class Trial:
    """One submission's trusted namespace."""

    def __init__(self):
        self.base = {"__name__": "__main__", "get_ipython": _NoShell, "display": lambda *args, **kwargs: None}

    def locked(self, source):
        """Run a locked, ungraded cell by statements; one that needs what students write is left out."""
        with contextlib.redirect_stdout(Text()), contextlib.redirect_stderr(
            Text()
        ), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for statement in compiled_statements(source):
                with contextlib.suppress(Exception):
                    exec(statement, self.base)

    def test(self, sock, source, points, seconds, undone):
        """(status, error name, message, traceback lines, score or None, printed text) of one test cell.

        `points` is the cell's maximum; `undone` tells whether a cell of the student's stopped at
        NotImplementedError.
        """
        asker = Asker(wire.Channel(sock), time.monotonic() + seconds, seconds)
        text = Text()
        score, problem = None, None
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning
            try:
                body, last = compiled_cell(source)
                space = Space(self.base, asker)
                exec(body, space)
                value = None if last is None else eval(last, space)
                if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
                    score = float(value)
                    if not (math.isfinite(score) and 0 <= score <= points):
                        score, problem = None, ValueError(
                            "The score of this cell is out of its range; tell your teacher."
                        )
            except BaseException as caught:
                problem = caught
        if asker.ended is not None:
            problem = asker.ended
        status, name, message, lines = _verdict(problem, asker, undone)
        if problem is None and score is not None and score < points:
            status = "partial" if score > 0 else "wrong"
        return status, name, message, lines, score, text.value()


@functools.lru_cache(1000)
def compiled_cell(source):
    """(code, code of a last expression or None) of a test cell, with IPython's rule: a last semicolon hides
    the value."""
    tree = _parse(source)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = compile(ast.Expression(tree.body.pop().value), "<test>", "eval")
    return compile(tree, "<test>", "exec"), last


@functools.lru_cache(1000)
def compiled_statements(source):
    """The code of each statement of a locked cell; none of a cell that cannot be read."""
    try:
        return [compile(ast.Module([statement], []), "<locked>", "exec") for statement in _parse(source).body]
    except SyntaxError:
        return []


def learn(tests, locked):
    """Compile cells in the zygote, so that its forks need not."""
    for source in tests:
        with contextlib.suppress(SyntaxError, ValueError):
            compiled_cell(source)
    for source in locked:
        with contextlib.suppress(ValueError):
            compiled_statements(source)


def _parse(source):
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))


def _show_warning(message, category, filename, lineno, file=None, line=None):
    print(f"{category.__name__}: {message}")


def _verdict(problem, asker, undone):
    """(status, error name, message, traceback lines); the name is empty for a cell that passed."""
    if problem is None:
        return "right", "", "", ()
    if isinstance(problem, Ended):
        name = {"timeout": "TimeoutError"}.get(problem.status, "RuntimeError")
        return problem.status, name, problem.message, ()
    status = "wrong"
    if isinstance(problem, NotImplementedError) or (asker.calls and asker.undone == asker.calls):
        status = "not attempted"
    if asker.missing and undone:
        status = "not attempted"
    raised = vars(problem).get("raised")
    name = type(problem).__name__
    if raised is not None:
        if raised.name == "Unsendable":
            return status, name, f"Your answer cannot be checked: {raised.text}.", ()
        if raised.name == "NotImplementedError":
            message = "Not attempted: your code raised NotImplementedError" + (
                f": {raised.text}" if raised.text else "."
            )
        else:
            message = f"Your code raised {raised.name}: {raised.text}"
        return (
            status,
            name,
            message,
            raised.lines(),
        )
    if isinstance(problem, SyntaxError):
        return status, name, "This test cell cannot be run; tell your teacher.", ()
    text = calls.safe_text(problem, 4000)
    if isinstance(problem, (AssertionError, NotImplementedError)):
        return status, name, text or "A check in this cell failed.", ()
    if isinstance(problem, NameError) and asker.missing:
        return status, name, text, ()
    return (
        status,
        name,
        f"Your answer could not be checked: {text}" if text else "Your answer could not be checked.",
        (),
    )
