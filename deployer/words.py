"""How statuses, digests, times and text from elsewhere read to a person; pure."""

from __future__ import annotations

import re

from deployer.deployment import Status

SYMBOLS: dict[str, str] = {
    Status.QUEUED: "○",
    Status.RUNNING: "●",
    Status.SUCCEEDED: "✓",
    Status.FAILED: "✗",
    Status.CANCELLED: "⊘",
    Status.SUPERSEDED: "→",
    Status.UNCHANGED: "=",
    Status.REFUSED: "!",
}
"""What stands before a status, so that its colour says nothing that is not written."""

NOTHING = "-"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def safe(text: str) -> str:
    """Text from elsewhere: control characters, also terminal escapes, made visible."""
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)


def one_line(text: str) -> str:
    """Text from elsewhere for a place in a line: its line breaks are made visible too."""
    return safe(text).replace("\n", "\\n").replace("\t", "\\t")


def short(digest: str) -> str:
    """The first twelve digits of a digest, as Docker shows them."""
    return digest.removeprefix("sha256:")[:12] or NOTHING


def ago(at: float, now: float) -> str:
    """How long ago that was, in the largest unit that fits."""
    seconds = now - at
    if seconds < 1:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return f"{int(seconds)} s ago"


def took(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
