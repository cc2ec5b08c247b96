"""What is plain enough to cross a wire, and how much of it; the same for who writes and who reads."""

from __future__ import annotations

import functools
import math
import struct
import sys
import types

import numpy as np

MAX_DEPTH = 40
MAX_NODES = 500_000
MAX_INT_BYTES = 8192
MAX_ARRAYS = 20_000
MAX_DIMENSIONS = 32
NO_ARRAYS = bytes(8)  # the section of a message without any: no segments, no arrays
NO_UPDATES = bytes(4)

ARRAY_KINDS = "biufcUSmM"
SCALAR_KINDS = "biufcmM"
MEMORY_KINDS = "biufc"  # of which views of one memory may be
U16, U32, I64, U64, F64 = map(struct.Struct, ("<H", "<I", "<q", "<Q", "<d"))


@functools.cache
def bit_generators():
    """Those of which a Generator may cross, by name. Not a constant: numpy imports its random numbers when they
    are first asked for, and a process without them forks faster."""
    return {name: getattr(np.random, name) for name in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")}


def is_generator(value):
    random = sys.modules.get("numpy.random")
    return random is not None and isinstance(value, random.Generator)


def family(kind):
    """Arrays of one family may lie in one memory: what is written through one is sound for the other."""
    return "number" if kind in "iufc" else kind


def span(shape, itemsize):
    """Bytes that an array would take if no axis were empty: one may be empty and yet too long to work with."""
    return math.prod(max(n, 1) for n in shape) * itemsize


def is_key(value):
    """Whether a value may be a key of a dict or an element of a set."""
    if type(value) is str:
        return True
    if isinstance(value, tuple):
        return all(is_key(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.number, np.bool_))


def describe_type(value):
    """What to call a value's kind in a sentence to a student."""
    if isinstance(value, types.GeneratorType):
        return "a generator (`yield` makes one; return a list or an array)"
    if isinstance(value, types.ModuleType):
        return f"the module `{value.__name__}`"
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    if isinstance(value, types.CoroutineType):
        return "a coroutine (take `async` away)"
    name = type(value).__name__
    return {
        "map": "a `map` object (wrap it in `list(...)`)",
        "zip": "a `zip` object (wrap it in `list(...)`)",
        "filter": "a `filter` object (wrap it in `list(...)`)",
        "ellipsis": "`...`",
    }.get(name, f"an object of type `{name}`")
