"""What an instructor or a student types: `python -m autograde COMMAND`. Turns refusals into sentences and
exit statuses.

0: done. 1: done, but some submissions could not be taken, or not graded, as they were handed in. 2: the
call itself was wrong. 130: interrupted; what was done is kept.
"""

import argparse
import sys
from pathlib import Path

from autograde.course import Refusal, find_topic, topics

DONE, DONE_WITH_EXCEPTIONS, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Carries out one command and returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except Refusal as problem:
        print(f"autograde: {problem}", file=sys.stderr)
        return WRONG_CALL
    except BrokenPipeError:  # `... | head`
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt as interruption:
        print(
            f"\nautograde: {interruption or 'interrupted; nothing that was finished is lost'}",
            file=sys.stderr,
        )
        return INTERRUPTED
    except MemoryError:
        print(
            "autograde: there is not enough free memory; close other programs or use fewer --workers.",
            file=sys.stderr,
        )
        return WRONG_CALL


def _release(options) -> int:
    from autograde.release import release

    chosen, done = [find_topic(name) for name in options.topics] or topics(), []
    try:
        for topic in chosen:
            changed = release(topic)
            done.append(topic.folder)
            print(f"{topic.folder}: {'written' if changed else 'up to date'}", flush=True)
    except KeyboardInterrupt:
        left = " ".join(topic.folder for topic in chosen if topic.folder not in done)
        raise KeyboardInterrupt(
            f"interrupted: {len(done)} of {len(chosen)} topics are released; for the others run"
            f" `python -m autograde release {left}`"
        ) from None
    return DONE


def _check(options) -> int:
    from autograde.check import check

    topic, lines, notes = check(Path(options.notebook), options.timeout)
    print(f"{topic.folder}, against the tests that its exercise shows:\n")
    for line in lines:
        print(line)
    earned = sum(line.points for line in lines if line.status == "right")
    print(
        f"\n{sum(line.status == 'right' for line in lines)} of {len(lines)} questions right, {earned:g} of "
        f"{sum(line.points for line in lines):g} points. When your work is graded, further tests run."
    )
    for note in notes:
        print(f"Note: {note}")
    return DONE


def _grade(options) -> int:
    from autograde.grading import grade
    from autograde.progress import Progress
    from autograde.report import report as write_report

    with Progress("graded", options.quiet) as progress:
        report = grade(
            Path(options.submissions),
            Path(options.out),
            workers=options.workers,
            timeout=options.timeout,
            engine=options.engine,
            allow_unsandboxed=options.allow_unsandboxed,
            force=options.force,
            progress=progress,
        )
        page = _reported(Path(options.out), Path(options.submissions), write_report, progress)
    if not options.quiet:
        print(report.table())
        print(f"\nThe class at a glance: {page}")
    return DONE_WITH_EXCEPTIONS if report.exceptions else DONE


def _reported(out: Path, submissions: Path, write_report, progress) -> Path:
    """The class report, with the names that `collect` left beside the submissions."""
    from autograde.roster import enter

    try:
        if (submissions / "students.csv").is_file():
            try:
                enter(out, submissions / "students.csv", over=False)
            except Refusal as problem:
                _say([f"Without names: {problem}"])
        return write_report(out, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted: all submissions are graded and kept in {out}; the report is not written:"
            f" `python -m autograde report {out}` writes it"
        ) from None


def _collect(options) -> int:
    from autograde.collect import collect
    from autograde.progress import Progress

    with Progress("collected", options.quiet) as progress:
        result = collect(
            Path(options.download),
            options.kind,
            Path(options.out),
            options.topic,
            Path(options.roster) if options.roster else None,
            Path(options.course) if options.course else None,
            progress,
        )
    _say(result.notes)
    print(f"{result.new} new, {result.unchanged} unchanged submissions in {options.out}")
    return DONE_WITH_EXCEPTIONS if result.left_out else DONE


def _report(options) -> int:
    from autograde.progress import Progress
    from autograde.report import report
    from autograde.roster import enter

    if options.roster:
        _say(enter(Path(options.out), Path(options.roster)))
    with Progress("marks read", options.quiet) as progress:
        page = report(Path(options.out), Path(options.to) if options.to else None, progress)
    print(page)
    return DONE


def _export(options) -> int:
    from autograde.export import export
    from autograde.progress import Progress

    chosen = [find_topic(name).folder for name in options.topics]
    with Progress("marks read", options.quiet) as progress:
        result = export(
            Path(options.out),
            options.format,
            Path(options.roster) if options.roster else None,
            chosen,
            Path(options.to) if options.to else None,
            progress,
        )
    _say(result.notes)
    for path in result.files[:10]:
        print(path)
    if len(result.files) > 10:
        print(f"and {len(result.files) - 10} more")
    return DONE


def _say(notes: list[str]) -> None:
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)


def _simulate(options) -> int:
    from autograde.progress import Progress
    from autograde.simulate import EXPECTED, simulate

    chosen = [find_topic(name) for name in options.topics] or topics()
    with Progress("students made up", options.quiet) as progress:
        count = simulate(Path(options.out), options.students, chosen, options.seed, progress)
    print(
        f"{count} notebooks of {options.students} students in {options.out}, with what each should score in"
        f" {EXPECTED}"
    )
    return DONE


def _take_timeout(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout",
        type=_number(float, 0.1, 3600, "a number of seconds from 0.1 to 3600"),
        default=30,
        metavar="SECONDS",
        help="for each question (default 30)",
    )


def _number(kind, low, high, what: str):
    """An argparse type: a number in a range, refused with a sentence otherwise."""

    def parse(text: str):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not {what}")
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m autograde",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Tools of the course: make exercises from solutions, check a notebook, collect, grade, report,"
            " export."
        ),
        epilog=(
            "Exit status: 0 done; 1 done, but some submissions could not be taken, or not graded, as handed"
            " in;\n2 the call was wrong; 130 interrupted (what was done is kept)."
        ),
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function, help: str, description: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=description or help)
        added.set_defaults(command=function)
        return added

    added = command(
        "release",
        _release,
        "make exercises/ from solutions/",
        "Makes the notebooks of exercises/ from those of solutions/, through nbgrader's generate_assignment. "
        "Refuses a topic whose exercise would still hold a solution or a hidden test.",
    )
    added.add_argument(
        "topics", nargs="*", metavar="TOPIC", help="such as 01_quadratics or 1 (all by default)"
    )

    added = command(
        "check",
        _check,
        "a student's own check of one notebook",
        "Runs a notebook against the tests that its exercise shows, and prints a line per question.",
    )
    added.add_argument(
        "notebook", metavar="NOTEBOOK", help="such as exercises/01_quadratics/quadratics.ipynb"
    )
    _take_timeout(added)

    added = command(
        "grade",
        _grade,
        "grade a class",
        "Grades SUBMISSIONS/<student>/<topic>/<notebook>.ipynb into OUT, an ordinary nbgrader course:"
        " gradebook.db, submitted/, autograded/, feedback/, grades.csv and report.html. Run again, it grades"
        " what changed. Names come from SUBMISSIONS/students.csv, which collect writes.",
    )
    added.add_argument(
        "submissions", metavar="SUBMISSIONS", help="the folder of the class: a folder per student"
    )
    added.add_argument(
        "--out", required=True, metavar="OUT", help="the folder of the nbgrader course, made if missing"
    )
    added.add_argument(
        "--workers",
        type=_number(int, 1, 64, "a number of workers from 1 to 64"),
        default=2,
        metavar="N",
        help="submissions graded at a time (default 2)",
    )
    _take_timeout(added)
    added.add_argument(
        "--engine",
        choices=["sandbox", "nbgrader"],
        default="sandbox",
        help="sandbox: the course's engine (default); nbgrader: stock execution, neither safe nor fast",
    )
    added.add_argument(
        "--allow-unsandboxed",
        action="store_true",
        help="grade even where this system cannot give every layer of the sandbox",
    )
    added.add_argument("--force", action="store_true", help="grade again what has not changed, too")
    added.add_argument(
        "--quiet", action="store_true", help="no progress and no table; the exit status and the report tell"
    )

    added = command(
        "collect",
        _collect,
        "take a university system's download as submissions",
        "Puts the notebooks of DOWNLOAD into SUBMISSIONS/<student>/<topic>/. The last upload counts; earlier"
        " ones are kept in SUBMISSIONS/.earlier. Students are named by the system's own number, by which"
        " export finds them again.",
    )
    added.add_argument("download", metavar="DOWNLOAD", help="the zip, or the folder that it unpacked to")
    added.add_argument(
        "--from",
        dest="kind",
        choices=["canvas", "moodle", "folder"],
        required=True,
        help="who made the download; folder: a folder per student",
    )
    added.add_argument(
        "--out", required=True, metavar="SUBMISSIONS", help="the folder of the class, made if missing"
    )
    added.add_argument(
        "--topic", metavar="TOPIC", help="of notebooks that do not say which topic they are of"
    )
    added.add_argument(
        "--roster",
        metavar="FILE",
        help=(
            "the gradebook exported from Canvas, for names; Moodle's grading worksheet, for names, for what a"
            " student is called in all topics, and for the times of handing in"
        ),
    )
    added.add_argument("--course", metavar="FILE", help="OUT/course.toml, for its time zone and due dates")
    added.add_argument("--quiet", action="store_true", help="no progress")

    added = command(
        "report",
        _report,
        "the class report",
        "Writes OUT/report.html: scores, questions, mistakes, times and exceptions of a graded class. "
        "Grading writes it, too; run this after marking by hand, or for names from a roster.",
    )
    added.add_argument("out", metavar="OUT", help="the folder that grade wrote")
    added.add_argument("--to", metavar="FILE", help="another file than OUT/report.html")
    added.add_argument(
        "--roster",
        metavar="FILE",
        help=(
            "whose names to put into the gradebook first: Canvas's gradebook, Moodle's worksheet or"
            " participants list"
        ),
    )
    added.add_argument("--quiet", action="store_true", help="no progress")

    added = command(
        "export",
        _export,
        "marks for Canvas, Moodle, Gradescope or a spreadsheet, and the feedback pages",
        "Writes the marks as they stand in the gradebook, those given by hand included, into OUT/export; or"
        " packs the feedback pages there, to hand them back.",
    )
    added.add_argument("out", metavar="OUT", help="the folder that grade wrote")
    added.add_argument("--format", choices=["canvas", "moodle", "gradescope", "csv", "pages"], required=True)
    added.add_argument(
        "--roster",
        metavar="FILE",
        help="the gradebook exported from Canvas, or Moodle's grading worksheet or participants list",
    )
    added.add_argument(
        "--topics", nargs="+", default=[], metavar="TOPIC", help="such as 01_quadratics or 1 (all by default)"
    )
    added.add_argument("--to", metavar="FOLDER", help="another folder than OUT/export")
    added.add_argument("--quiet", action="store_true", help="no progress")

    added = command(
        "simulate",
        _simulate,
        "make up a class, with what each submission should score",
        "Writes submissions of made-up students: right answers in several styles, catalogued mistakes and"
        " gaps.",
    )
    added.add_argument(
        "--students",
        type=_number(int, 1, 100_000, "a number of students from 1 to 100000"),
        required=True,
        metavar="N",
    )
    added.add_argument("--out", required=True, metavar="FOLDER", help="a new or empty folder")
    added.add_argument(
        "--seed",
        type=_number(int, 0, 2**32, "a whole number from 0 on"),
        default=0,
        help="another seed, another class (default 0)",
    )
    added.add_argument("--quiet", action="store_true", help="no progress")
    added.add_argument(
        "--topics", nargs="+", default=[], metavar="TOPIC", help="such as 01_quadratics or 1 (all by default)"
    )
    return parser
