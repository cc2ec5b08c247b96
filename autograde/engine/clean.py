"""Makes what a stranger's code wrote harmless to show: text without control characters, images without
surprises."""

from __future__ import annotations

import base64
import binascii
import os
import re
import struct
import zlib

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-" "\ufffb\ud800-\udfff]"
)
_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_COURSE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
MAX_PIXELS = 40_000_000
MAX_BYTES = 8 * 2**20


def text(value, most):
    """At most `most` characters of `value`: no escapes, controls or invisible marks; a line that was
    overwritten with a carriage return (a progress bar) keeps its last state. Where the course lies on the
    grader's disk, which tracebacks tell, is left out."""
    value = "\n".join(row.rstrip("\r").rpartition("\r")[2] for row in value[: 4 * most].split("\n"))
    value = _CONTROLS.sub("", _ESCAPES.sub("", value)).replace(_COURSE, "")
    if len(value) > most:
        value = value[:most] + "\n... the rest is cut off ..."
    return value


def line(value, most):
    """`text` on one line."""
    return " ".join(text(value, most).split())


def png(data):
    """Base64 of the image in `data` (bytes, or base64 text) with its pixel chunks alone, or None if it is no
    sound PNG."""
    if isinstance(data, str):
        try:
            data = base64.b64decode(data.replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            return None
    if not data.startswith(_PNG) or len(data) > MAX_BYTES:
        return None
    kept, at, first = [_PNG], len(_PNG), True
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if at + 12 + length > len(data) or struct.unpack_from(">I", data, at + 8 + length)[0] != zlib.crc32(
            kind + body
        ):
            return None
        if first:
            if kind != b"IHDR" or length != 13:
                return None
            width, height = struct.unpack_from(">II", body)
            if not 0 < width * height <= MAX_PIXELS:
                return None
            first = False
        if kind in _CHUNKS:
            kept.append(data[at : at + 12 + length])
        at += 12 + length
        if kind == b"IEND":
            return base64.b64encode(b"".join(kept)).decode() + "\n"
    return None
