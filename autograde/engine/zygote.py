"""A warm, clean process that forks: started as a new interpreter, it imports the slow libraries once and
waits for orders.

An engine runs two of them. The "student" zygote knows no test, no solution and no secret, and its forks
become wardens with a student process each. The "trial" zygote has the course's own modules on its path, and
its forks run test cells. What few notebooks need has zygotes of its own, since all that is imported makes each
fork take longer: student ones with "random" or "ipython" among their arguments, and a pair with "plots".

Orders come as one datagram each on an inherited socket: JSON, with the fork's sockets attached. The zygote
ends when the engine says so or is gone, and its forks end with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time

MOST_SOCKETS = 4
MOST_BYTES = 150_000  # of an order; a datagram cannot be much larger
FAREWELL = b"end"
NEEDS = ("random", "ipython", "plots")  # what a notebook may need of its processes; each brings those before

BOOT = """
import sys, types
package = types.ModuleType("engine")        # not the real package: its __init__ would import the trusted side
package.__path__ = [sys.argv[1]]
sys.modules["engine"] = package
from engine import zygote
zygote.main(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
"""


def main(control_fd, role, arguments):
    from . import kernel, sandbox  # here, as the engine imports this module on systems that have neither

    control = socket.socket(fileno=control_fd)
    home = os.environ["HOME"]
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory runs out, a fork of this process is to end, and not the run
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the engine's to handle
    signal.signal(signal.SIGCHLD, _reap)
    if role == "student":
        from . import student, warden

        interpreter = _interpreter(home, next((word for word in NEEDS if word in arguments), ""))
        student.warm(interpreter)
        ready = (
            {"namespaces": False, "why": "switched off"}
            if "no-namespaces" in arguments
            else sandbox.prepare()
        )

        prepare = sandbox.remember

        def work(order, sockets):
            warden.guard(order, sockets, interpreter, ready)

    else:
        sys.path.insert(0, arguments[-1])
        from . import trial

        trial.warm("plots" in arguments)
        ready = {}

        def prepare(order):
            trial.learn(order.pop("tests"), order.pop("locked"))

        def work(order, sockets):
            trial.serve(order, *sockets)

    sandbox.hide()
    sys.dont_write_bytecode = True  # that of its own modules is there now; the rest is not worth a file
    gc.collect()
    kernel.compact()
    gc.freeze()  # what is warm stays shared between the forks
    with contextlib.suppress(OSError):  # an engine that is gone by now is met below
        control.send(json.dumps({"ready": ready}).encode())
    me = os.getpid()
    known = None  # the order before, which most are equal to
    while True:
        message, sockets, _, _ = socket.recv_fds(control, MOST_BYTES, MOST_SOCKETS)
        if message == FAREWELL:
            os._exit(0)
        if not message:  # the engine was killed, and cannot tidy up any more
            _tidy_up(home)
            os._exit(0)
        if message != known:
            known, order = message, json.loads(message)
            prepare(order)  # once for all forks to come
        child = kernel.fork()
        if child == 0:
            code = 1
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                sandbox.die_with_parent(me)
                work(order, [socket.socket(fileno=fd) for fd in sockets])
                code = 0
            except (OSError, EOFError):
                pass
            finally:
                os._exit(code)
        for fd in sockets:
            os.close(fd)


def _interpreter(home, needs):
    if needs:
        importlib.import_module("numpy.random")
    if needs in ("", "random"):
        from .interpreter import Interpreter

        return Interpreter()
    from .shell import ShellInterpreter

    return ShellInterpreter(home, needs == "plots")


def _tidy_up(home):
    """Remove the engine's folder, and what might still write to it. The other zygotes do the same."""
    from . import folders, warden

    for _ in range(100):
        for process in warden.descendants(os.getpid()):
            warden.kill(process)
        folders.remove(home)
        if not os.path.exists(home):
            return
        time.sleep(0.05)


def _reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
