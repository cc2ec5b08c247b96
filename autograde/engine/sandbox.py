"""What a process gives up before it meets a student's code.

Three kernel interfaces are called directly, through ctypes, each from a module of its own: `landlock` (which
files, which signals, no TCP), `seccomp` (which system calls) and `namespaces` (own process numbers, own empty
network, own disk of limited size); rlimits and capabilities besides. On PyPI, `py-landlock` is Landlock
alone, `pyseccomp` binds a C library that pip does not bring, and `sandlock` 0.8 confines a live process by
Landlock alone: its other layers are for a child that it starts itself, where speed here rests on forks of a
warm process. None grants one single fork at a time, which is what bounds processes, for root too. So it is a
few short files to read, instead of packages to trust.

A layer is a name with what it prevents:

    files          Landlock: reading but the Python installation and the private folder, writing but the
                   latter, executing
    network        seccomp: no socket but a pair of one's own; Landlock and an empty network namespace besides
    signals        Landlock's scope, or a PID namespace: no signal leaves the sandbox
    system calls   seccomp: a list of those that numerical Python needs; all others fail (ptrace, mount, bpf,
                   io_uring, ...)
    processes      seccomp's notification: a fork needs the warden's leave, a thread a free place
    limits         rlimits: memory, processor, size of a file, open files, no core; no capability is left
    disk           a tmpfs of limited size as private folder
    namespaces     user, PID, mount, network, IPC: nothing outlives the student process, nothing else can be
                   named

`network` to `limits` and `files` are required. Where `disk` is missing the warden watches the folder's size
instead, and where `namespaces` is, it ends what is left itself. What Landlock cannot hide: that a path
exists, its size and its times.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import socket
import struct

from . import landlock, namespaces, seccomp
from .kernel import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, call, machine, prctl, tell

REQUIRED = ("files", "network", "signals", "system calls", "processes", "limits")
LAYERS = (*REQUIRED, "disk", "namespaces")


def hide():
    """Make this process's memory unreadable to others of the same user."""
    prctl(PR_SET_DUMPABLE, 0)


def die_with_parent(parent):
    """Be killed when the parent ends; `parent` is its process number, in case it ended before this."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def prepare():
    """Do in a zygote what need not be done in each fork; returns what `namespaces.prepare` does."""
    if machine() is not None:
        seccomp.filter_program(*machine())  # remembered by the forks
    return namespaces.prepare()


def remember(order):
    """Work out in the zygote, once, what each of its forks would; its environment becomes theirs."""
    if os.environ.get("HOME") != order["folder"]:
        os.environ.clear()
        os.environ.update(
            HOME=order["folder"],
            TMPDIR=order["folder"],
            LANG="C.UTF-8",
            OPENBLAS_NUM_THREADS="1",
            OMP_NUM_THREADS="1",
            MPLBACKEND="Agg",
            PATH="/usr/bin:/bin",
        )
    try:
        landlock.readable_paths(*order["protect"])
    except landlock.Refused:
        pass


def limit(memory_bytes, seconds, file_bytes):
    """rlimits, which a process without capabilities cannot raise again."""
    limit_memory(memory_bytes)
    for name, value in (
        ("CPU", int(seconds) + 1),
        ("FSIZE", file_bytes),
        ("NOFILE", 128),
        ("CORE", 0),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
        ("NICE", 0),
        ("RTPRIO", 0),
        ("SIGPENDING", 256),
    ):
        which = getattr(resource, f"RLIMIT_{name}", None)
        if which is not None:
            _, hard = resource.getrlimit(which)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))


def limit_memory(more_bytes):
    """Allow this process `more_bytes` of addresses beyond what it maps now."""
    mapped = int(tell("/proc/self/statm").split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = mapped + more_bytes if hard == resource.RLIM_INFINITY else min(hard, mapped + more_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def drop_capabilities():
    call(126 if machine()[1] == 0 else 91, struct.pack("=II", 0x20080522, 0), bytes(24))


def enter(order, warden, keep, ready):
    """Give up everything, and report to the warden what was given up, with the listener's descriptor.

    `keep` are the descriptors that stay open besides the warden's. Returns whether student's code may run:
    with order["sandbox"] == "require" only where no required layer is missing.
    """
    _leave_home(order["folder"], {warden.fileno(), *keep})
    missing, listener = _give_up(order, ready)
    lacking = [name for name in REQUIRED if name in missing]
    report = {"layers": [name for name in LAYERS if name not in missing], "missing": missing}
    if lacking and order["sandbox"] == "require":
        report = {
            "refused": "The sandbox is not complete: "
            + "; ".join(f'the layer "{name}" is missing ({missing[name]})' for name in lacking)
            + ". Students' code is not run without it, unless you ask for a best-effort sandbox."
        }
    socket.send_fds(warden, [json.dumps(report).encode()], [] if listener is None else [listener])
    if listener is not None:
        os.close(listener)
    warden.close()
    return "refused" not in report


def _leave_home(folder, keep):
    """A session, a working folder and standard streams that tell nothing, and no descriptor but those and
    `keep`."""
    os.setsid()
    os.umask(0o077)
    os.chdir(folder)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    _close_others({0, 1, 2, *keep})


def _give_up(order, ready):
    """Each layer in turn; ({name of a missing layer: why}, the listener's descriptor or None)."""
    missing = {} if ready["namespaces"] else {"namespaces": ready["why"], "disk": ready["why"]}

    def layer(names, action, *arguments):
        try:
            return action(*arguments)
        except (OSError, landlock.Refused) as problem:
            missing.update(dict.fromkeys(names, str(problem)))

    def limits():
        limit(order["memory_bytes"], order["submission_seconds"], order["file_bytes"])
        drop_capabilities()
        hide()

    def files():
        landlock.restrict_files(abi, order["folder"], landlock.readable_paths(*order["protect"]))

    layer(["limits"], limits)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    abi = landlock.version()
    if abi >= 3:
        layer(["files"], files)
    else:
        old = "of version 3 (Linux 6.2)" if abi else ""
        missing["files"] = f"this kernel has no Landlock {old}".strip()
    if not (ready["namespaces"] or abi >= 6 and "files" not in missing):
        missing["signals"] = "neither Landlock of version 6 (Linux 6.12) nor a PID namespace is there"
    names = ("network", "system calls", "processes")
    if machine() is None:
        missing.update(dict.fromkeys(names, f"no table for {platform.machine()}"))
        return missing, None
    program = seccomp.filter_program(*machine())
    return missing, layer(names, seccomp.filter_system_calls, program)


def _close_others(keep):
    edge = 0
    for fd in sorted(keep):
        if fd > edge:
            os.closerange(edge, fd)
        edge = fd + 1
    os.closerange(edge, 65536)
