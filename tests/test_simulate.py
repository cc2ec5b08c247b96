"""simulate: a class made from the exercises, whose scores are known."""

import csv

import pytest

from autograde import cells
from autograde.course import Refusal, find_topic, topics
from autograde.simulate import EXPECTED, simulate


def expected(folder) -> list[dict]:
    with open(folder / EXPECTED, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_seed_is_one_class_and_another_seed_another(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate(tmp_path / name, 3, [find_topic("01")], seed)
    assert files(tmp_path / "a") == files(tmp_path / "b") != files(tmp_path / "c")


def test_every_question_of_every_student_scores_as_expected(tmp_path):
    chosen = topics()
    assert simulate(tmp_path / "class", 6, chosen, seed=3) == 6 * len(chosen)
    rows = expected(tmp_path / "class")
    for topic in chosen:
        solution = cells.read(topic.solution)
        for student in sorted({row["student"] for row in rows}):
            handed_in = cells.read(tmp_path / "class" / student / topic.folder / topic.exercise.name)
            outcomes = cells.run(solution, cells.sources(handed_in, cells.is_solution))
            mine = {
                row["question"]: row
                for row in rows
                if (row["student"], row["topic"]) == (student, topic.folder)
            }
            assert set(mine) == {name.removeprefix("test_") for name in outcomes}
            for name, outcome in outcomes.items():
                row = mine[name.removeprefix("test_")]
                assert outcome.points == float(row["points"]), (student, topic.folder, row, outcome)


def test_a_class_holds_right_answers_mistakes_and_gaps_and_no_solution_marks(tmp_path):
    simulate(tmp_path / "class", 12, [find_topic("01")], seed=1)
    kinds = {row["answer"].split(":")[0] for row in expected(tmp_path / "class")}
    assert kinds == {"reference", "variant", "mistake", "wrong answer", "not attempted"}
    text = b"".join(files(tmp_path / "class").values())
    assert b"BEGIN SOLUTION" not in text and b"HIDDEN" not in text


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(Refusal, match="holds something already"):
        simulate(tmp_path, 2, [find_topic("01")])
    assert (tmp_path / "mine.txt").read_text() == "keep me"
    assert sorted(path.name for path in tmp_path.parent.glob(".*.new")) == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "class").write_text("a file")
    with pytest.raises(Refusal):
        simulate(tmp_path / "class", 2, [find_topic("01")])
