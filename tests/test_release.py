"""release: solutions/ -> exercises/, and what it refuses to release."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograde import release
from autograde.course import Refusal, Topic

SOLUTION = (
    "def one() -> int:\n    ### BEGIN SOLUTION\n    result = 1\n    return result\n    ### END SOLUTION"
)
TEST = '### BEGIN HIDDEN TESTS\nassert one() == 1, "hidden"\n### END HIDDEN TESTS\nassert one() > 0, "one is positive"'


def cell(grade_id: str, source: str, grade=False, solution=False, locked=True, points=None):
    role = {
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "grade_id": grade_id,
        "schema_version": 3,
        "task": False,
    }
    if points is not None:
        role["points"] = points
    return new_code_cell(source, id=grade_id, metadata={"nbgrader": role})


@pytest.fixture
def topic(tmp_path):
    """Writes a one-question topic; call it with sources to put in place of the good ones."""

    def write(solution=SOLUTION, test=TEST, extra=()):
        made = Topic("09_ones", tmp_path)
        notebook = new_notebook(
            cells=[
                cell("one", solution, solution=True, locked=False),
                cell("test_one", test, grade=True, points=1),
                *extra,
            ],
            metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
        )
        made.solution.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, made.solution)
        return made

    return write


def test_solutions_become_stubs_and_hidden_tests_vanish(topic):
    made = topic()
    assert release.release(made) is True
    text = made.exercise.read_text(encoding="utf-8")
    assert "raise NotImplementedError" in text and "one is positive" in text
    assert "result = 1" not in text and "hidden" not in text


def test_a_second_release_changes_nothing(topic):
    made = topic()
    release.release(made)
    assert release.release(made) is False


@pytest.mark.parametrize(
    ("parts", "clause"),
    [
        ({"solution": "def one() -> int:\n    return 1"}, None),  # unmarked: nbgrader replaces the whole cell
        (
            {
                "solution": "def one() -> int:\n    # begin solution\n    return 1\n    # end solution\n    ### BEGIN SOLUTION\n    ### END SOLUTION"
            },
            "BEGIN or END mark",
        ),
        (
            {"solution": SOLUTION + "\n\n\ndef copy_of_one() -> int:\n    result = 1\n    return result"},
            "still holds 'result = 1'",
        ),
        (
            {"solution": "def one() -> int:\n    return 1\n    ### BEGIN SOLUTION\n    ### END SOLUTION"},
            "the empty exercise passes 'test_one'",
        ),
        ({"test": "from autograde.marking import mark\n" + TEST}, "imports the course's own tools"),
        ({"test": "### BEGIN HIDDEN TEST\nassert one() == 1\n### END HIDDEN TEST"}, "BEGIN or END mark"),
        ({"extra": [new_code_cell("x = 1", id="plain")]}, "'plain' has no nbgrader role"),
        ({"solution": "def one() -> int:\n    ### BEGIN SOLUTION\n    return 1"}, "nbgrader refuses"),
    ],
)
def test_what_would_leak_is_refused_with_a_reason_and_nothing_is_written(topic, parts, clause):
    made = topic(**parts)
    if clause is None:
        release.release(made)
        assert "return 1" not in made.exercise.read_text(encoding="utf-8")
        return
    with pytest.raises(Refusal, match="is not released") as caught:
        release.release(made)
    assert clause in str(caught.value)
    assert not made.exercise.exists()


def test_a_refused_release_leaves_the_old_exercise(topic):
    release.release(made := topic())
    before = made.exercise.read_bytes()
    topic(extra=[new_code_cell("x = 1", id="plain")])
    with pytest.raises(Refusal):
        release.release(made)
    assert made.exercise.read_bytes() == before


def test_markdown_cells_stay_as_they_are(topic):
    made = topic(extra=[new_markdown_cell("Read lecture 9.", id="about")])
    release.release(made)
    assert "Read lecture 9." in made.exercise.read_text(encoding="utf-8")
