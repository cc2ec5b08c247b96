"""The values that may cross between a trusted and an untrusted process, written and read.

Exact plain types only: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, numpy scalars,
arrays of plain dtype, `numpy.random.Generator`, and callables as numbers. Nothing here imports a name, calls
a constructor or runs code that the peer chose, which is why it is neither pickle nor JSON with extensions:
both ends may be lied to.

**Sharing.** In one process a function sees its caller's own objects. Over a wire it sees copies, so every
mutable object that an open call has passed (array, list, dict, set, generator) is remembered by both ends in
the same order in a `Table`. Each message carries what changed in them since the last one, so that an in-place
change arrives, the same object keeps its identity, and an array that is a view of an argument becomes a real
view of the receiver's own memory. Only the elements of an array cross, never the bytes between them.
"""

from __future__ import annotations

import functools
import math
import struct

import numpy as np

from .frames import DEFAULT_MESSAGE_BYTES, Channel, Unsendable, WireClosed, WireError, WireTimeout
from .sharing import Segment, SharedArray, SharedObject, Table, bytes_of, extent

__all__ = ["Channel", "Decoder", "Encoder", "Table", "Unsendable", "WireClosed", "WireError", "WireTimeout"]

MAX_DEPTH = 40
MAX_NODES = 500_000
MAX_INT_BYTES = 8192
MAX_ARRAYS = 20_000
MAX_DIMENSIONS = 32

_PLAIN_KINDS = "biufcUSmM"
_MEMORY_KINDS = "biufc"
_BIT_GENERATORS = {
    cls.__name__: cls
    for cls in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}
_U32, _I64, _U64, _F64, _C128 = map(struct.Struct, ("<I", "<q", "<Q", "<d", "<dd"))
_pack_u32, _pack_i64, _pack_u64, _pack_f64, _pack_c128 = (
    _U32.pack,
    _I64.pack,
    _U64.pack,
    _F64.pack,
    _C128.pack,
)
_byte_bounds = np.lib.array_utils.byte_bounds if hasattr(np.lib, "array_utils") else np.byte_bounds


# --- encoding -----------------------------------------------------------------------------------------------


def describe_type(value):
    """What to call a value's kind in a sentence to a student."""
    import types

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
            known_arrays, known_objects = len(self.table.arrays), len(self.table.objects)
            updates = self._updates(known_arrays, known_objects)
            out = []
            self._value(body, out, 0)
            arrays = self._array_section()
        except BaseException:
            self.table.cut(self.mark)
            raise
        if not last:
            for shared in self.table.arrays[known_arrays:]:
                if shared.last is None:
                    shared.last = shared.memory.tobytes()
            for shared in self.table.objects[known_objects:]:
                shared.last = self.content(shared.value)
        return b"".join([bytes([kind]), arrays, updates, *out])

    def content(self, value):
        """One mutable object's content with shared objects as references: equal bytes mean that nothing
        changed."""
        out = []
        if isinstance(value, np.random.Generator):
            self._plain_state(value, out)
        else:
            self._container(value, out, 0)
        return b"".join(out)

    def _updates(self, known_arrays, known_objects):
        rows = []
        for i, shared in enumerate(self.table.arrays[:known_arrays]):
            now = shared.memory.tobytes()
            if now != shared.last:
                shared.last = now
                rows.append(b"a" + _pack_u32(i) + _pack_u64(len(now)) + now)
        for i, shared in enumerate(self.table.objects[:known_objects]):
            now = self.content(shared.value)
            if now != shared.last:
                shared.last = now
                rows.append(b"o" + _pack_u32(i) + now)
        return _pack_u32(len(rows)) + b"".join(rows)

    # values

    def _value(self, value, out, depth):
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Unsendable(f"more than {MAX_NODES:,} values at once; use one array")
        writer = _WRITERS.get(type(value))
        if writer is None:
            writer = _writer_for(value)
        writer(self, value, out, depth)

    def _none(self, value, out, depth):
        out.append(b"N")

    def _bool(self, value, out, depth):
        out.append(b"T" if value else b"F")

    def _int(self, value, out, depth):
        value = int(value)
        if -(2**63) <= value < 2**63:
            out.append(b"i" + _pack_i64(value))
            return
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        if len(data) > MAX_INT_BYTES:
            raise Unsendable(f"a whole number of {value.bit_length():,} bits is too long")
        out.append(b"I" + _pack_u32(len(data)) + data)

    def _float(self, value, out, depth):
        out.append(b"d" + _pack_f64(value))

    def _complex(self, value, out, depth):
        out.append(b"c" + _pack_c128(value.real, value.imag))

    def _str(self, value, out, depth):
        data = str.encode(value, "utf-8", "surrogatepass")
        out.append(b"s" + _pack_u32(len(data)) + data)

    def _bytes(self, value, out, depth):
        out.append(b"b" + _pack_u32(len(value)) + bytes(value))

    def _scalar(self, value, out, depth):
        dtype = value.dtype
        if dtype.kind not in "biufcmM":
            raise Unsendable(f"a numpy scalar of dtype `{dtype}` cannot be passed")
        name = dtype.str.encode()
        out.append(b"g" + bytes([len(name)]) + name + bytes([dtype.itemsize]) + value.tobytes())

    def _tuple(self, value, out, depth):
        if depth >= MAX_DEPTH:
            raise Unsendable(f"nested deeper than {MAX_DEPTH} levels, or it contains itself")
        out.append(b"t" + _pack_u32(len(value)))
        for item in value:
            self._value(item, out, depth + 1)

    def _shared(self, value, out, depth):
        index = self.object_ids.get(id(value))
        if index is not None:
            out.append(b"@" + _pack_u32(index))
            return
        self.object_ids[id(value)] = len(self.table.objects)
        self.table.objects.append(SharedObject(value))
        out.append(b"*")
        if isinstance(value, np.random.Generator):
            self._plain_state(value, out)
        else:
            self._container(value, out, depth)

    def _container(self, value, out, depth):
        if depth >= MAX_DEPTH:
            raise Unsendable(f"nested deeper than {MAX_DEPTH} levels, or it contains itself")
        if isinstance(value, dict):
            out.append(b"D" + _pack_u32(len(value)))
            for key, item in value.items():
                if not _is_key(key):
                    raise Unsendable(f"a dict key is {describe_type(key)}; use strings or numbers")
                self._value(key, out, depth + 1)
                self._value(item, out, depth + 1)
        elif isinstance(value, list):
            out.append(b"l" + _pack_u32(len(value)))
            for item in value:
                self._value(item, out, depth + 1)
        else:
            out.append(b"S" + _pack_u32(len(value)))
            for item in value:
                if not _is_key(item):
                    raise Unsendable(f"a set holds {describe_type(item)}; use strings or numbers")
                self._value(item, out, depth + 1)

    def _plain_state(self, generator, out):
        name = type(generator.bit_generator).__name__
        if name not in _BIT_GENERATORS:
            raise Unsendable(
                f"a Generator on `{name}` cannot be passed; use `numpy.random.default_rng(seed)`"
            )
        out.append(b"R")
        self._plain(generator.bit_generator.state, out)

    def _plain(self, value, out):
        """A generator's state: nested dicts become tuples, arrays become bytes, so that nothing in it is
        shared."""
        if isinstance(value, dict):
            out.append(b"t" + _pack_u32(2 * len(value)))
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
        out.append(tag + _pack_u32(number))

    def _unsendable(self, value, out, depth):
        raise Unsendable(describe_type(value))

    # arrays

    def _array(self, value, out, depth):
        index = self.array_ids.get(id(value))
        if index is None:
            plain = value if type(value) is np.ndarray else np.asarray(value)
            kind = plain.dtype.kind
            if kind not in _PLAIN_KINDS:
                hint = (
                    "an object array; are its rows of different lengths?"
                    if kind == "O"
                    else f"an array of dtype `{plain.dtype}`"
                )
                raise Unsendable(hint)
            if plain.nbytes > DEFAULT_MESSAGE_BYTES:
                raise Unsendable(f"an array of {plain.nbytes:,} bytes is too large")
            if len(self.arrays) >= MAX_ARRAYS:
                raise Unsendable(f"more than {MAX_ARRAYS:,} arrays at once; use one array")
            index = len(self.table.arrays)
            self.array_ids[id(value)] = index
            self.keep.append(value)
            memory = plain.view()
            self.table.arrays.append(SharedArray(value, memory))
            self.arrays.append(memory)
        out.append(b"a" + _pack_u32(index))

    def _array_section(self):
        new = self.table.arrays[len(self.table.arrays) - len(self.arrays) :]
        places, groups = self._places([shared.memory for shared in new])
        first_new = len(self.table.segments)
        for group in groups:
            self.table.segments.append(group)
        parts = [_pack_u32(len(groups)), *(_pack_u64(group.length) for group in groups), _pack_u32(len(new))]
        for shared, (where, segment, offset) in zip(new, places):
            memory = shared.memory
            name = memory.dtype.str.encode()
            writeable = memory.flags.writeable
            parts.append(where + bytes([len(name)]) + name + bytes([memory.ndim, writeable]))
            parts.append(struct.pack(f"<{memory.ndim}q", *memory.shape))
            if where in b"CF":
                low = memory.__array_interface__["data"][0]
                self.table.segments.append(Segment(low, memory.nbytes, memory, writeable, memory.dtype.kind))
            else:
                number = segment if where == b"K" else first_new + segment
                parts.append(struct.pack(f"<Iq{memory.ndim}q", number, offset, *memory.strides))
            if where != b"K":
                shared.last = memory.tobytes()
                parts.append(_pack_u64(len(shared.last)) + shared.last)
        return b"".join(parts)

    def _places(self, arrays):
        """Where each new array lives: ("C"|"F", ., .) alone; ("K", known segment, offset); ("S", new segment,
        offset)."""
        places = [None] * len(arrays)
        loose = []
        for i, memory in enumerate(arrays):
            if memory.size == 0:
                places[i] = (b"C", 0, 0)
                continue
            low = memory.__array_interface__["data"][0]
            low, high = (low, low + memory.nbytes) if memory.flags.c_contiguous else _byte_bounds(memory)
            places[i] = self._known_place(memory, low, high)
            if places[i] is None:
                loose.append((low, high, i))
        groups = []
        loose.sort()
        at = 0
        while at < len(loose):
            low, high, _ = loose[at]
            end = at + 1
            while end < len(loose) and loose[end][0] < high:
                high = max(high, loose[end][1])
                end += 1
            members = [arrays[i] for _, _, i in loose[at:end]]
            only = members[0]
            if len(members) == 1 and only.flags.c_contiguous:
                places[loose[at][2]] = (b"C", 0, 0)
            elif len(members) == 1 and only.flags.f_contiguous:
                places[loose[at][2]] = (b"F", 0, 0)
            else:
                if high - low > DEFAULT_MESSAGE_BYTES:
                    raise Unsendable(f"views that span {high - low:,} bytes are too far apart")
                covered = np.zeros(high - low, np.uint8)
                for memory, (_, _, i) in zip(members, loose[at:end]):
                    offset = memory.__array_interface__["data"][0] - low
                    bytes_of(covered, offset, memory.itemsize, memory.shape, memory.strides)[...] = 1
                    places[i] = (b"S", len(groups), offset)
                groups.append(
                    Segment(
                        low,
                        high - low,
                        members,
                        all(m.flags.writeable for m in members),
                        only.dtype.kind,
                        covered,
                    )
                )
            at = end
        return places, groups

    def _known_place(self, memory, low, high):
        if memory.dtype.kind not in _MEMORY_KINDS:
            return None
        for number in range(len(self.table.segments) - 1, -1, -1):
            segment = self.table.segments[number]
            if segment.low <= low and high <= segment.low + segment.length:
                if memory.dtype.kind == "b" and segment.kind != "b":
                    return None
                offset = memory.__array_interface__["data"][0] - segment.low
                if segment.covers(offset, memory.dtype, memory.shape, memory.strides):
                    return b"K", number, offset
        return None


def _is_key(value):
    if isinstance(value, tuple):
        return all(_is_key(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.number, np.bool_))


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
    np.random.Generator: Encoder._shared,
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
        (np.random.Generator, Encoder._shared),
    ):
        if isinstance(value, kind):
            return writer
    if isinstance(value, range):
        return lambda encoder, v, out, depth: encoder._tuple(tuple(v[: MAX_NODES + 1]), out, depth)
    if callable(value) and not isinstance(value, type):
        return Encoder._callable
    return Encoder._unsendable


# --- decoding -----------------------------------------------------------------------------------------------


class Decoder:
    """Reads one message strictly. `resolve(tag, number)` gives the callable for a number, or raises
    `WireError`."""

    def __init__(self, table, payload, resolve, export, plainest=False):
        self.table = table
        self.readers = {tag: _READERS[tag] for tag in _PLAINEST} if plainest else _READERS
        self.plainest = plainest
        self.data = payload
        self.at = 0
        self.resolve = resolve
        self.export = export
        self.nodes = 0

    def message(self, last=()):
        """(kind, body); changes of shared objects are applied, new ones registered. Any fault is a
        `WireError`.

        `last` names the kinds of message that close a call: what they bring need not be remembered.
        """
        mark = self.table.mark()
        try:
            kind = self._take(1)[0]
            if self.plainest and self.data[1:13] != bytes(12):
                raise WireError("arrays or updates where none may be")
            self._array_section()
            self._updates(mark)
            body = self._value(0)
            if self.at != len(self.data):
                raise WireError("bytes are left over after the message")
        except WireError:
            self.table.cut(mark)
            raise
        except (
            struct.error,
            ValueError,
            TypeError,
            OverflowError,
            MemoryError,
            IndexError,
            KeyError,
        ) as problem:
            self.table.cut(mark)
            raise WireError(f"not a message: {problem}") from None
        fresh = () if kind in last else range(mark[1], len(self.table.objects))
        if kind not in last:
            for shared in self.table.arrays[mark[0] :]:
                if shared.last is None:
                    shared.last = shared.memory.tobytes()
        if fresh or self._touched:
            encoder = Encoder(self.table, self.export)
            for i in self._touched.union(fresh):
                shared = self.table.objects[i]
                shared.last = encoder.content(shared.value)
        return kind, body

    def _take(self, count):
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise WireError("the message ends too early")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def _number(self, form):
        at = self.at
        self.at = at + form.size
        return form.unpack_from(self.data, at)[0]  # struct.error where the message ends too early

    def _unpack(self, form):
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _count(self, most=MAX_NODES):
        count = self._number(_U32)
        if count > most:
            raise WireError(f"{count:,} items are announced; at most {most:,} are allowed")
        return count

    def _blob(self):
        return self._take(self._number(_U32))

    def _dtype(self, kinds):
        dtype = _plain_dtype(self._take(self._take(1)[0]))
        if dtype is None or dtype.kind not in kinds:
            raise WireError("not a plain dtype")
        return dtype

    # values

    def _value(self, depth):
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH + 2:
            raise WireError("too many values, or nested too deep")
        reader = self.readers.get(self._take(1))
        if reader is None:
            raise WireError("an unknown kind of value")
        return reader(self, depth)

    def _int(self, depth):
        return self._number(_I64)

    def _long(self, depth):
        data = self._blob()
        if len(data) > MAX_INT_BYTES:
            raise WireError("a whole number is too long")
        return int.from_bytes(data, "little", signed=True)

    def _scalar(self, depth):
        dtype = self._dtype("biufcmM")
        data = self._take(self._take(1)[0])
        if len(data) != dtype.itemsize or (dtype.kind == "b" and data[0] > 1):
            raise WireError("a numpy scalar has the wrong size")
        return np.frombuffer(data, dtype)[0]

    def _tuple(self, depth):
        return tuple([self._value(depth + 1) for _ in range(self._count())])

    def _shared(self, depth):
        tag = self._take(1)
        if tag == b"R":
            slot = SharedObject(None)
            self.table.objects.append(slot)
            slot.value = self._generator()
            return slot.value
        make = {b"l": list, b"D": dict, b"S": set}.get(tag)
        if make is None:
            raise WireError("an unknown kind of container")
        value = make()
        self.table.objects.append(SharedObject(value))
        self._fill(tag, value, depth)
        return value

    def _fill(self, tag, value, depth):
        count = self._count()
        if tag == b"l":
            for _ in range(count):
                value.append(self._value(depth + 1))
        elif tag == b"S":
            for _ in range(count):
                value.add(self._key(depth))
        else:
            for _ in range(count):
                key = self._key(depth)
                value[key] = self._value(depth + 1)
        if len(value) != count:
            raise WireError("equal keys in one container")

    def _key(self, depth):
        key = self._value(depth + 1)
        if not _is_key(key):
            raise WireError("a key is not plain")
        return key

    def _known(self, depth):
        index = self._count()
        if index >= len(self.table.objects):
            raise WireError("a reference to nothing")
        return self.table.objects[index].value

    def _known_array(self, depth):
        index = self._count()
        if index >= len(self.table.arrays):
            raise WireError("a reference to no array")
        return self.table.arrays[index].array

    def _ufunc(self, depth):
        value = getattr(np, self._take(self._take(1)[0]).decode("ascii"), None)
        if not isinstance(value, np.ufunc):
            raise WireError("not a numpy function")
        return value

    def _generator(self):
        state = self._value(0)
        name = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        maker = _BIT_GENERATORS.get(name) if isinstance(name, str) else None
        if maker is None:
            raise WireError("an unknown generator")
        bits = maker(0)
        bits.state = _checked_state(state, bits.state)
        return np.random.Generator(bits)

    # shared objects

    def _updates(self, mark):
        self._touched = set()
        for _ in range(self._count()):
            tag = self._take(1)
            index = self._count()
            if tag == b"a":
                if index >= mark[0]:
                    raise WireError("an update of no array")
                count = self._number(_U64)
                self._update_array(self.table.arrays[index], self._take(count))
            elif tag == b"o":
                if index >= mark[1]:
                    raise WireError("an update of nothing")
                self._update_object(self.table.objects[index].value)
                self._touched.add(index)
            else:
                raise WireError("an unknown update")

    def _update_array(self, shared, data):
        memory = shared.memory
        if len(data) != memory.nbytes:
            raise WireError("an update of another size")
        memory[...] = _array_from(data, memory.dtype, memory.shape)
        shared.last = data

    def _update_object(self, value):
        tag = self._take(1)
        if tag == b"R" and isinstance(value, np.random.Generator):
            bits = value.bit_generator
            bits.state = _checked_state(self._value(0), bits.state)
        elif tag == b"l" and isinstance(value, list):
            fresh = []
            self._fill(tag, fresh, 0)
            value[:] = fresh
        elif tag in (b"D", b"S") and isinstance(value, dict if tag == b"D" else set):
            fresh = {} if tag == b"D" else set()
            self._fill(tag, fresh, 0)
            value.clear()
            value.update(fresh)
        else:
            raise WireError("an update of another kind")

    # arrays

    def _array_section(self):
        lengths = [self._number(_U64) for _ in range(self._count(MAX_ARRAYS))]
        if sum(lengths) > DEFAULT_MESSAGE_BYTES:
            raise WireError("too much memory")
        count = self._count(MAX_ARRAYS)
        first_new = len(self.table.segments)
        for length in lengths:
            buffer = np.zeros(length, np.uint8)
            self.table.segments.append(
                Segment(
                    buffer.__array_interface__["data"][0],
                    length,
                    buffer,
                    True,
                    "",
                    np.zeros(length, np.uint8),
                )
            )
        end_new = len(self.table.segments)
        frozen = []
        total = 0
        for _ in range(count):
            where = self._take(1)
            dtype = self._dtype(_PLAIN_KINDS)
            ndim, writeable = self._take(2)
            if ndim > MAX_DIMENSIONS:
                raise WireError("too many dimensions")
            shape = self._unpack(f"<{ndim}q")
            size = math.prod(shape)
            if ndim and min(shape) < 0:
                raise WireError("a negative length")
            total += size * dtype.itemsize
            if total > DEFAULT_MESSAGE_BYTES:
                raise WireError("the arrays are too large")
            last = None
            if where in (b"C", b"F"):
                last = self._array_data(size, dtype)
                array = _array_from(last, dtype, shape).copy(order=where.decode())
                self.table.segments.append(
                    Segment(
                        array.__array_interface__["data"][0], array.nbytes, array, bool(writeable), dtype.kind
                    )
                )
            elif where in (b"S", b"K"):
                number, offset, *strides = self._unpack(f"<Iq{ndim}q")
                strides = tuple(strides)
                known = number < first_new
                if known != (where == b"K") or number >= end_new or size == 0:
                    raise WireError("an array in no memory")
                segment = self.table.segments[number]
                low, high = extent(offset, dtype.itemsize, shape, strides)
                if low < 0 or high > segment.length:
                    raise WireError("an array outside its memory")
                if known:
                    if dtype.kind not in _MEMORY_KINDS or (dtype.kind == "b" and segment.kind != "b"):
                        raise WireError("a view of another kind")
                    if not segment.covers(offset, dtype, shape, strides):
                        raise WireError("a view of memory that was not passed")
                    array = segment.view(offset, dtype, shape, strides)
                else:
                    last = self._array_data(size, dtype)
                    segment.kind = segment.kind or dtype.kind
                    bytes_of(segment.covered, offset, dtype.itemsize, shape, strides)[...] = 1
                    array = np.ndarray(shape, dtype, segment.keep, offset, strides)
                    array[...] = _array_from(last, dtype, shape)
            else:
                raise WireError("an array in an unknown place")
            self.table.arrays.append(SharedArray(array, array.view(), last))
            if not writeable:
                frozen.append(array)
        for array in frozen:
            array.flags.writeable = False

    def _array_data(self, size, dtype):
        count = self._number(_U64)
        if count != size * dtype.itemsize:
            raise WireError("an array's data has the wrong size")
        return self._take(count)


@functools.lru_cache(100)
def _plain_dtype(name):
    """The dtype that numpy writes as `name` (bytes), if it is plain and of some size; else None."""
    name = name.decode("ascii")
    if not name[1:].replace("[", "").replace("]", "").isalnum() or name[:1] not in "<>|":
        return None
    dtype = np.dtype(name)
    return dtype if dtype.kind in _PLAIN_KINDS and dtype.str == name and dtype.itemsize else None


def _array_from(data, dtype, shape):
    """A read-only array on `data`; contents that numpy itself would not produce are refused."""
    flat = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    if dtype.kind == "b" and len(data) and np.frombuffer(data, np.uint8).max() > 1:
        raise WireError("a truth value is neither 0 nor 1")
    if dtype.kind == "U" and len(data):
        if np.frombuffer(data, dtype.byteorder.replace("|", "=") + "u4").max() > 0x10FFFF:
            raise WireError("a character does not exist")
    if len(data) == 0:
        return np.empty(shape, dtype)
    return flat.reshape(shape)


def _checked_state(sent, own):
    """`sent` (see `Encoder._plain`) in the form of the state `own`, if a generator can have it."""
    if not isinstance(sent, tuple) or len(sent) != 2 * len(own):
        raise WireError("not a generator's state")
    checked = {}
    for key, value, (name, template) in zip(sent[::2], sent[1::2], own.items()):
        if key != name:
            raise WireError("not a generator's state")
        if isinstance(template, dict):
            checked[name] = _checked_state(value, template)
        elif isinstance(template, np.ndarray):
            if type(value) is not bytes or len(value) != template.nbytes:
                raise WireError("not a generator's state")
            checked[name] = np.frombuffer(value, template.dtype).reshape(template.shape).copy()
        elif isinstance(template, str):
            if value != template:
                raise WireError("another kind of generator")
            checked[name] = template
        else:
            most = {"has_uint32": 1, "pos": 624, "buffer_pos": 4, "uinteger": 2**32 - 1}.get(name, 2**128 - 1)
            if type(value) is not int or not 0 <= value <= most:
                raise WireError("not a generator's state")
            checked[name] = value
    return checked


def no_functions(*_):
    """`export` for a connection on which no function may cross."""
    raise Unsendable("a function")


_READERS = {
    b"N": lambda d, depth: None,
    b"T": lambda d, depth: True,
    b"F": lambda d, depth: False,
    b"i": Decoder._int,
    b"I": Decoder._long,
    b"d": lambda d, depth: d._number(_F64),
    b"c": lambda d, depth: complex(*d._unpack("<dd")),
    b"s": lambda d, depth: d._blob().decode("utf-8", "surrogatepass"),
    b"b": lambda d, depth: d._blob(),
    b"g": Decoder._scalar,
    b"t": Decoder._tuple,
    b"*": Decoder._shared,
    b"@": Decoder._known,
    b"a": Decoder._known_array,
    b"u": Decoder._ufunc,
    b"f": lambda d, depth: d.resolve(b"f", d._count()),
    b"p": lambda d, depth: d.resolve(b"p", d._count()),
}
_PLAINEST = (b"N", b"T", b"F", b"i", b"I", b"d", b"c", b"s", b"b", b"t")
