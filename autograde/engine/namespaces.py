"""Namespaces: process numbers, an empty network and a disk of limited size of a process's own."""

from __future__ import annotations

import ctypes
import os

from .kernel import checked, libc

NEWUSER, NEWPID, NEWNS, NEWNET, NEWIPC, NEWUTS = (
    0x10000000,
    0x20000000,
    0x00020000,
    0x40000000,
    0x08000000,
    0x04000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18


def prepare():
    """Give this single-threaded process namespaces of its own; what a warden needs to know of them.

    Returns {"namespaces": True} or {"namespaces": False, "why": text}. Nothing is lost where they are not
    granted.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        if libc.unshare(NEWUSER | NEWNS | NEWNET | NEWIPC | NEWUTS) == 0:
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        else:
            checked(libc.unshare(NEWNS | NEWNET | NEWIPC | NEWUTS))
        _mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    except OSError as problem:
        return {"namespaces": False, "why": f"this system does not grant user namespaces ({problem})"}
    return {"namespaces": True}


def _mount(source, target, kind, flags, data):
    checked(libc.mount(source, target, kind, ctypes.c_ulong(flags), data))


def private_disk(folder, most_bytes):
    """Give this process's children PID numbers and a small disk at `folder` of their own."""
    checked(libc.unshare(NEWPID | NEWNS))
    options = f"size={most_bytes},nr_inodes=2000,mode=700"
    _mount(b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.encode())
