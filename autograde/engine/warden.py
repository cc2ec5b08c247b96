"""The warden: a trusted process between the zygote and one student process.

It starts the student process inside the sandbox, grants it one fork per test cell, ends what came of it, and
reports how it ended. It never runs a line of the student's.

    engine -> warden    b"fork": allow one fork;  b"done": allow none, and end what it left;  b"end" or
                        closing: end everything
    warden -> engine    {"layers": [...], "missing": {...}} or {"refused": sentence}, then {"ended": status,
                        "cpu": seconds}
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket

from . import folders, kernel, namespaces, sandbox, seccomp, wire

WATCH_SECONDS = 0.2


def guard(order, sockets, interpreter, ready):
    """Run one student process to its end. `ready` is what `sandbox.prepare` gave."""
    channel, door, control = sockets
    if ready["namespaces"]:
        try:
            namespaces.private_disk(order["folder"], order["disk_bytes"])
        except OSError as problem:
            ready = {"namespaces": False, "why": f"this system does not grant a private disk ({problem})"}
    if os.listdir(order["files"]):
        import shutil  # which brings compressors along, whose pages each fork would have to carry

        shutil.copytree(order["files"], order["folder"], dirs_exist_ok=True)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    me = os.getpid()
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)  # without PID namespaces, what loses its parent comes here
    child = kernel.fork()
    if child == 0:
        try:
            sandbox.die_with_parent(None if ready["namespaces"] else me)
            if sandbox.enter(order, theirs, {channel.fileno(), door.fileno()}, ready):
                from .student import Student

                Student(interpreter, wire.Channel(channel), door, order["output_bytes"]).serve()
        finally:
            os._exit(1)
    for end in (channel, door, theirs):
        end.close()
    with ours:
        report, listeners, _, _ = socket.recv_fds(ours, 65536, 1)
    control.send(report or json.dumps({"ended": None}).encode())
    watched = None if ready["namespaces"] else order["folder"]
    try:
        _Watch(child, control, listeners[0] if listeners else None, order, watched).until_the_end()
    finally:
        _kill_all()
        _, status, usage = os.wait4(child, 0)
        _wait_for_all()
    control.send(json.dumps({"ended": status, "cpu": usage.ru_utime + usage.ru_stime}).encode())


class _Watch:
    """Answers the engine and the student process's clones until one of them ends."""

    def __init__(self, child, control, listener, order, folder):
        self.child = child
        self.control = control
        self.listener = listener
        self.most_tasks = order["processes"]
        self.most_bytes = order["disk_bytes"]
        self.folder = folder
        self.grants = 0

    def until_the_end(self):
        poll = select.poll()
        ended = os.pidfd_open(self.child)
        for fd in (ended, self.control.fileno(), *([] if self.listener is None else [self.listener])):
            poll.register(fd, select.POLLIN)
        while True:
            ready = dict(poll.poll(None if self.folder is None else WATCH_SECONDS * 1000))
            if self.folder is not None and folders.size(self.folder) > self.most_bytes:
                return
            if not self._obey():  # whatever was said by now, before the clones that it is about
                return
            if ended in ready:
                return
            if self.listener in ready:
                if not ready[self.listener] & select.POLLIN:
                    poll.unregister(self.listener)
                    continue
                seccomp.answer_clone(self.listener, self._may_fork, self._may_add_thread)

    def _obey(self):
        """Do as the engine has said so far; whether the student process may go on."""
        while True:
            try:
                message = self.control.recv(64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True
            if message == b"fork":
                self.grants = 1
            elif message == b"done":
                if self.grants != 1:  # a leave that was not taken has left no process
                    _kill_all(but=self.child)
                self.grants = 0
            else:
                return False

    def _may_fork(self):
        self.grants -= 1
        return self.grants >= 0

    def _may_add_thread(self, task):
        try:
            return len(os.listdir(f"/proc/{task}/task")) < self.most_tasks
        except OSError:
            return False


def descendants(process):
    """Numbers of all processes below one, as /proc has them."""
    found, ask = [], [process]
    while ask:
        parent = ask.pop()
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for task in tasks:
            try:
                children = [int(word) for word in kernel.tell(f"/proc/{parent}/task/{task}/children").split()]
            except OSError:
                continue
            found += children
            ask += children
    return found


def _kill_all(but=None):
    """End the student process and all that came of it; in a PID namespace the kernel does most of it."""
    for task in descendants(os.getpid()):
        if task != but:
            kill(task)


def _wait_for_all():
    """Return when nothing is left: of two that end, one may have left the other here."""
    while True:
        _kill_all()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kill(task):
    """End a process, if it is still there."""
    try:
        os.kill(task, signal.SIGKILL)
    except ProcessLookupError:
        pass
