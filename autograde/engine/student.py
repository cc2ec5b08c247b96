"""The untrusted side: runs a submission's cells in an IPython shell and serves its names to test cells.

Everything below runs in a process that a student's code shares, and which it may change as it likes: nothing
here protects anyone. What protects is the sandbox around the process, and that the other ends of the wires
trust no byte from here.

    main process    a fork of the zygote; reads commands, runs cells in notebook order, keeps the namespace
    serving child   a fork of the main process for one test cell, made when the cell asks for more than a
                    plain answer; serves GET and CALL until its channel closes

Time goes into forks and into the memory pages that are touched after one, each of which costs a fault: so
IPython runs only the cells that need it, and a fork is as bare as it may be.
"""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import os
import select
import socket
import struct
import sys
import warnings

import numpy as np
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from . import calls, kernel, landlock, rehearsal, sandbox, wire

MAX_DISPLAYS = 200
PLAIN = (bool, int, float, str, type(None))  # what is answered without a fork
FIRST_BYTES = 300  # of a test cell's first question, which hold the name that it asks for
QUIET_MODES = frozenset(("ignore", "warn", "raise"))
DESCRIPTOR = struct.Struct("i")


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


class Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **kwargs):
        self.shell.outputs.show("display", data)

    def clear_output(self, wait=False):
        pass


class Hook(DisplayHook):
    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.outputs.show("result", format_dict)

    def log_output(self, format_dict):
        pass

    def finish_displayhook(self):
        self._is_active = False


class Compiler(CachingCompiler):
    def get_code_name(self, raw_code, transformed_code, number):
        return f"<cell {number}>"


class Shell(InteractiveShell):
    """IPython without a terminal, a kernel, a history file or subprocesses."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    compiler_class = Type(Compiler)
    outputs = None

    def enable_gui(self, gui=None):
        pass

    def ask_exit(self):
        print("`quit()` and `exit()` do nothing in a graded notebook.")

    def system(self, command):
        raise PermissionError("Programs cannot be started in a graded notebook")

    getoutput = system

    def showtraceback(self, exc_tuple=None, *args, **kwargs):
        kind, problem, trace = self._get_exc_info(exc_tuple)
        self.outputs.error(problem, frames_of(trace))

    def showsyntaxerror(self, filename=None, running_compiled_code=False):
        problem = sys.exc_info()[1]
        place = getattr(problem, "filename", None)
        frame = (
            ((place.strip("<>"), problem.lineno or 0, "", (problem.text or "").strip()[:200]),)
            if isinstance(place, str) and place.startswith("<cell")
            else ()
        )
        self.outputs.error(type(problem)(getattr(problem, "msg", str(problem))), frame)

    showindentationerror = None


Shell.showindentationerror = lambda self: self.showsyntaxerror()


def is_hooked(shell):
    return bool(shell.ast_transformers or shell.input_transformers_post or shell.custom_exceptions)


def plain_code(shell, source, name):
    """The code of a cell that is Python alone and ends in no expression; None for others, which are IPython's
    to run: magics, values to show, `await`, and whatever a student's own hooks may want to change."""
    if is_hooked(shell):
        return None
    try:
        tree = shell.compile.ast_parse(source, name)
        if tree.body and not isinstance(tree.body[-1], ast.Expr):
            return shell.compile(tree, name, "exec")
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        pass  # IPython makes something of it, or says what is wrong
    return None


def run_plainly(shell, code, source):
    """Run what `plain_code` gave, with as little of IPython as it can tell; the exception, if one came."""
    shell.compile.cache(source, shell.execution_count)  # for tracebacks
    shell.events.trigger("pre_execute")
    try:
        with shell.builtin_trap:
            exec(code, shell.user_global_ns, shell.user_ns)
    except BaseException as problem:
        shell.showtraceback()
        return problem
    finally:
        shell.events.trigger("post_execute")  # figures are shown here


def make_shell(folder, plots):
    """A shell for the zygote to warm; `folder` is where IPython may keep its empty profile. With `plots`,
    matplotlib is ready."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.history_length = 0
    config.InteractiveShell.autocall = 0
    os.environ["IPYTHONDIR"] = folder
    shell = Shell.instance(config=config)
    shell.outputs = Outputs(1 << 20)
    if plots:
        shell.enable_matplotlib("inline")
    shell.run_cell("None", store_history=False)  # the first run of a cell imports and compiles much
    for _ in range(rehearsal.ROUNDS):
        source = "def rehearsed(x):\n    return x"
        run_plainly(shell, plain_code(shell, source, "<cell 0>"), source)
    del shell.user_ns["rehearsed"]
    rehearsal.rehearse(calls.Peer, lambda channel: Server(channel, shell))
    return shell


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


def no_input(prompt=""):
    raise RuntimeError("`input()` cannot be answered in a graded notebook; give the value in the code")


def _rows_of(seen):
    """Recorded warnings as plain data."""
    return tuple(
        (
            calls.nearest(row.category, calls.WARNINGS, "UserWarning"),
            calls.safe_text(row.message),
            int(row.lineno),
        )
        for row in seen[: calls.MAX_WARNINGS]
    )


class Server(calls.Peer):
    """The student's end in a serving child."""

    def __init__(self, channel, shell):
        super().__init__(channel)
        self.shell = shell
        self._told = ("", ())

    def perform(self, function, args, kwargs, modes):
        self._told = ("", ())
        if not QUIET_MODES.issuperset(modes):  # the others would print, or need something to call
            modes = [mode if mode in QUIET_MODES else "warn" for mode in modes]
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                with np.errstate(divide=modes[0], over=modes[1], under=modes[2], invalid=modes[3]):
                    result = function(*args, **kwargs)
            finally:
                self._told = self.shell.outputs.take_text(), _rows_of(seen) if seen else ()
        return (*self._told, result)

    def failed_with(self):
        told, self._told = self._told, ("", ())
        return told

    def frames_of(self, problem):
        return frames_of(BaseException.__traceback__.__get__(problem))

    def get(self, name):
        space = self.shell.user_ns
        if name not in space:
            raise NameError(f"name {name!r} is not defined")
        return space[name]


class Student:
    """The main process: cells to run come over `channel`, a socket for each serving child through `door`."""

    def __init__(self, shell, channel, door, output_bytes):
        self.shell = shell
        self.channel = channel
        self.door = door
        self.me = os.getpid()
        self.stay_inside = None if self.me == 1 else landlock.signal_scope()
        self.server = Server(None, shell)  # for the forks
        self.read_ahead = {}  # number of a cell: its source, and what `plain_code` made of it
        self.commands = select.poll()
        self.commands.register(channel.sock, select.POLLIN)
        self.commands.register(door, select.POLLIN)
        shell.outputs = Outputs(output_bytes)
        sys.stdout, sys.stderr = Writer(shell.outputs, "stdout"), Writer(shell.outputs, "stderr")
        builtins.input = no_input
        sys.path.insert(0, "")

    def serve(self):
        while True:
            (ready, _), *_ = self.commands.poll()
            if ready == self.door.fileno():
                self.serve_test()
            else:
                _, (command, *about) = calls.loads(self.channel.receive())
                self.channel.send(calls.dumps({"read": self.read, "run": self.run}[command](*about)))

    def read(self, cells):
        """("read",): compile the cells to come, while there is no fork yet for whose sake each page would be
        copied that this needs."""
        for source, count in cells:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                code = plain_code(self.shell, source, f"<cell {count}>")
            if not seen:  # a warning is to be seen where its cell is run
                self.read_ahead[count] = source, code
        return ("read",)

    def run(self, source, count):
        """("ran", name of the exception or "", rows of output) of one cell."""
        shell = self.shell
        shell.outputs.clear()
        shell.execution_count = count
        known, code = self.read_ahead.pop(count, (None, None))
        if known != source or is_hooked(shell):
            code = plain_code(shell, source, f"<cell {count}>")
        if code is None:
            outcome = shell.run_cell(source, store_history=True)
            problem = outcome.error_before_exec or outcome.error_in_exec
        else:
            problem = run_plainly(shell, code, source)
        return "ran", type(problem).__name__[:80] if problem is not None else "", shell.outputs.take()

    def serve_test(self):
        """Serve one test cell on a socket from `door`: plain answers from here, anything else from a fork.

        What this process touches between two forks is copied: so it only looks at what has arrived, and the
        fork reads it.
        """
        _, ((_, _, sent),), _, _ = self.door.recvmsg(1, socket.CMSG_SPACE(DESCRIPTOR.size))
        with socket.socket(fileno=DESCRIPTOR.unpack(sent)[0]) as own:
            while self._hears(own) and (first := own.recv(FIRST_BYTES, socket.MSG_PEEK)):
                if type(self.shell.user_ns.get(calls.asked_name(first), self)) not in PLAIN:
                    break
                server = Server(wire.Channel(own), self.shell)
                server.serve(*server.next())
            else:
                return
            child = kernel.fork()
            if child == 0:
                try:
                    self._serve_from_fork(own)
                finally:
                    os._exit(0)
        os.waitpid(child, 0)  # the warden ends it; until then this process would have to copy what it touches

    def _hears(self, own):
        """Wait for a test cell's next question; False where the engine has gone on without the cell."""
        self.commands.register(own, select.POLLIN)
        ready = self.commands.poll()
        self.commands.unregister(own)
        return [fd for fd, _ in ready] == [own.fileno()]

    def _serve_from_fork(self, own):
        # the first process of a PID namespace ends all others by ending, and gets no signal of theirs
        if self.stay_inside:
            sandbox.die_with_parent(self.me)
            self.stay_inside()
        os.close(self.channel.sock.fileno())
        os.close(self.door.fileno())
        self.shell.outputs.clear()
        self.server.channel = wire.Channel(own)
        self.server.serve_until_closed()
