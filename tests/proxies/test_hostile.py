"""No value that a route can hold changes what the configuration says, whatever it is.

The positions are found in the records themselves: a field that is new is tried as well.
"""

from __future__ import annotations

import dataclasses
import tempfile
import types
from collections.abc import Iterator
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import crossplane
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import Route, Target

LONG = pytest.mark.long
SHARES = 4
"""Each value is tried in a quarter of all positions at once, and in all of them in the long run."""

FACTS = NginxFacts((1, 30, 6), "nginx")
HOSTILE = [
    *("", " ", "\t", "\n", "\r", "\r\n", "\x00", "\x1b[2J", "\x7f", "\u2028", "\u00a0", "\ufeff"),
    *(";", "{", "}", "#", "'", '"', "\\", "$", "`", "|", "(", ")", "*", "^", "~", "<", ">", "&"),
    *("a b", "a\nb", "a\n", "a;", "a;b", "a{b}", "a#b", "a'b", 'a"b', "a\\b", "a\x00b", "a\\"),
    *("$host", "${host}", "$request_uri", "$http_x", "{{ 7*7 }}", "{% raw %}", "{# x #}"),
    *("; return 200 owned;", "x; return 200 owned; #", "x;}} server { listen 81; }"),
    *("a.example; return 200 owned", "} location /x { return 200 owned;", "x\nreturn 200 owned;"),
    *("10.0.0.1; server 6.6.6.6", "http://6.6.6.6", "unix:/tmp/x.sock", "127.0.0.1:1 backup"),
    *("/etc/passwd", "../../etc/passwd", "/dev/stdout", "file:///etc/passwd", "|/bin/sh"),
    *("~^(?<x>.+)$", "*", "*.*", "_", "a%2e", "%s%n", "off", "on;", "default", "any"),
    *("if ($host) { return 200 owned; }", "include /etc/passwd;", "load_module x.so;"),
    *("x' 'y", 'x" "y', "'; return 200 owned; '", '"; return 200 owned; "', "\\'; return 1; \\'"),
    *("bücher.example", "\uff41.example", "a" * 5000, "-1", "0", "1e9", "nan", "0x10", "1;"),
]
"""Values that a form or a file could hold."""
NUMBERS = [0, -1, 1 << 16, 1 << 64, -(1 << 64), True, float("nan"), float("inf"), 1e300, 0.5]
BAD: dict[type, list[Any]] = {
    str: list(HOSTILE),
    Path: [text for text in HOSTILE if "\x00" not in text],
    int: [*NUMBERS, *HOSTILE],
    float: [*NUMBERS, *HOSTILE],
}
Position = tuple[str, Any, list[Any]]
"""Its name, what puts a value there, and the values to be tried there."""
BASE = Route("web", ("web.example",), "/shop", (Target("10.0.0.1", 80),))


def samples(kind: Any) -> Iterator[Any]:
    """A legal and simple value of a field's type, more than one where the type has several."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        own = {one.name: next(samples(hints[one.name])) for one in dataclasses.fields(kind)}
        make: Any = kind
        yield make(**own)
    elif origin in (Union, types.UnionType):
        yield from (made for one in inner if one is not type(None) for made in samples(one))
    elif origin is Literal:
        yield from inner
    elif origin is tuple:
        items = inner[:1] if inner[-1:] == (...,) else inner
        yield tuple(next(samples(one)) for one in items)
    elif origin is frozenset:
        yield frozenset({next(samples(inner[0]))})
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from kind
    else:
        yield {str: "a", int: 1, float: 1.0, bool: True, bytes: b"a", Path: Path("/a")}[kind]


def places(kind: Any, value: Any) -> Iterator[Position]:
    """Each position that a text or number has in a record."""
    hints = get_type_hints(kind)
    for each in dataclasses.fields(kind):
        for where, put, bad in _within(hints[each.name], getattr(value, each.name)):
            yield f"{each.name}{where}", partial(_replace, value, each.name, put), bad


def _replace(record: Any, name: str, put: Any, value: Any) -> Any:
    return dataclasses.replace(record, **{name: put(value)})


def _within(kind: Any, now: Any) -> Iterator[Position]:
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        made = now if type(now) is kind else next(samples(kind))
        for where, put, bad in places(kind, made):
            yield f".{where}", put, bad
    elif origin in (Union, types.UnionType):
        for one in inner:
            if one is not type(None):
                yield from _within(one, now)
    elif origin in (tuple, frozenset):
        yield from _among(origin, inner, now)
    elif kind in BAD:
        yield "", Path if kind is Path else lambda x: x, BAD[kind]


def _among(origin: Any, inner: Any, now: Any) -> Iterator[Position]:
    """The positions in a collection: in the first item of a long one, in each of a fixed one."""
    items = inner[:1] if origin is frozenset or inner[-1:] == (...,) else inner
    rest = [next(samples(one)) for one in items]
    for at, kind in enumerate(items):
        first = list(now)[at] if now else None
        for where, put, bad in _within(kind, first):
            yield f"[{at}]{where}", partial(_put, origin, rest, at, put), bad


def _put(origin: Any, rest: list[Any], at: int, put: Any, value: Any) -> Any:
    return origin([*rest[:at], put(value), *rest[at + 1 :]])


POSITIONS = {name: (put, bad) for name, put, bad in places(Route, BASE)}


def shape(route: Route) -> list[Any]:
    """What the configuration says, with every argument but those that name this route's own."""
    with tempfile.TemporaryDirectory() as folder:
        templates = Path(folder, "templates")
        templates.mkdir()
        for name in ("a.conf", "a.conf.j2"):
            (templates / name).write_text("")
        receiver = ReceiverSite("hooks.example", "127.0.0.1", 5000, 1024)
        rendering = Rendering(Settings(), receiver, [templates, package_templates()])
        for name, text in rendering.files([route], FACTS, 1).items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        read = crossplane.parse(str(Path(folder, "nginx.conf")), combine=True, check_ctx=False)
    assert not read["errors"], read["errors"]
    return [_names(one) for one in read["config"][0]["parsed"]]


def _names(statement: dict[str, Any]) -> Any:
    """A directive by its name, how many arguments it has, and what is in it."""
    block = [_names(one) for one in statement.get("block", ())]
    return (statement["directive"], len(statement["args"]), block)


def test_there_are_enough_of_them_in_each_position() -> None:
    assert len(set(HOSTILE)) >= 60
    assert {"app", "hosts[0]", "path", "targets[0].address", "targets[0].port"} <= POSITIONS.keys()
    assert {"template", "snippet"} <= POSITIONS.keys()
    assert all(len(bad) >= 60 for _, bad in POSITIONS.values())


@pytest.mark.parametrize("share", [0, *(pytest.param(n, marks=LONG) for n in range(1, SHARES))])
@pytest.mark.parametrize("position", POSITIONS)
def test_a_hostile_value_is_refused_or_changes_nothing_but_itself(
    position: str, share: int
) -> None:
    put, bad = POSITIONS[position]
    for value in bad[(sorted(POSITIONS).index(position) + share) % SHARES :: SHARES]:
        try:
            route = put(value)
        except (TypeError, ValueError):
            continue
        try:
            said = shape(route)
        except RenderRefused as refused:
            assert "\n" not in str(refused)
            continue
        assert said in allowed_shapes(position), (position, value)


@settings(max_examples=20)
@given(st.sampled_from(sorted(POSITIONS)), st.text(max_size=40))
def test_any_text_is_refused_or_changes_nothing_but_itself(position: str, text: str) -> None:
    put, bad = POSITIONS[position]
    if not isinstance(bad[0], str):
        return
    try:
        said = shape(put(text))
    except (RenderRefused, TypeError, ValueError):
        return
    assert said in allowed_shapes(position)


@cache
def allowed_shapes(position: str) -> list[Any]:
    """What legal values of this position give, an empty one included."""
    put, _ = POSITIONS[position]
    found = [shape(BASE)]
    for legal in LEGAL.get(position, ("a", "1", "1.0", "/a", "a.example", "a.conf", 1, "")):
        try:
            found.append(shape(put(legal)))
        except (RenderRefused, TypeError, ValueError):
            continue
    return found


LEGAL: dict[str, tuple[Any, ...]] = {"path": ("/", "/a")}
"""What else is legal in positions whose values change how many directives there are."""
