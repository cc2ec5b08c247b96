"""The README tells the truth: its files are there, its commands exist, its pictures are up to date."""

import re
import shlex

import pytest

from autograde.cli import _parser
from autograde.course import ROOT
from tests import pictures

PAGES = [
    ROOT / "README.md",
    ROOT / "lectures" / "README.md",
    ROOT / "autograde" / "README.md",
    ROOT / "autograde" / "WEEK.md",
]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT[page]):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_the_autograder_can_be_parsed(page):
    calls = re.findall(r"-m autograde ([^`\n]+)", TEXT[page])
    for call in calls:
        words = shlex.split(call, comments=True)
        if len(words) > 1 and not words[0].isupper():  # a command alone is only named
            _parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT[page], re.MULTILINE)) <= targets


@pytest.mark.parametrize("name", pictures.FIGURES)
def test_a_figure_taken_from_a_lecture_is_the_one_it_stores(name):
    assert (pictures.FOLDER / name).read_bytes() == pictures.figure(*pictures.FIGURES[name])


def test_the_top_level_holds_what_the_owner_asked_for_and_little_else():
    allowed = {
        "README.md",
        "requirements.txt",
        "lectures",
        "exercises",
        "solutions",
        "autograde",
        "tests",
        "Makefile",
        "pyproject.toml",
    }
    made = {"build"}  # by the Makefile, and ignored by git
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - made == allowed
