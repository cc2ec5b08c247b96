"""Speed and growth, side by side in one run: `python -m tests.bench`, or `make bench`.

Stock nbgrader (its own `autograde` and `generate_feedback` commands) against this project's `grade` with 1 and 2 workers,
on one simulated class; then classes of growing size. Prints tables and writes them, with a plot, to build/bench/.
Times are of whole processes, the median of several runs; compare ratios, since absolute times belong to one machine.
"""

import argparse
import csv
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from autograde import cells, course
from autograde.simulate import simulate

OUT = course.ROOT / "build" / "bench"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(course.ROOT),
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
}


@dataclass
class Row:
    """One measurement: `seconds` of wall time for `submissions`, the processor time and the peak memory of the whole
    process tree (proportional set size, in MB)."""

    what: str
    submissions: int
    seconds: float
    processor_seconds: float
    peak_megabytes: float

    @property
    def per_second(self) -> float:
        return self.submissions / self.seconds


def timed(command: list[str], cwd: Path, watched: bool = False) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and, if watched, peak megabytes of a command with all its children; it must
    succeed. Watching takes time of its own, so that what is watched is not to be timed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    log = tempfile.TemporaryFile()
    process = subprocess.Popen(command, cwd=cwd, env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT)
    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    if watched:
        watcher.start()
    status = process.wait()
    wall = time.perf_counter() - start
    done.set()
    if watched:
        watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        log.seek(0)
        sys.exit(
            f"{' '.join(command)} ended with status {status}:\n{log.read().decode(errors='replace')[-2000:]}"
        )
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0]


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    while not done.wait(0.25):
        total = 0
        try:
            tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            return
        for process in tree:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue  # it ended, or the sandbox hides it
        peak[0] = max(peak[0], total / 1e6)


def median_of(runs: int, what: str, submissions: int, once) -> Row:
    """The run with the median wall time of several, and the memory of one more: `once(watched)` does it."""
    results = sorted(once(False) for _ in range(runs))
    wall, processor, _ = results[len(results) // 2]
    row = Row(what, submissions, wall, processor, once(True)[2])
    print(
        f"  {what:32} {wall:8.1f} s   {row.per_second:7.2f} a second   {row.peak_megabytes:5.0f} MB"
        f"   (runs: {', '.join(f'{r[0]:.1f}' for r in results)})",
        flush=True,
    )
    return row


def with_stock_nbgrader(
    handed_in: Path, topics: list[course.Topic], folder: Path, watched: bool
) -> tuple[float, float, float]:
    """nbgrader's own commands on a course made for the purpose; making the course is not timed. Its memory is the same
    for each topic, so that one is watched."""
    topics = topics[:1] if watched else topics
    shutil.rmtree(folder, ignore_errors=True)
    for topic in topics:
        (folder / "source" / topic.folder).mkdir(parents=True)
        shutil.copy(topic.solution, folder / "source" / topic.folder)
    shutil.copytree(handed_in, folder / "submitted", ignore=shutil.ignore_patterns("*.csv"))
    (folder / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "bench"\nc.Exchange.root = "."\n'
    )
    nbgrader = [sys.executable, "-m", "nbgrader"]
    for topic in topics:
        timed([*nbgrader, "generate_assignment", topic.folder], folder)
    parts = [
        timed([*nbgrader, command, topic.folder], folder, watched)
        for topic in topics
        for command in ("autograde", "generate_feedback")
    ]
    return sum(p[0] for p in parts), sum(p[1] for p in parts), max(p[2] for p in parts)


def with_this_project(
    handed_in: Path, workers: int, folder: Path, watched: bool
) -> tuple[float, float, float]:
    """`grade` into a course made for the purpose; making the course is not timed here either."""
    made = folder.with_name(f"{folder.name}-made")
    if not made.exists():
        first = handed_in.with_name(f"{handed_in.name}-first")
        student = next(path for path in sorted(handed_in.iterdir()) if path.is_dir())
        shutil.copytree(student, first / "nobody")
        timed([sys.executable, "-m", "autograde", "grade", str(first), "--out", str(made)], course.ROOT)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    return timed(
        [
            sys.executable,
            "-m",
            "autograde",
            "grade",
            str(handed_in),
            "--out",
            str(folder),
            "--workers",
            str(workers),
        ],
        course.ROOT,
        watched,
    )


@dataclass
class Cost:
    """Processor milliseconds a submission of a topic: of its cells alone, run plainly in one process, and through the
    engine, all its processes together."""

    topic: str
    cells: float
    engine: float

    @property
    def on_top(self) -> float:
        return self.engine - self.cells


def engine_costs(handed_in: Path, topics: list[course.Topic], runs: int) -> list[Cost]:
    """The median of several runs. What the engine takes is the difference between grading everything four times and once,
    so that no start-up is in it; it runs on one processor, as a worker does."""
    from autograde import intake

    costs = []
    everywhere = os.sched_getaffinity(0)
    for topic in topics:
        master = cells.read(topic.solution)
        paths = sorted(handed_in.glob(f"*/{topic.folder}/*.ipynb"))
        prepared = [intake.normalise(path.read_bytes(), master).notebook for path in paths]
        cells.run(prepared[0])  # imports and caches
        alone, within = [], []
        for _ in range(runs):
            start = time.process_time()
            for notebook in prepared:
                cells.run(notebook)
            alone.append(time.process_time() - start)
            os.sched_setaffinity(0, {min(everywhere)})
            try:
                within.append((_engine_seconds(4 * prepared) - _engine_seconds(prepared)) / 3)
            finally:
                os.sched_setaffinity(0, everywhere)
        each = 1000 / len(prepared)
        costs.append(Cost(topic.folder, each * statistics.median(alone), each * statistics.median(within)))
    costs.append(
        Cost(
            "mean", *(statistics.mean(getattr(cost, part) for cost in costs) for part in ("cells", "engine"))
        )
    )
    return costs


def _engine_seconds(notebooks: list) -> float:
    """Processor seconds of an engine's whole life, its processes' too."""
    from autograde.engine import Engine

    def spent() -> float:
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    before = spent()
    with Engine() as engine:
        for notebook in notebooks:
            engine.run(notebook)
    return spent() - before


def write(rows: list[Row] | list[Cost], name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        derived = [name for name, value in vars(type(rows[0])).items() if isinstance(value, property)]
        table.writerow([*asdict(rows[0]), *derived])
        for row in rows:
            table.writerow([*asdict(row).values(), *(getattr(row, name) for name in derived)])


def plot(speed: list[Row], growth: list[Row]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    left.barh(
        [row.what for row in speed],
        [row.per_second for row in speed],
        color=["#999999", "#0072B2", "#009E73"],
    )
    left.invert_yaxis()
    left.set(xlabel="submissions a second")
    sizes = [row.submissions for row in growth]
    middle.loglog(sizes, [row.seconds for row in growth], "o-", color="#0072B2")
    middle.set(xlabel="submissions", ylabel="seconds", title="time, two workers")
    middle.set_ylim(1, 3 * max(row.seconds for row in growth))
    middle.yaxis.set_major_formatter("{x:g}")
    middle.yaxis.set_minor_formatter("")
    right.semilogx(sizes, [row.peak_megabytes for row in growth], "o-", color="#0072B2")
    right.set(xlabel="submissions", ylabel="MB", title="peak memory")
    right.set_ylim(0, 1.2 * max(row.peak_megabytes for row in growth))
    fig.savefig(OUT / "bench.png", dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Speed against stock nbgrader, and growth."
    )
    parser.add_argument(
        "--students", type=int, default=6, help="students of the class that both grade (default 6)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the median counts (default 3)")
    parser.add_argument(
        "--growth",
        type=int,
        nargs="*",
        default=[10, 100, 1000],
        help="numbers of submissions (default 10 100 1000)",
    )
    parser.add_argument("--topics", nargs="*", default=[], help="topics (all by default)")
    options = parser.parse_args()
    topics = [course.find_topic(name) for name in options.topics] or course.topics()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        simulate(folder / "class", options.students, topics, seed=2)
        count = options.students * len(topics)
        print(
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}: "
            f"{options.students} students, {len(topics)} topics, {count} submissions, median of {options.runs} runs",
            flush=True,
        )
        stock = median_of(
            options.runs,
            "stock nbgrader",
            count,
            lambda watched: with_stock_nbgrader(folder / "class", topics, folder / "stock", watched),
        )
        ours = [
            median_of(
                options.runs,
                f"this project, {n} worker{'s' * (n > 1)}",
                count,
                lambda watched, n=n: with_this_project(folder / "class", n, folder / "ours", watched),
            )
            for n in (1, 2)
        ]
        write([stock, *ours], "speed")
        for row in ours:
            print(f"  {row.what}: {stock.seconds / row.seconds:.1f} times stock")
        costs = engine_costs(folder / "class", topics, options.runs)
        print("  processor ms a submission      cells alone     engine     on top")
        for cost in costs:
            print(f"  {cost.topic:28} {cost.cells:13.0f} {cost.engine:10.0f} {cost.on_top:10.0f}")
        write(costs, "cost")
        growth = []
        for size in options.growth:
            simulate(folder / f"growth-{size}", size, topics[:1], seed=size)
            growth.append(
                median_of(
                    1,
                    f"growth, {size} submissions",
                    size,
                    lambda watched, size=size: with_this_project(
                        folder / f"growth-{size}", 2, folder / "ours", watched
                    ),
                )
            )
        if growth:
            write(growth, "growth")
            plot([stock, *ours], growth)
    print(f"Tables and plot: {OUT.relative_to(course.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
