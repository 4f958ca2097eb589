"""How the processes log: one line per event on stderr, and never a hook's token or secret.

A hook's secret is part of its URL (Docker Hub has no other way), and URLs end up in the
messages of libraries. So the finished line is masked, whatever wrote it and in whatever field.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

QUIET_LIBRARIES = ("docker", "urllib3", "werkzeug", "gunicorn", "alembic")


def _spelt(word: str) -> str:
    """A pattern for a word, each letter as it is or percent-encoded."""
    return "".join(f"(?:{c}|%{ord(c):02x}|%{ord(c.upper()):02x})" for c in word)


_SLASH = r"(?:/|\\+/|%(?:25)*2f)+"
_HOOK = re.compile(
    rf"({_SLASH}{_spelt('hooks')}{_SLASH}(?:(?!{_SLASH})[^\s\"'])+{_SLASH})[^\s\"\x1b]+",
    re.IGNORECASE,
)
_SIGNING = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")


def redact(text: str) -> str:
    """The text with what follows `/hooks/<name>/` masked, also where it is percent-encoded.

    Secrets to sign with (`whsec_...`) are masked wherever they stand.
    """
    return _SIGNING.sub("whsec_***", _HOOK.sub(r"\1***", text))


def configure(process: str) -> None:
    """Send structlog and the standard library's logging to stderr as lines of this process.

    JSON (ASCII, one object a line) where stderr is no terminal, else for people.
    """
    terminal = sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _heads(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_people() if terminal else _for_programs()),
                _redact_line,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for library in QUIET_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def _heads(process: str) -> Processor:
    """When, how bad and in which process: first in every line."""

    def head(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        first = {key: event.pop(key) for key in ("timestamp", "level")}
        return {**first, "process": process, "event": event.pop("event"), **event}

    return head


def _for_programs() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _for_people() -> list[Processor]:
    # Every text in its repr: a log line must not carry a sender's terminal escapes.
    return [
        structlog.dev.ConsoleRenderer(
            repr_native_str=True, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _redact_line(_: WrappedLogger, __: str, line: Any) -> str:
    return redact(str(line))
