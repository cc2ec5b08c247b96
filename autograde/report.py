"""The class report, OUT/report.html: how the class did, which questions failed and which misconceptions are
behind it.

In: a graded class as `marks` reads it. Out: one HTML page without script or network, each picture with a
sentence for those who cannot see it and with its numbers in a table. Trusts nothing of what a student wrote:
all of it is shown as text.
"""

import functools
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import jinja2
import numpy as np
from markupsafe import Markup

from autograde import cells, charts
from autograde.classroom import explained, replace
from autograde.course import Refusal, find_topic
from autograde.feedback import (
    HEADING,
    PAGES,
    function_of,
    markdown_inline,
    mistake_of,
    number,
    section_of,
    ticks,
)
from autograde.marks import Class, Work, read

WEAK, HALF = 0.2, 0.5  # a question asks for a look where even chance would hardly lift it to these
CHANCE = 1.645  # standard errors: one such flag in twenty would be chance
# Told apart by lightness, in print without colours and whatever colours one sees.
PALETTE = ("#ffffff", "#2562a6", "#d9822b", "#dde2e7", "#2a1440", "#a0c6e8")
LEGEND = (
    (PALETTE[1], "right"),
    (PALETTE[5], "part of the points"),
    (PALETTE[2], "wrong"),
    (PALETTE[3], "not attempted"),
    (PALETTE[4], "ran out of time or crashed"),
    (PALETTE[0], "not handed in"),
)
CODES = {"wrong": 2, "not attempted": 3, "timeout": 4, "crashed": 4, "manual": 3}
UNNAMED = 12  # failures outside the catalogue that are listed


def report(out: Path, to: Path | None = None, progress: Callable | None = None) -> Path:
    """Writes the report of the class graded into `out`, to OUT/report.html or `to`, and returns where it
    is.

    progress: called with (done, total, what is done). Raises `Refusal` where no class is graded there or
    the file cannot be written.
    """
    out = Path(out)
    target = Path(to) if to else out / "report.html"
    way = Path(os.path.relpath(out.absolute(), target.absolute().parent)).as_posix()
    try:
        page = render(read(out, progress), "" if way == "." else f"{way}/", progress)
        with explained(target.parent):
            replace(target, page.encode("utf-8"))
    except KeyboardInterrupt:
        stands = "is as it was" if target.exists() else "is not written"
        raise KeyboardInterrupt(f"interrupted: {target} {stands}; run the same command again") from None
    return target


def render(group: Class, way: str = "", progress: Callable | None = None) -> str:
    """The page about a class. `way` leads from the page's folder to the class's, and ends in a slash."""
    if not group.works and not group.ungraded:
        raise Refusal(f"{group.root} holds no submissions to report on.")
    topics = []
    for topic in group.topics:
        topics.append(_topic(group, topic))
        if progress:
            progress(len(topics), len(group.topics), "topics looked at")
    items = [item for topic in topics for item in topic["questions"]]
    flagged = sorted(
        (item for item in items if item["why"]), key=lambda item: (item["value"] is None, item["value"])
    )
    mistakes, unnamed, lost = _mistakes(group)
    shares = (
        np.array([work.score / work.max_score for work in group.works if work.max_score])
        if group.works
        else np.zeros(1)
    )
    shares = shares if shares.size else np.zeros(1)
    asked = [item for item in items if item["asked"]]
    context = {
        "course": "Training deep networks",
        "students": len(group.people),
        "works": len(group.works),
        "ungraded": len(group.ungraded),
        "topics": topics,
        "engine": group.engine,
        "layers": group.layers,
        "missing": group.missing,
        "mean": f"{shares.mean():.0%}",
        "quartiles": [f"{value:.0%}" for value in np.quantile(shares, (0.25, 0.75))],
        "hardest": min(
            (item for item in asked if item["solved"] < 1), key=lambda item: item["solved"], default=None
        ),
        "mistakes": mistakes,
        "unnamed": unnamed,
        "lost": lost,
        "named": sum(item["count"] for item in mistakes),
        "flagged": flagged,
        "waiting": sum(work.waiting for work in group.works),
        "legend": LEGEND,
        "heat_map": _heat_map(group, topics),
        "people": _people(group, way),
        "scatter": _scatter(items),
        **_times(group, topics),
        **_exceptions(group),
    }
    return _template().render(context)


# --- Topics and questions -------------------------------------------------------------------------


def _topic(group: Class, topic: str) -> dict:
    """What the report says of a topic: its scores as a picture and in numbers, and its questions."""
    works = [work for work in group.works if work.topic == topic]
    most = group.topics[topic]
    scores = np.array([work.score for work in works])
    title, headings = titles(topic)
    short = title.split(":")[-1].strip() or topic
    shares = 100 * scores / most if most else scores * 0
    mean = float(shares.mean()) if works else 0.0
    alt = (
        f"{short}: {len(works)} submissions, mean {mean:.0f} per cent, {int((shares >= 80).sum())} with 80"
        f" per cent or more, {int((shares < 40).sum())} below 40 per cent."
    )
    five = np.quantile(scores, (0, 0.25, 0.5, 0.75, 1)) if works else []
    names = list(dict.fromkeys(question.name for work in works for question in work.questions))
    return {
        "topic": topic,
        "title": f"{topic.split('_')[0]} {short}",
        "short": topic.split("_")[0] if topic[:2].isdigit() else topic,
        "picture": charts.histogram(
            np.minimum(shares, 100), np.arange(0, 101, 10), alt, "%", min(mean, 100.0)
        ),
        "count": len(works),
        "most": number(most),
        "mean": number(scores.mean()) if works else "",
        "five": [number(value) for value in five] or [""] * 5,
        "full": int((scores >= most).sum()),
        "questions": _items(topic, works, names, headings),
    }


@functools.cache
def titles(topic: str) -> tuple[str, dict[str, str]]:
    """An exercise's title, and the heading above each of its test cells; the topic's name and {} where there
    is no exercise.
    """
    try:
        notebook = cells.read(find_topic(topic).exercise)
    except Refusal:
        return topic, {}
    title, heading, found = "", "", {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := HEADING.search(cell.source)):
            title, heading = title or match[1], match[1]
        elif cells.is_test(cell):
            found[cells.grading(cell)["grade_id"]] = heading
    return title or topic, found


def _items(topic: str, works: list[Work], names: list[str], headings: dict[str, str]) -> list[dict]:
    """A line per question: how many solved it, how well it tells students apart, whether to look at it."""
    place = {name: column for column, name in enumerate(names)}
    points, most = np.zeros((len(works), len(names))), np.ones(len(names))
    counts = [Counter() for _ in names]
    for row, work in enumerate(works):
        for question in work.questions:
            column = place[question.name]
            points[row, column], most[column] = question.points, question.max_points or 1.0
            counts[column]["solved" if question.points >= question.max_points else question.status] += 1
    total = points.sum(axis=1)
    items = []
    for column, name in enumerate(names):
        earned, rest = points[:, column], total - points[:, column]
        solved = float((earned >= most[column]).mean())
        value = item_rest(earned, rest)
        best = _best_quarter(earned >= most[column], rest)
        told = solved > 0 or bool(rest.any())
        title = headings.get(name) or function_of(name)
        items.append(
            {
                "topic": topic,
                "name": function_of(name),
                "title": title,
                "plain_title": re.sub(r"^\d+[.)]\s*", "", title),
                "most": number(most[column]),
                "asked": len(works),
                "solved": solved,
                "share": f"{solved:.0%}",
                "percent": round(100 * solved),
                "value": value,
                "discrimination": "" if value is None else f"{value:.2f}",
                "best": f"{best[0]} of {best[1]}",
                "wrong": counts[column]["wrong"] + counts[column]["partial"],
                "open": counts[column]["not attempted"],
                "late": counts[column]["timeout"] + counts[column]["crashed"],
                "why": _why(len(works), value, best) if told else "",
            }
        )
    return items


def item_rest(points: np.ndarray, rest: np.ndarray) -> float | None:
    """Correlation of a question's points with those in the rest; None where all students have the same."""
    if len(points) < 3 or np.ptp(points) == 0 or np.ptp(rest) == 0:
        return None
    return float(np.corrcoef(points, rest)[0, 1])


def _best_quarter(solved: np.ndarray, rest: np.ndarray) -> tuple[int, int]:
    """How many of those at or above the third quartile of the rest solved it, and how many they are."""
    best = solved[rest >= np.quantile(rest, 0.75)]
    return int(best.sum()), len(best)


def wilson_upper(count: int, total: int) -> float:
    """Upper end of Wilson's interval for a share, `CHANCE` standard errors wide (E. B. Wilson, JASA 22,
    1927).
    """
    share, z = count / total, CHANCE**2 / total
    return (share + z / 2 + (z * share * (1 - share) + z * z / 4) ** 0.5) / (1 + z)


def correlation_upper(value: float, students: int) -> float:
    """Upper end of Fisher's interval for a correlation, `CHANCE` standard errors wide."""
    return (
        float(np.tanh(np.arctanh(np.clip(value, -0.999999, 0.999999)) + CHANCE / np.sqrt(students - 3)))
        if students > 3
        else 1.0
    )


def _why(students: int, value: float | None, best: tuple[int, int]) -> str:
    """Why a question asks for a look, or ""."""
    if wilson_upper(*best) < HALF:
        return f"{best[0]} of the {best[1]} best solve it"
    if value is not None and correlation_upper(value, students) < WEAK:
        return "good students fail it" if value < 0 else "it does not tell students apart"
    return ""


def _scatter(items: list[dict]) -> str:
    """The picture of difficulty and discrimination, "" where no question has one."""
    points = [
        (item["solved"], item["value"], f"{item['topic'].split('_')[0]} {item['name']}", bool(item["why"]))
        for item in items
        if item["value"] is not None
    ]
    if not points:
        return ""
    marked = [label for _, _, label, flag in points if flag]
    alt = f"{len(points)} questions by the share of students who solved them and by discrimination. " + (
        f"Flagged: {', '.join(marked[:10])}{' and others' if len(marked) > 10 else ''}."
        if marked
        else "None is flagged."
    )
    return charts.scatter(points, alt, "share of students who solved it", "discrimination")


# --- Students -------------------------------------------------------------------------------------


def _order(group: Class) -> list[str]:
    """Students from the best on, by their points in all."""
    earned = dict.fromkeys(group.people, 0.0)
    for work in group.works:
        earned[work.student] += work.score
    return sorted(earned, key=lambda student: (-earned[student], student))


def _heat_map(group: Class, topics: list[dict]) -> str:
    order = _order(group)
    column, groups = {}, []
    for topic in topics:
        for item in topic["questions"]:
            column[topic["topic"], item["name"]] = len(column)
        if topic["questions"]:
            groups.append(((topic["title"], topic["topic"].replace("_", " ")), len(topic["questions"])))
    codes = np.zeros((len(order), len(column)), dtype=np.uint8)
    row = {student: place for place, student in enumerate(order)}
    for work in group.works:
        for question in work.questions:
            code = (
                1
                if question.points >= question.max_points
                else 5 if question.points else CODES.get(question.status, 2)
            )
            codes[row[work.student], column[work.topic, function_of(question.name)]] = code
    asked = int((codes > 0).sum()) or 1
    alt = (
        f"Heat map of {len(order)} students against {len(column)} questions: {(codes == 1).sum() / asked:.0%}"
        f" right, {(codes == 2).sum() / asked:.0%} wrong, {(codes == 3).sum() / asked:.0%} not attempted. The"
        " table of questions has the numbers."
    )
    names = [group.people[student].name or student for student in order]
    return charts.heat_map(codes, PALETTE, names, groups, alt)


def _people(group: Class, way: str) -> list[dict]:
    """A line per student, the best first: points per topic, each with the way to its feedback page."""
    lines = []
    for student in _order(group):
        marks, total = [], 0.0
        for topic in group.topics:
            work = group.by_key.get((student, topic))
            if work is None:
                marks.append(None)
                continue
            total += work.score
            remark = (" late" if work.penalty else "") + (" waiting" if work.waiting else "")
            marks.append(
                (
                    number(work.score),
                    quote(f"{way}feedback/{student}/{topic}/{topic.split('_', 1)[-1]}.html"),
                    remark,
                )
            )
        lines.append(
            {"id": student, "name": group.people[student].name, "total": number(total), "marks": marks}
        )
    return lines


# --- Mistakes, times, exceptions ------------------------------------------------------------------


def _mistakes(group: Class) -> tuple[list[dict], list[dict], int]:
    """Catalogued mistakes by how many made them, the commonest failures without a name, and how many wrong
    answers there are.
    """
    named: Counter = Counter()
    unnamed: Counter = Counter()
    for work in group.works:
        for question in work.questions:
            if question.status != "wrong" or not question.message:
                continue
            mistake = _mistake_of(work.topic, question.name, question.message)
            if mistake:
                named[work.topic, question.name, mistake.label, question.message] += 1
            else:
                unnamed[
                    work.topic, question.name, re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "N", question.message)[:400]
                ] += 1
    most = max(named.values(), default=1)
    mistakes = [
        {
            "topic": topic,
            "name": function_of(name),
            "label": label,
            "sentence": sentence,
            "count": count,
            "percent": round(100 * count / most),
            "section": section_of(topic, name),
        }
        for (topic, name, label, sentence), count in sorted(
            named.items(), key=lambda pair: (-pair[1], pair[0])
        )
    ]
    others = [
        {"topic": topic, "name": function_of(name), "message": message, "count": count}
        for (topic, name, message), count in sorted(unnamed.items(), key=lambda pair: (-pair[1], pair[0]))[
            :UNNAMED
        ]
    ]
    return mistakes, others, sum(named.values()) + sum(unnamed.values())


_mistake_of = functools.lru_cache(100_000)(mistake_of)


def _times(group: Class, topics: list[dict]) -> dict:
    rows, every = [], [work.seconds for work in group.works if work.seconds > 0]
    for topic in topics:
        works = [work for work in group.works if work.topic == topic["topic"] and work.seconds > 0]
        if works:
            seconds, slowest = [work.seconds for work in works], max(works, key=lambda work: work.seconds)
            rows.append(
                {
                    "title": topic["title"],
                    "median": f"{np.median(seconds):.2f}",
                    "tail": f"{np.quantile(seconds, 0.9):.2f}",
                    "longest": f"{slowest.seconds:.2f}",
                    "who": group.people[slowest.student].name or slowest.student,
                }
            )
    if not every:
        return {"times": [], "time_picture": ""}
    top = max(np.quantile(every, 0.99) * 1.05, 0.1)
    alt = (
        f"Seconds per submission: half take less than {np.median(every):.2f} s, nine in ten less than"
        f" {np.quantile(every, 0.9):.2f} s, the longest {max(every):.2f} s."
    )
    picture = charts.histogram(
        np.minimum(every, top),
        np.linspace(0, top, 21),
        alt,
        " s",
        float(np.mean(np.minimum(every, top))),
        720,
        130,
    )
    return {"times": rows, "time_picture": picture}


def _exceptions(group: Class) -> dict:
    def told(work: Work) -> dict:
        return {
            "student": work.student,
            "name": group.people[work.student].name,
            "topic": work.topic,
            "score": number(work.score),
            "notes": "; ".join(work.notes),
        }

    odd = [told(work) for work in group.works if not work.as_handed_in] + [
        {**told(work), "score": "not graded"} for work in group.ungraded
    ]
    return {
        "exceptions": sorted(odd, key=lambda item: (item["student"], item["topic"])),
        "strays": group.strays,
        "remarks": [told(work) for work in group.works if work.as_handed_in and work.notes],
    }


@functools.cache
def _template() -> jinja2.Template:
    css = "".join((PAGES / name).read_text(encoding="utf-8") for name in ("page.css", "report.css"))
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGES), autoescape=True, trim_blocks=True)
    environment.filters |= {
        "ticks": lambda text: Markup(ticks(text)),
        "md_inline": lambda text: Markup(markdown_inline(text)),
    }
    environment.globals["css"] = Markup(css)
    return environment.get_template("report.html.j2")
