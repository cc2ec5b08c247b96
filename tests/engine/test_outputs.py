"""What the engine writes into a notebook is what nbformat allows there."""

import pytest
from nbformat.v4.nbbase import validate

from autograde.engine import calls, outputs
from autograde.engine.wire import WireError

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def raised(text):
    try:
        raise ValueError(text)
    except ValueError as problem:
        return calls.pack_exception(problem, (("cell 1", 2, "f", "return x"), ("cell 2", 1, "", "f()")))


ROWS = {
    "stream": (("stream", "text\x1b[31m"), {"name": "stdout", "text": "text"}),
    "display": (("display", "text", None), {"data": {"text/plain": "text"}}),
    "picture": (("display", None, PNG), {"data": {"image/png": PNG + "\n"}}),
    "nothing to show": (("display", None, b"no picture"), {"data": {}}),
    "result": (("result", "4", None), {"data": {"text/plain": "4"}, "execution_count": 3}),
    "error": (
        ("error", raised("why")),
        {
            "ename": "ValueError",
            "evalue": "why",
            "traceback": [
                "cell 1, line 2, in f\n    return x",
                "cell 2, line 1\n    f()",
                "ValueError: why",
            ],
        },
    ),
}


@pytest.mark.parametrize("row, fields", ROWS.values(), ids=ROWS)
def test_a_row_becomes_a_valid_output(row, fields):
    (output,) = outputs.of_rows((row,), 3)
    validate(output, output.output_type)
    assert {name: output[name] for name in fields} == fields


def test_what_the_engine_says_itself_is_valid_too():
    for output in (
        outputs.stream("text", 10),
        outputs.result({"text/plain": "1.5"}, 2),
        outputs.error("TimeoutError", "too long", ["a line" * 1000]),
    ):
        validate(output, output.output_type)
    assert output.traceback[0].endswith("... the rest is cut off ...")


@pytest.mark.parametrize(
    "row", [(), "stream", ("stream",), ("stream", 1), ("html", "x", None), ("error", ())], ids=repr
)
def test_a_row_of_another_form_is_refused(row):
    with pytest.raises(WireError):
        outputs.of_rows((row,), 1)


def test_only_so_many_rows_are_kept():
    assert len(outputs.of_rows((("stream", "x"),) * 1000, 1)) == outputs.MAX_OUTPUTS
