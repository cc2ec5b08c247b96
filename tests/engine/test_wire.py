"""What crosses a wire arrives as it was, and what may not cross is refused at both ends."""

import os
import random
import socket
import struct
import threading
import time

import numpy as np
import pytest

from autograde.engine import calls
from autograde.engine.wire import (
    Channel,
    Decoder,
    Encoder,
    Table,
    Unsendable,
    WireClosed,
    WireError,
    WireTimeout,
)


def across(*values):
    return read(calls.dumps(values))[1]


def same(a, b):
    if isinstance(a, np.ndarray):
        return (
            type(b) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or a != a and b != b)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -1,
        2**63 - 1,
        -(2**63),
        2**63,
        -(2**200),
        0.0,
        -0.0,
        float("inf"),
        float("nan"),
        1 + 2j,
        "",
        "é\0\U0001f600",
        "\ud800",
        b"",
        b"\0\xff",
        (),
        (1, (2, ())),
        [],
        [1, [2]],
        {},
        {"a": [1], 2: {"b": None}, (1, "x"): 3},
        set(),
        {1, "a"},
        np.float64(1.5),
        np.float32("nan"),
        np.int8(-3),
        np.bool_(True),
        np.complex64(1j),
        np.datetime64("2026-11-20"),
        np.zeros(0),
        np.zeros((0, 3)),
        np.array(3.0),
        np.arange(6).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array([True, False]),
        np.array(["a", "bcd"]),
        np.array([1, 2], ">i4"),
        np.array([1e300], np.longdouble),
        np.arange(24.0).reshape(2, 3, 4)[:, ::-2, 1:],
        np.broadcast_to(np.arange(3.0), (4, 3)),
        np.array([1 + 1j], np.complex64),
        np.array(["2026-11-20"], "M8[D]"),
    ],
    ids=repr,
)
def test_a_plain_value_arrives_as_it_was(value):
    assert same(across(value), (value,))


@pytest.mark.parametrize(
    "value, plain",
    [
        (range(3), (0, 1, 2)),
        (frozenset({1}), {1}),
        (bytearray(b"a"), b"a"),
        (np.str_("a"), "a"),
        (type("Text", (str,), {})("a"), "a"),
        (type("Number", (int,), {})(3), 3),
        (type("Map", (dict,), {})(a=1), {"a": 1}),
        (np.matrix([[1.0, 2.0]]), np.array([[1.0, 2.0]])),
    ],
    ids=repr,
)
def test_a_subclass_arrives_as_the_plain_type_it_extends(value, plain):
    assert same(across(value), (plain,))


@pytest.mark.parametrize(
    "value, word",
    [
        ((i for i in ()), "generator"),
        (object(), "type `object`"),
        (np, "module"),
        (int, "class `int`"),
        (map(str, []), "list("),
        (np.array([1, None]), "object array"),
        (np.zeros(1, [("a", "f8")]), "dtype"),
        (1 << 80_000, "too long"),
        ({object(): 1}, "key"),
        (lambda: 0, "function"),
        (..., "..."),
        (np.zeros((1,) * 33), "33 dimensions"),
        (np.zeros((2**28, 0)), "empty array of shape"),
    ],
    ids=lambda v: v if isinstance(v, str) else "value",
)
def test_a_value_that_cannot_cross_is_named(value, word):
    with pytest.raises(Unsendable, match=word.replace("(", r"\(").replace(".", r"\.")):
        across(value)


def test_nesting_too_deep_is_refused_and_so_is_a_list_in_itself():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unsendable, match="nested deeper"):
        across(deep)
    # 100,000 levels are more than the interpreter frees in one go on some systems
    while deep:
        deep = deep.pop()
    cycle = []
    cycle.append((cycle,))
    assert across(cycle)[0][0][0] is not None


def test_one_object_twice_stays_one_object():
    array, row = np.arange(3.0), [1]
    got = across(array, array, row, {"row": row})
    assert got[0] is got[1] and got[2] is got[3]["row"]


def test_arrays_that_share_memory_share_it_after_the_crossing():
    base = np.arange(12.0)
    left, right, apart = across(base[:8], base[4:].reshape(2, 4), np.arange(3.0))
    assert np.shares_memory(left, right) and not np.shares_memory(left, apart)
    left[5] = -1
    assert right[0, 1] == -1


def test_the_bytes_between_the_elements_of_a_view_do_not_cross():
    secret = np.arange(8.0) + 1e9
    payload = calls.dumps((secret[::2], secret[::4]))
    assert all(struct.pack("<d", number) not in payload for number in secret[1::2])


def test_a_generator_arrives_in_its_state():
    rngs = [
        np.random.Generator(kind(3))
        for kind in (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)
    ]
    for rng, copy in zip(rngs, across(*rngs)):
        assert rng.normal(size=5).tolist() == copy.normal(size=5).tolist()


# --- hostile messages ---------------------------------------------------------------------------------------


def read(payload, table=None):
    return Decoder(table or Table(), payload, lambda *_: None, lambda *_: (b"f", 0)).message()


EMPTY = b"\0" + bytes(8) + bytes(4)  # kind, no segments, no arrays, no updates


def array_message(where, dtype, shape, rest=b"", data=b"", segments=()):
    form = where + bytes([1, len(shape)]) + struct.pack(f"<{len(shape)}q", *shape) + dtype.encode()
    return (
        b"\0"
        + struct.pack("<I", len(segments))
        + b"".join(struct.pack("<Q", n) for n in segments)
        + struct.pack("<I", 1)
        + struct.pack("<H", len(form))
        + form
        + rest
        + data
        + bytes(4)
        + b"a"
        + bytes(4)
    )


@pytest.mark.parametrize(
    "payload",
    {
        "nothing": b"",
        "kind alone": b"\0",
        "no such tag": EMPTY + b"?",
        "bytes left over": EMPTY + b"NN",
        "reference to nothing": EMPTY + b"@" + bytes(4),
        "array of nothing": EMPTY + b"a" + bytes(4),
        "short text": EMPTY + b"s" + struct.pack("<I", 9) + b"abc",
        "text not utf-8": EMPTY + b"s" + struct.pack("<I", 1) + b"\xff",
        "endless list": EMPTY + b"*l" + struct.pack("<I", 2**31),
        "endless tuple": EMPTY + b"t" + struct.pack("<I", 400_000),
        "deep": EMPTY + (b"t" + struct.pack("<I", 1)) * 5000 + b"N",
        "long number": EMPTY + b"I" + struct.pack("<I", 10_000) + b"1" * 10_000,
        "key that is a list": EMPTY + b"*D" + struct.pack("<I", 1) + b"*l" + bytes(4) + b"N",
        "equal keys": EMPTY + b"*D" + struct.pack("<I", 2) + b"TNTN",
        "set of a list": EMPTY + b"*S" + struct.pack("<I", 1) + b"*l" + bytes(4),
        "not a ufunc": EMPTY + b"u" + b"\x04" + b"load",
        "unknown container": EMPTY + b"*x" + bytes(4),
        "scalar of another size": EMPTY + b"g\x03<f8\x04" + bytes(4),
        "object scalar": EMPTY + b"g\x02|O\x08" + bytes(8),
        "truth value 7": EMPTY + b"g\x03|b1\x01\x07",
        "generator of nothing": EMPTY + b"*Rt" + bytes(4),
        "object array": array_message(b"C", "|O", (1,), data=bytes(8)),
        "void array": array_message(b"C", "|V8", (1,), data=bytes(8)),
        "array of a dtype that is a program": array_message(b"C", "<08f,08", (1,), data=bytes(8)),
        "array of a dtype with a leading zero": array_message(b"C", "<08f", (1,), data=bytes(8)),
        "array of a dtype of an endless number": array_message(b"C", "|S" + "9" * 5000, (1,), data=bytes(8)),
        "structured array": array_message(b"C", "i4,i4", (1,), data=bytes(8)),
        "no bytes": array_message(b"C", "|S0", (10**9,)),
        "too little data": array_message(b"C", "<f8", (2,), data=bytes(8)),
        "negative shape": array_message(b"C", "<f8", (-1, -1), data=bytes(8)),
        "huge shape": array_message(b"C", "<f8", (2**62, 4), data=bytes(8)),
        "huge empty shape": array_message(b"C", "<f8", (2**62, 0)),
        "large empty shape": array_message(b"C", "<f8", (2**28, 0)),
        "33 dimensions": array_message(b"C", "<f8", (1,) * 33, data=bytes(8)),
        "array of truth values 2": array_message(b"C", "|b1", (1,), data=b"\2"),
        "no such character": array_message(b"C", "<U1", (1,), data=b"\xff\xff\xff\x7f"),
        "outside its memory": array_message(b"S", "<f8", (2,), struct.pack("<Iqq", 0, 8, 8), bytes(16), [16]),
        "before its memory": array_message(b"S", "<f8", (2,), struct.pack("<Iqq", 0, 0, -8), bytes(16), [16]),
        "no such memory": array_message(b"S", "<f8", (1,), struct.pack("<Iqq", 5, 0, 8), bytes(8), [16]),
        "known memory where none is": array_message(b"K", "<f8", (1,), struct.pack("<Iqq", 0, 0, 8)),
        "too much memory": array_message(b"S", "<f8", (1,), struct.pack("<Iqq", 0, 0, 8), bytes(8), [2**40]),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_message_that_is_none_is_refused(payload):
    table = Table()
    with pytest.raises(WireError):
        read(payload[1], table)
    assert table.mark() == (0, 0, 0)


def test_no_bytes_make_the_decoder_do_anything_but_read_or_refuse():
    """Random bytes, and sound messages with bytes changed, cut off or put in."""
    chance = random.Random(11)
    rng = np.random.default_rng(1)
    base = rng.normal(size=(4, 3))
    sound = [
        calls.dumps(body)
        for body in (
            (1, "two", [3.0, None], {"a": (True, b"x")}),
            (base, base[::2], base.T, np.array(["ab"])),
            (rng, {1, 2}, 2**80, 1j),
            ("ran", "", (("stream", "stdout", "hello"), ("display", {"image/png": b"x"}))),
            (np.float32(1), np.array([True])),
        )
    ]
    for turn in range(4000):
        data = (
            bytearray(chance.choice(sound)) if turn % 8 else bytearray(chance.randbytes(chance.randrange(60)))
        )
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        try:
            read(bytes(data))
        except WireError:
            pass


def shared_table(array):
    """A table as after a call with `array` as its argument."""
    table = Table()
    Encoder(table, lambda value: (b"f", 0)).message(1, (array,))
    return table


def test_messages_to_the_engine_itself_hold_nothing_that_is_hashed_or_shared():
    assert calls.loads(calls.dumps((1, "a", (None, b"x"))))[1] == (1, "a", (None, b"x"))
    for value in ({}, [], set(), np.zeros(1), np.float64(1), np.tanh):
        with pytest.raises(WireError):
            calls.loads(calls.dumps((value,)))


def test_a_view_of_memory_that_was_not_passed_is_refused():
    grid = np.arange(12.0).reshape(3, 4)
    table = shared_table(grid[:, 0])  # what lies between its elements belongs to the test alone
    view = array_message(b"K", "<f8", (3,), struct.pack("<Iqq", 0, 8, 32))
    view = view[: view.index(struct.pack("<Iqq", 0, 8, 32)) + 20] + bytes(4) + b"a" + struct.pack("<I", 1)
    with pytest.raises(WireError, match="outside|not passed"):
        read(view, table)
    gap = array_message(b"K", "<f8", (2,), struct.pack("<Iqq", 0, 8, 32))
    gap = gap[: gap.index(struct.pack("<Iqq", 0, 8, 32)) + 20] + bytes(4) + b"a" + struct.pack("<I", 1)
    with pytest.raises(WireError, match="not passed"):
        read(gap, table)
    good = array_message(b"K", "<f8", (2,), struct.pack("<Iqq", 0, 32, 32))
    good = good[: good.index(struct.pack("<Iqq", 0, 32, 32)) + 20] + bytes(4) + b"a" + struct.pack("<I", 1)
    view = read(good, table)[1]
    assert np.shares_memory(view, grid) and view.tolist() == [4.0, 8.0]


def two_on_one_memory(first, second, length, data):
    """A message with two new arrays of the given dtypes on one new segment."""
    one = array_message(b"S", first, (1,), struct.pack("<Iqq", 0, 0, length), bytes(length))
    two = array_message(b"S", second, (length,), struct.pack("<Iqq", 0, 0, 1), data)
    before, after = 1 + 4 + 4, 4 + 1 + 4  # kind, number of segments, number of arrays; updates, a reference
    head = b"\0" + struct.pack("<IQI", 1, length, 2)
    return head + one[before:-after] + two[before:-after] + one[-after:]


@pytest.mark.parametrize("kind, length, data", [("|b1", 1, b"\5"), ("<U1", 4, b"\xff\xff\xff\x7f")])
def test_an_array_cannot_be_given_contents_through_another(kind, length, data):
    assert read(two_on_one_memory("<i8", "|u1", 8, bytes(8)), Table())[1] is not None
    with pytest.raises(WireError):
        read(two_on_one_memory(kind, "|u1", length, data), Table())


def test_truth_values_are_not_seen_as_numbers():
    flags = np.array([True, False])
    table = shared_table(flags)
    view = array_message(b"K", "|u1", (2,), struct.pack("<Iqq", 0, 0, 1))
    view = view[: view.index(struct.pack("<Iqq", 0, 0, 1)) + 20] + bytes(4) + b"a" + struct.pack("<I", 1)
    with pytest.raises(WireError, match="another kind"):
        read(view, table)
    numbers, seen = across(flags, flags.view(np.uint8))
    assert numbers.tolist() == [True, False] and seen.tolist() == [1, 0]


def update(index, data):
    return b"\0" + bytes(8) + struct.pack("<I", 1) + b"a" + struct.pack("<IQ", index, len(data)) + data + b"N"


def test_an_update_changes_the_argument_and_nothing_else():
    array = np.zeros(2)
    assert read(update(0, np.ones(2).tobytes()), shared_table(array))[1] is None
    assert array.tolist() == [1, 1]
    for index, data in ((1, bytes(16)), (0, bytes(8)), (0, bytes(24))):
        with pytest.raises(WireError):
            read(update(index, data), shared_table(np.zeros(2)))
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(WireError, match="read-only"):
        read(update(0, np.ones(2).tobytes()), shared_table(frozen))
    assert frozen.tolist() == [0, 0]


def test_a_state_that_no_generator_has_is_refused():
    state = np.random.MT19937(1).state
    for change in ({"pos": 10**6}, {"pos": -1}, {"key": b""}):
        sent = []
        encoder = Encoder(Table(), calls.no_functions)
        encoder._plain(
            (
                {
                    "bit_generator": "MT19937",
                    "state": {"key": change.get("key", state["state"]["key"]), "pos": change.get("pos", 0)},
                }
                if "key" not in change
                else {"bit_generator": "MT19937", "state": {"key": np.zeros(3, np.uint32), "pos": 0}}
            ),
            sent,
        )
        with pytest.raises(WireError):
            read(EMPTY + b"*R" + b"".join(sent))


# --- frames -------------------------------------------------------------------------------------------------


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours, limit=10_000), theirs


def soon(seconds=60):
    return time.monotonic() + seconds


def test_frames_arrive_whole_and_in_order(ends):
    channel, other = ends
    frames = struct.pack("<Q", 3) + b"abc" + struct.pack("<Q", 0) + struct.pack("<Q", 2) + b"de"
    other.sendall(frames)
    assert [channel.receive(soon()) for _ in range(3)] == [b"abc", b"", b"de"]


@pytest.mark.parametrize("length", [2**16 - 1, 2**16, 2**16 + 1, 300_000])
def test_long_frames_arrive_whole_between_short_ones_however_they_are_cut(length):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        near, far = Channel(ours), Channel(theirs)
        sent = [b"ab", random.Random(1).randbytes(length), b"", random.Random(2).randbytes(length), b"cd"]
        got = []
        reader = threading.Thread(target=lambda: got.extend(near.receive(soon()) for _ in range(10)))
        reader.start()
        for payload in sent:
            far.send(payload, soon())
        stream = b"".join(struct.pack("<Q", len(payload)) + payload for payload in sent)
        theirs.setblocking(True)
        for at in range(0, len(stream), 7919):
            theirs.sendall(stream[at : at + 7919])
        reader.join(60)
        assert got == sent + sent


def test_a_frame_that_is_announced_too_large_is_refused_before_it_comes(ends):
    channel, other = ends
    other.sendall(struct.pack("<Q", 2**63))
    with pytest.raises(WireError, match="announced"):
        channel.receive(soon())


def test_silence_and_slow_drips_end_at_the_deadline(ends):
    channel, other = ends
    with pytest.raises(WireTimeout):
        channel.receive(soon(0.05))

    def drip():
        for byte in struct.pack("<Q", 100) + bytes(100):
            time.sleep(0.05)
            try:
                other.send(bytes([byte]))
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    started = time.monotonic()
    with pytest.raises(WireTimeout):
        channel.receive(soon(0.3))
    assert time.monotonic() - started < 4  # all of it would take longer
    channel.close()
    dripping.join()


def test_a_reader_who_does_not_read_does_not_hold_up_the_sender(ends):
    channel, _ = ends
    channel.limit = 2**26
    with pytest.raises(WireTimeout):
        channel.send(bytes(2**24), soon(0.2))


def test_a_closed_channel_says_so(ends):
    channel, other = ends
    other.sendall(struct.pack("<Q", 5) + b"ab")
    other.close()
    with pytest.raises(WireClosed):
        channel.receive(soon())


def test_descriptors_that_a_peer_attaches_are_not_taken(ends):
    channel, other = ends
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(other, [struct.pack("<Q", 1) + b"x"], [0, 1, 2])
    assert channel.receive(soon()) == b"x"
    assert len(os.listdir("/proc/self/fd")) == before
