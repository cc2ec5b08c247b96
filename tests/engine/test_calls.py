"""A call over a wire behaves as a call in one process does."""

import copy
import socket
import threading
import time

import numpy as np
import pytest

from autograde.engine import calls
from autograde.engine.wire import Channel, Unsendable, WireError


class Names(calls.Peer):
    """The far end: gives away the names of one dict."""

    def __init__(self, channel, names):
        super().__init__(channel, time.monotonic() + 60)
        self.names = names

    def get(self, name):
        if name not in self.names:
            raise NameError(f"name {name!r} is not defined")
        return self.names[name]


@pytest.fixture
def far():
    """far(function) is a proxy of a function that lives behind a wire, in another thread."""
    ours, theirs = socket.socketpair()
    names = {}

    def serve():
        try:
            Names(Channel(theirs), names).serve_until_closed()
        except WireError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    near = calls.Peer(Channel(ours), time.monotonic() + 60)

    def give(function):
        names[function.__name__] = function
        return near.ask_for(function.__name__)

    give.near, give.names = near, names
    yield give
    ours.close()
    thread.join()
    theirs.close()


def test_an_in_place_change_of_an_argument_is_seen_by_the_caller(far):
    def change(x, state, rows, seen):
        x += 1
        state["t"] += 1
        state["new"] = [x]
        rows.append("row")
        seen.clear()

    x, state, rows, seen = np.zeros(2), {"t": 1}, [], {1}
    far(change)(x, state, rows, seen)
    assert (
        x.tolist() == [1, 1]
        and state["t"] == 2
        and state["new"][0] is x
        and rows == ["row"]
        and seen == set()
    )


def test_an_argument_that_is_not_changed_is_not_touched(far):
    def read(x):
        return x.sum()

    x = np.arange(3.0)
    x.flags.writeable = False
    assert far(read)(x) == 3


def test_a_read_only_argument_is_read_only_on_the_other_side(far):
    def write(x):
        x[0] = 1

    x = np.zeros(2)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        far(write)(x)


def test_a_result_that_is_the_argument_is_the_argument(far):
    def same(x, state, rng):
        return state, x, rng

    x, state, rng = np.zeros(2), {"a": np.ones(1)}, np.random.default_rng(1)
    got = far(same)(x, state, rng)
    assert got[0] is state and got[1] is x and got[2] is rng


def test_a_view_of_an_argument_is_a_view_of_it(far):
    def views(x):
        return x[::-1], x[1:, 0], x.T, x.reshape(-1), x.copy()

    x = np.arange(6.0).reshape(3, 2)
    results = far(views)(x)
    assert [np.shares_memory(view, x) for view in results] == [True, True, True, True, False]
    assert all(np.array_equal(a, b) for a, b in zip(results, views(x)))
    x[2, 0] = 99
    assert results[0][0, 0] == results[1][1] == results[2][0, 2] == results[3][4] == 99


def test_a_view_of_a_strided_argument_is_a_view_of_it(far):
    def head(x):
        return x[:2]

    grid = np.arange(12.0).reshape(3, 4)
    result = far(head)(grid[:, 1])
    assert np.shares_memory(result, grid) and result.tolist() == [1, 5]


LONG = {
    "floats": lambda: np.arange(100_003.0),
    "columns": lambda: np.asfortranarray(np.arange(90_000.0).reshape(300, 300)),
    "strided": lambda: np.arange(200_000.0)[::2],
    "truth values": lambda: np.arange(100_000) % 3 == 0,
    "texts": lambda: np.array(["a", "bc"] * 20_000),
    "dates": lambda: np.arange(20_000).astype("datetime64[D]"),
    "little and much": lambda: (np.arange(3.0), np.arange(20_000.0), "end"),
    "views of one memory": lambda: (lambda x: (x[10:], x[:-10]))(np.arange(30_000.0)),
}


@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_long_arrays_cross_both_ways_and_their_changes_too(far, make):
    def change(value):
        first = value[0] if isinstance(value, tuple) else value
        first[1] = first[2]
        return value, make()

    mine, expected = make(), make()
    change(expected)
    same, fresh = far(change)(mine)
    for got, wanted in ((mine, expected), (same, expected), (fresh, make())):
        got, wanted = (x if isinstance(x, tuple) else (x,) for x in (got, wanted))
        assert len(got) == len(wanted) and all(map(np.array_equal, got, wanted))
    first = fresh[0] if isinstance(fresh, tuple) else fresh
    first[0] = first[1]  # it is writeable, as one that was made here


def test_results_that_share_memory_share_it(far):
    def pair():
        x = np.arange(4.0)
        return x, x[1:], x, {"x": x}

    a, b, c, d = far(pair)()
    assert a is c and d["x"] is a and np.shares_memory(a, b)


def test_two_calls_give_two_results(far):
    kept = np.zeros(2)

    def accumulate():
        nonlocal kept
        kept += 1
        return kept

    f = far(accumulate)
    first, second = f(), f()
    assert first.tolist() == [1, 1] and second.tolist() == [2, 2]


def test_the_same_array_as_two_arguments_stays_one_array(far):
    def both(a, b):
        a += 1
        return a is b, b[0]

    x = np.zeros(1)
    assert far(both)(x, x) == (True, 1.0)


def test_a_generator_comes_back_advanced(far):
    def draw(rng):
        return rng.normal(size=3)

    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    f = far(draw)
    for _ in range(3):
        assert f(rng).tolist() == twin.normal(size=3).tolist()
    assert rng.bit_generator.state == twin.bit_generator.state


def test_a_function_that_is_passed_is_called_back_and_counts_its_calls(far):
    def descend(gradient, x, lr, steps):
        for _ in range(steps):
            x = x - lr * gradient(x)
        return x

    calls_seen = []

    def gradient(x):
        calls_seen.append(x.copy())
        return 2 * x

    result = far(descend)(gradient, np.ones(2), 0.25, 3)
    assert result.tolist() == [0.125, 0.125] and [x[0] for x in calls_seen] == [1, 0.5, 0.25]


def test_a_function_that_is_passed_sees_what_became_of_an_argument_meanwhile(far):
    def nudge(f, x):
        x[0] += 1
        high = f()
        x[0] -= 1
        return high, f()

    x = np.zeros(2)
    assert far(nudge)(lambda: float(x[0]), x) == (1.0, 0.0)


def test_a_function_that_is_passed_may_change_an_argument(far):
    def look(f, x):
        f()
        return x[0]

    x = np.zeros(2)
    assert far(look)(lambda: x.fill(7), x) == 7


def test_a_view_of_an_argument_that_is_passed_back_is_a_view(far):
    def back(f, x):
        return f(x[1:])

    x = np.arange(3.0)
    assert far(back)(lambda part: np.shares_memory(part, x) and part.tolist() == [1, 2], x) is True


class Sub(np.ndarray):
    pass


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(2, 2),
        lambda x: x[:].T,
        lambda x: x.view(Sub).reshape(2, 2),
        lambda x: np.frombuffer(memoryview(x)),
        lambda x: np.asarray(memoryview(x)),
    ],
    ids=["reshaped", "transposed", "of a subclass", "of a buffer", "of a memoryview"],
)
def test_the_owner_of_memory_is_known_for_the_view_that_came_of_it(far, view):
    def look(f, part):
        whole = f()
        part[...] = 7
        return np.shares_memory(whole, part), whole.tolist()

    x = np.arange(4.0)
    assert far(look)(lambda: x, view(x)) == (True, [7.0] * 4)
    assert x.tolist() == [7.0] * 4


def test_owners_of_memory_of_their_own_are_told_apart(far):
    def look(a, b):
        return np.shares_memory(a, b), [np.shares_memory(a, c) for c in (a.copy(), b)], (a.copy(), b.copy())

    a = np.zeros(3)
    shared, others, (first, second) = far(look)(a, np.zeros(3))
    assert not shared and others == [False, False]
    assert not any(np.shares_memory(x, y) for x, y in ((a, first), (first, second)))


@pytest.mark.parametrize("name", ["f", "answer_1", "größe", "x" * 300])
def test_the_name_that_a_question_asks_for_can_be_told_from_its_frame(name):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asker = calls.Peer(Channel(ours), time.monotonic() + 0.01)
        with pytest.raises(WireError):
            asker.ask_for(name)  # no one answers
        assert calls.asked_name(theirs.recv(10_000, socket.MSG_PEEK)) == name
        theirs.recv(10_000)
        with pytest.raises(WireError):
            asker.call(0, ("f",), {})
        assert calls.asked_name(theirs.recv(10_000)) is None
    assert calls.asked_name(b"") is None


def test_a_question_for_a_function_can_be_answered_without_reading_it():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asker = calls.Peer(Channel(ours), time.monotonic() + 30)
        functions = []
        for number in (0, 1, 300):
            thread = threading.Thread(
                target=lambda: theirs.sendall(calls.function_answer(theirs.recv(10_000), number))
            )
            thread.start()
            functions.append(asker.ask_for("f"))
            thread.join()
        assert all(isinstance(f, calls.RemoteFunction) for f in functions)
        assert [f._number for f in functions] == [0, 1, 300]


def test_a_function_keeps_its_identity_on_the_way_home(far):
    def echo(f):
        return f

    def own():
        return 1

    assert far(echo)(own) is own and far(echo)(np.tanh) is np.tanh
    f = far(echo)
    assert f(f) is f


def test_a_function_that_was_returned_can_be_called(far):
    def schedule(lr0):
        return lambda t: lr0 / (1 + t)

    assert far(schedule)(1.0)(3) == 0.25


def test_calls_nest_both_ways(far):
    def factorial(n, again):
        return 1 if n == 0 else n * again(n - 1)

    f = far(factorial)

    def again(n):
        return f(n, again)

    assert f(8, again) == 40320
    with pytest.raises(RecursionError):
        f(200, again)


@pytest.mark.parametrize(
    "problem, kind, text",
    [
        (ValueError("bad"), ValueError, "bad"),
        (KeyError("a"), KeyError, "'a'"),
        (np.linalg.LinAlgError("singular"), ValueError, "singular"),
        (NotImplementedError(), NotImplementedError, ""),
        (FileNotFoundError(2, "No such file", "x"), FileNotFoundError, "x"),
        (type("Mine", (IndexError,), {})("m"), IndexError, "m"),
        (type("Odd", (Exception,), {})("o"), Exception, "o"),
        (SystemExit(3), RuntimeError, "3"),
        (StopIteration(1), Exception, "1"),
        (KeyboardInterrupt(), RuntimeError, ""),
        (RuntimeWarning("w"), RuntimeWarning, "w"),
        (ZeroDivisionError("z"), ArithmeticError, "z"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), ValueError, "why"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_an_exception_crosses_as_the_nearest_builtin_class(far, problem, kind, text):
    def fail():
        raise problem

    with pytest.raises(kind) as caught:
        far(fail)()
    assert text in str(caught.value) and caught.value.raised.name == type(problem).__name__
    assert type(caught.value).__module__ in ("builtins", "numpy.linalg")


@pytest.mark.parametrize("line", [-1, 2**31, 10**5000, 1.0, None, True], ids=lambda line: "")
def test_a_traceback_with_a_line_that_no_file_has_is_refused(line):
    frame = ("cell 1", 3, "f", "return x")
    assert calls.unpack_exception(("ValueError", "ValueError", None, "text", (frame,), -1, -1))
    with pytest.raises(WireError, match="traceback"):
        calls.unpack_exception(
            ("ValueError", "ValueError", None, "text", (frame, (*frame[:1], line, *frame[2:])), -1, -1)
        )


def test_an_exception_whose_text_cannot_be_made_still_crosses(far):
    class Bad(ValueError):
        def __str__(self):
            raise RuntimeError

    def fail():
        raise Bad

    with pytest.raises(ValueError, match="cannot be shown"):
        far(fail)()


def test_an_exception_of_a_function_that_was_passed_comes_home_as_it_was(far):
    class Stop(Exception):
        pass

    def through(f):
        return f()

    def swallow(f):
        try:
            f()
        except Exception as problem:
            return type(problem).__name__

    stop = Stop("enough")

    def fail():
        raise stop

    with pytest.raises(Stop) as caught:
        far(through)(fail)
    assert caught.value is stop
    assert far(swallow)(fail) == "Exception"


def test_a_result_that_cannot_cross_is_named(far):
    def rows():
        return [1, (i for i in ())]

    with pytest.raises(TypeError, match="the result is or contains a generator"):
        far(rows)()


def test_an_argument_that_cannot_cross_is_the_callers_error(far):
    def take(x):
        return x

    f = far(take)
    with pytest.raises(Unsendable, match="cannot be passed"):
        f(object())
    assert f(1) == 1


def test_a_name_that_is_not_there_is_a_name_error(far):
    with pytest.raises(NameError, match="nothing"):
        far.near.ask_for("nothing")


def test_a_function_of_the_other_side_survives_copying(far):
    def one():
        return 1

    f = far(one)
    assert copy.deepcopy({"f": f})["f"]() == 1 and copy.copy(f) is f


def test_a_function_that_was_passed_works_in_the_thread_that_was_called_only(far):
    def elsewhere(f):
        problems = []

        def work():
            try:
                f()
            except RuntimeError as problem:
                problems.append(str(problem))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return problems

    assert "thread" in far(elsewhere)(lambda: 1)[0]


def test_nothing_is_kept_after_a_call(far):
    def fill(x, rows):
        return [x * i for i in range(5)]

    f = far(fill)
    for _ in range(3):
        f(np.zeros(3), [[1], {"a": 2}])
    assert far.near.table.mark() == (0, 0, 0)


# --- a peer that breaks the protocol ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, body",
    [
        (calls.RETURN, (99, "", (), 1)),
        (calls.RETURN, (True, "", (), 1)),
        (calls.RETURN, (1, "", ())),
        (calls.RETURN, (1, b"", (), 1)),
        (calls.RETURN, (1, "", 3, 1)),
        (calls.RAISE, (1, "", (), "no exception")),
        (calls.RETURN, "text"),
        (77, (1, "", (), 1)),
        (calls.RAISE, (1, "", (), ("SystemExit", "SystemExit", None, "", (), -1, -1))),
        (calls.RAISE, (1, "", (), ("ValueError", "ValueError", None, "", (("a",),), -1, -1))),
        (calls.CALL, (1, 0, "warn warn warn warn", (), ())),
        (calls.CALL, (1, -1, "warn warn warn warn", (), ())),
        (calls.CALL, (1, 0, "no no no no", (), ())),
        (calls.GET, (1, 2)),
        (calls.CALL, ()),
    ],
    ids=repr,
)
def test_a_breach_of_the_protocol_is_a_wire_error(kind, body):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        near = calls.Peer(Channel(ours), time.monotonic() + 60)
        Channel(theirs).send(calls.dumps(body, kind))
        with pytest.raises(WireError):
            near.ask_for("f")


def test_answers_to_questions_that_the_peer_itself_asks_give_nothing_away():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        near = calls.Peer(Channel(ours), time.monotonic() + 60)
        other = Channel(theirs)
        other.send(calls.dumps((5, "expected"), calls.GET))
        other.send(calls.dumps((1, "", (), 3), calls.RETURN))
        assert near.ask_for("f") == 3
        other.receive(time.monotonic() + 60)
        kind, body = calls.loads(other.receive(time.monotonic() + 60))
        assert kind == calls.RAISE and body[3][0] == "NameError"
