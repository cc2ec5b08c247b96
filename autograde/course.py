"""The course's folders and topics, known here alone.

In: nothing but the file system. Out: `Topic`s, and the one exception whose text is meant for the person at the keyboard.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COURSE_ID = "training-deep-networks"
FOLDER_NAME = re.compile(r"\d\d_[a-z][a-z_]*")


class Refusal(Exception):
    """A call that cannot be carried out; its text is one sentence that says what to do (exit status 2)."""


@dataclass(frozen=True)
class Topic:
    """One topic: a lecture, a reference solution and the exercise generated from it, all under one name."""

    folder: str
    root: Path = ROOT

    @property
    def name(self) -> str:
        """The name without its number, which is also the notebook's: `quadratics` of `01_quadratics`."""
        return self.folder.split("_", 1)[1]

    @property
    def lecture(self) -> Path:
        return self.root / "lectures" / f"{self.folder}.ipynb"

    @property
    def solution(self) -> Path:
        return self.root / "solutions" / self.folder / f"{self.name}.ipynb"

    @property
    def exercise(self) -> Path:
        return self.root / "exercises" / self.folder / f"{self.name}.ipynb"


def topics(root: Path = ROOT) -> list[Topic]:
    """All topics that have a reference solution, in the course's order."""
    folders = sorted(p.name for p in (root / "solutions").glob("*") if FOLDER_NAME.fullmatch(p.name))
    found = [Topic(folder, root) for folder in folders]
    return [topic for topic in found if topic.solution.is_file()]


def find_topic(name: str, root: Path = ROOT) -> Topic:
    """The topic called `01_quadratics`, `quadratics`, `01` or `1`; raises `Refusal` for any other name."""
    known = topics(root)
    wanted = name.strip().rstrip("/")
    for topic in known:
        if wanted in (topic.folder, topic.name, topic.folder[:2], topic.folder[:2].lstrip("0")):
            return topic
    raise Refusal(
        f"There is no topic {name!r}; the topics are {', '.join(t.folder for t in known) or 'none yet'}."
    )
