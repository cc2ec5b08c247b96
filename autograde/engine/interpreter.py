"""Runs cells that are Python alone, without IPython, and keeps what they show.

Most notebooks need no more, and a process that has never imported IPython forks faster by a third. `shell.py`
is the same for the others. Part of the untrusted side: nothing here protects anyone.
"""

from __future__ import annotations

import __future__
import ast
import builtins
import io
import linecache
import sys
import types

from . import calls

MAX_DISPLAYS = 200
FUTURES = 0
for _name in __future__.all_feature_names:
    FUTURES |= getattr(__future__, _name).compiler_flag


class Outputs:
    """What the running code shows: rows of ("stream", text), ("display" | "result", text, image), ("error",
    exception).

    stdout and stderr are one stream, because nbgrader takes whatever comes on stderr for a failure.
    """

    def __init__(self, most_bytes):
        self.most_bytes = most_bytes
        self.clear()

    def clear(self):
        self.rows = []
        self.left = self.most_bytes
        self.displays = 0

    def stream(self, text):
        if self.left <= 0:
            return
        self.left -= len(text)
        if self.left <= 0:
            text = text[: self.left] + "\n... the rest of the output is cut off ...\n"
        if self.rows and self.rows[-1][0] == "stream":
            self.rows[-1][1].append(text)
        else:
            self.rows.append(("stream", [text]))

    def show(self, kind, data):
        text, image = data.get("text/plain"), data.get("image/png")
        size = len(text or "") + len(image or "")
        if text is None and image is None or self.displays >= MAX_DISPLAYS or size > self.left:
            return
        self.displays += 1
        self.left -= size
        self.rows.append((kind, text, image))

    def error(self, problem, frames):
        self.rows.append(("error", calls.pack_exception(problem, frames)))

    def take(self):
        """The rows as plain data, which leaves none."""
        rows = tuple(("stream", "".join(row[1])) if row[0] == "stream" else row for row in self.rows)
        self.clear()
        return rows

    def take_text(self):
        """Streams only, as one text."""
        if not self.rows:
            return ""
        return "".join(row[1] for row in self.take() if row[0] == "stream")


class Writer(io.TextIOBase):
    """sys.stdout or sys.stderr of student's code."""

    encoding = "utf-8"

    def __init__(self, outputs, name):
        self.outputs = outputs
        self.name = f"<{name}>"

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.outputs.stream(text)
        return len(text)

    def writable(self):
        return True


class Interpreter:
    """The namespace of a notebook, `space`, and what runs its cells."""

    def __init__(self):
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        self.space = vars(main)
        self.space.update({"__builtins__": builtins, "__builtin__": builtins, "_": "", "__": "", "___": ""})
        self.outputs = Outputs(1 << 20)
        self.flags = 0  # of the `from __future__ import` so far, which hold for all cells to come

    def code(self, source, count):
        """The code of cell `count` if it is Python alone and ends in no value to show; None for others: magics,
        `await`, a syntax error."""
        name = f"<cell {count}>"
        try:
            tree = self.parsed(source, name)
            if not (tree.body and _shows_a_value(tree.body[-1])):
                return self.compiled(tree, name)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            pass  # IPython makes something of it, or says what is wrong
        return None

    def run(self, source, count, code):
        """Run what `code` gave for a cell; the exception, if one came."""
        lines = [line + "\n" for line in source.splitlines()]
        linecache.cache[f"<cell {count}>"] = len(source), None, lines, f"<cell {count}>"  # for tracebacks
        try:
            exec(code, self.space)
        except BaseException as problem:
            self.outputs.error(problem, frames_of(BaseException.__traceback__.__get__(problem)))
            return problem
        return None

    def hooked(self):
        """Whether students' own hooks may change what a cell means, so that `code` is not to be relied on."""
        return False

    def parsed(self, source, name):
        return compile(source, name, "exec", self.flags | ast.PyCF_ONLY_AST, dont_inherit=True)

    def compiled(self, tree, name):
        code = compile(tree, name, "exec", self.flags, dont_inherit=True)
        self.flags |= code.co_flags & FUTURES
        return code


def _shows_a_value(statement):
    """Whether a cell's last statement is an expression with a value; print's is None."""
    if not isinstance(statement, ast.Expr):
        return False
    call = statement.value
    return not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print")


def frames_of(trace):
    """((place, line, function, source), ...) of the frames that lie in the submission's cells."""
    rows = []
    while trace is not None and len(rows) < 200:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith("<cell"):
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            name = "" if code.co_name == "<module>" else code.co_name
            rows.append((code.co_filename.strip("<>"), trace.tb_lineno, name, line[:200]))
        trace = trace.tb_next
    return tuple(rows)
