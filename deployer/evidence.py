"""What a person needs to judge a failure: titled pieces of text, kept in one text; pure."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from deployer.model import Replica

LONGEST = 24_000
"""The longest text of one piece, in characters; of a longer one the end is kept."""

ANSWERS = 8
"""How many lines of probe answers are told, the last ones."""

# Ends up in no piece: logs show control characters as escapes, and `written` removes the rest.
_MARK = "\x1e"
# https://docs.docker.com/engine/containers/run/#exit-status and the shell's own 126 to 128.
_MEANINGS = {
    1: "its main process gave up (general error)",
    2: "wrong use of a command, or its main process gave up",
    125: "Docker itself could not run it",
    126: "its command is not executable",
    127: "its command was not found in the image",
    128: "it ended with an invalid exit code",
    255: "its main process gave up (exit code out of range)",
}
_BY_SIGNAL = {
    signal.SIGKILL: "it was killed",
    signal.SIGABRT: "it aborted",
    signal.SIGSEGV: "it crashed",
    signal.SIGBUS: "it crashed",
    signal.SIGILL: "it crashed; is the image for another kind of processor?",
    signal.SIGTERM: "it was told to stop",
    signal.SIGINT: "it was told to stop",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece: what it is, and the words themselves."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a probe got `at` so many seconds after the first look; it took `seconds`."""

    at: float
    words: str
    seconds: float


def written(pieces: Iterable[Evidence]) -> str:
    """The pieces as one text, empty ones left out; `read` gives them back."""
    return "\n".join(
        f"{_MARK}{_plain(one.title)}\n{_shortened(_plain(one.text))}"
        for one in pieces
        if one.text.strip()
    )


def read(detail: str, title: str = "evidence") -> tuple[Evidence, ...]:
    """The pieces of a text; words that nobody gave a title have this one."""
    first, *rest = detail.split(_MARK)
    loose = (Evidence(title, first.rstrip("\n")),) if first.strip() else ()
    parts = (piece.partition("\n") for piece in rest)
    return (*loose, *(Evidence(name, text.rstrip("\n")) for name, _, text in parts))


def plain(detail: str) -> str:
    """The same for a reader of plain text: a heading line before each piece that has one."""
    if _MARK not in detail:
        return detail
    return "\n".join(f"{one.title}:\n{one.text}" for one in read(detail))


def how_it_ended(replica: Replica) -> str:
    """The exit of a replica in a person's words."""
    return exit_words(replica.exit_code, oom_killed=replica.oom_killed)


def exit_words(code: int | None, *, oom_killed: bool = False) -> str:
    """An exit in a person's words: code, meaning, memory."""
    if oom_killed:
        killed = "it ran out of memory and was killed"
        return killed if code is None else f"exit code {code}: {killed}. Raise its `mem_limit`"
    if code is None:
        return "its exit code is not known"
    meaning = _meaning(code)
    return f"exit code {code}" + (f": {meaning}" if meaning else "")


def answers(given: Sequence[Answered]) -> str:
    """Probe answers as lines, the last ones; equal ones in a row are one line."""
    lines = []
    for words, group in groupby(given, key=lambda one: one.words):
        same = list(group)
        slowest = max(one.seconds for one in same)
        when = f"+{same[0].at:.1f} s"
        if len(same) > 1:
            when += f" to +{same[-1].at:.1f} s, {len(same)} times:"
        lines.append(f"{when} {words} ({slowest * 1000:.0f} ms)")
    left_out = len(lines) - ANSWERS
    earlier = [f"({left_out} earlier ones are left out)"] if left_out > 0 else []
    return "\n".join([*earlier, *lines[-ANSWERS:]])


def _meaning(code: int) -> str:
    if code in _MEANINGS:
        return _MEANINGS[code]
    try:
        number = signal.Signals(code - 128)
    except ValueError:
        return ""
    return f"{_BY_SIGNAL.get(number, 'a signal ended it')} ({number.name})"


def _plain(text: str) -> str:
    return text.replace(_MARK, "").strip("\n")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"(the beginning is left out)\n{text[-LONGEST:]}"
