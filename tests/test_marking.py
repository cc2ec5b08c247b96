"""What marks a function: right results of every allowed kind pass, everything else gets a sentence."""

import numpy as np
import pytest

from autograde.marking import case, choose, difference, holds, mark, refuses
from autograde.mistakes import Catalogue

BOOK = Catalogue("99_test")


@BOOK.right("reference")
def double(x, y=0.0):
    return 2.0 * x + y


@BOOK.wrong("square", "You squared it: doubling adds a number to itself.")
def double(x, y=0.0):  # noqa: F811
    return x * x + y


@BOOK.wrong("in place", "You wrote into the caller's array.")
def double(x, y=0.0):  # noqa: F811
    x *= 2
    return x.copy()


BOOK.wrong_answer("answer_1", "a", "That is what most people think.")
BOOK.wrong_answer("answer_1", "c", "That is the other way round.")


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    monkeypatch.setattr("autograde.marking.catalogue_of", lambda topic: BOOK)


X = np.array([0.5, 3.0])
CASES = [case(lambda f: f(X), 2 * X, "Doubling should double.")]


def message(function, cases=CASES, **companions) -> str:
    with pytest.raises(AssertionError) as caught:
        mark("99_test", "double", function, cases, **companions)
    return str(caught.value)


def test_a_right_function_passes_in_silence():
    mark("99_test", "double", lambda x, y=0.0: x + x, CASES)


def test_a_known_mistake_is_called_by_its_sentence():
    assert message(lambda x, y=0.0: x**2) == "You squared it: doubling adds a number to itself."


def test_a_known_breach_is_called_by_its_sentence():
    def rude(x, y=0.0):
        x += x
        return x.copy()

    assert message(rude) == "You wrote into the caller's array."


def test_an_unknown_mistake_gets_the_sentence_of_the_first_case_that_fails():
    assert message(lambda x: 3 * x).startswith("Doubling should double. Your result is off by 3")


def test_a_mistake_is_only_named_when_it_explains_every_case():
    twos = np.array([2.0])  # here squaring and doubling agree
    cases = [case(lambda f: f(twos), np.array([4.0]), "first"), *CASES]
    assert "squared" not in message(lambda x: x + 2.0 + 1.0 * (x != 2.0), cases)


def test_what_one_function_does_to_its_arguments_does_not_spoil_the_next_case():
    def rude(x, y=0.0):
        x[:] = 99.0
        return x

    message(rude)
    assert np.array_equal(X, [0.5, 3.0])


def test_a_result_that_shares_memory_with_an_argument_is_refused():
    cases = [case(lambda f: f(X), X, "identity")]
    assert "returned memory of its argument `x`" in message(lambda x: x[:], cases)
    assert "returned memory" in message(lambda x: {"kept": [x]}, [case(lambda f: f(X), {"kept": [X]}, "nested")])


@pytest.mark.parametrize("result", [[1, 2], "text", None, 3.0, np.array([1.0, 6.0]) + 0j, np.array([1, 6]), np.array([1.0, 6.0], dtype=np.float32),
                                    np.array([[1.0, 6.0]]), np.array([1.0, np.nan]), np.array([1.0, np.inf]), np.array(["1", "6"])])
def test_what_is_not_a_float64_array_of_the_right_shape_and_value_is_refused(result):
    assert len(message(lambda x: result)) > 20


class Liar:
    def __eq__(self, other):
        return True

    def __array__(self, dtype=None, copy=None):
        return 2 * X


def test_an_object_that_claims_to_equal_everything_is_refused():
    assert "was expected" in message(lambda x: Liar())


def test_a_scalar_may_come_as_any_real_number_and_not_as_anything_else():
    for good in (2.5, np.float64(2.5), np.float32(2.5), np.array(2.5)):
        assert difference(good, 2.5) == ""
    assert difference(3, 3.0) == "" and difference(np.int64(3), 3) == ""
    for bad in (True, "2.5", None, 2.5 + 0j, np.array([2.5]), 2.5000001, float("nan")):
        assert difference(bad, 2.5) != ""
    assert difference(3.0, 3) != "" and difference(True, 1) != ""


def test_infinity_and_truth_values_are_compared_as_what_they_are():
    assert difference(float("inf"), float("inf")) == "" and difference(1e308, float("inf")) != ""
    assert difference(np.True_, True) == "" and difference(1, True) != "" and difference(False, True) != ""


def test_a_tuple_may_come_as_a_list_and_a_dict_may_hold_more():
    assert difference([X, 1.0], (X, 1.0)) == "" and difference((X,), (X, 1.0)) != ""
    assert difference({"v": X, "extra": 1}, {"v": X}) == "" and "no 'v'" in difference({"m": X}, {"v": X})
    assert difference(X, {"v": X}) != "" and difference(3.0, (X, 1.0)) != ""


def test_a_refusal_must_be_of_the_right_kind_and_say_something():
    def answer(error):
        def raising(x):
            raise error

        return raising

    cases = [refuses(lambda f: f(X), "This should be refused.")]
    mark("99_test", "double", answer(ValueError("too small")), cases)
    mark("99_test", "double", answer(np.linalg.LinAlgError("singular")), cases)
    assert "no message" in message(answer(ValueError()), cases)
    assert "KeyError" in message(answer(KeyError("x")), cases)
    assert "No ValueError was raised" in message(lambda x: x + 1, cases + CASES)


def test_a_warning_costs_the_point_only_where_the_case_asks_for_quiet():
    def noisy(x):
        np.array([1.0]) / 0.0
        return 2 * x

    mark("99_test", "double", noisy, CASES)
    quiet = [case(lambda f: f(X), 2 * X, "Doubling should double.", quiet=True)]
    assert "Your code warned: divide by zero" in message(noisy, quiet)


def test_a_property_may_hold_in_many_ways_and_the_wrong_structure_has_none():
    cases = [holds(lambda f: f(X), lambda result: result[1] > result[0], "The order should stay.")]
    mark("99_test", "double", lambda x: 5 * x, cases)
    assert message(lambda x: -x, cases).startswith("The order should stay.")
    assert message(lambda x: 3.0, cases).startswith("The order should stay.")


def test_a_property_is_told_by_its_sentence_alone():
    cases = [holds(lambda f: f(X), lambda result: result[1] > result[0], "The order should stay.")]
    assert message(lambda x: -x, cases) == "The order should stay."
    assert message(lambda x: None, cases) == "Your function returned None: does each of its paths end in a return?"


def test_a_count_of_calls_is_not_told_as_if_it_were_the_result():
    def calls_of(f):
        calls = []
        f(calls.append)
        return len(calls)

    cases = [case(calls_of, 1, "One call is enough.", tell=False)]
    assert message(lambda x: [x(1), x(2)], cases) == "One call is enough."


def test_a_wrong_form_in_every_case_is_told_without_the_sentence_of_the_first():
    cases = [case(lambda f: f(X), 2 * X, "They do not agree."), case(lambda f: f(-X), -2 * X, "Signs count.")]
    assert message(lambda x: list(2 * x), cases) == "Your result is a list, and an array was expected: wrap it in np.array."
    assert message(lambda x: None, cases) == "Your function returned None: does each of its paths end in a return?"
    assert message(lambda x: (2 * x)[None], cases).startswith("An array of shape (2,) was expected")
    assert message(lambda x: 2 * x if x[0] > 0 else (2 * x).astype(int), cases).startswith("Signs count. The array should")


def test_numbers_of_results_are_told_in_good_english():
    assert difference((X, X), (X,)) == "1 result was expected; yours are 2."
    assert difference((X,), (X, X)) == "2 results were expected; yours is 1."
    assert difference(np.ones(3), (X, X)) == "2 results were expected; yours is an array of shape (3,)."
    assert difference(X[0], (X, X)).startswith("2 results were expected; yours is of type")


@pytest.mark.parametrize(("mine", "right", "text"), [
    (1e20, np.inf, "Your result is 1e+20 where inf was expected."), (np.nan, np.inf, "Your result is nan where inf was expected."),
    (np.array([1.0, 2.0]), np.array([1.0, np.inf]), "Your result is 2 where inf was expected."),
    ("Bowl", "bowl", "Your word is 'Bowl'."), (3, "bowl", "A word (a str) was expected; yours is of type int."),
    (1, True, "True or False was expected; yours is of type int."), (False, True, "Your result is False."),
])
def test_what_is_wrong_is_said_in_the_terms_of_the_result(mine, right, text):
    assert difference(mine, right) == text


def test_an_exception_of_the_students_is_told_with_its_text():
    assert message(lambda x: x[7]).startswith("Your code raised IndexError")


def test_an_exception_in_one_case_is_told_with_the_sentence_of_that_case():
    cases = [*CASES, case(lambda f: f(X[0]), 2 * X[0], "Numbers can be doubled too.")]
    assert message(lambda x: 2 * x[:], cases).startswith("Numbers can be doubled too. Your code raised IndexError")


def test_two_faults_that_end_in_the_same_kind_of_exception_are_told_apart(monkeypatch):
    book = Catalogue("99_test")
    book.right("reference")(BOOK.variants["double"][0].function)

    @book.wrong("adds a word", "You added a word to a number.")
    def double(x):
        return x + "word"

    monkeypatch.setattr("autograde.marking.catalogue_of", lambda topic: book)
    assert message(lambda x: x + "word") == "You added a word to a number."
    assert message(lambda x: x(2)).startswith("Your code raised TypeError")


def test_a_known_refusal_of_some_inputs_is_recognized_whatever_its_text(monkeypatch):
    book = Catalogue("99_test")
    book.right("reference")(BOOK.variants["double"][0].function)

    @book.wrong("refuses negative numbers", "Negative numbers can be doubled too.")
    def double(x):
        if not np.all(x >= 0):
            raise ValueError("negative")
        return 2 * x

    def mine(x):
        if x[0] < 0:
            raise ValueError("no negative numbers please")
        if np.isnan(x[0]):
            raise ValueError("nan")
        return 2 * x

    def crashes(x):
        return x.reshape(7, 7)

    monkeypatch.setattr("autograde.marking.catalogue_of", lambda topic: book)
    cases = [*CASES, case(lambda f: f(-X), -2 * X, "why"), refuses(lambda f: f(np.nan * X), "Refuse nan.")]
    assert message(mine, cases) == "Negative numbers can be doubled too."
    assert message(crashes, cases).startswith("Your code raised ValueError: cannot reshape")


def test_not_attempted_is_told_apart_from_wrong():
    def stub(x, y=0.0):
        raise NotImplementedError

    with pytest.raises(NotImplementedError, match="not attempted"):
        mark("99_test", "double", stub, CASES)


def test_what_is_not_a_function_gets_a_sentence():
    assert "not a function any more" in message(3.0)


def test_companions_reach_the_cases_by_name():
    cases = [case(lambda f, double: f(double(X)), 4 * X, "Twice double.")]
    mark("99_test", "double", lambda x: 2 * x, cases, double=lambda x: 2 * x)
    assert message(lambda x: x * x, cases, double=lambda x: 2 * x) == "You squared it: doubling adds a number to itself."


@pytest.mark.parametrize("answer", ["b", "B", " b "])
def test_the_right_letter_passes(answer):
    choose("99_test", "answer_1", answer, right="b")


@pytest.mark.parametrize(("answer", "text"), [("a", "most people"), ("c", "other way"), ("z", "one letter"), (2, "one letter"), (None, "one letter"),
                                              (["b"], "one letter"), (Liar(), "one letter")])
def test_any_other_answer_gets_a_sentence(answer, text):
    with pytest.raises(AssertionError, match=text):
        choose("99_test", "answer_1", answer, right="b")
