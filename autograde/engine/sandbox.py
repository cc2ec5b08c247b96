import ctypes
import os
import signal

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)


def hide():
    _libc.prctl(4, 0, 0, 0, 0)


def prepare():
    return {}
