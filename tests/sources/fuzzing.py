"""Bodies that nobody would send: those of the corpus with other values, bytes and headers."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from deployer.ports import Inbound
from tests.web.corpus import shown, signed
from tests.web.corpus.case import Case

HOSTILE: list[Any] = [
    None, True, False, 0, -1, 2**63, 10**39, 1.5, 1e308, "", " ", "\t\n", "\u202e", "\x00",
    "\ud800", "a" * 300, "é" * 50, "../../etc/passwd", "-", ":", "@", "/", "//", "a:b:c", "a@b@c",
    "sha256:", "sha256:" + "g" * 64, f"sha256-{'a' * 64}.sig", "latest", "{{7*7}}",
    "http://[::1", "https://a@b:c", "localhost/x", "registry:5000/acme/shop:2.4.1", [], [[]], {},
    {"": ""}, ["a", 1, None], [{}],
]  # fmt: skip
RAW = [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b"payload=", b"payload=%7B%7D", b"NaN"]
HEADERS = ["", "package", "\xe9", "application/x-www-form-urlencoded", "multipart/form-data"]

Seed = tuple[str, bytes, dict[str, str]]


def seeds() -> list[Seed]:
    """The kind of sender, the body and the headers of each case."""
    cases: list[Case] = [*shown.cases(), *signed.cases()]
    return [
        (one.hook.partition("-")[0], one.body, {key.lower(): v for key, v in one.headers.items()})
        for one in cases
    ]


def strange(count: int, seed: int) -> Iterator[tuple[str, Inbound]]:
    """So many requests, with the kind of sender that is said to send them."""
    chance, known = random.Random(seed), seeds()
    for _ in range(count):
        source, body, headers = chance.choice(known)
        made = chance.choice((_value, _value, _bytes))(body, chance)
        if chance.random() < 0.1 and headers:
            name = chance.choice(list(headers))
            headers = {**headers, name: chance.choice(HEADERS)}
        yield source, Inbound(headers, made, "")


def _value(body: bytes, chance: random.Random) -> bytes:
    """The body with another value somewhere."""
    try:
        payload = json.loads(body)
    except ValueError:
        return _bytes(body, chance)
    places = list(_places(payload))
    if not places:
        return _bytes(body, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        holder, key = chance.choice(places)
        holder[key] = copy.copy(chance.choice(HOSTILE))
    return json.dumps(payload, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _bytes(body: bytes, chance: random.Random) -> bytes:
    """The body cut, torn or written over."""
    at, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    way = chance.randrange(5)
    if way == 0:
        return body[:at]
    if way == 1:
        return body[:at] + body[end:]
    if way == 2:
        return body[:at] + chance.randbytes(chance.randrange(1, 9)) + body[at:]
    if way == 3:
        return chance.choice(RAW)
    return body[:at] + b"[" * chance.randrange(1, 2000) + body[at:]
