"""Writes one message of a wire: the arrays that are new, what changed in the open calls, and the values.

message = kind (1 byte), array section, updates, value
value   = one byte that tells its kind, then its content; containers hold values

Half of what a call costs is spent here and in `decoding`, value by value: so the commonest kinds are told at the
loops' heads, an array's description is worked out once, and what is known to lie apart is not compared.
"""

from __future__ import annotations

import functools
import math
import struct

import numpy as np

from .frames import DEFAULT_MESSAGE_BYTES, LARGE, Unsendable
from .plain import (
    ARRAY_KINDS,
    MAX_ARRAYS,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_INT_BYTES,
    MAX_NODES,
    MEMORY_KINDS,
    NO_ARRAYS,
    NO_UPDATES,
    SCALAR_KINDS,
    bit_generators,
    describe_type,
    family,
    is_generator,
    is_key,
    span,
)
from .sharing import Segment, SharedArray, SharedObject, address, bytes_of, owner_of

_pack_u32, _pack_u64 = struct.Struct("<I").pack, struct.Struct("<Q").pack
_pack_count = struct.Struct("<cI").pack  # a value's kind, and how many bytes or values follow
_pack_int, _pack_float, _pack_complex = (struct.Struct(form).pack for form in ("<cq", "<cd", "<cdd"))
_byte_bounds = np.lib.array_utils.byte_bounds if hasattr(np.lib, "array_utils") else np.byte_bounds


class Encoder:
    """Writes one message. `export(callable) -> (tag, number)` numbers the callables that cross, or raises
    `Unsendable`."""

    def __init__(self, table, export):
        self.table = table
        self.export = export
        self.mark = table.mark()
        self.arrays = []  # new ones, in order
        self.array_ids = {id(shared.array): i for i, shared in enumerate(table.arrays)}
        self.object_ids = {id(shared.value): i for i, shared in enumerate(table.objects)}
        self.nodes = 0
        self.keep = []  # temporaries, so that no id is used twice

    def message(self, kind, body, last=False):
        """The payload for `body`, with all that changed in the open calls before it. Registers new objects in
        the table.

        With `last`, the caller is about to cut them off again, and what they hold now need not be remembered.
        """
        try:
            known_arrays, known_objects, _ = self.mark
            updates = self._updates() if known_arrays or known_objects else NO_UPDATES
            out = []
            self._values((body,), out, 0)
            arrays = self._array_section(last)
        except BaseException:
            self.table.cut(self.mark)
            raise
        if not last:
            for shared in self.table.arrays[known_arrays:]:
                if shared.last is None:
                    shared.last = shared.memory.tobytes()
            for shared in self.table.objects[known_objects:]:
                if shared.last is None:
                    shared.last = self.content(shared.value)
        return b"".join((kind.to_bytes(1, "little"), *arrays, updates, *out))

    def content(self, value):
        """One mutable object's content with shared objects as references: equal bytes mean that nothing
        changed."""
        out = []
        self._container(value, out, 0)
        return b"".join(out)

    def _updates(self):
        rows = []
        for i, shared in enumerate(self.table.arrays):
            now = shared.memory.tobytes()
            if now != shared.last:
                shared.last = now
                rows.append(b"a" + _pack_u32(i) + _pack_u64(len(now)) + now)
        known_objects = len(self.table.objects)
        for i, shared in enumerate(self.table.objects[:known_objects]):
            now = self.content(shared.value)
            if now != shared.last:
                shared.last = now
                rows.append(b"o" + _pack_u32(i) + now)
        return _pack_u32(len(rows)) + b"".join(rows)

    # values

    def _values(self, values, out, depth):
        self.nodes += len(values)
        if self.nodes > MAX_NODES:
            raise Unsendable(f"more than {MAX_NODES:,} values at once; use one array")
        for value in values:
            kind = type(value)
            if kind is float:
                out.append(_pack_float(b"d", value))
            else:
                (_WRITERS.get(kind) or _writer_for(value))(self, value, out, depth)

    def _none(self, value, out, depth):
        out.append(b"N")

    def _bool(self, value, out, depth):
        out.append(b"T" if value else b"F")

    def _int(self, value, out, depth):
        value = int(value)
        if -(2**63) <= value < 2**63:
            out.append(_pack_int(b"i", value))
            return
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        if len(data) > MAX_INT_BYTES:
            raise Unsendable(f"a whole number of {value.bit_length():,} bits is too long")
        out.append(_pack_count(b"I", len(data)) + data)

    def _float(self, value, out, depth):
        out.append(_pack_float(b"d", value))

    def _complex(self, value, out, depth):
        out.append(_pack_complex(b"c", value.real, value.imag))

    def _str(self, value, out, depth):
        out.append(_name(value) if type(value) is str and len(value) < 30 else _text(value))

    def _bytes(self, value, out, depth):
        out.append(_pack_count(b"b", len(value)) + bytes(value))

    def _scalar(self, value, out, depth):
        dtype = value.dtype
        if dtype.kind not in SCALAR_KINDS:
            raise Unsendable(f"a numpy scalar of dtype `{dtype}` cannot be passed")
        name = dtype.str.encode()
        out.append(b"g" + bytes([len(name)]) + name + bytes([dtype.itemsize]) + value.tobytes())

    def _tuple(self, value, out, depth):
        if depth >= MAX_DEPTH:
            raise Unsendable(f"nested deeper than {MAX_DEPTH} levels, or it contains itself")
        if type(value) not in _CONTAINERS:
            value = _plainly(value)
        out.append(_pack_count(b"t", len(value)))
        self._values(value, out, depth + 1)

    def _shared(self, value, out, depth):
        index = self.object_ids.get(id(value))
        if index is not None:
            out.append(_pack_count(b"@", index))
            return
        self.object_ids[id(value)] = index = len(self.table.objects)
        shared = SharedObject(value)
        self.table.objects.append(shared)
        out.append(b"*")
        start = len(out)
        self._container(value, out, depth)
        if len(self.table.objects) == index + 1:  # nothing new in it is shared, so that this is its content
            shared.last = b"".join(out[start:])

    def _container(self, value, out, depth):
        if depth >= MAX_DEPTH:
            raise Unsendable(f"nested deeper than {MAX_DEPTH} levels, or it contains itself")
        if type(value) not in _CONTAINERS:
            if is_generator(value):
                self._plain_state(value, out)
                return
            value = _plainly(value)
        if isinstance(value, dict):
            out.append(_pack_count(b"D", len(value)))
            pairs = []
            for pair in value.items():
                if not is_key(pair[0]):
                    raise Unsendable(f"a dict key is {describe_type(pair[0])}; use strings or numbers")
                pairs += pair
            self._values(pairs, out, depth + 1)
        elif isinstance(value, list):
            out.append(_pack_count(b"l", len(value)))
            self._values(value, out, depth + 1)
        else:
            out.append(_pack_count(b"S", len(value)))
            for item in value:
                if not is_key(item):
                    raise Unsendable(f"a set holds {describe_type(item)}; use strings or numbers")
            self._values(tuple(value), out, depth + 1)

    def _plain_state(self, generator, out):
        name = type(generator.bit_generator).__name__
        if name not in bit_generators():
            raise Unsendable(
                f"a Generator on `{name}` cannot be passed; use `numpy.random.default_rng(seed)`"
            )
        out.append(b"R")
        self._plain(generator.bit_generator.state, out)

    def _plain(self, value, out):
        """A generator's state: nested dicts become tuples, arrays become bytes, so that nothing in it is
        shared."""
        if isinstance(value, dict):
            out.append(_pack_count(b"t", 2 * len(value)))
            for key, item in value.items():
                self._str(key, out, 0)
                self._plain(item, out)
        elif isinstance(value, np.ndarray):
            self._bytes(value.tobytes(), out, 0)
        elif isinstance(value, str):
            self._str(value, out, 0)
        else:
            self._int(value, out, 0)

    def _callable(self, value, out, depth):
        if isinstance(value, np.ufunc) and getattr(np, value.__name__, None) is value:
            data = value.__name__.encode()
            out.append(b"u" + bytes([len(data)]) + data)
            return
        tag, number = self.export(value)
        out.append(_pack_count(tag, number))

    def _unsendable(self, value, out, depth):
        raise Unsendable(describe_type(value))

    # arrays

    def _array(self, value, out, depth):
        index = self.array_ids.get(id(value))
        if index is None:
            plain = value if type(value) is np.ndarray else np.asarray(value)
            if refusal := _refusal(plain.dtype, plain.shape):
                raise Unsendable(refusal)
            if len(self.arrays) >= MAX_ARRAYS:
                raise Unsendable(f"more than {MAX_ARRAYS:,} arrays at once; use one array")
            index = len(self.table.arrays)
            self.array_ids[id(value)] = index
            self.keep.append(value)
            self.table.arrays.append(SharedArray(value, plain.view()))
            self.arrays.append(plain)
        out.append(_pack_count(b"a", index))

    def _array_section(self, last):
        if not self.arrays:
            return (NO_ARRAYS,)
        new = self.table.arrays[-len(self.arrays) :]
        places, groups = self._places(self.arrays)
        first_new = len(self.table.segments)
        self.table.segments += groups
        parts = [_pack_u32(len(groups)), *(_pack_u64(group.length) for group in groups), _pack_u32(len(new))]
        for shared, (where, segment, offset) in zip(new, places):
            memory = shared.memory
            writeable = memory.flags.writeable
            parts.append(_form(where, writeable, memory.dtype, memory.shape))
            if where in b"CF":
                owner = owner_of(memory)
                self.table.segments.append(
                    Segment(memory, memory.nbytes, writeable, memory.dtype.kind, owner)
                )
            else:
                number = segment if where == b"K" else first_new + segment
                parts.append(struct.pack(f"<Iq{memory.ndim}q", number, offset, *memory.strides))
            if where == b"C" and last and memory.nbytes >= LARGE:
                parts.append(memory.reshape(-1).view(np.uint8).data)
            elif where != b"K":
                shared.last = memory.tobytes()
                parts.append(shared.last)
        return parts

    def _places(self, arrays):
        """Where each new array lives, and what segments that takes: ("C" or "F", 0, 0) in one of its own,
        ("K", number, offset) in a known one, ("S", number, offset) in a new one that it shares."""
        places = [self._known_place(memory) if memory.size else (b"C", 0, 0) for memory in arrays]
        loose = [i for i, place in enumerate(places) if place is None]
        alone = {i: _order(arrays[i]) for i in loose}
        if all(alone.values()) and not _overlap([arrays[i] for i in loose]):
            for i in loose:
                places[i] = alone[i], 0, 0
            return places, []
        bounds = sorted((*_byte_bounds(arrays[i]), i) for i in loose)
        groups = []
        at = 0
        while at < len(bounds):
            low, high, first = bounds[at]
            end = at + 1
            while end < len(bounds) and bounds[end][0] < high:
                high = max(high, bounds[end][1])
                end += 1
            if end == at + 1 and alone[first]:
                places[first] = alone[first], 0, 0
            else:
                by_family = {}
                for _, _, i in bounds[at:end]:
                    by_family.setdefault(family(arrays[i].dtype.kind), []).append(i)
                for members in by_family.values():
                    for i, offset in self._share(groups, low, high, [arrays[i] for i in members], members):
                        places[i] = b"S", len(groups) - 1, offset
            at = end
        return places, groups

    def _share(self, groups, low, high, arrays, numbers):
        """Adds the segment from `low` to `high` that some arrays lie in; (number, offset) of each array."""
        if high - low > DEFAULT_MESSAGE_BYTES:
            raise Unsendable(f"views that span {high - low:,} bytes are too far apart")
        covered = np.zeros(high - low, np.uint8)
        offsets = [address(memory) - low for memory in arrays]
        for memory, offset in zip(arrays, offsets):
            bytes_of(covered, offset, memory.itemsize, memory.shape, memory.strides)[...] = 1
        writeable = all(memory.flags.writeable for memory in arrays)
        groups.append(Segment(arrays, high - low, writeable, arrays[0].dtype.kind, None, covered, low))
        return zip(numbers, offsets)

    def _known_place(self, memory):
        """("K", number, offset) of the segment that an array is a view of, or None."""
        if memory.dtype.kind not in MEMORY_KINDS:
            return None
        owns = _owns(memory)
        for number in range(len(self.table.segments) - 1, -1, -1):
            segment = self.table.segments[number]
            if owns and segment.owner is not memory and segment.owner is not None:
                continue  # the memory of two owners lies apart
            if not segment.may_hold(memory):
                continue
            low, high = _byte_bounds(memory)
            if segment.low <= low and high <= segment.low + segment.length:
                if family(memory.dtype.kind) != family(segment.kind):
                    continue
                offset = address(memory) - segment.low
                if segment.covers(offset, memory.dtype, memory.shape, memory.strides):
                    return b"K", number, offset
        return None


def _text(value):
    data = str.encode(value, "utf-8", "surrogatepass")
    return _pack_count(b"s", len(data)) + data


_name = functools.lru_cache(500)(_text)  # keys, and names of arguments, come again and again


_CONTAINERS = (tuple, list, dict, set, frozenset)  # what `_plainly` would leave as it is


def _plainly(value):
    """What a value of a class that extends a container really holds: it may tell something else, without end."""
    for kind in _CONTAINERS:
        if isinstance(value, kind):
            return kind(dict.items(value)) if kind is dict else kind(kind.__iter__(value))
    return value


def _order(array):
    """The order in which an array fills its memory without gaps, if it does."""
    flags = array.flags
    return b"C" if flags.c_contiguous else b"F" if flags.f_contiguous else b""


@functools.lru_cache(500)
def _refusal(dtype, shape):
    """Why an array cannot be passed, or ""."""
    if dtype.kind not in ARRAY_KINDS:
        return (
            "an object array; are its rows of different lengths?"
            if dtype.kind == "O"
            else f"an array of dtype `{dtype}`"
        )
    if len(shape) > MAX_DIMENSIONS:
        return f"an array of {len(shape)} dimensions; at most {MAX_DIMENSIONS} can be passed"
    size = math.prod(shape) * dtype.itemsize
    if size > DEFAULT_MESSAGE_BYTES:
        return f"an array of {size:,} bytes is too large"
    if span(shape, dtype.itemsize) > DEFAULT_MESSAGE_BYTES:
        return f"an empty array of shape {shape} is too long"
    return ""


@functools.lru_cache(500)
def _form(where, writeable, dtype, shape):
    """What is said of an array before its place and its content; the first two bytes count the others."""
    name = dtype.str.encode()
    return (
        struct.pack(
            f"<Hc?B{len(shape)}q", 3 + 8 * len(shape) + len(name), where, writeable, len(shape), *shape
        )
        + name
    )


def _owns(array):
    """Whether an array has memory of its own, in which no other such array lies."""
    return array.base is None and array.flags.owndata


def _overlap(arrays):
    """Whether some of several arrays may share memory; many arrays are not compared, but taken to."""
    if all(map(_owns, arrays)):
        return False
    return len(arrays) > 12 or any(
        np.may_share_memory(arrays[i], arrays[j]) for i in range(len(arrays)) for j in range(i)
    )


_WRITERS = {
    type(None): Encoder._none,
    bool: Encoder._bool,
    int: Encoder._int,
    float: Encoder._float,
    complex: Encoder._complex,
    str: Encoder._str,
    bytes: Encoder._bytes,
    tuple: Encoder._tuple,
    list: Encoder._shared,
    dict: Encoder._shared,
    set: Encoder._shared,
    np.ndarray: Encoder._array,
    np.float64: Encoder._scalar,
}


def _writer_for(value):
    """Subclasses cross as the plain type they extend."""
    for kind, writer in (
        (np.ndarray, Encoder._array),
        (np.str_, Encoder._str),
        (np.bytes_, Encoder._bytes),
        (np.generic, Encoder._scalar),
        (bool, Encoder._bool),
        (int, Encoder._int),
        (float, Encoder._float),
        (complex, Encoder._complex),
        (str, Encoder._str),
        ((bytes, bytearray), Encoder._bytes),
        (tuple, Encoder._tuple),
        ((list, dict, set), Encoder._shared),
        (frozenset, Encoder._shared),
    ):
        if isinstance(value, kind):
            return writer
    if is_generator(value):
        return Encoder._shared
    if isinstance(value, range):
        return lambda encoder, v, out, depth: encoder._tuple(tuple(v[: MAX_NODES + 1]), out, depth)
    if callable(value) and not isinstance(value, type):
        return Encoder._callable
    return Encoder._unsendable
