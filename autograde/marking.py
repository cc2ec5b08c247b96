"""Marks one answer: runs it through cases, and names the mistake where it is a known one.

In: a student's function (in the grader: a proxy of it) and the cases that a hidden test cell lists. Out: nothing when
every case holds, else one `AssertionError` whose text the student should read. Trusts the test cell and the catalogue;
takes nothing from the student on trust: types, shapes, contents and memory of each result are looked at.
"""

import copy
import inspect
import numbers
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograde.mistakes import catalogue_of


class Breach(AssertionError):
    """A result may be right and still break a convention that all functions of the course keep."""


class Form(str):
    """A problem with the form of a result (type, shape, dtype, number of parts) and not with its values."""


@dataclass(frozen=True)
class Case:
    """`run(f)` calls the function f under test; `judge` returns "" for a good result, else what is wrong with it."""

    run: Callable
    judge: Callable[[Any], str]
    same: Callable[[Any, Any], bool]
    why: str
    error: type | None = None
    quiet: bool = False
    tell: bool = True


def case(run: Callable, expected, why: str, rtol: float = 1e-9, atol: float = 1e-12, quiet: bool = False,
         tell: bool = True) -> Case:
    """`run(f)` must equal `expected`, in structure, shape and dtype, and in value within the tolerances.

    `why` is the sentence for a student whose mistake is not in the catalogue. With `quiet`, a RuntimeWarning fails.
    With `tell=False`, `why` stands alone: for a run that gives a count or a check and not the student's own result.
    """
    return Case(run, lambda result: difference(result, expected, rtol, atol),
                lambda a, b: not difference(a, b, rtol, atol), why, quiet=quiet, tell=tell)


def holds(run: Callable, predicate: Callable[[Any], bool], why: str, quiet: bool = False) -> Case:
    """`predicate(run(f))` must be true: for results that are right in many ways, such as random ones.

    `why` says which property, and stands alone.
    """

    def truth(result) -> bool:
        try:
            return bool(predicate(result))
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            return False  # a result of the wrong structure has not the property

    return Case(run, lambda result: "" if truth(result) else _nothing(result) or "The property does not hold.",
                lambda a, b: truth(a) == truth(b), why, quiet=quiet, tell=False)


def refuses(run: Callable, why: str, error: type = ValueError) -> Case:
    """`run(f)` must raise `error`, or a subclass, with a message."""
    return Case(run, lambda result: f"No {error.__name__} was raised.", lambda a, b: True, why, error=error)


def mark(topic: str, name: str, function: Callable, cases: list[Case], **companions: Callable) -> None:
    """Raises AssertionError with the sentence the student should read, unless every case holds.

    `topic` is the folder, `name` the function's. A result that equals that of a catalogued mistake in every case is
    called by that mistake's sentence. `companions` are other functions of the student's that the cases need: each is
    passed on to `run` by name, and for a catalogued mistake the first right version of it stands in.
    """
    if not callable(function):
        raise AssertionError(f"`{name}` is not a function any more: is a variable of the same name assigned somewhere?")
    book = catalogue_of(topic)
    parameters = list(inspect.signature(book.variants[name][0].function).parameters)
    outcomes = [_outcome(item, function, name, parameters, companions) for item in cases]
    problems = [_problem(item, outcome) for item, outcome in zip(cases, outcomes)]
    failures = [(item, outcome) for item, outcome, problem in zip(cases, outcomes, problems) if problem]
    if not failures:
        return
    if all(isinstance(outcome, NotImplementedError) for outcome in outcomes):
        raise NotImplementedError(f"`{name}` is not attempted yet.")
    stand_ins = {other: book.variants[other][0].function for other in companions}
    exact = _by_text(cases, outcomes, problems)
    for version in book.mistakes.get(name, []):
        imitation = (_outcome(item, version.function, name, parameters, stand_ins) for item in cases)
        if all(_alike(item, mine, theirs, exact) for item, mine, theirs in zip(cases, outcomes, imitation)):
            raise AssertionError(version.sentence)
    raise AssertionError(_told(cases, outcomes, problems))


def _by_text(cases: list[Case], outcomes: list, problems: list[str]) -> bool:
    """Whether exceptions must have the same text to be the same: where they are all there is to go by.

    Many faults end in a TypeError. A refusal (an error that some case asks for) of some inputs and not of others needs
    no text: which inputs it refuses says what it checks.
    """
    failed = [outcome for outcome, problem in zip(outcomes, problems) if problem]
    refusals = tuple(item.error for item in cases if item.error)
    good = any(item.error is None and not problem for item, problem in zip(cases, problems))
    if good and all(isinstance(outcome, refusals) for outcome in failed):
        return False
    return all(isinstance(outcome, Exception) and not isinstance(outcome, Breach) for outcome in failed)


def _told(cases: list[Case], outcomes: list, problems: list[str]) -> str:
    """What a student reads whose mistake is not in the catalogue: the first failure's `why`, its problem, or both."""
    first = next(i for i, problem in enumerate(problems) if problem)
    item, outcome, problem = cases[first], outcomes[first], problems[first]
    if isinstance(outcome, Exception):
        # An exception is explained by the `why` of a special case, and not by one that held for other inputs.
        special = first and item.why not in {each.why for each in cases[:first]} and not isinstance(outcome, Breach)
        return f"{item.why} {problem}" if item.error or special else problem
    if not item.tell:
        return problem if outcome is None else item.why
    results = [found for each, result, found in zip(cases, outcomes, problems)
               if each.tell and not each.error and not isinstance(result, Exception)]
    if isinstance(problem, Form) and all(isinstance(found, Form) for found in results):
        return problem  # it is of this form in every case, so that this case's `why` explains nothing
    return f"{item.why} {problem}"


def choose(topic: str, question: str, answer, right: str) -> None:
    """Marks a concept question: `answer` is one letter; a wrong one gets its misconception named, never the answer."""
    wrong = catalogue_of(topic).answers[question]
    letter = answer.strip().lower() if isinstance(answer, str) else None
    if letter not in {right, *wrong}:
        options = ", ".join(f'"{option}"' for option in sorted({right, *wrong}))
        raise AssertionError(f"Answer with one letter, one of {options}, in quotes: {question} = \"a\", for example.")
    if letter != right:
        raise AssertionError(wrong[letter])


def difference(actual, expected, rtol: float = 1e-9, atol: float = 1e-12) -> str:
    """Says in what `actual` differs from `expected`, or "" where it does not.

    A tuple may come as a list; a float as any real scalar; a dict may hold more keys than expected. An array must be an
    array of the expected shape, and float64 where floats are expected.
    """
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return _nothing(actual) or Form(f"A dict was expected; yours is {_kind(actual)}.")
        if missing := [key for key in expected if key not in actual]:
            return Form(f"Your dict has no {', '.join(repr(key) for key in missing)}.")
        return _first(difference(actual[key], expected[key], rtol, atol) for key in expected)
    if isinstance(expected, (tuple, list)):
        if not isinstance(actual, (tuple, list, np.ndarray)) or isinstance(actual, np.ndarray) and actual.ndim == 0:
            return _nothing(actual) or Form(f"{_amount(len(expected), 'result was', 'results were')} expected; yours is {_kind(actual)}.")
        if len(actual) != len(expected):
            mine = f"is {_kind(actual)}" if isinstance(actual, np.ndarray) else f"{'is' if len(actual) == 1 else 'are'} {len(actual)}"
            return Form(f"{_amount(len(expected), 'result was', 'results were')} expected; yours {mine}.")
        return _first(difference(a, e, rtol, atol) for a, e in zip(actual, expected))
    if actual is None:
        return _nothing(actual)
    if isinstance(expected, str):
        if not isinstance(actual, str):
            return Form(f"A word (a str) was expected; yours is {_kind(actual)}.")
        return "" if actual == expected else f"Your word is {str(actual)[:40]!r}."
    if isinstance(expected, np.ndarray) and expected.ndim:
        return _array_difference(actual, expected, rtol, atol)
    return _scalar_difference(actual, np.asarray(expected)[()], rtol, atol)


def _array_difference(actual, expected: np.ndarray, rtol: float, atol: float) -> str:
    if isinstance(actual, list):
        return Form("Your result is a list, and an array was expected: wrap it in np.array.")
    if not isinstance(actual, np.ndarray):
        return Form(f"An array of shape {expected.shape} was expected; yours is {_kind(actual)}.")
    if actual.shape != expected.shape:
        return Form(f"An array of shape {expected.shape} was expected; yours has shape {actual.shape}.")
    if actual.dtype != expected.dtype and not (expected.dtype.kind in "iu" and actual.dtype.kind in "iu"):
        return Form(f"The array should be of dtype {expected.dtype}; yours is of {actual.dtype}.")
    return _value_difference(actual, expected, rtol, atol)


def _scalar_difference(actual, expected, rtol: float, atol: float) -> str:
    if isinstance(actual, np.ndarray) and actual.ndim == 0:
        actual = actual[()]
    if isinstance(expected, (bool, np.bool_)):
        if not isinstance(actual, (bool, np.bool_)):
            return Form(f"True or False was expected; yours is {_kind(actual)}.")
        return "" if bool(actual) == bool(expected) else f"Your result is {bool(actual)}."
    wanted = numbers.Integral if isinstance(expected, numbers.Integral) else numbers.Real
    if isinstance(actual, (bool, np.bool_)) or not isinstance(actual, wanted):
        noun = "an int" if wanted is numbers.Integral else "a float"
        return Form(f"The result should be {noun}; yours is {_kind(actual)}.")
    try:
        actual = np.float64(actual)
    except OverflowError:
        return f"Your result is a whole number of {int(actual).bit_length()} bits where {expected:.3g} was expected."
    return _value_difference(actual, np.float64(expected), rtol, atol)


def _value_difference(actual, expected, rtol: float, atol: float) -> str:
    if np.asarray(expected).dtype.kind not in "fc":
        return "" if np.array_equal(actual, expected) else "Some of its entries are not the right ones."
    if np.all(np.isfinite(expected)) and not np.all(np.isfinite(actual)):
        return "Your result holds nan or inf where a finite number was expected."
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
        if np.all(close):
            return ""
        mine, right = np.asarray(actual)[~close], np.asarray(expected)[~close]
        if not np.all(np.isfinite(right)):
            i = np.argmin(np.isfinite(right))
            return f"Your result is {mine[i]:.3g} where {right[i]} was expected."
        return (f"Your result is off by {np.max(np.abs(mine - right)):.2g} where numbers of size "
                f"{np.max(np.abs(expected)):.2g} were expected.")


def _nothing(result) -> str:
    return Form("Your function returned None: does each of its paths end in a return?") if result is None else ""


def _amount(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _first(problems) -> str:
    return next((problem for problem in problems if problem), "")


def _kind(value) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"of type {type(value).__name__}"


def _outcome(item: Case, function: Callable, name: str, parameters: list[str], companions: dict):
    """What `item.run` returned, or the exception that came out of it."""
    watched = _watched(function, name, parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if item.quiet:
            warnings.simplefilter("error", RuntimeWarning)
        try:
            return item.run(watched, **companions)
        except Exception as problem:  # whatever a student's code raises is an outcome, to be judged like a value
            return problem


def _problem(item: Case, outcome) -> str:
    """What is wrong with the outcome of a case, or ""."""
    if isinstance(outcome, Breach):
        return str(outcome)
    if item.error is not None and isinstance(outcome, item.error):
        return "" if str(outcome).strip() else f"Your {item.error.__name__} has no message: say what was wrong."
    if isinstance(outcome, RuntimeWarning) and item.quiet:
        return f"Your code warned: {outcome}."
    if isinstance(outcome, Exception):
        return f"Your code raised {type(outcome).__name__}: {outcome}"
    return item.judge(outcome)


def _alike(item: Case, mine, theirs, by_text: bool) -> bool:
    """Whether two outcomes of a case are the same: two values, or two exceptions of one kind (`by_text`: and text)."""
    if isinstance(mine, Exception) or isinstance(theirs, Exception):
        asked = item.error is not None and isinstance(mine, item.error) and isinstance(theirs, item.error)
        exact = by_text or isinstance(mine, Breach)
        same = asked or type(mine) is type(theirs) and (not exact or str(mine) == str(theirs))
        return same and bool(_problem(item, mine)) == bool(_problem(item, theirs))
    return item.same(mine, theirs)


def _watched(function: Callable, name: str, parameters: list[str]) -> Callable:
    """`function`, but a call that changes an argument, or returns memory of one, raises `Breach`.

    It gets copies of its data, so that what one version does to them cannot spoil the case for the next.
    """

    def call(*args, **kwargs):
        before = dict(zip(parameters, args)) | kwargs
        given = {key: copy.deepcopy(value) if _is_data(value) else value for key, value in before.items()}
        result = function(*list(given.values())[:len(args)], **{key: given[key] for key in kwargs})
        data = [key for key, value in before.items() if _is_data(value)]
        for key in data:
            if not _identical(before[key], given[key]):
                raise Breach(f"`{name}` changed its argument `{key}` in place: the caller still needs it; "
                             f"make a new array instead of `+=` or assignment into it.")
        for key in data:
            if any(np.shares_memory(a, b) for a in _arrays(result) for b in _arrays(given[key])):
                raise Breach(f"`{name}` returned memory of its argument `{key}`: a later change to one would change "
                             f"the other; return a copy.")
        return result

    return call


def _is_data(value) -> bool:
    return isinstance(value, (np.ndarray, dict, list, tuple))


def _arrays(value) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in _arrays(item)] if isinstance(value, (list, tuple)) else []


def _identical(a, b) -> bool:
    """Whether two values are the same to the bit, nan included."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_identical(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(_identical(x, y) for x, y in zip(a, b))
    return callable(a) or a is b or a == b or a != a and b != b
