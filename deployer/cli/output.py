"""How the command line speaks: one console, statuses in words, times, durations, evidence."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from deployer import evidence
from deployer.deployment import Status

THEME = Theme({"error": "bold red", "warning": "yellow", "quiet": "dim", "heading": "bold dim"})
SYMBOLS: dict[str, tuple[str, str]] = {
    Status.QUEUED: ("○", "cyan"),
    Status.RUNNING: ("●", "cyan"),
    Status.SUCCEEDED: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.CANCELLED: ("⊘", "yellow"),
    Status.SUPERSEDED: ("→", "dim"),
    Status.UNCHANGED: ("=", "dim"),
    Status.REFUSED: ("!", "yellow"),
}
NOTHING = "-"
UNLIMITED = 2000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """The console; where no terminal is, nothing is cut to a width unless $COLUMNS says so."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        # A log line with a letter that the terminal lacks must not end the command.
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() or os.environ.get("COLUMNS") else UNLIMITED
    return Console(
        stderr=stderr,
        quiet=quiet,
        theme=THEME,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
    )


def print_json(document: Any) -> None:
    """The one document of `--json`; in ASCII, so that no text in it can move a cursor."""
    print(json.dumps(document, indent=2))


def knows_unicode() -> bool:
    """Whether symbols can be shown; where not, the words do."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def safe(text: str) -> str:
    """Text from elsewhere: control characters, also terminal escapes, made visible."""
    return _CONTROL.sub(lambda found: ascii(found.group())[1:-1], text)


def one_line(text: str) -> str:
    """Text from elsewhere for a place in a line: its line breaks are made visible too."""
    return safe(text).replace("\n", "\\n").replace("\t", "\\t")


def mark(status: str) -> Text:
    """A status as its symbol; empty where the terminal cannot show it."""
    symbol, style = SYMBOLS[status]
    return Text().append(symbol if knows_unicode() else "", style=style)


def status_word(status: str) -> Text:
    """A status as a word with its symbol; the colour says nothing that the word does not."""
    word = mark(status)
    return word.append(f" {status}" if word else str(status), style=SYMBOLS[status][1])


def quoted(text: str) -> Text:
    """Evidence (log lines, Nginx's words) as a quiet, indented block."""
    lines = safe(text.rstrip("\n")).splitlines()
    return Text("\n".join(f"  {line}" for line in lines), style="quiet")


def sections(detail: str) -> Text:
    """Evidence of several pieces, each under its title, an empty line between them."""
    pieces = evidence.read(detail)
    told = [title(one.title).append("\n").append_text(quoted(one.text)) for one in pieces]
    return Text("\n\n").join(told)


def short(digest: str) -> str:
    """The first twelve digits of a digest, as Docker shows them."""
    return digest.removeprefix("sha256:")[:12] or NOTHING


def moment(at: float) -> str:
    """A time in the reader's zone, in full."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S %Z}"


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


def title(text: str) -> Text:
    """The name of what stands under it."""
    return Text().append(one_line(text), style="bold")
