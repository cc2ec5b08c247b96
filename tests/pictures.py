"""The README's pictures, made from what the project makes: `python -m tests.pictures`, or `make pictures`.

A lecture's figure is taken from the lecture's stored output. The class report and the feedback page are those
of a simulated class, graded in build/pictures and seen by a headless Chromium;
without one they stay as they are.
"""

import base64
import io
import shutil
import sys
from pathlib import Path

from PIL import Image

from autograde import cells, course
from autograde.grading import grade
from autograde.marks import Work, read
from autograde.progress import Progress
from autograde.report import report
from autograde.simulate import simulate
from tests.views import browser

FIGURES = {"regimes.png": ("01_quadratics", "regimes-figure")}
FOLDER = course.ROOT / "lectures" / "figures"
WORK = course.ROOT / "build" / "pictures"
STUDENTS, SEED, TOPIC = 40, 3, "04_momentum"
WIDTH, PAGE_HEIGHT = 1200, 1150
COLOURS = 128  # of a stored picture: enough for text and flat colours, at a third of the size


def figure(topic: str, cell_id: str) -> bytes:
    """The PNG that cell `cell_id` of a topic's lecture shows."""
    notebook = cells.read(course.find_topic(topic).lecture)
    for cell in notebook.cells:
        if cell.id == cell_id:
            pictures = (
                output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})
            )
            return base64.b64decode(next(pictures))
    raise ValueError(f"lecture {topic} has no cell {cell_id}")


def telling(works: list[Work]) -> Work:
    """A submission with many kinds of outcome, three wrong answers or more, and few points lost."""

    def worth(work: Work) -> tuple:
        kinds = [question.status for question in work.questions]
        return len(set(kinds)), min(3, kinds.count("wrong")), work.score

    return max(works, key=worth)


def seen(tab: browser.Browser, page: Path, until: str | None = None) -> bytes:
    """What a browser shows of a page, down to the end of the element `until`, in few colours."""
    tab.open(page.resolve().as_uri())
    height = PAGE_HEIGHT
    if until:
        height = (
            round(tab.ask(f"document.querySelector('{until}').getBoundingClientRect().bottom + scrollY")) + 4
        )
    image = Image.open(io.BytesIO(tab.picture(height=height))).convert("RGB")
    small = io.BytesIO()
    image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


def class_pictures() -> dict[str, bytes]:
    """The report and a feedback page of a simulated class."""
    shutil.rmtree(WORK / "class", ignore_errors=True)
    simulate(WORK / "class", STUDENTS, course.topics(), SEED)
    with Progress("graded") as progress:  # what has not changed since the last time is not graded again
        grade(WORK / "class", WORK / "out", workers=2, progress=progress)
    work = telling([work for work in read(WORK / "out").works if work.topic == TOPIC])
    page = WORK / "out" / "feedback" / work.student / TOPIC / f"{course.find_topic(TOPIC).name}.html"
    overview = report(WORK / "out")
    with browser.Browser(WIDTH, PAGE_HEIGHT) as tab:
        return {"report.png": seen(tab, overview, "#map ~ figure"), "feedback.png": seen(tab, page)}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, source in FIGURES.items():
        (FOLDER / name).write_bytes(figure(*source))
        print(f"{name}: from lecture {source[0]}, {source[1]}")
    if browser.find() is None:
        print(
            "report.png, feedback.png: left as they are, for there is no Chromium or Chrome to see them with"
        )
        return 0
    for name, content in class_pictures().items():
        (FOLDER / name).write_bytes(content)
        print(f"{name}: from a simulated class of {STUDENTS} students")
    return 0


if __name__ == "__main__":
    sys.exit(main())
