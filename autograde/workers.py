"""Processes that mark submissions, one each at a time, and survive one another.

In: jobs, taken as they are needed. Out: (job, outcome) as they are done, in any order. A worker that dies or
runs over its time costs its own job, and another takes its place; workers end with the process that started
them.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from autograde.course import Refusal


@dataclass(frozen=True)
class Failed:
    """A job without an outcome, and why."""

    reason: str


class Pool:
    """`count` workers, each holding what `make()` returns: a context manager with `mark(job)`, and the
    sandbox's `layers` and `missing` ones.
    """

    def __init__(self, make: Callable, count: int, seconds: float):
        self._make, self._count, self._seconds = make, count, seconds
        self._context = multiprocessing.get_context(
            "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        )
        self._workers: list[_Worker] = []
        self.layers: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def run(self, jobs: Iterable, stopped: Callable[[], bool] = lambda: False) -> Iterator[tuple]:
        """Yields (job, outcome or `Failed`) until the jobs are done, or drops those in hand when `stopped()`
        is true.
        """
        queue = iter(jobs)
        more = True
        while not stopped():
            while more and sum(worker.job is not None for worker in self._workers) < self._count:
                job = next(queue, None)
                if job is None:
                    more = False
                else:
                    self._idle().take(job)
                    if stopped():
                        return
            busy = [worker for worker in self._workers if worker.job is not None]
            if not busy:
                return
            wait([worker.connection for worker in busy], timeout=0.2)
            for worker in busy:
                job, outcome = worker.job, worker.outcome(self._seconds)
                if outcome is None:
                    continue
                self.layers, self.missing = worker.layers, worker.missing
                if isinstance(outcome, Failed) and worker.dead:
                    self._workers.remove(worker)
                    worker.end()
                yield job, outcome

    def _place(self) -> int | None:
        """A processor for the next worker, where there is one for each.

        A worker and the processes that it runs take turns: on one processor none has to wake up another.
        """
        places = processors()
        taken = {worker.place for worker in self._workers}
        free = [place for place in places if place not in taken]
        return free[0] if free and self._count <= len(places) else None

    def _idle(self) -> "_Worker":
        for worker in self._workers:
            if worker.job is None:
                return worker
        others = [other.connection for other in self._workers]
        worker = _Worker(self._context, self._make, others, self._place())
        self._workers.append(worker)
        return worker


def processors() -> list[int]:
    """The processors that this process may use, those that share a core with one before them last; empty where the
    system does not tell.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores: dict[str, list[int]] = {}
    for number in sorted(os.sched_getaffinity(0)):
        core = str(number)
        with contextlib.suppress(OSError):
            core = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text()
        cores.setdefault(core, []).append(number)
    return [first for first, *_ in cores.values()] + [
        number for _, *rest in cores.values() for number in rest
    ]


class _Worker:
    def __init__(self, context, make: Callable, others: list[Connection], place: int | None):
        self.connection, theirs = context.Pipe()
        self.place = place
        inherited = [self.connection, *others] if context.get_start_method() == "fork" else []
        self._process = context.Process(target=_serve, args=(theirs, make, inherited, os.getpid(), place))
        self._process.start()
        theirs.close()
        self.job, self._since, self.dead = None, 0.0, False
        self.ready = False  # nobody waits for it: the others start, or work, meanwhile

    def take(self, job) -> None:
        self.job, self._since = job, time.monotonic()
        with contextlib.suppress(OSError):  # a dead worker shows in outcome()
            self.connection.send(job)

    def outcome(self, seconds: float):
        """The outcome of the job in hand, None while there is none yet; `Refusal` if the worker cannot work."""
        if not self.ready:
            self._get_ready()
            return None
        try:
            if self.connection.poll():
                outcome = self.connection.recv()
            elif time.monotonic() - self._since > seconds:
                self.dead, outcome = True, Failed(f"it was not done after {seconds:.0f} s and was stopped")
            else:
                return None
        except (EOFError, OSError):
            self.dead, outcome = True, Failed("the process that graded it was killed")
        self.job = None
        return outcome

    def _get_ready(self) -> None:
        """Hear what a worker says when it has started, if it has."""
        try:
            if not self.connection.poll():
                return
            refusal, self.layers, self.missing = self.connection.recv()
        except (EOFError, OSError):
            refusal = "A grading process could not be started; is there enough memory?"
        if refusal:
            self.dead = True
            raise Refusal(refusal)
        self.ready, self._since = True, time.monotonic()

    def end(self) -> None:
        """Lets an idle worker clean up after itself, and stops one that is not."""
        self.connection.close()
        if self.job is None and not self.dead:
            self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _serve(
    connection: Connection, make: Callable, inherited: list[Connection], parent: int, place: int | None
) -> None:
    """A worker's life: jobs in, outcomes out, until the other end closes."""
    if place is not None:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {place})
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # the terminal is the run's, and what a kernel inherits would reach it
        os.dup2(nowhere, descriptor)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed run leaves no worker behind
        if os.getppid() != parent:
            return
    try:
        marker = make()
    except Refusal as refusal:
        connection.send((str(refusal), (), ()))
        return
    with marker:
        connection.send(("", marker.layers, marker.missing))
        with contextlib.suppress(EOFError, OSError):
            while True:
                job = connection.recv()
                try:
                    outcome = marker.mark(job)
                except MemoryError:
                    outcome = Failed("there was not enough memory to grade it")
                except Exception as problem:  # one submission's trouble must not end the class
                    outcome = Failed(
                        f"the grader failed on it ({type(problem).__name__}: {str(problem)[:300]})"
                    )
                connection.send(outcome)
