"""The engine's ends of the processes that it runs: two zygotes, a student process and a trial for each
submission.

What a student process answers is a stranger's, and its readers say so; zygotes, wardens and trials are
trusted.
"""

from __future__ import annotations

import json
import marshal
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import calls, wire, zygote

GRACE = 2.0  # seconds that a trusted answer may come after its deadline
START_SECONDS = 60.0


class SandboxUnavailable(RuntimeError):
    """The machine cannot give a layer of the sandbox that was required; the text says which and why."""


class EngineError(RuntimeError):
    """The engine itself failed; the text says at what."""


class Zygote:
    """A warm interpreter (see zygote.py) that answers `spawn`."""

    def __init__(self, role, home, *arguments):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TMPDIR": home,
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": _matplotlib_folder(home),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "IPYTHONDIR": home,
            # glibc is to keep the memory of long arrays for the next ones: pages given back cost a fault each
            "MALLOC_MMAP_THRESHOLD_": str(2**25),
            "MALLOC_TRIM_THRESHOLD_": str(2**26),
        }
        self.log = os.path.join(
            home, "-".join([role, *(word for word in arguments if word in zygote.NEEDS)]) + ".log"
        )
        self.role = role
        command = [
            sys.executable,
            "-I",
            *(["-B"] if sys.dont_write_bytecode else []),
            "-c",
            zygote.BOOT,
            str(Path(__file__).parent),
            str(theirs.fileno()),
            role,
        ]
        with open(self.log, "wb") as log, theirs:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=[theirs.fileno()],
                cwd=home,
                start_new_session=True,
            )
        self.control = ours
        self.known = set()
        self.room = zygote.MOST_BYTES // 2

    def wait_until_ready(self):
        self.control.settimeout(START_SECONDS)
        try:
            message = self.control.recv(65536)
        except OSError:
            message = b""
        if not message:
            self.close()
            raise EngineError(
                f"The {self.role} process of the grading engine did not start:\n{self.last_words()}"
            )
        self.control.settimeout(5)
        return json.loads(message)["ready"]

    def last_words(self):
        try:
            return Path(self.log).read_text(errors="replace")[-2000:].strip()
        except OSError:
            return ""

    def spawn(self, order, sockets):
        socket.send_fds(self.control, [json.dumps(order).encode()], [s.fileno() for s in sockets])
        self.room = zygote.MOST_BYTES // 2

    def not_known(self, texts):
        """Those of the cells' texts that have not been sent to it, as far as they fit into one order."""
        fresh = []
        for text in texts:
            if text in self.known:
                continue
            size = len(json.dumps(text)) + 2
            if size < self.room:
                self.room -= size
                self.known.add(text)
                fresh.append(text)
        return fresh

    def close(self):
        try:
            self.control.send(zygote.FAREWELL)
        except OSError:
            pass  # it has ended already
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _matplotlib_folder(home):
    """A folder with nothing but the user's font list, so that matplotlib need not search the machine for
    fonts again."""
    folder = os.path.join(home, "matplotlib")
    os.makedirs(folder, exist_ok=True)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
    for path in cache.glob("fontlist-*.json"):
        shutil.copyfile(path, os.path.join(folder, path.name))
    return folder


class Student:
    """The engine's end of one student process."""

    role = "student"

    def __init__(self, source, order):
        ours, theirs = socket.socketpair()
        door, their_door = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, their_door, their_control:
            source.spawn(order, [theirs, their_door, their_control])
        self.channel = wire.Channel(ours)
        self.door = door
        door.settimeout(1)  # a student process that takes nothing from it must not hold us up
        self.control = control
        control.settimeout(START_SECONDS)
        report = self._hear()
        if "layers" not in report:
            self.close()
            if "refused" in report:
                raise SandboxUnavailable(report["refused"])
            raise EngineError("The student process could not be started.")
        self.layers, self.missing = tuple(report["layers"]), report["missing"]

    def _hear(self):
        try:
            return json.loads(self.control.recv(65536) or b"{}")
        except OSError:
            return {}

    def read(self, cells, deadline):
        """Have it compile cells, (source, count) each, before they are run; whether all are Python alone.
        Raises WireError where it does not come to an end."""
        reply = self._answer(("read", tuple(cells)), deadline)
        if reply not in (("read", True), ("read", False)):
            raise wire.WireError("not an answer")
        return reply[1]

    def _answer(self, command, deadline):
        self.channel.send(marshal.dumps(command), deadline)
        return calls.loads(self.channel.receive(deadline))[1]

    def run(self, source, count, deadline):
        """(name of the exception or "", rows of output); raises WireError where no sound answer comes."""
        reply = self._answer(("run", source, count), deadline)
        if not (
            type(reply) is tuple
            and len(reply) == 3
            and reply[0] == "ran"
            and type(reply[1]) is str
            and type(reply[2]) is tuple
        ):
            raise wire.WireError("not an answer")
        return reply[1], reply[2]

    def serve(self):
        """A socket on which the student process serves one test cell; `served` is to follow."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.control.send(b"fork")
                socket.send_fds(self.door, [b"s"], [theirs.fileno()])
            except OSError as problem:
                ours.close()
                raise wire.WireClosed(str(problem)) from None
        return ours

    def served(self):
        """End what is left of serving a test cell."""
        try:
            self.control.send(b"done")
        except OSError:
            pass  # it is gone, as the next order will find

    def close(self):
        """End the process and all it left; (how it ended, processor seconds)."""
        try:
            self.control.send(b"end")  # before it hears that the channel is closed, and acts on it
        except OSError:
            pass
        self.control.settimeout(10)
        report = self._hear()
        for end in (self.control, self.channel, self.door):
            end.close()
        return report.get("ended"), float(report.get("cpu", 0.0))


class Trial:
    """The engine's end of one trusted process. What `order` lists as tests and locked, its zygote compiles
    only once."""

    role = "trial"

    def __init__(self, source, order):
        order = {
            **order,
            "tests": source.not_known(order["tests"]),
            "locked": source.not_known(order["locked"]),
        }
        ours, theirs = socket.socketpair()
        self.door, their_door = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with theirs, their_door:
            source.spawn(order, [theirs, their_door])
        self.channel = wire.Channel(ours)

    def locked(self, source):
        """Has the trial run a given cell before what it is told next."""
        try:
            self.channel.send(
                marshal.dumps(("locked", START_SECONDS, source)), time.monotonic() + START_SECONDS
            )
        except wire.WireError:
            pass  # it is gone, as the next test will find

    def test(self, sock, source, points, seconds, undone):
        """(status, error name, message, traceback lines, score, printed text) of a test cell (see
        trial.Trial.test)."""
        most = seconds + GRACE
        deadline = time.monotonic() + most
        try:
            socket.send_fds(self.door, [b"t"], [sock.fileno()])
        except OSError as problem:
            raise wire.WireClosed(str(problem)) from None
        self.channel.send(
            marshal.dumps(("test", most + 1, source, float(points), float(seconds), undone)), deadline
        )
        return calls.loads(self.channel.receive(deadline))[1]

    def close(self):
        self.channel.close()
        self.door.close()
