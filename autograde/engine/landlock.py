"""Landlock: which files a process may read and write, no TCP, and no signal out of it."""

from __future__ import annotations

import ctypes
import functools
import os
import site
import struct
import sys

from .kernel import call, libc

FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_TRUNCATE, FS_IOCTL_DEV = 1 << 14, 1 << 15
# folders, regular files, symbolic links; no device, socket or pipe
FS_MAKE = 1 << 7 | 1 << 8 | 1 << 12
FS_REMOVE, FS_REFER = 1 << 4 | 1 << 5, 1 << 13
READ = FS_READ_FILE | FS_READ_DIR
PRIVATE = READ | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE | FS_REMOVE | FS_REFER
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2
SYSTEM_PATHS = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/usr/share/locale",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/fonts",
)
DEVICES = (
    ("/dev/null", FS_READ_FILE | FS_WRITE_FILE),
    ("/dev/zero", FS_READ_FILE),
    ("/dev/urandom", FS_READ_FILE),
    ("/dev/random", FS_READ_FILE),
)


def version():
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return call(444, None, 0, 1)
    except OSError:
        return 0


class Refused(RuntimeError):
    """A layer cannot be given; the text says why."""


@functools.lru_cache
def readable_paths(*protect):
    """What Python needs to read. A folder that holds, or lies in, one of `protect` is left out, but for the
    parts of the Python installation: those may lie in it (a .venv), and must not hold it (Refused)."""

    def real(paths):
        return {os.path.realpath(path) for path in paths if path and os.path.exists(path)}

    protected = real(protect)
    python = real(
        [
            os.path.join(prefix, part)
            for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix}
            for part in ("lib", "lib64", "pyvenv.cfg")
        ]
        + [os.path.dirname(os.__file__), *site.getsitepackages()]
    )
    for path in python:
        if any(_within(secret, path) for secret in protected):
            raise Refused(
                f"the course lies inside the Python installation at {path}, which students' code "
                "must be able to read; move the course, or use a virtual environment"
            )
    others = real([*sys.path, *SYSTEM_PATHS])
    return sorted(
        python
        | {
            path
            for path in others
            if not any(_within(secret, path) or _within(path, secret) for secret in protected)
        }
    )


def _within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def restrict_files(abi, folder, readable):
    """Landlock: read `readable`, use `folder`, nothing else; no TCP; signals and abstract sockets stay
    inside, as `abi` has it."""
    files = (1 << (16 if abi >= 5 else 15)) - 1
    network = 3 if abi >= 4 else 0
    scope = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if abi >= 6 else 0
    attributes = struct.pack("=QQQ", files, network, scope)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = call(444, attributes, len(attributes), 0)
    try:
        for path, rights in [(folder, PRIVATE), *((path, READ) for path in readable), *DEVICES]:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if not os.path.isdir(path):
                    rights &= FS_READ_FILE | FS_WRITE_FILE
                call(445, ruleset, 1, struct.pack("=Qi", rights, fd), 0)
            finally:
                os.close(fd)
        call(446, ruleset, 0)
    finally:
        os.close(ruleset)


def signal_scope():
    """A function, made once for many forks, that a fork calls so that it cannot signal the process it was
    forked from. It does nothing where Landlock is too old."""
    try:
        ruleset = call(444, struct.pack("=QQQ", 0, 0, SCOPE_SIGNALS), 24, 0)
    except OSError:
        return int
    return functools.partial(libc.syscall, *map(ctypes.c_long, (446, ruleset, 0)))
