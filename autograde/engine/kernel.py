"""System calls that Python does not wrap, and the machines whose numbers of them are known."""

from __future__ import annotations

import _thread
import ctypes
import functools
import os
import platform

MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit's number; column of numbers here
MADV_COLLAPSE, HUGE_PAGE = 25, 2**21
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
_fork = ctypes.PyDLL(None, use_errno=True).fork  # a call through PyDLL keeps the interpreter's lock


def machine():
    """This machine's row of MACHINES, or None."""
    return MACHINES.get(platform.machine())


def checked(result):
    """The result of a C function; OSError where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(number, *arguments):
    """A system call by its number."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(number), *converted))


def prctl(option, value):
    checked(libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))))


def tell(path):
    """The bytes of a file of /proc. `open` would first ask the kernel five things more."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(functools.partial(os.read, file, 65536), b""))
    finally:
        os.close(file)


def fork():
    """os.fork at half its cost, without the hooks that Python's modules run around it.

    They would take locks away from threads that are gone, which is why a process with threads forks Python's
    way; and they would seed `random` anew, where a test is to meet the state that the cells left.
    """
    return os.fork() if _thread._count() else checked(_fork())


def compact():
    """Put this process's memory into huge pages as far as the kernel can (Linux 6.1): a fork then copies one
    entry in the place of 512. Where it cannot, nothing is lost."""
    with open("/proc/self/maps") as file:
        rows = [line.split() for line in file]
    for where, rights, *_ in rows:
        low, high = (int(end, 16) for end in where.split("-"))
        if rights == "rw-p":
            for start in range(-(-low // HUGE_PAGE) * HUGE_PAGE, high - HUGE_PAGE + 1, HUGE_PAGE):
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(HUGE_PAGE), MADV_COLLAPSE)
