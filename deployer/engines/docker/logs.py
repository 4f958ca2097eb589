"""The last lines that a container wrote, made harmless for a terminal and a page."""

from __future__ import annotations

import re

LONGEST_LINE = 2000

# What could move a cursor, colour a terminal or turn the reading direction; tab stays.
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def harmless(raw: bytes, lines: int) -> str:
    """The last lines as text: undecodable bytes replaced, control characters shown as escapes.

    A line longer than LONGEST_LINE characters is cut there, with a mark.
    """
    text = raw.decode(errors="replace").removesuffix("\n")
    last = text.split("\n")[-lines:] if text and lines > 0 else []
    return "\n".join(_cut(_HARMFUL.sub(_shown, line.removesuffix("\r"))) for line in last)


def _shown(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
