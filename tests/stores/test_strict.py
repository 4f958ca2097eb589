"""Values out of JSON: exact types, nothing unknown, nothing missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from deployer.stores.strict import value_of


@dataclass(frozen=True)
class Inner:
    name: str
    size: int = 1


@dataclass(frozen=True)
class Outer:
    inner: Inner
    pair: tuple[str, int]
    many: tuple[Inner, ...] = ()
    ratio: float = 0.5
    flag: bool = False
    note: str | None = None


GOOD: dict[str, Any] = {"inner": {"name": "a"}, "pair": ["b", 2]}


def test_defaults_stand_for_what_is_not_there() -> None:
    assert value_of(Outer, GOOD) == Outer(Inner("a"), ("b", 2))


def test_every_kind_of_field_is_read() -> None:
    found = {**GOOD, "many": [{"name": "c", "size": 3}], "ratio": 2, "flag": True, "note": "n"}
    assert value_of(Outer, found) == Outer(Inner("a"), ("b", 2), (Inner("c", 3),), 2.0, True, "n")


@pytest.mark.parametrize(
    "found",
    [
        [],
        None,
        {"pair": ["b", 2]},
        {**GOOD, "unknown": 1},
        {**GOOD, "inner": {"name": "a", "unknown": 1}},
        {**GOOD, "inner": {"name": 1}},
        {**GOOD, "inner": {"name": "a", "size": True}},
        {**GOOD, "inner": {"name": "a", "size": 1.0}},
        {**GOOD, "inner": None},
        {**GOOD, "pair": ["b"]},
        {**GOOD, "pair": ["b", 2, 3]},
        {**GOOD, "pair": "b2"},
        {**GOOD, "many": {"name": "c"}},
        {**GOOD, "ratio": "1"},
        {**GOOD, "ratio": False},
        {**GOOD, "flag": 1},
        {**GOOD, "note": 5},
    ],
)
def test_what_does_not_fit_is_refused(found: Any) -> None:
    with pytest.raises(ValueError, match=r"no |lacks|unknown|zip"):
        value_of(Outer, found)
