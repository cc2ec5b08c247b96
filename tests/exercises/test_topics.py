"""Every topic's exercise keeps the rules that all exercises keep: points, stubs, mistakes, variants, hints, release."""

import ast
import functools
import re

import pytest

from autograde import cells, release
from autograde.course import topics
from autograde.mistakes import catalogue_of

pytestmark = pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.folder)


@functools.cache
def solution_of(topic):
    return cells.read(topic.solution)


def functions(topic) -> list[str]:
    """The functions that the exercise asks for, in its order."""
    solutions = cells.sources(solution_of(topic), cells.is_solution)
    return [name for name in solutions if not name.startswith("answer_")]


def questions(topic) -> list[str]:
    return [
        name for name in cells.sources(solution_of(topic), cells.is_solution) if name.startswith("answer_")
    ]


def graded(topic, name: str, source: str) -> cells.Outcome:
    """The outcome of the one test of `name` with `source` in its solution cell."""
    return cells.run(solution_of(topic), {name: source}, {f"test_{name}"})[f"test_{name}"]


def with_version(topic, name: str, version) -> str:
    cell = cells.sources(solution_of(topic), cells.is_solution)[name]
    return cells.replace_function(cell, version.source)


def test_the_solution_gets_20_of_20_every_time(topic):
    for _ in range(3):  # the inputs are drawn anew in each run
        outcomes = cells.run(solution_of(topic))
        assert not [outcome for outcome in outcomes.values() if outcome.error]
        assert sum(outcome.points for outcome in outcomes.values()) == 20


def test_the_solution_passes_the_tests_that_students_see(topic):
    exercise = cells.read(topic.exercise)
    outcomes = cells.run(exercise, cells.sources(solution_of(topic), cells.is_solution))
    assert {name: outcome.message for name, outcome in outcomes.items() if outcome.error} == {}


def test_the_stub_gets_0_and_counts_as_not_attempted(topic):
    stub = cells.sources(cells.read(topic.exercise), cells.is_solution)
    outcomes = cells.run(solution_of(topic), stub)
    assert sum(outcome.points for outcome in outcomes.values()) == 0
    for name, outcome in outcomes.items():
        wanted = "NameError" if name.startswith("test_answer_") else "NotImplementedError"
        assert outcome.error == wanted, name


def test_each_question_answered_alone_gets_its_points(topic):
    stubs = cells.sources(cells.read(topic.exercise), cells.is_solution)
    answers = cells.sources(solution_of(topic), cells.is_solution)
    for name in functions(topic):
        alone = stubs | {key: answers[key] for key in {name} | cells.companions(solution_of(topic), name)}
        outcome = cells.run(solution_of(topic), alone, {f"test_{name}"})[f"test_{name}"]
        assert outcome.points == outcome.max_points, f"{name} needs another answer: {outcome.message}"


def test_exercises_folder_holds_what_release_makes(topic):
    assert topic.exercise.read_text(encoding="utf-8") == release.serialize(release.released(topic))


def test_every_mistake_loses_points_and_gets_its_own_sentence(topic):
    astray = []
    for name, versions in catalogue_of(topic.folder).mistakes.items():
        for version in versions:
            outcome = graded(topic, name, with_version(topic, name, version))
            if outcome.points or outcome.message != version.sentence:
                astray.append(f"{name}, {version.label}: {outcome.points} points, {outcome.message!r}")
    assert astray == []


def test_every_right_version_gets_full_marks(topic):
    refused = []
    for name, versions in catalogue_of(topic.folder).variants.items():
        for version in versions:
            outcome = graded(topic, name, with_version(topic, name, version))
            if outcome.points != outcome.max_points:
                refused.append(f"{name}, {version.label}: {outcome.message}")
    assert refused == []


def test_every_wrong_answer_gets_its_own_sentence_and_not_the_answer(topic):
    for question in questions(topic):
        wrong = catalogue_of(topic.folder).answers[question]
        letters = {
            letter for letter in "abcd" if not graded(topic, question, f'{question} = "{letter}"').points
        }
        assert letters == set(wrong), question
        assert len(set(wrong.values())) == 3
        for letter, sentence in wrong.items():
            assert graded(topic, question, f'{question} = "{letter}"').message == sentence
        assert "one letter" in graded(topic, question, f"{question} = 2").message


def test_a_function_that_returns_nothing_gets_a_sentence_and_no_points(topic):
    for name in functions(topic):
        outcome = graded(topic, name, f"def {name}(*args, **kwargs):\n    return None")
        assert outcome.points == 0 and outcome.error == "AssertionError" and len(outcome.message) > 20, name


def test_the_catalogue_is_as_full_as_the_course_asks(topic):
    book = catalogue_of(topic.folder)
    assert set(book.mistakes) == set(book.variants) == set(functions(topic))
    for name in functions(topic):
        assert len(book.mistakes[name]) >= 4, f"{name} has fewer than 4 mistakes"
        assert len(book.variants[name]) >= 2, f"{name} has fewer than 2 right versions"
    sentences = [version.sentence for versions in book.mistakes.values() for version in versions]
    sentences += [sentence for wrong in book.answers.values() for sentence in wrong.values()]
    assert len(sentences) == len(set(sentences)), "two mistakes share a sentence"
    assert all(40 <= len(sentence) <= 400 and sentence.endswith((".", "?")) for sentence in sentences)


def test_each_section_to_read_again_is_a_heading_of_the_lecture(topic):
    lecture = cells.read(topic.lecture)
    headings = {
        match
        for cell in lecture.cells
        if cell.cell_type == "markdown"
        for match in re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
    }
    sections = catalogue_of(topic.folder).sections
    assert set(sections) == set(functions(topic)) | set(questions(topic))
    assert set(sections.values()) <= headings


def test_the_exercise_is_laid_out_as_all_are(topic):
    notebook = solution_of(topic)
    assert sum(cells.max_points(notebook).values()) == 20
    assert 8 <= len(functions(topic)) <= 14
    assert 3 <= len(questions(topic)) <= 4
    solutions = cells.sources(notebook, cells.is_solution)
    order = [cells.grading(cell).get("grade_id") for cell in notebook.cells]
    for name in solutions:
        assert order.index(f"test_{name}") == order.index(name) + 1, f"the test of {name} should follow it"
        text = notebook.cells[order.index(name) - 1].source
        if name in functions(topic):
            assert re.search(r"\*Difficulty [1-5] of 5, \d+ minutes, \d+ points?\*", text), name
            assert text.count("<details><summary>Hint") >= 2, f"{name} has fewer than 2 hints"
    assert all(cell.id == cells.grading(cell)["grade_id"] for cell in notebook.cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_each_stub_has_types_and_a_docstring_and_visible_tests_say_why(topic):
    exercise = cells.read(topic.exercise)
    stubs = cells.sources(exercise, cells.is_solution)
    for name in functions(topic):
        node = next(node for node in ast.parse(stubs[name]).body if isinstance(node, ast.FunctionDef))
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        assert node.name == name and node.returns is not None
        assert all(argument.annotation is not None for argument in arguments), f"{name} lacks types"
        assert len(ast.get_docstring(node) or "") > 60, f"{name} lacks a docstring"
    for name, source in cells.sources(exercise, cells.is_test).items():
        asserts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
        assert asserts, f"{name} shows the student no test"
        assert all(node.msg is not None for node in asserts), f"{name} has an assertion without a message"


def test_each_function_is_tested_by_hidden_cases(topic):
    for name, source in cells.sources(solution_of(topic), cells.is_test).items():
        hidden = source.partition("### BEGIN HIDDEN TESTS")[2].partition("### END HIDDEN TESTS")[0]
        assert f'"{name.removeprefix("test_")}"' in hidden, f"{name} has no hidden test of its function"
