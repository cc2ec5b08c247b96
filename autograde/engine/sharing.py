"""What two ends of a wire share while a call is open: mutable objects in one order, and the memory that
arrays occupy.

The memory of arrays is described by segments: runs of bytes that one array, or several overlapping ones,
occupy. A view that the other end describes becomes a real array on a segment here, if it covers no byte that
did not cross.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def address(array):
    """Where an array's first element lies."""
    return array.__array_interface__["data"][0]


class Segment:
    """A run of `length` bytes in this process that arrays of an open call occupy.

    `keep` holds it: one array that fills it, or a list of arrays with the `low` end given. `covered` marks
    the bytes that elements fill; None stands for all. `owner` is the array whose memory it is, or None where
    that is not known, or may be more than one.
    """

    __slots__ = ("keep", "length", "writeable", "kind", "covered", "_low", "owner")

    def __init__(self, keep, length, writeable, kind, owner, covered=None, low=None):
        self.keep = keep
        self.length = length
        self.writeable = writeable
        self.kind = kind
        self.covered = covered
        self._low = low
        self.owner = owner

    @property
    def low(self):
        if self._low is None:  # asked for only when another array may lie here, as finding it takes time
            self._low = address(self.keep)
        return self._low

    def may_hold(self, array):
        """Whether an array may lie here; False is certain."""
        return type(self.keep) is list or np.may_share_memory(self.keep, array)

    def covers(self, offset, dtype, shape, strides):
        low, high = extent(offset, dtype.itemsize, shape, strides)
        if low < 0 or high > self.length:
            return False
        if self.covered is None:
            return True
        return bool(bytes_of(self.covered, offset, dtype.itemsize, shape, strides).all())

    def view(self, offset, dtype, shape, strides):
        """A real array on this memory; the caller has checked `covers`."""
        array = np.asarray(_Memory(self.low + offset, dtype, shape, strides, self.writeable, self.keep))
        if not self.writeable:
            array.flags.writeable = False
        return array


class _Memory:
    """Hands numpy an address together with the object that keeps it alive."""

    def __init__(self, address, dtype, shape, strides, writeable, keep):
        self.keep = keep
        self.__array_interface__ = {
            "version": 3,
            "typestr": dtype.str,
            "shape": shape,
            "strides": strides,
            "data": (address, not writeable),
        }


def owner_of(array):
    """The array that owns the memory in which an array lies; None where that is not known."""
    while isinstance(array, np.ndarray):
        base = array.base
        if base is None:
            return array
        array = base
    return None


def extent(offset, itemsize, shape, strides):
    """(lowest byte, one past the highest) of a non-empty strided array that starts at `offset`."""
    low = high = offset
    for n, stride in zip(shape, strides):
        reach = (n - 1) * stride
        if reach < 0:
            low += reach
        else:
            high += reach
    return low, high + itemsize


def bytes_of(flat, offset, itemsize, shape, strides):
    """The bytes of `flat` (uint8) under a strided array's elements, as a view of shape (*shape, itemsize)."""
    return np.ndarray(shape + (itemsize,), np.uint8, flat, offset, strides + (1,))


@dataclass(slots=True)
class SharedArray:
    array: np.ndarray  # the object a program holds
    memory: np.ndarray  # our own view of it, so that a changed shape does not matter
    last: bytes | None = None  # the content when it last crossed


@dataclass(slots=True)
class SharedObject:
    value: object  # list, dict, set or Generator
    last: bytes | None = None


@dataclass
class Table:
    """What the open calls of one connection share; both ends hold it in the same order."""

    arrays: list = field(default_factory=list)
    objects: list = field(default_factory=list)
    segments: list = field(default_factory=list)

    def mark(self):
        return len(self.arrays), len(self.objects), len(self.segments)

    def cut(self, mark):
        """Forget everything since `mark`."""
        del self.arrays[mark[0] :], self.objects[mark[1] :], self.segments[mark[2] :]
