"""Workers do their jobs side by side, each on a processor of its own where there are enough."""

import contextlib
import os
import time

import pytest

from autograde import workers
from autograde.course import Refusal


class Marker(contextlib.nullcontext):
    """Marks a job with where it was done."""

    layers = missing = ()

    def mark(self, job):
        time.sleep(0.1)  # long enough for the other worker to take one
        return os.getpid(), os.sched_getaffinity(0)


def places(count, jobs=6):
    with workers.Pool(Marker, count, seconds=60) as pool:
        return dict(outcome for _, outcome in pool.run(range(jobs)))


@pytest.mark.skipif(len(workers.processors()) < 2, reason="this machine has one processor")
def test_two_workers_keep_to_a_processor_each():
    found = list(places(2).values())
    assert len(found) == 2 and all(len(place) == 1 for place in found) and found[0] != found[1]


@pytest.mark.skipif(not workers.processors(), reason="this system does not place processes")
def test_more_workers_than_processors_are_left_to_the_system():
    count = len(workers.processors()) + 1
    assert all(place == os.sched_getaffinity(0) for place in places(count, 3 * count).values())


@pytest.mark.skipif(not workers.processors(), reason="this system does not place processes")
def test_processors_are_those_of_this_process_and_cores_come_before_their_second_threads(monkeypatch):
    assert sorted(workers.processors()) == sorted(os.sched_getaffinity(0))
    cores = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(cores))
    monkeypatch.setattr(
        workers.Path, "read_text", lambda path: cores[int(path.parts[-3].removeprefix("cpu"))]
    )
    assert workers.processors() == [0, 1, 2, 3]
    cores.update({0: "0,1", 1: "0,1", 2: "2,3", 3: "2,3"})
    assert workers.processors() == [0, 2, 1, 3]


def test_workers_start_side_by_side(tmp_path):
    class Met(Marker):
        """Is ready when two are there."""

        def __init__(self):
            super().__init__()
            (tmp_path / str(os.getpid())).touch()
            for _ in range(1000):
                if len(os.listdir(tmp_path)) == 2:
                    return
                time.sleep(0.02)
            raise Refusal("the other one has not started")

    with workers.Pool(Met, 2, seconds=60) as pool:
        assert len(dict(outcome for _, outcome in pool.run(range(6)))) == 2


def test_a_worker_that_cannot_start_ends_the_run_with_its_reason():
    def refuse():
        raise Refusal("there is no sandbox")

    with workers.Pool(refuse, 2, seconds=60) as pool, pytest.raises(Refusal, match="no sandbox"):
        list(pool.run(range(6)))
