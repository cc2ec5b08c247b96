"""The warden: a trusted process between the zygote and one student process.

It starts the student process inside the sandbox, grants it one fork per test cell, ends what the last grant left, and
reports how it ended. It never runs a line of the student's.

    engine -> warden    b"fork": end the previous serving child and allow one new fork;  closing the socket: end everything
    warden -> engine    {"layers": [...], "missing": {...}}, then {"ended": status, "cpu": seconds}
"""
from __future__ import annotations

import json
import os
import select
import signal
import sys

from . import sandbox, wire


def guard(order, sockets, shell, ready):
    channel, door, control = sockets
    child = os.fork()
    if child == 0:
        try:
            sandbox.die_with_parent()
            control.close()
            _become_student(order, channel, door, shell)
        finally:
            os._exit(1)
    channel.close()
    door.close()
    control.send(json.dumps({"layers": [], "missing": {}}).encode())
    pidfd = os.pidfd_open(child)
    status = None
    while True:
        events, _, _ = select.select([control, pidfd], [], [])
        if pidfd in events:
            break
        if control.recv(64) in (b"", b"end"):
            break
    os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    control.send(json.dumps({"ended": status, "cpu": usage.ru_utime + usage.ru_stime}).encode())


def _become_student(order, channel, door, shell):
    from .student import Student
    os.chdir(order["folder"])
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    Student(shell, wire.Channel(channel), door, order["output_bytes"]).serve()
