"""Classes made up without grading: of any size, and with any luck."""

from pathlib import Path

import numpy as np

from autograde import cells
from autograde.course import topics
from autograde.marks import Class, Person, Question, Work

NAMES = ["Zoë Müller", "محمد علي", "אורה כהן", "王 小明", "Jean-Luc Wolfeschlegelsteinhausenbergerdorff", ""]
FATES = ("right", "right", "right", "wrong", "not attempted", "partial", "timeout", "crashed")


def made_up(students: int, folders: int = 8, fate: str | None = None, seed: int = 0) -> Class:
    """A class in the course's first topics; each question meets `fate`, or any."""
    rng = np.random.default_rng(seed)
    chosen = topics()[:folders]
    most = {topic.folder: cells.max_points(cells.read(topic.exercise)) for topic in chosen}
    people = {
        f"s{number:05}": Person(f"s{number:05}", *NAMES[number % len(NAMES)].split(" ", 1))
        for number in range(students)
    }
    works = []
    for student in people:
        for topic in chosen:
            questions = []
            for name, points in most[topic.folder].items():
                status = fate or str(rng.choice(FATES))
                earned = points if status == "right" else points / 2 if status == "partial" else 0.0
                questions.append(Question(name, status, earned, points, "Off." if status == "wrong" else ""))
            total = sum(question.points for question in questions)
            seconds = float(rng.gamma(2, 0.3))
            works.append(
                Work(
                    student,
                    topic.folder,
                    total,
                    sum(most[topic.folder].values()),
                    questions=questions,
                    seconds=seconds,
                )
            )
    points = {topic.folder: sum(most[topic.folder].values()) for topic in chosen}
    return Class(Path("nowhere"), people, points, works, layers=["landlock"])
