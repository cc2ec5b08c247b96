"""Due dates, late penalties and titles of a class, from one small file: OUT/course.toml.

In: the file. Out: due dates for the gradebook, the penalty through nbgrader's own late-submission plugin,
and what topics are called in Canvas. Trusts the instructor; what is wrong in the file becomes a sentence.
"""

import datetime
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

from autograde.course import Refusal, find_topic

NAME = "course.toml"
EXAMPLE = """# Due dates and late penalties. Remove the # before a line to set it, and grade again.

# timezone = "Europe/Berlin"        # of the due dates below; UTC if none is named

[due]
# 01_quadratics = 2026-11-02 23:59:00
# 02_learning_rate = 2026-11-09 23:59:00

[late]
# grace_minutes = 15                # so much later is not late
# percent_per_day = 10              # of the points reached, for each day that has begun
# percent_at_most = 50              # it stops there; 100, and after ten days nothing is left

[titles]
# 01_quadratics = "Homework 1"      # its title in Canvas, where that does not hold the topic's name
"""
SETTINGS = {"grace_minutes": (0.0, 1e6), "percent_per_day": (0.0, 100.0), "percent_at_most": (0.0, 100.0)}


@dataclass(frozen=True)
class Rules:
    """What course.toml says. Due dates are in UTC and without a zone, as nbgrader keeps them."""

    duedates: dict[str, datetime.datetime] = field(default_factory=dict)
    late: dict[str, float] = field(default_factory=dict)
    zone: datetime.tzinfo = ZoneInfo("UTC")
    titles: dict[str, str] = field(default_factory=dict)

    def due(self, topic: str) -> datetime.datetime | None:
        return self.duedates.get(topic)

    @classmethod
    def read(cls, folder: Path) -> "Rules":
        """The rules in a folder's course.toml, none where there is no such file. Raises `Refusal` for a file
        that is wrong.
        """
        path = Path(folder) / NAME
        return cls.load(path) if path.is_file() else cls()

    @classmethod
    def load(cls, path: Path) -> "Rules":
        """The rules in a file of this form. Raises `Refusal` for one that is missing or wrong."""
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as problem:
            raise Refusal(f"{path} cannot be read: {problem}.") from None
        if unknown := sorted(told.keys() - {"timezone", "due", "late", "titles"}):
            raise Refusal(
                f"{path} has {', '.join(unknown)}; it may have timezone, [due], [late] and [titles]."
            )
        zone = _zone(path, told.get("timezone", "UTC"))
        return cls(
            {
                _folder(path, topic): _utc(path, topic, when, zone)
                for topic, when in _section(path, told, "due").items()
            },
            {name: _setting(path, name, value) for name, value in _section(path, told, "late").items()},
            zone,
            {
                _folder(path, topic): _title(path, topic, title)
                for topic, title in _section(path, told, "titles").items()
            },
        )


def _folder(path: Path, topic: str) -> str:
    try:
        return find_topic(topic).folder
    except Refusal as problem:
        raise Refusal(f"{path}: {problem}") from None


def _section(path: Path, told: dict, name: str) -> dict:
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise Refusal(
            f"{path}: {name} is a section; write [{name}] on a line of its own, and its settings below."
        )
    return found


def _zone(path: Path, name) -> datetime.tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise Refusal(f'{path}: there is no time zone {name!r}; write one such as "Europe/Berlin".') from None


def _utc(path: Path, topic: str, when, zone: datetime.tzinfo) -> datetime.datetime:
    if isinstance(when, datetime.date) and not isinstance(when, datetime.datetime):
        when = datetime.datetime.combine(when, datetime.time(23, 59, 59))
    if not isinstance(when, datetime.datetime):
        raise Refusal(
            f"{path}: the due date of {topic} should be written like 2026-11-02 23:59:00, without quotes."
        )
    return (
        (when if when.tzinfo else when.replace(tzinfo=zone))
        .astimezone(datetime.timezone.utc)
        .replace(tzinfo=None)
    )


def _title(path: Path, topic: str, title) -> str:
    if not isinstance(title, str) or not title.strip():
        raise Refusal(f'{path}: the title of {topic} should be written in quotes, like "Homework 1".')
    return title.strip()


def _setting(path: Path, name: str, value) -> float:
    if name not in SETTINGS:
        raise Refusal(f"{path}: [late] has no setting {name}; it has {', '.join(SETTINGS)}.")
    low, high = SETTINGS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise Refusal(f"{path}: {name} should be a number from {low:g} to {high:g}.")
    return float(value)


class LatePenalty(LateSubmissionPlugin):
    """nbgrader's plugin: a share of the points reached for each day that has begun after the due date and the
    grace.
    """

    grace_minutes = Float(0.0, help="So much later is not late.").tag(config=True)
    percent_per_day = Float(0.0, help="Per cent of the points reached, for each day that has begun.").tag(
        config=True
    )
    percent_at_most = Float(100.0, help="The penalty stops there, in per cent.").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        late = total_seconds_late - 60 * self.grace_minutes
        if late <= 0 or not self.percent_per_day:
            return None
        percent = min(self.percent_at_most, self.percent_per_day * math.ceil(late / 86400))
        return max(0.0, score) * percent / 100


def configure(config, folder: Path) -> None:
    """Puts the penalty of a folder's course.toml into nbgrader's settings; for nbgrader_config.py."""
    rules = Rules.read(folder)
    if rules.late:
        config.AssignLatePenalties.plugin_class = "autograde.late.LatePenalty"
        for name, value in rules.late.items():
            setattr(config.LatePenalty, name, value)
