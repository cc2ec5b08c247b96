"""A cell's outputs, as a notebook keeps them: of rows that the student process sent, and of what the engine has
to say.

The rows are a stranger's: each is read strictly, and what it shows is made harmless. Built here and not by
nbformat, whose checks of each output against its schema take longer than all else that is done with it; a test
makes them for every kind.
"""

from __future__ import annotations

from nbformat import NotebookNode

from . import calls, clean, wire

MAX_OUTPUTS = 500  # of one cell
MAX_MESSAGE = 4000


def stream(text, most):
    return NotebookNode(output_type="stream", name="stdout", text=clean.text(text, most))


def result(data, count):
    return NotebookNode(
        output_type="execute_result", metadata=NotebookNode(), data=NotebookNode(data), execution_count=count
    )


def display(data):
    return NotebookNode(output_type="display_data", metadata=NotebookNode(), data=NotebookNode(data))


def error(name, message, lines=(), most=2000):
    """`name` and `message` are harmless already; each of the traceback's `lines` is made so, and cut at
    `most`."""
    rows = [clean.text(line, most) for line in lines]
    return NotebookNode(
        output_type="error", ename=name, evalue=message, traceback=[*rows, f"{name}: {message}"]
    )


def of_rows(rows, count):
    """The outputs of the cell number `count` for rows as student.Outputs has them; a `WireError` if they are
    none."""
    try:
        return [_of_row(row, count) for row in rows[:MAX_OUTPUTS]]
    except (ValueError, TypeError, OverflowError):
        raise wire.WireError("not an output") from None


def _of_row(row, count):
    if type(row) is not tuple or not row:
        raise wire.WireError("not an output")
    if row[0] == "stream" and len(row) == 2 and type(row[1]) is str:
        return stream(row[1], 50_000)
    if row[0] in ("display", "result") and len(row) == 3:
        data = {}
        if type(row[1]) is str:
            data["text/plain"] = clean.text(row[1], 50_000)
        image = clean.png(row[2]) if type(row[2]) in (str, bytes) else None
        if image:
            data["image/png"] = image
        return display(data) if row[0] == "display" else result(data, count)
    if row[0] == "error" and len(row) == 2:
        problem, _, _ = calls.unpack_exception(row[1])
        raised = problem.raised
        return error(
            clean.line(raised.name, 80) or "Exception",
            clean.text(raised.text, MAX_MESSAGE),
            raised.lines(),
            500,
        )
    raise wire.WireError("not an output")
