"""Progress: a bar on a terminal, plain lines elsewhere, nothing when quiet; what it says is right."""

import io

import pytest

from autograde.progress import Progress, duration, rate


class Screen(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Advances by `step` seconds each time it is read."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def run(stream, total=100, step=1.0, **more):
    with Progress("graded", stream=stream, clock=Clock(step), **more) as progress:
        for done in range(1, total + 1):
            progress(done, total)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_there_is_a_line_for_each_tenth():
    lines = run(io.StringIO()).splitlines()
    assert (
        len(lines) == 10
        and lines[0] == "graded 10 of 100, 1.0 a second, 1 min 30 s left"
        and lines[-1] == "graded 100 of 100, 1.0 a second, in 1 min 40 s"
    )


def test_slow_work_says_something_each_minute():
    assert len(run(io.StringIO(), total=5, step=61.0).splitlines()) == 5


def test_on_a_terminal_a_bar_is_drawn_over_itself_and_ends_with_a_whole_line():
    text = run(Screen())
    assert text.count("\n") == 1 and text.endswith("\n")
    drawn = text.strip("\r\n").split("\r")
    assert len(drawn) == 100 and "[###" in drawn[-1] and "." not in drawn[-1].split("]")[0]
    assert all(len(line) <= 80 for line in drawn)


def test_a_bar_is_not_drawn_more_often_than_one_can_see():
    assert run(Screen(), total=1000, step=0.001).count("\r") < 20


def test_quiet_is_quiet_and_so_is_work_that_is_none():
    assert run(io.StringIO(), quiet=True) == run(Screen(), quiet=True) == run(Screen(), total=0) == ""


def test_a_broken_stream_does_not_stop_the_work():
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    assert run(Broken()) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3600, "1 h 0 min"), (7384, "2 h 3 min")],
)
def test_times_are_told_in_two_units(seconds, text):
    assert duration(seconds) == text


def test_slow_rates_are_told_by_the_minute():
    assert (rate(12.34), rate(0.5)) == ("12.3 a second", "30.0 a minute")


def test_fast_ones_are_told_without_decimals():
    assert rate(25_875.3) == "25,875 a second"


def parts(stream, **more):
    with Progress("read", stream=stream, clock=Clock(1.0), **more) as progress:
        for done in range(1, 4):
            progress(done, 3, "read")
        for done in range(1, 6):
            progress(done, 5, "written")
    return stream.getvalue()


def test_another_part_of_the_work_has_a_line_and_a_clock_of_its_own():
    assert parts(io.StringIO()).splitlines()[2::5] == [
        "read 3 of 3, 1.0 a second, in 3 s",
        "written 5 of 5, 1.0 a second, in 5 s",
    ]
    lines = parts(Screen()).split("\n")
    assert len(lines) == 3 and lines[2] == ""
    assert lines[0].split("\r")[-1].startswith("[###") and "written 5 of 5" in lines[1].split("\r")[-1]


def test_elsewhere_quick_work_is_told_of_once():
    assert run(io.StringIO(), total=1000, step=0.0001).count("\n") == 1
