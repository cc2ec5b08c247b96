"""A class of any size, made from the exercises: right answers, catalogued mistakes, gaps, and what each should score.

In: the released exercises, the solutions and the catalogue. Out: a folder of submissions as students would hand them in,
and `expected.csv` with the points each question should get and why. Everything follows from the seed.
"""

import copy
import csv
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np

from autograde import cells
from autograde.course import Refusal, Topic
from autograde.mistakes import catalogue_of
from autograde.release import serialize

EXPECTED = "expected.csv"


@dataclass(frozen=True)
class Answer:
    """What a simulated student writes for one question, and the points it is worth."""

    source: str | None  # None: the stub is left as it is
    points: float
    kind: str  # reference, variant: <label>, mistake: <label>, wrong answer: <letter>, not attempted


@dataclass(frozen=True)
class Choices:
    """All that one topic offers to choose from; `needs`: the answers that a question is tested through, if any."""

    topic: Topic
    exercise: nbformat.NotebookNode
    right: dict[str, list[Answer]]
    wrong: dict[str, list[Answer]]
    needs: dict[str, set[str]]


def choices(topic: Topic) -> Choices:
    """The right and wrong answers to each question of a topic. Raises `Refusal` where the exercise is not released."""
    if not topic.exercise.is_file():
        raise Refusal(
            f"{topic.folder} has no exercise yet: run `python -m autograde release {topic.folder}` first."
        )
    solution, book = cells.read(topic.solution), catalogue_of(topic.folder)
    points = {name.removeprefix("test_"): value for name, value in cells.max_points(solution).items()}
    right, wrong = {}, {}
    for name, source in cells.sources(solution, cells.is_solution).items():
        right[name] = [Answer(source, points[name], "reference")]
        right[name] += [
            Answer(cells.replace_function(source, version.source), points[name], f"variant: {version.label}")
            for version in book.variants.get(name, [])
        ]
        wrong[name] = [Answer(None, 0.0, "not attempted")]
        wrong[name] += [
            Answer(cells.replace_function(source, version.source), 0.0, f"mistake: {version.label}")
            for version in book.mistakes.get(name, [])
        ]
        wrong[name] += [
            Answer(f'{name} = "{letter}"', 0.0, f"wrong answer: {letter}")
            for letter in book.answers.get(name, {})
        ]
    needs = {name: cells.companions(solution, name) for name in right}
    return Choices(topic, cells.read(topic.exercise), right, wrong, needs)


def simulate(
    folder: Path, students: int, topics: Iterable[Topic], seed: int = 0, progress: Callable | None = None
) -> int:
    """Fills `folder` with the submissions of `students` students; returns how many notebooks were written.

    progress: called with (students done, students). Raises `Refusal` if there is nothing to do or the folder holds something already.
    """
    if students < 1:
        raise Refusal("A class has at least one student: give --students a number from 1 on.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(f"{folder} holds something already; name a new or an empty folder.")
    offers = [choices(topic) for topic in topics]
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        count = _write_class(draft, students, offers, np.random.default_rng(seed), progress)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted: {folder} is as it was; run the same command again") from None
    except OSError as problem:
        raise Refusal(f"The class cannot be written to {folder}: {problem.strerror}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return count


def _write_class(
    folder: Path,
    students: int,
    offers: list[Choices],
    rng: np.random.Generator,
    progress: Callable | None = None,
) -> int:
    width = max(2, len(str(students)))
    with open(folder / EXPECTED, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["student", "topic", "question", "points", "max_points", "answer"])
        for number in range(1, students + 1):
            student, ability = f"student-{number:0{width}}", rng.beta(4, 2)
            for offer in offers:
                answers = _answers(offer, ability, rng)
                path = folder / student / offer.topic.folder / offer.topic.exercise.name
                path.parent.mkdir(parents=True)
                path.write_text(serialize(filled_in(offer.exercise, answers)), encoding="utf-8")
                for name, answer in answers.items():
                    table.writerow(
                        [
                            student,
                            offer.topic.folder,
                            name,
                            answer.points,
                            offer.right[name][0].points,
                            answer.kind,
                        ]
                    )
            if progress:
                progress(number, students)
    return students * len(offers)


def _answers(offer: Choices, ability: float, rng: np.random.Generator) -> dict[str, Answer]:
    """Able students are right more often; who is wrong makes one of the known mistakes or leaves a gap.

    A question that is tested through another answer is attempted only where that one is right: what its own answer
    would else be worth depends on the other's mistake.
    """
    answers = {}
    for name in offer.right:
        shelf = offer.right[name] if rng.random() < ability else offer.wrong[name]
        answers[name] = shelf[rng.integers(len(shelf))]
    for name, needed in offer.needs.items():
        if any(not answers[other].points for other in needed):
            answers[name] = offer.wrong[name][0]
    return answers


def filled_in(exercise, answers: dict[str, Answer]):
    """A copy of the exercise with the answers in its solution cells."""
    notebook = copy.deepcopy(exercise)
    for cell in notebook.cells:
        answer = answers.get(cells.grading(cell).get("grade_id", ""))
        if answer is not None and answer.source is not None and cells.is_solution(cell):
            cell.source = _without_marks(answer.source)
    return notebook


def _without_marks(source: str) -> str:
    return "\n".join(
        line
        for line in source.splitlines()
        if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line
    )
