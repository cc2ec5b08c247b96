"""Reads one message of a wire (see `encoding`) strictly: whatever is not as an `Encoder` writes it is a
`WireError`. Nothing here imports a name or runs code that the peer chose."""

from __future__ import annotations

import functools
import math
import re
import struct

import numpy as np

from .encoding import Encoder
from .frames import DEFAULT_MESSAGE_BYTES, LARGE, WireError
from .plain import (
    ARRAY_KINDS,
    F64,
    I64,
    MAX_ARRAYS,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_INT_BYTES,
    MAX_NODES,
    MEMORY_KINDS,
    NO_ARRAYS,
    NO_UPDATES,
    SCALAR_KINDS,
    U16,
    U32,
    U64,
    bit_generators,
    family,
    is_key,
    span,
)
from .sharing import Segment, SharedArray, SharedObject, bytes_of, extent

_DTYPE = re.compile(r"[<>|](?:[biufcSU][1-9][0-9]{0,8}|[mM]8(?:\[(?:[1-9][0-9]{0,8})?[a-zA-Z]{1,2}\])?)")


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
        self._touched = set()  # objects of which it is to be worked out what they hold now

    def message(self, last=()):
        """(kind, body); changes of shared objects are applied, new ones registered. Any fault is a
        `WireError`.

        `last` names the kinds of message that close a call: what they bring need not be remembered.
        """
        mark = self.table.mark()
        try:
            kind = self._take(1)[0]
            self.closing = kind in last
            if self.data[1:13] == _NOTHING_NEW:
                self.at = 13
            elif self.plainest:
                raise WireError("arrays or updates where none may be")
            else:
                self._array_section()
                self._updates(mark)
            (body,) = self._some(1, 0)
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
        if not self.closing:
            for shared in self.table.arrays[mark[0] :]:
                if shared.last is None:
                    shared.last = shared.memory.tobytes()
            self._touched.update(
                i for i in range(mark[1], len(self.table.objects)) if not self.table.objects[i].last
            )
        if self._touched:
            encoder = Encoder(self.table, self.export)
            for i in self._touched:
                shared = self.table.objects[i]
                shared.last = encoder.content(shared.value)
        return kind, body

    def _take(self, count):
        at = self.at
        self.at = end = at + count
        if end > len(self.data):
            raise WireError("the message ends too early")
        return self.data[at:end]

    def _number(self, form):
        at = self.at
        self.at = at + form.size
        return form.unpack_from(self.data, at)[0]  # struct.error where the message ends too early

    def _unpack(self, form):
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _count(self, most=MAX_NODES):
        (count,) = _count_at(self.data, self.at)
        self.at += 4
        if count > most:
            raise WireError(f"{count:,} items are announced; at most {most:,} are allowed")
        return count

    def _blob(self):
        return self._take(self._number(U32))

    # values

    def _values(self, depth):
        return self._some(self._count(), depth)

    def _some(self, count, depth):
        self.nodes += count
        if self.nodes > MAX_NODES or depth > MAX_DEPTH + 2:
            raise WireError("too many values, or nested too deep")
        data, readers, values = self.data, self.readers, []
        for _ in range(count):
            at = self.at
            tag = data[at]  # IndexError where the message ends too early, as struct.error below
            if tag == _FLOAT:
                self.at = at + 9
                values.append(_float_at(data, at + 1)[0])
            elif tag == _TEXT:
                (length,) = _count_at(data, at + 1)
                self.at = end = at + 5 + length
                if end > len(data):
                    raise WireError("the message ends too early")
                values.append(data[at + 5 : end].decode("utf-8", "surrogatepass"))
            else:
                self.at = at + 1
                reader = readers.get(tag)
                if reader is None:
                    raise WireError("an unknown kind of value")
                values.append(reader(self, depth))
        return values

    def _int(self, depth):
        return self._number(I64)

    def _long(self, depth):
        data = self._blob()
        if len(data) > MAX_INT_BYTES:
            raise WireError("a whole number is too long")
        return int.from_bytes(data, "little", signed=True)

    def _scalar(self, depth):
        dtype = _plain_dtype(self._take(self._take(1)[0]))
        if dtype is None or dtype.kind not in SCALAR_KINDS:
            raise WireError("not a plain dtype")
        data = self._take(self._take(1)[0])
        if len(data) != dtype.itemsize or (dtype.kind == "b" and data[0] > 1):
            raise WireError("a numpy scalar has the wrong size")
        return np.frombuffer(data, dtype)[0]

    def _tuple(self, depth):
        return tuple(self._values(depth + 1))

    def _shared(self, depth):
        start = self.at
        tag = self._take(1)
        objects = self.table.objects
        slot = SharedObject(None)
        objects.append(slot)
        index = len(objects)
        if tag == b"R":
            slot.value = self._generator()
        else:
            make = _CONTAINERS.get(tag)
            if make is None:
                raise WireError("an unknown kind of container")
            slot.value = make()  # before what it holds, which may be itself
            self._fill(tag, slot.value, depth)
        if len(objects) == index:  # nothing new in it is shared, so that this is its content
            slot.last = self.data[start : self.at]
        return slot.value

    def _fill(self, tag, value, depth):
        if tag == b"l":
            value += self._values(depth + 1)
            return
        count = self._count()
        items = self._some(count if tag == b"S" else 2 * count, depth + 1)
        keys = items if tag == b"S" else items[::2]
        if not all(map(is_key, keys)):
            raise WireError("a key is not plain")
        value.update(keys if tag == b"S" else zip(keys, items[1::2]))
        if len(value) != count:
            raise WireError("equal keys in one container")

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
        (state,) = self._some(1, 0)
        name = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        maker = bit_generators().get(name) if isinstance(name, str) else None
        if maker is None:
            raise WireError("an unknown generator")
        bits = maker(0)
        bits.state = _checked_state(state, bits.state)
        return np.random.Generator(bits)

    # shared objects

    def _updates(self, mark):
        for _ in range(self._count()):
            tag = self._take(1)
            index = self._count()
            if tag == b"a":
                if index >= mark[0]:
                    raise WireError("an update of no array")
                count = self._number(U64)
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
            bits.state = _checked_state(*self._some(1, 0), bits.state)
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
        lengths = [self._number(U64) for _ in range(self._count(MAX_ARRAYS))]
        if sum(lengths) > DEFAULT_MESSAGE_BYTES:
            raise WireError("too much memory")
        count = self._count(MAX_ARRAYS)
        first_new = len(self.table.segments)
        for length in lengths:
            buffer, covered = np.zeros(length, np.uint8), np.zeros(length, np.uint8)
            self.table.segments.append(Segment(buffer, length, True, "", None, covered))
        end_new = len(self.table.segments)
        frozen = []
        total = 0
        for _ in range(count):
            where, writeable, dtype, shape, size = _form(self._take(self._number(U16)))
            total += size * dtype.itemsize
            if total > DEFAULT_MESSAGE_BYTES:
                raise WireError("the arrays are too large")
            last = None
            if where in (b"C", b"F"):
                last = self._array_data(size, dtype)
                array = _array_from(last, dtype, shape).copy(order=where.decode())
                self.table.segments.append(Segment(array, array.nbytes, writeable, dtype.kind, array))
            elif where in (b"S", b"K"):
                number, offset, *strides = self._unpack(f"<Iq{len(shape)}q")
                strides = tuple(strides)
                known = number < first_new
                if known != (where == b"K") or number >= end_new or size == 0:
                    raise WireError("an array in no memory")
                segment = self.table.segments[number]
                low, high = extent(offset, dtype.itemsize, shape, strides)
                if low < 0 or high > segment.length:
                    raise WireError("an array outside its memory")
                if known:
                    if dtype.kind not in MEMORY_KINDS or family(dtype.kind) != family(segment.kind):
                        raise WireError("a view of another kind")
                    if not segment.covers(offset, dtype, shape, strides):
                        raise WireError("a view of memory that was not passed")
                    array = segment.view(offset, dtype, shape, strides)
                else:
                    last = self._array_data(size, dtype)
                    segment.kind = segment.kind or dtype.kind
                    if family(segment.kind) != family(dtype.kind):
                        raise WireError("arrays of different kinds in one memory")
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
        """The bytes of a new array, which outlast this message only where they have to be remembered."""
        count = size * dtype.itemsize
        if not self.closing or count < LARGE:
            return self._take(count)
        piece = memoryview(self.data)[self.at : self.at + count]
        if len(piece) != count:
            raise WireError("the message ends too early")
        self.at += count
        return piece


@functools.lru_cache(500)
def _form(text):
    """(where, writeable, dtype, shape, size) of an array, as `encoding._form` describes it."""
    where, writeable, ndim = text[:1], text[1], text[2]
    shape = struct.unpack_from(f"<{ndim}q", text, 3)
    dtype = _plain_dtype(text[3 + 8 * ndim :])
    if ndim > MAX_DIMENSIONS or writeable > 1:
        raise WireError("not an array")
    if dtype is None or dtype.kind not in ARRAY_KINDS:
        raise WireError("not a plain dtype")
    if ndim and min(shape) < 0:
        raise WireError("a negative length")
    if span(shape, dtype.itemsize) > DEFAULT_MESSAGE_BYTES:
        raise WireError("the arrays are too large")
    return where, bool(writeable), dtype, shape, math.prod(shape)


@functools.lru_cache(100)
def _plain_dtype(name):
    """The dtype that numpy writes as `name` (bytes), if it is plain and of some size; else None."""
    name = name.decode("ascii")
    if not _DTYPE.fullmatch(name):  # numpy would make something of much more, and run a parser over it
        return None
    dtype = np.dtype(name)
    return dtype if dtype.kind in ARRAY_KINDS and dtype.str == name and dtype.itemsize else None


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


_NOTHING_NEW = NO_ARRAYS + NO_UPDATES
_FLOAT, _TEXT = b"ds"
_float_at, _count_at = F64.unpack_from, U32.unpack_from
_CONTAINERS = {b"l": list, b"D": dict, b"S": set}
_READERS = {
    b"N"[0]: lambda d, depth: None,
    b"T"[0]: lambda d, depth: True,
    b"F"[0]: lambda d, depth: False,
    b"i"[0]: Decoder._int,
    b"I"[0]: Decoder._long,
    b"c"[0]: lambda d, depth: complex(*d._unpack("<dd")),
    b"b"[0]: lambda d, depth: d._blob(),
    b"g"[0]: Decoder._scalar,
    b"t"[0]: Decoder._tuple,
    b"*"[0]: Decoder._shared,
    b"@"[0]: Decoder._known,
    b"a"[0]: Decoder._known_array,
    b"u"[0]: Decoder._ufunc,
    b"f"[0]: lambda d, depth: d.resolve(b"f", d._count()),
    b"p"[0]: lambda d, depth: d.resolve(b"p", d._count()),
}
_PLAINEST = b"NTFiIcbt"
