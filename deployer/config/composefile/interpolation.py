"""`$NAME` and `${NAME}` in the values of a Compose file; pure.

https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_START = re.compile(rf"\$(?:(?P<escaped>\$)|(?P<name>{_NAME})|(?P<brace>\{{))")
_INSIDE = re.compile(rf"(?P<name>{_NAME})(?P<operator>:?[-?+])?")
_MOST_DEPTH = 10


def interpolate(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """The text with its variables put in; `$$` stands for `$`.

    Raises ValueError where a variable is not set and has no default: Compose would take an
    empty text, with which an app starts in a way that nobody meant.
    """
    if depth > _MOST_DEPTH:
        raise ValueError("variables are nested too deeply. Make it flatter.")
    result, at = "", 0
    while found := _START.search(text, at):
        result += text[at : found.start()]
        at = found.end()
        if found["escaped"]:
            result += "$"
        elif found["name"]:
            result += _plain(found["name"], variables)
        else:
            end = _closing(text, at)
            result += _braced(text[at:end], variables, depth)
            at = end + 1
    rest = text[at:]
    if "$" in rest:
        raise ValueError("a $ that begins no variable. Write $$ for the character itself.")
    return result + rest


def filler(variables: Mapping[str, str]) -> Callable[[str, Mapping[str, str]], str]:
    """What fills the values of an env file: these variables first, then those above in the file.

    What it raises names no variable: a password may have a `$` that was meant as one.
    """

    def fill(value: str, above: Mapping[str, str]) -> str:
        try:
            return interpolate(value, ChainMap(dict(variables), dict(above)))
        except ValueError:
            raise ValueError(
                "has a variable that is not set, or a $ that is meant as one. Set it, or put the "
                "value in single quotes"
            ) from None

    return fill


def _closing(text: str, start: int) -> int:
    """Where the brace that was opened before `start` is closed."""
    depth = 1
    for at in range(start, len(text)):
        if text.startswith("${", at):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    raise ValueError("${ is not closed. Write } at its end, or $$ for the character $ itself.")


def _plain(name: str, variables: Mapping[str, str]) -> str:
    if name not in variables:
        raise ValueError(
            f"the variable {name} is not set. Set it in .env beside the Compose file or where "
            f"deployer runs, or give a default: ${{{name}:-...}}."
        )
    return variables[name]


def _braced(inside: str, variables: Mapping[str, str], depth: int) -> str:
    found = _INSIDE.match(inside)
    operator = found["operator"] if found else None
    if found is None or (operator is None and found.end() != len(inside)):
        raise ValueError("not a variable in ${}. Write ${NAME} or ${NAME:-default}.")
    name, word = found["name"], inside[found.end() :]
    if operator is None:
        return _plain(name, variables)
    value = variables.get(name)
    is_set = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return interpolate(word, variables, depth + 1) if is_set else ""
    if is_set and value is not None:
        return value
    if operator.endswith("?"):
        raise ValueError(
            f"the variable {name} is needed and not set. Set it in .env beside the Compose file "
            "or where deployer runs."
        )
    return interpolate(word, variables, depth + 1)
