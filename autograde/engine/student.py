"""The untrusted side: has a submission's cells run, and serves its names to test cells.

Everything below runs in a process that a student's code shares, and which it may change as it likes: nothing
here protects anyone. What protects is the sandbox around the process, and that the other ends of the wires
trust no byte from here.

    main process    a fork of the zygote; reads commands, runs cells in notebook order, keeps the namespace
    serving child   a fork of the main process for one test cell, made when the cell asks for more than a
                    plain answer; serves GET and CALL until its channel closes

Time goes into forks and into the memory pages that are touched after one, each of which costs a fault: so a
fork is as bare as it may be, and what the main process can answer without touching much, it answers.
"""

from __future__ import annotations

import builtins
import marshal
import os
import select
import socket
import struct
import sys
import types
import warnings

import numpy as np

from . import calls, kernel, landlock, rehearsal, sandbox, wire
from .interpreter import Outputs, Writer, frames_of

PLAIN = (bool, int, float, str, type(None))  # what is answered without a fork
FIRST_BYTES = 300  # of a test cell's first question, which hold the name that it asks for
QUIET_MODES = frozenset(("ignore", "warn", "raise"))
DESCRIPTOR = struct.Struct("i")
NOTHING_TO_SAY = calls.dumps(("ran", "", ()))


def warm(interpreter):
    """Do once in the zygote what would cost each of its forks time or memory."""
    for _ in range(rehearsal.ROUNDS):
        source = "def rehearsed(x):\n    return x"
        interpreter.run(source, 0, interpreter.code(source, 0))
    del interpreter.space["rehearsed"]
    rehearsal.rehearse(calls.Peer, lambda channel: Server(channel, interpreter))


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

    def __init__(self, channel, interpreter):
        super().__init__(channel)
        self.interpreter = interpreter
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
                self._told = self.interpreter.outputs.take_text(), _rows_of(seen) if seen else ()
        return (*self._told, result)

    def failed_with(self):
        told, self._told = self._told, ("", ())
        return told

    def frames_of(self, problem):
        return frames_of(BaseException.__traceback__.__get__(problem))

    def get(self, name):
        space = self.interpreter.space
        if name not in space:
            raise NameError(f"name {name!r} is not defined")
        return space[name]


class Student:
    """The main process: cells to run come over `channel`, a socket for each serving child through `door`."""

    def __init__(self, interpreter, channel, door, output_bytes):
        self.interpreter = interpreter
        self.channel = channel
        self.door = door
        self.me = os.getpid()
        self.stay_inside = None if self.me == 1 else landlock.signal_scope()
        self.server = Server(None, interpreter)  # for the forks, which know the functions that it has numbered
        self.read_ahead = {}  # number of a cell: its source, and its code
        self.commands = select.poll()
        self.commands.register(channel.sock, select.POLLIN)
        self.commands.register(door, select.POLLIN)
        outputs = interpreter.outputs = Outputs(output_bytes)
        sys.stdout, sys.stderr = Writer(outputs, "stdout"), Writer(outputs, "stderr")
        builtins.input = no_input
        sys.path.insert(0, "")

    def serve(self):
        while True:
            (ready, _), *_ = self.commands.poll()
            if ready == self.door.fileno():
                self.serve_test()
            else:
                command, *about = marshal.loads(self.channel.receive())  # what the engine says can be trusted
                self.channel.send({"read": self.read, "run": self.run}[command](*about))

    def read(self, cells):
        """Compile the cells to come, while there is no fork yet for whose sake each page would be copied that
        this needs; the message ("read", whether all are Python alone)."""
        alone = True
        for source, count in cells:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                code = self.interpreter.code(source, count)
            alone = alone and code is not None
            if not seen:  # a warning is to be seen where its cell is run
                self.read_ahead[count] = source, code
        return calls.dumps(("read", alone))

    def run(self, source, count):
        """Run one cell; the message ("ran", name of the exception or "", rows of output)."""
        interpreter = self.interpreter
        interpreter.outputs.clear()
        known, code = self.read_ahead.pop(count, (None, None))
        if known != source or interpreter.hooked():
            code = interpreter.code(source, count)
        problem = interpreter.run(source, count, code)
        if problem is None and not interpreter.outputs.rows:
            return NOTHING_TO_SAY
        name = type(problem).__name__[:80] if problem is not None else ""
        return calls.dumps(("ran", name, interpreter.outputs.take()))

    def serve_test(self):
        """Serve one test cell on a socket from `door`: plain answers from here, anything else from a fork.

        What this process touches between two forks is copied: so it only looks at what has arrived, and the
        fork reads it.
        """
        _, ((_, _, sent),), _, _ = self.door.recvmsg(1, socket.CMSG_SPACE(DESCRIPTOR.size))
        (fd,) = DESCRIPTOR.unpack(sent)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd) as own:
            while self._hears(own) and (first := own.recv(FIRST_BYTES, socket.MSG_PEEK)):
                name = calls.asked_name(first)
                value = self if name is None else self.interpreter.space.get(name, self)
                if type(value) is types.FunctionType:
                    _, number = self.server.export(value)
                    own.recv(len(first))
                    own.sendall(calls.function_answer(first, number))
                elif type(value) in PLAIN:
                    server = Server(wire.Channel(own), self.interpreter)
                    server.serve(*server.next())
                else:
                    break
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
        self.interpreter.outputs.clear()
        self.server.channel = wire.Channel(own)
        self.server.serve_until_closed()
