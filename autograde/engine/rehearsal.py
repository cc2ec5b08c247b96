"""Calls of every common kind, made and answered within one process before it forks.

Python 3.11 rewrites code as it runs (PEP 659). What a zygote has never run, each of its forks would rewrite
anew, in pages that it has to copy first; after this they find the wire's code in its last form, and its
caches full.
"""

from __future__ import annotations

import select
import socket

import numpy as np

from .frames import Channel

ROUNDS = 40  # enough for each instruction to settle


class _Stage(Channel):
    """One end of a connection whose other end, `far`, answers when this one would have to wait."""

    far = None

    def receive(self, deadline=None):
        if not select.select([self.sock], [], [], 0)[0]:
            self.far.serve(*self.far.next())
        return super().receive(deadline)


def rehearse(asker_on, server_on):
    """Have an Asker and a Server, made by the two functions from a channel each, call each other's
    functions."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        near, far = _Stage(ours), _Stage(theirs)
        asker, server = asker_on(near), server_on(far)
        near.far, far.far = server, asker
        functions = (_plain, _arrays, _calls_back, _fails)
        numbers = {function: server.export(function)[1] for function in functions}
        A, b = np.eye(3), np.ones(3)
        for _ in range(ROUNDS):
            asker.call(numbers[_plain], (1.0, 2, "word", None, True, np.float64(3.0), (1, "a")), {"lr": 0.1})
            asker.call(numbers[_arrays], (A, b, b, {"W": A, "b": b}, [1.0, b], b[1:]), {})
            asker.call(numbers[_calls_back], (lambda x: 2 * x, b), {})
            try:
                asker.call(numbers[_fails], (b,), {})
            except ValueError:
                pass


def _plain(*args, lr):
    return args[0], "text"


def _arrays(A, b, same, parameters, rows, part):
    return A @ b, {"W": parameters["W"] + 1, "b": b * 2}, [1.0, 2]


def _calls_back(f, x):
    return f(x) + 1


def _fails(x):
    raise ValueError("a sentence")
