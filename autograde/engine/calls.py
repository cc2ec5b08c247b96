"""Calls both ways over a wire: either side calls the other's functions by number, one innermost call at a
time.

    CALL    (serial, number, numpy error modes, arguments, keyword arguments)
    RETURN  (serial, printed text, warnings, result)
    RAISE   (serial, printed text, warnings, exception)

Calls nest like a stack: while a side waits for the answer to its call, the only frames it accepts are that
answer and calls back. A RETURN or RAISE with another serial number is a breach, and a breach ends the
connection.
"""

from __future__ import annotations

import builtins
import threading
import warnings

import numpy as np

from .wire import Decoder, Encoder, Table, Unsendable, WireError

CALL, RETURN, RAISE, GET = 1, 2, 3, 4
CLOSING = (RETURN, RAISE)
MAX_NESTED_CALLS = 30
MAX_WARNINGS = 50
MAX_FRAMES = 20
ERROR_MODES = frozenset(("ignore", "warn", "raise", "call", "print", "log"))

# An Exception crosses as the nearest of these. Left out: what would end a loop instead of failing a test, and
# what needs a structure of its own.
_NOT_RAISED = {
    "ExceptionGroup",
    "StopIteration",
    "StopAsyncIteration",
    "SyntaxError",
    "IndentationError",
    "TabError",
}
EXCEPTIONS = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and name not in _NOT_RAISED
}
EXCEPTIONS["LinAlgError"] = np.linalg.LinAlgError
EXCEPTIONS["AxisError"] = np.exceptions.AxisError if hasattr(np, "exceptions") else np.AxisError
WARNINGS = {name: kind for name, kind in EXCEPTIONS.items() if issubclass(kind, Warning)}


def nearest(kind, table, otherwise):
    """The name in `table` of the first class that `kind` extends."""
    for base in type.__dict__["__mro__"].__get__(kind):
        if table.get(base.__name__) is base:
            return base.__name__
    return otherwise


def safe_text(value, most=2000):
    """str(value) of an object that may lie; never raises an Exception."""
    try:
        text = str.__str__(str(value))
    except Exception:
        text = "(its text cannot be shown)"
    return text if len(text) <= most else text[:most] + "..."


def pack_exception(problem, frames=(), mine=-1, yours=-1):
    """(nearest known class, its own name, arguments or None, text, frames, my number, your number); all
    plain.

    The numbers let an exception that passes through the other side come home as the object it was.
    """
    kind = type(problem)
    # not problem.args, which a class of a stranger's may define
    args = BaseException.args.__get__(problem)
    if (
        type(args) is not tuple
        or len(args) > 4
        or not all(
            type(a) in (str, int, float, bool, type(None))
            and (type(a) is not str or len(a) <= 2000)
            and (type(a) is not int or abs(a) < 2**63)
            for a in args
        )
    ):
        args = None
    return (
        nearest(kind, EXCEPTIONS, "RuntimeError"),
        safe_text(kind.__name__, 80),
        args,
        safe_text(problem),
        tuple(frames)[-MAX_FRAMES:],
        mine,
        yours,
    )


class Raised:
    """What a peer's exception was: `name`, `text`, and `frames` of (place, line, function, source). Text of a
    stranger."""

    def __init__(self, name, text, frames):
        self.name, self.text, self.frames = name, text, frames

    def lines(self):
        """The traceback, a line for each frame."""
        return tuple(
            f"{place}, line {number}" + (f", in {function}" if function else "") + f"\n    {code}"
            for place, number, function, code in self.frames
        )


def unpack_exception(packed):
    """(an exception of a known class whose attribute `raised` says what the peer's own was, peer's number,
    our number)."""
    if type(packed) is not tuple or len(packed) != 7:
        raise WireError("not an exception")
    name, own_name, args, text, frames, theirs, ours = packed
    if not (
        type(name) is str
        and type(own_name) is str
        and type(text) is str
        and type(frames) is tuple
        and type(theirs) is int
        and type(ours) is int
        and len(frames) <= MAX_FRAMES
        and (args is None or type(args) is tuple)
    ):
        raise WireError("not an exception")
    for row in frames:
        if not (
            type(row) is tuple
            and [type(item) for item in row] == [str, int, str, str]
            and 0 <= row[1] < 2**31  # one of thousands of digits could not be written down
        ):
            raise WireError("not a traceback")
    kind = EXCEPTIONS.get(name)
    if kind is None:
        raise WireError("an exception of an unknown class")
    problem = _rebuilt(kind, args or (), text)
    problem.raised = Raised(own_name, text, frames)
    return problem, theirs, ours


def _rebuilt(kind, args, text):
    """An exception whose text is `text`: of `kind`, or of the nearest class above it that can be made from a
    text."""
    if all(a is None or type(a) in (str, int, float, bool) for a in args):
        attempts = [(kind, args)]
    else:
        attempts = []
    for base, given in [*attempts, *((base, (text,)) for base in kind.__mro__)]:
        try:
            problem = base(*given)
            if str(problem) == text or given != args:
                return problem
        except Exception:
            continue
    return Exception(text)


class RemoteFunction:
    """A function on the other side. It can be called, with plain data and functions; it has nothing else."""

    __slots__ = ("_peer", "_number", "__name__")

    def __init__(self, peer, number, name="function"):
        self._peer = peer
        self._number = number
        self.__name__ = name

    def __call__(self, *args, **kwargs):
        return self._peer.call(self._number, args, kwargs)

    def __repr__(self):
        return f"<function {self.__name__}>"

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class Peer:
    """One end of a connection over which functions are called. `deadline` bounds every wait of this end.

    The two ends differ in four methods: `perform` runs a function for the other side, `heard` takes what it
    printed and warned of, `frames_of` describes a traceback, and `get` answers a question for a name.
    """

    remote = RemoteFunction

    def __init__(self, channel, deadline=None):
        self.channel = channel
        self.deadline = deadline
        self.table = Table()
        self.serial = 0
        self.depth = 0  # calls of the other side that are being served
        self.waiting = 0  # calls of this side that are not answered yet
        self.thread = threading.get_ident()
        self._own = []
        self._own_numbers = {}
        self._remote = {}
        self._raised = []

    # what a side may change

    def perform(self, function, args, kwargs, modes):
        """(printed text, warnings, result); an exception of the function's leaves as it is."""
        return "", (), function(*args, **kwargs)

    def failed_with(self):
        """(printed text, warnings) of a `perform` that raised."""
        return "", ()

    def heard(self, text, rows):
        """What the other side's function printed, and its warnings as (category, text, line)."""

    def frames_of(self, problem):
        return ()

    def get(self, name):
        raise NameError(f"name {name!r} is not defined")

    # functions as numbers

    def export(self, value):
        if isinstance(value, RemoteFunction):
            if value._peer is not self:
                raise Unsendable("a function of an earlier test cell")
            return b"p", value._number
        number = self._own_numbers.get(id(value))
        if number is None:
            number = self._own_numbers[id(value)] = len(self._own)
            self._own.append(value)
        return b"f", number

    def resolve(self, tag, number):
        if tag == b"p":
            return self._own_function(number)
        if number not in self._remote:
            if len(self._remote) >= 10_000:
                raise WireError("too many functions")
            self._remote[number] = self.remote(self, number)
        return self._remote[number]

    def _own_function(self, number):
        if type(number) is not int or not 0 <= number < len(self._own):
            raise WireError("a function that was never given")
        return self._own[number]

    # calls

    def call(self, number, args, kwargs):
        """The other side's result of its function `number`; its exception is raised here."""
        modes = " ".join(map(np.geterr().__getitem__, ("divide", "over", "under", "invalid")))
        return self._ask(CALL, (number, modes, tuple(args), tuple(kwargs.items())))

    def ask_for(self, name):
        """The value of a name on the other side; NameError if it has none."""
        return self._ask(GET, (name,))

    def _ask(self, kind, rest):
        if threading.get_ident() != self.thread:
            raise RuntimeError(
                "a function that came with a call can only be used in the thread that was called"
            )
        mark = self.table.mark()
        self.serial += 1
        serial = self.serial
        self.waiting += 1
        try:
            try:
                payload = Encoder(self.table, self.export).message(kind, (serial, *rest))
            except Unsendable as problem:
                raise Unsendable(f"this cannot be passed to a function: {problem}") from None
            self.channel.send(payload, self.deadline)
            return self._answer_to(serial)
        finally:
            self.table.cut(mark)
            self.waiting -= 1
            if not self.waiting:
                self._raised.clear()

    def _answer_to(self, serial):
        while True:
            kind, body, mark = self.next()
            if kind in (CALL, GET):
                self.serve(kind, body, mark)
                continue
            if kind not in CLOSING or len(body) != 4 or body[0] != serial or type(body[0]) is not int:
                raise WireError("an answer to no question")
            _, text, rows, result = body
            if type(text) is not str or type(rows) is not tuple or len(rows) > MAX_WARNINGS:
                raise WireError("not an answer")
            if text or rows:
                self.heard(text, rows)
            if kind == RETURN:
                return result
            problem, theirs, ours = unpack_exception(result)
            if 0 <= ours < len(self._raised):
                raise self._raised[ours]
            problem.raised_by, problem.raised_number = self, theirs
            raise problem

    def next(self):
        mark = self.table.mark()
        kind, body = Decoder(
            self.table, self.channel.receive(self.deadline), self.resolve, self.export
        ).message(CLOSING)
        if type(body) is not tuple:
            raise WireError("not a message")
        return kind, body, mark

    def serve(self, kind, body, mark):
        """Run what the other side asks for and send the answer; the objects that it brought are forgotten
        after."""
        try:
            try:
                if self.depth >= MAX_NESTED_CALLS:
                    raise RecursionError("functions call each other back too deeply")
                self.depth += 1
                try:
                    serial, text, rows, result = self._result(kind, body)
                finally:
                    self.depth -= 1
                try:
                    payload = Encoder(self.table, self.export).message(
                        RETURN, (serial, text, rows, result), last=True
                    )
                except Unsendable as problem:
                    what = f"the value of `{body[1]}`" if kind == GET else "the result"
                    raise Unsendable(f"{what} is or contains {problem}") from None
            except WireError:
                raise
            except (SystemExit, KeyboardInterrupt, GeneratorExit, Exception) as problem:
                text, rows = self.failed_with()
                payload = Encoder(self.table, self.export).message(
                    RAISE, (body[0], text, rows, self._pack(problem)), last=True
                )
            self.channel.send(payload, self.deadline)
        finally:
            self.table.cut(mark)

    def _result(self, kind, body):
        if kind == GET:
            if len(body) != 2 or type(body[1]) is not str:
                raise WireError("not a question")
            return body[0], "", (), self.get(body[1])
        if len(body) != 5 or type(body[0]) is not int:
            raise WireError("not a call")
        serial, number, modes, args, kwargs = body
        if type(args) is not tuple or type(kwargs) is not tuple or type(modes) is not str:
            raise WireError("not a call")
        modes = modes.split(" ")
        if len(modes) != 4 or not ERROR_MODES.issuperset(modes):
            raise WireError("not a call")
        if any(type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not str for pair in kwargs):
            raise WireError("not keyword arguments")
        text, rows, result = self.perform(self._own_function(number), args, dict(kwargs), modes)
        return serial, text, rows, result

    def _pack(self, problem):
        own = object.__getattribute__(problem, "__dict__")
        if own.get("raised_by") is self:
            return pack_exception(problem, yours=own["raised_number"])
        mine = -1
        if self.waiting:
            mine = len(self._raised)
            self._raised.append(problem)
        return pack_exception(problem, self.frames_of(problem), mine)

    def serve_until_closed(self):
        """Answer calls for as long as the other side is there."""
        while True:
            kind, body, mark = self.next()
            if kind not in (CALL, GET):
                raise WireError("an answer to no question")
            self.serve(kind, body, mark)


def asked_name(frame):
    """The name that a frame on its way asks for, if it is a GET as `Peer.ask_for` sends it; None for others.

    Length, kind, no arrays, no updates, a tuple's head and a serial number come before it.
    """
    if frame[8:9] == bytes([GET]) and frame[35:36] == b"s":
        return frame[40:].decode("utf-8", "replace")
    return None


_ANSWER = Encoder(Table(), lambda _: (b"f", 0)).message(RETURN, (0, "", (), len), last=True)
_ANSWER = len(_ANSWER).to_bytes(8, "little") + _ANSWER


def function_answer(frame, number):
    """The frame that answers another, a GET, with this side's function of that number.

    Both have their serial number at the same place (see `asked_name`), and the function's comes last.
    """
    return b"".join((_ANSWER[:26], frame[26:35], _ANSWER[35:-4], number.to_bytes(4, "little")))


def no_functions(*_):
    """`export` for a connection on which no function may cross."""
    raise Unsendable("a function")


def loads(payload):
    """One message of the plainest data (numbers, texts and tuples of them), as (kind, body).

    The engine itself reads a stranger's messages with it, so nothing in them is hashed: keys that collide
    could keep it busy.
    """
    return Decoder(Table(), payload, no_functions, no_functions, plainest=True).message(last=range(256))


def dumps(body, kind=0):
    """The payload of one message of plain data, without functions."""
    return Encoder(Table(), no_functions).message(kind, body, last=True)


def reissue(rows):
    """Raise a peer's warnings again here, as if the called function had caused them; filters here decide what
    they do."""
    for row in rows:
        if not (type(row) is tuple and [type(item) for item in row] == [str, str, int]):
            raise WireError("not a warning")
        problem = WARNINGS.get(row[0], UserWarning)(row[1])
        problem.raised = Raised(row[0], row[1], ())  # for a filter that makes an error of it
        warnings.warn_explicit(
            problem, None, "<your code>", min(max(row[2], 0), 10**6), module="your_code", registry={}
        )
