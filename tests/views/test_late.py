"""One small file sets due dates and penalties; nbgrader's plugin takes them off; a wrong file is named."""

import datetime

import pytest

from autograde.course import Refusal
from autograde.late import EXAMPLE, LatePenalty, Rules
from autograde.marks import read


def rules(folder, text):
    (folder / "course.toml").write_text(text, encoding="utf-8")
    return Rules.read(folder)


def test_without_a_file_and_with_the_example_as_written_nothing_is_due(tmp_path):
    assert Rules.read(tmp_path) == Rules() == rules(tmp_path, EXAMPLE)


def test_the_example_means_what_it_says_once_its_marks_are_taken_away(tmp_path):
    lines = [line.removeprefix("# ") if "=" in line else line for line in EXAMPLE.splitlines()]
    found = rules(tmp_path, "\n".join(lines))
    assert found.due("01_quadratics") == datetime.datetime(
        2026, 11, 2, 22, 59
    )  # Berlin is an hour ahead in November
    assert found.late == {"grace_minutes": 15, "percent_per_day": 10, "percent_at_most": 50}


def test_a_date_is_due_at_its_end_and_a_topic_may_be_called_by_its_number(tmp_path):
    assert rules(tmp_path, "[due]\n1 = 2026-07-01\n").due("01_quadratics") == datetime.datetime(
        2026, 7, 1, 23, 59, 59
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("due = 3", "section"),
        ("[due]\n99_x = 2026-11-02", "no topic '99_x'"),
        ('[due]\n01_quadratics = "soon"', "without quotes"),
        ('timezone = "Mars"', "time zone 'Mars'"),
        ("[late]\nper_day = 10", "no setting per_day"),
        ("[late]\npercent_per_day = 200", "from 0 to 100"),
        ("[late]\npercent_per_day = true", "from 0 to 100"),
        ("[late", "cannot be read"),
        ("colour = 1", "it may have"),
        ("[titles]\n01_quadratics = 1", "in quotes"),
        ('[titles]\n01_quadratics = " "', "in quotes"),
        ('[titles]\n99_x = "Homework"', "no topic '99_x'"),
    ],
)
def test_a_wrong_file_gets_one_sentence_that_names_it(tmp_path, text, sentence):
    with pytest.raises(Refusal, match=sentence) as told:
        rules(tmp_path, text)
    assert "course.toml" in str(told.value) and "\n" not in str(told.value).rstrip()


@pytest.mark.parametrize(
    ("seconds", "penalty"),
    [(1, None), (900, None), (901, 2.0), (86400, 2.0), (900 + 86401, 4.0), (1e9, 10.0)],
)
def test_each_day_that_has_begun_costs_and_the_penalty_stops(seconds, penalty):
    plugin = LatePenalty()
    plugin.grace_minutes, plugin.percent_per_day, plugin.percent_at_most = 15, 10, 50
    assert plugin.late_submission_penalty("ana", 20.0, seconds) == penalty


def test_a_late_submission_of_a_graded_class_loses_its_share(graded):
    work = read(graded).by_key["late", "01_quadratics"]
    assert (work.penalty, work.score) == (6.0, 14.0)  # the third day has begun
    page = (graded / "feedback" / "late" / "01_quadratics" / "quadratics.html").read_text(encoding="utf-8")
    assert "Handed in late: 6 points were taken off" in page and "<strong>14</strong> of 20 points" in page
