"""What WEEK.md tells an instructor to type exists, and what it links to is there."""

import re
import shlex
import tomllib

from autograde.cli import _parser
from autograde.course import ROOT
from autograde.late import Rules

PAGE = ROOT / "autograde" / "WEEK.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_command_can_be_parsed_and_each_new_one_is_told():
    calls = [shlex.split(call) for call in re.findall(r"\.venv/bin/python -m autograde ([^`\n]+)", TEXT)]
    assert {call[0] for call in calls} == {"release", "collect", "grade", "report", "export"}
    for call in calls:
        _parser().parse_args(call)


def test_every_link_and_picture_leads_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert targets and all((PAGE.parent / target).is_file() for target in targets)


def test_its_example_of_a_course_file_is_one(tmp_path):
    example = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1]
    tomllib.loads(example)
    (tmp_path / "course.toml").write_text(example, encoding="utf-8")
    rules = Rules.read(tmp_path)
    assert list(rules.duedates) == ["04_momentum"] and len(rules.late) == 3
