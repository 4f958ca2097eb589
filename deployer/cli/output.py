"""How the command line speaks: one console, statuses in words, times, evidence."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from deployer import evidence
from deployer.deployment import Status
from deployer.words import SYMBOLS, one_line, safe

THEME = Theme({"error": "bold red", "warning": "yellow", "quiet": "dim", "heading": "bold dim"})
STYLES: dict[str, str] = {
    Status.QUEUED: "cyan",
    Status.RUNNING: "cyan",
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.SUPERSEDED: "dim",
    Status.UNCHANGED: "dim",
    Status.REFUSED: "yellow",
}
UNLIMITED = 2000


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


def mark(status: str) -> Text:
    """A status as its symbol; empty where the terminal cannot show it."""
    return Text().append(SYMBOLS[status] if knows_unicode() else "", style=STYLES[status])


def status_word(status: str) -> Text:
    """A status as a word with its symbol; the colour says nothing that the word does not."""
    word = mark(status)
    return word.append(f" {status}" if word else str(status), style=STYLES[status])


def quoted(text: str) -> Text:
    """Evidence (log lines, Nginx's words) as a quiet, indented block."""
    lines = safe(text.rstrip("\n")).splitlines()
    return Text("\n".join(f"  {line}" for line in lines), style="quiet")


def sections(detail: str) -> Text:
    """Evidence of several pieces, each under its title, an empty line between them."""
    pieces = evidence.read(detail)
    told = [title(one.title).append("\n").append_text(quoted(one.text)) for one in pieces]
    return Text("\n\n").join(told)


def moment(at: float) -> str:
    """A time in the reader's zone, in full."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def title(text: str) -> Text:
    """The name of what stands under it."""
    return Text().append(one_line(text), style="bold")
