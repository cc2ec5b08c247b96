"""How far long work is: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet.

In: calls with (done, total). Out: text on the error stream, so that what a command prints can be piped.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

WAIT = 0.1  # seconds between two drawings of the bar
SHARE, SHORT, LONG = (
    0.1,
    0.5,
    60.0,
)  # a plain line for each tenth of the work, none too soon, one a minute at least


class Progress:
    """Shows progress of `what` ("graded"): call it with (done, total), or (done, total, what) where work has
    several parts; another part starts a line and a clock of its own. A context manager, which leaves a whole
    line behind.
    """

    def __init__(
        self,
        what: str,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._what, self._quiet, self._stream, self._clock = what, quiet, stream or sys.stderr, clock
        self._terminal = self._stream.isatty()
        self._start = self._drawn = clock()
        self._at, self._width, self._seen = 0, 0, self._start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._width:
            self._write("\n")

    def __call__(self, done: int, total: int, what: str = "") -> None:
        if self._quiet or not total:
            return
        now = self._clock()
        if what and what != self._what:
            self._part(what)
        self._seen = now
        if self._terminal:
            if done >= total or not self._width or now - self._drawn >= WAIT:
                self._draw(done, total, now)
        elif done >= total or now - self._drawn >= (SHORT if done - self._at >= SHARE * total else LONG):
            self._write(f"{self._told(done, total, now)}\n")
            self._drawn, self._at = now, done

    def _part(self, what: str) -> None:
        if self._width:
            self._write("\n")
        self._start = self._drawn = self._seen
        self._what, self._at, self._width = what, 0, 0

    def _draw(self, done: int, total: int, now: float) -> None:
        room = shutil.get_terminal_size().columns - 1
        told = self._told(done, total, now)
        cells = max(0, min(30, room - len(told) - 3))
        full = cells * done // total
        line = (f"[{'#' * full}{'.' * (cells - full)}] " if cells >= 8 else "") + told
        self._write("\r" + line[:room].ljust(min(self._width, room)))
        self._drawn, self._width = now, len(line[:room])

    def _told(self, done: int, total: int, now: float) -> str:
        seconds = now - self._start
        told = f"{self._what} {done} of {total}"
        if done and seconds > 0:
            told += f", {rate(done / seconds)}"
            if done < total and seconds >= 1:
                told += f", {duration((total - done) * seconds / done)} left"
            elif done >= total:
                told += f", in {duration(seconds)}"
        return told

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a closed or full stream must not stop the work
            self._quiet = True


def rate(per_second: float) -> str:
    """A rate as people say it: per second, or per minute where it is slow."""
    if per_second < 1:
        return f"{60 * per_second:.1f} a minute"
    return f"{per_second:.1f} a second" if per_second < 100 else f"{per_second:,.0f} a second"


def duration(seconds: float) -> str:
    """A time in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
