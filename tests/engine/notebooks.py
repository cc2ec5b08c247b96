"""Builds the small sanitized notebooks that the engine's tests run."""

import nbformat.v4 as v4


def _cell(source, grade_id=None, grade=False, solution=False, locked=False, points=1):
    cell = v4.new_code_cell(source)
    if grade_id:
        cell.metadata["nbgrader"] = {
            "grade_id": grade_id,
            "grade": grade,
            "solution": solution,
            "locked": locked,
            "task": False,
            "schema_version": 3,
        }
        if grade:
            cell.metadata["nbgrader"]["points"] = points
    return cell


def given(source, grade_id="given"):
    return _cell(source, grade_id, locked=True)


def solution(source, grade_id="solution"):
    return _cell(source, grade_id, solution=True)


def added(source):
    return _cell(source)


def test(source, grade_id="test", points=1):
    return _cell(source, grade_id, grade=True, locked=True, points=points)


test.__test__ = False


def notebook(*cells):
    return v4.new_notebook(cells=list(cells))
