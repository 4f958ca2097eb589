"""Reads a rendered file back and compares its shape with what the routes say.

The shape is every directive that decides who is served, where a request goes, what code is
loaded, and what is read or logged. Other directives (headers, timeouts, buffers, limits) are
the template author's business.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane

from deployer.errors import RenderRefused

_SHAPE = re.compile(
    r"listen|server_name|server|\w+_pass|return|rewrite|error_page|try_files|root|alias|index|"
    r"internal|mirror|allow|deny|satisfy|auth_basic|auth_basic_user_file|auth_request|"
    r"set_real_ip_from|real_ip_\w+|post_action|proxy_store|stub_status|empty_gif|dav_methods|"
    r"autoindex|include|access_log|error_log|pid|user|daemon|master_process|load_module|"
    r"ssl_certificate|ssl_certificate_key|ssl_reject_handshake|ssl_password_file|ssl_engine|"
    r"env|perl\w*|js_\w+|lua_\w+|\w+_by_lua\w*"
)
# Blocks of values and not of directives; every other block belongs to the shape.
_VALUES = re.compile(r"map|geo|types|split_clients|charset_map")
_TUNING = re.compile(r"(?:max_fails|fail_timeout|max_conns|slow_start)=.*")

Origin = Callable[[int], str]
"""From a line of a rendered file to the template, or the snippet and its line, behind it."""


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive that is expected, with its arguments and, for a block, what is in it."""

    name: str
    args: tuple[str, ...] = ()
    block: tuple[Directive, ...] | None = None


def directive(name: str, *args: object, block: Sequence[Directive] | None = None) -> Directive:
    """A directive; its arguments as Nginx would have them."""
    within = None if block is None else tuple(block)
    return Directive(name, tuple(str(arg) for arg in args), within)


def parse_back(file: str, text: str, expected: Iterable[Directive], origin: Origin) -> None:
    """Raise RenderRefused unless the file says what is expected, and nothing else.

    `origin` says where a line of it was rendered from, for the message.
    """
    found = list(_flat(_parsed(file, text, origin)))
    missing = [key for key, _ in _flat(_as_parsed(expected))]
    extra = []
    for key, line in found:
        if key in missing:
            missing.remove(key)
        else:
            extra.append((line, key))
    if extra:
        line, key = min(extra)
        raise _refused(file, line, origin, f"`{key}` is not what the routes say")
    if missing:
        line = _line_of_parent(missing[0], found)
        raise _refused(file, line, origin, f"`{missing[0]}` (or the `;` before it) is missing")


def _parsed(file: str, text: str, origin: Origin) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rendered.conf")
        path.write_text(text, "utf-8")
        # Without its tables of contexts and arguments, which are older than today's Nginx.
        payload = crossplane.parse(str(path), single=True, check_ctx=False, check_args=False)
    for error in payload["errors"]:
        words = re.sub(r" in \S*rendered\.conf:\d+$", "", error["error"])
        raise _refused(file, error["line"] or 1, origin, words or "a quote is not closed")
    parsed: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return parsed


def _as_parsed(expected: Iterable[Directive]) -> list[dict[str, Any]]:
    return [
        {
            "directive": one.name,
            "args": list(one.args),
            "line": 0,
            **({} if one.block is None else {"block": _as_parsed(one.block)}),
        }
        for one in expected
    ]


def _flat(statements: list[dict[str, Any]], parents: str = "") -> Iterator[tuple[str, int]]:
    """Each directive of the shape with all that it stands in, as text, and its line."""
    for statement in statements:
        name, block = statement["directive"], statement.get("block")
        if _VALUES.fullmatch(name) or (block is None and not _SHAPE.fullmatch(name)):
            continue
        key = parents + _label(statement)
        yield key, statement["line"]
        if block is not None:
            yield from _flat(block, f"{key} > ")


def _label(statement: dict[str, Any]) -> str:
    """A directive as text; a server block is known by whom it serves, not by its place."""
    name, args = statement["directive"], list(statement["args"])
    block = statement.get("block")
    if name == "server" and block is not None:
        said = [one for one in block if one["directive"] in ("listen", "server_name")]
        args = [f"({'; '.join(sorted(_label(one) for one in said))})"]
    elif name == "server_name":
        args.sort()
    elif name == "server":
        args = [arg for arg in args if not _TUNING.fullmatch(arg)]
    return " ".join([name, *args])


def _line_of_parent(key: str, found: list[tuple[str, int]]) -> int:
    """The line of the nearest block around a missing directive that is there; else 1."""
    lines = dict(found)
    while " > " in key:
        key = key.rpartition(" > ")[0]
        if key in lines:
            return lines[key]
    return 1


def _refused(file: str, line: int, origin: Origin, what: str) -> RenderRefused:
    return RenderRefused(
        f"{file}:{line}, rendered from {origin(line)}, is not used: {what}. Correct that"
    )
