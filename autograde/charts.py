"""Small pictures of numbers, as SVG that stands in a page: no script, no font, no file beside it.

In: plain numbers and a sentence that says what is to be seen. Out: one `<svg>` element whose accessible name
is that sentence; the page puts the numbers in a table beside it. Text is escaped.
"""

import base64
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from html import escape

import numpy as np

NAMED, ROWS = 60, 1500  # rows of a heat map that are named, and pixels that it is high at most
STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000)
INK, QUIET, LINE, BLUE, RED = "#1c2430", "#55606e", "#d5dbe3", "#2f6db3", "#a01d22"


def _svg(width: float, height: float, alt: str, content: list[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" font-family="system-ui, sans-serif" font-size="11"'
        f' fill="{INK}">{"".join(content)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", colour: str = INK, extra: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{extra}>{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = LINE) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def histogram(
    values: Sequence[float],
    edges: Sequence[float],
    alt: str,
    unit: str = "",
    mean: float | None = None,
    width: float = 250,
    height: float = 110,
) -> str:
    """How many of `values` lie between each two of `edges` (the last interval closed); a mark at `mean`."""
    counts, _ = np.histogram(np.asarray(values, dtype=float), edges)
    left, right, top, bottom = 4.0, width - 4, 16.0, height - 16
    step, most = (right - left) / len(counts), max(1, int(counts.max()))
    parts = []
    for place, count in enumerate(counts):
        tall = (bottom - top) * count / most
        if count:
            parts.append(
                f'<rect x="{left + place * step + 1:.1f}" y="{bottom - tall:.1f}" width="{step - 2:.1f}"'
                f' height="{tall:.1f}" fill="{BLUE}"/>'
            )
            parts.append(_text(left + (place + 0.5) * step, bottom - tall - 3, str(count), colour=QUIET))
    parts.append(_line(left, bottom, right, bottom, INK))
    ends = (0, len(counts) // 2, len(counts))
    for place, anchor in zip(ends, ("start", "middle", "end")):
        parts.append(_text(left + place * step, height - 3, f"{edges[place]:.3g}{unit}", anchor, QUIET))
    if mean is not None and edges[-1] > edges[0]:
        x = left + (right - left) * (mean - edges[0]) / (edges[-1] - edges[0])
        parts.append(f'<path d="M{x:.1f} {bottom + 1:.1f} l-4 7 h8 z" fill="{RED}"/>')
    return _svg(width, height, alt, parts)


def scatter(
    points: Sequence[tuple[float, float, str, bool]],
    alt: str,
    across: str,
    up: str,
    width: float = 520,
    height: float = 360,
) -> str:
    """Points (x from 0 to 1, y from -1 to 1, label, marked); marked ones are red squares with their label,
    the others dots.
    """
    left, right, top, bottom = 48.0, width - 12, 10.0, height - 38
    low = min(-0.2, *(y for _, y, _, _ in points)) if points else -0.2

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * x, bottom - (bottom - top) * (y - low) / (1 - low)

    parts = []
    for tick in np.arange(np.ceil(low * 5) / 5, 1.01, 0.2):
        _, y = at(0, tick)
        parts += [
            _line(left, y, right, y, INK if abs(tick) < 1e-9 else LINE),
            _text(left - 5, y + 4, f"{tick + 0.0:.1f}", "end", QUIET),
        ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, _ = at(tick, 0)
        parts += [_line(x, top, x, bottom), _text(x, bottom + 14, f"{tick:.0%}", colour=QUIET)]
    parts += [
        _text((left + right) / 2, height - 6, across),
        _text(0, 0, up, extra=f' transform="translate(12 {(top + bottom) / 2:.1f}) rotate(-90)"'),
    ]
    used: list[tuple[float, float]] = []
    for x, y, label, marked in sorted(points, key=lambda point: (point[3], -point[1])):
        cx, cy = at(x, y)
        title = f"<title>{escape(label)}: {x:.0%} right, {y:.2f}</title>"
        if not marked:
            parts.append(
                f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="{BLUE}" fill-opacity=".6">{title}</circle>'
            )
            continue
        parts.append(
            f'<rect x="{cx - 4:.1f}" y="{cy - 4:.1f}" width="8" height="8" fill="{RED}">{title}</rect>'
        )
        if all(abs(cy - other) > 12 or abs(cx - beside) > 110 for beside, other in used):
            end = cx > (left + right) * 0.62
            parts.append(_text(cx + (-8 if end else 8), cy + 4, label, "end" if end else "start", RED))
            used.append((cx, cy))
    return _svg(width, height, alt, parts)


def heat_map(
    codes: np.ndarray,
    palette: Sequence[str],
    rows: Sequence[str],
    groups: Sequence[tuple[Sequence[str], int]],
    alt: str,
) -> str:
    """A coloured cell for each code, an index into `palette`. `groups` names and counts columns that stand
    together, each by the first of its names that has room; `rows` are written at the side if they are few,
    and else their numbers. The cells are one small image, so that a class of thousands stays small; no row
    is thinner than a pixel, up to ROWS of them.
    """
    count, columns = codes.shape
    named = 0 < count <= NAMED
    left = (min(22, max(map(wide, rows))) * 6.5 + 8) if named else 44.0
    top, gap = 34.0, 6.0
    cell = min(20.0, (1135 - left - gap * len(groups)) / max(1, columns))
    tall = min(16.0, max(1.0, 620 / max(1, count)), ROWS / max(1, count))
    smooth = "auto" if tall < 1 else "pixelated"
    parts, x, first = [], left, 0
    for names, across in groups:
        room = across * cell / 7.4
        name = next((name for name in names if wide(name) <= room), names[-1])
        parts.append(_text(x, 12, cut(name, room), "start", extra=' font-weight="600"'))
        for place in range(across):
            if place % 2 == 0 or cell > 11:
                parts.append(
                    _text(
                        x + (place + 0.5) * cell,
                        top - 6,
                        str(place + 1),
                        colour=QUIET,
                        extra=' font-size="8"',
                    )
                )
        image = base64.b64encode(png(codes[:, first : first + across], palette)).decode()
        parts.append(
            f'<image x="{x:.1f}" y="{top}" width="{across * cell:.1f}" height="{count * tall:.1f}"'
            f' preserveAspectRatio="none" style="image-rendering: {smooth}"'
            f' href="data:image/png;base64,{image}"/>'
        )
        for place in range(1, across):
            parts.append(_line(x + place * cell, top, x + place * cell, top + count * tall, "#fff"))
        x, first = x + across * cell + gap, first + across
    if named:
        for place, name in enumerate(rows):
            parts.append(
                _text(left - 6, top + (place + 0.5) * tall + 4, cut(name, 22), "end", extra=' font-size="10"')
            )
            parts.append(_line(left, top + place * tall, x - gap, top + place * tall, "#fff"))
    else:
        parts.append(
            _text(
                0,
                0,
                f"{count} students, best first",
                extra=f' transform="translate(10 {top + count * tall / 2:.1f}) rotate(-90)"',
            )
        )
        step = next((step for step in STEPS if count / step <= 8), STEPS[-1])
        for number in (1, *range(step, count + 1, step)):
            y = top + (number - 0.5) * tall
            parts.append(_text(left - 6, y + 3, str(number), "end", QUIET, ' font-size="9"'))
            parts.append(_line(left - 4, y, left - 1, y, QUIET))
    return _svg(max(x, 300), top + count * tall + 4, alt, parts)


def wide(text: str) -> int:
    """How many letters' room a text takes: two for those of East Asian scripts."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def cut(text: str, room: float) -> str:
    """A text that fits into the room of so many letters."""
    if wide(text) <= room:
        return text
    while text and wide(text) + 1 > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def png(codes: np.ndarray, palette: Sequence[str]) -> bytes:
    """A PNG of one pixel for each code, an index into `palette` (colours as #rrggbb)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = codes.shape
    lines = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in codes)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = b"".join(bytes.fromhex(colour[1:]) for colour in palette)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", colours)
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )
