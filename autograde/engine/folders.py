"""Folders that a stranger's code has filled: measured, emptied and removed, however deep, wide or closed they are.

`os.walk` and `shutil.rmtree` go down by recursion and by paths, and fail a thousand levels deep; what they leave
out would be left on the disk, and counted by no one.
"""

from __future__ import annotations

import contextlib
import math
import os

MOST_ENTRIES, MOST_LEVELS = 2000, 100  # as many entries as the private disk has, where there is one


def size(folder):
    """Bytes that a folder's files take; infinite for more entries or levels than an exercise can need."""
    total = entries = 0
    pending = [(folder, 0)]
    while pending:
        place, level = pending.pop()
        with contextlib.suppress(OSError), os.scandir(place) as found:
            for entry in found:
                entries += 1
                if entries > MOST_ENTRIES or level >= MOST_LEVELS:
                    return math.inf
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, level + 1))
    return total


def fresh(folder):
    """Have an empty folder at a path, whatever was there; one that cannot be emptied is moved aside.

    An empty one is left as it is: to remove a folder on which other processes had a disk takes a millisecond.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
        return
    with contextlib.suppress(OSError):
        if not os.path.islink(folder):
            os.chmod(folder, 0o700)  # its owner may have closed it
        _within(folder, _empty)
        if not os.listdir(folder):
            return
    aside = f"{folder}-{os.urandom(8).hex()}"
    os.rename(folder, aside)
    remove(aside)
    os.mkdir(folder, 0o700)


def remove(folder):
    """Remove a folder with all that it holds; what cannot be removed stays, without an error.

    Each folder within is first brought up to the top, so that no path grows long. No link is followed.
    """
    with contextlib.suppress(OSError):
        _within(folder, _empty)
        os.rmdir(folder)


def _within(folder, action):
    """What `action` makes of an opened folder, which is no link."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        return action(top)
    finally:
        os.close(top)


def _empty(top):
    pending, number = ["."], 0
    while pending:
        name = pending.pop()
        with contextlib.suppress(OSError):
            here = _opened(name, top)
            try:
                with os.scandir(here) as found:
                    entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
                for inner, is_folder in entries:
                    with contextlib.suppress(OSError):
                        if not is_folder:
                            os.unlink(inner, dir_fd=here)
                        elif name == ".":
                            pending.append(inner)
                        else:
                            number += 1
                            place = f".{number}-{os.urandom(8).hex()}"
                            os.chmod(inner, 0o700, dir_fd=here)  # a closed folder cannot be moved
                            os.rename(inner, place, src_dir_fd=here, dst_dir_fd=top)
                            pending.append(place)
            finally:
                os.close(here)
            if name != ".":
                os.rmdir(name, dir_fd=top)


def _opened(name, top):
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=top)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=top)
        return os.open(name, flags, dir_fd=top)
