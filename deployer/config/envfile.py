"""Env files: KEY=VALUE lines in the syntax of Compose, with its interpolation where asked for.

https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Fill = Callable[[str, Mapping[str, str]], str]
"""Puts variables into a value; it is given the variables of the file above it too."""

_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,254})[ \t]*=[ \t]*(.*)")
_QUOTED = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*$")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse_env(text: str, fill: Fill | None = None) -> dict[str, str]:
    """The variables of an env file; of one that is set twice, the last.

    Values are literal unless there is `fill`; those in single quotes always are. Raises
    ValueError naming the line, never what is in it.
    """
    return parse_with_lines(text, fill)[0]


def parse_with_lines(text: str, fill: Fill | None = None) -> tuple[dict[str, str], dict[str, int]]:
    """As `parse_env`, and the line that each variable was set in."""
    result: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        if not found or "\0" in stripped:
            raise ValueError(f"line {number} of the file is not KEY=VALUE. Write it like that.")
        result[found[1]] = _value(found[2], number, fill, result)
        lines[found[1]] = number
    return result, lines


def _value(raw: str, number: int, fill: Fill | None, above: Mapping[str, str]) -> str:
    if not raw.startswith(("'", '"')):
        return _filled(_COMMENT.sub("", raw).rstrip(), number, fill, above)
    found = _QUOTED.match(raw)
    if not found or not _COMMENT.sub("", raw[found.end() :]).strip() == "":
        raise ValueError(
            f"line {number} of the file has a quote that is not closed, or text after it. "
            "Close it at the end of the value; write a line break as \\n in double quotes."
        )
    if found[1] is not None:
        return found[1]
    escaped = _ESCAPED | {"$": "$$"} if fill else _ESCAPED
    value = _ESCAPE.sub(lambda each: escaped.get(each[1], each[0]), found[2])
    return _filled(value, number, fill, above)


def _filled(value: str, number: int, fill: Fill | None, above: Mapping[str, str]) -> str:
    if fill is None or "$" not in value:
        return value
    try:
        return fill(value, above)
    except ValueError as error:
        raise ValueError(f"line {number} of the file {error}.") from None
