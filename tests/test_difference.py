"""What differs between two specs is told setting by setting, readable, and without secrets."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from deployer.difference import Change, Kind, Origins, differences
from deployer.settings import amount, lasting, settings
from deployer.spec import Spec, Volume
from tests.altered import ALTERED, Told, mount

VARIABLE, OTHER = (("API_KEY", "canary-old"),), (("API_KEY", "canary-new"),)


def told(changes: list[Change]) -> list[Told]:
    """What the tables have of changes."""
    return [(one.key, one.kind.value, one.old, one.new) for one in changes]


@pytest.mark.parametrize(("name", "old", "new", "expected"), ALTERED)
def test_a_change_of_each_field_is_told_in_the_words_of_config_yml(
    name: str, old: Any, new: Any, expected: list[Told]
) -> None:
    before, after = replace(Spec(), **{name: old}), replace(Spec(), **{name: new})
    assert told(differences(before, after, {})) == expected


def test_every_field_of_a_spec_is_in_the_table() -> None:
    assert {name for name, *_ in ALTERED} == {one.name for one in fields(Spec)}


@pytest.mark.parametrize(("name", "old", "new", "_"), ALTERED)
def test_equal_specs_do_not_differ_and_different_ones_always_do(
    name: str, old: Any, new: Any, _: object
) -> None:
    before, after = replace(Spec(), **{name: old}), replace(Spec(), **{name: new})
    assert differences(before, replace(before), {}) == []
    assert differences(after, before, {}) != []


@pytest.mark.parametrize(("name", "old", "new", "_"), ALTERED)
def test_where_nothing_serves_everything_written_is_added(
    name: str, old: Any, new: Any, _: object
) -> None:
    changes = differences(None, replace(Spec(), **{name: new}), {})
    assert {one.kind for one in changes} <= {Kind.ADDED}
    assert all(one.old is None for one in changes)
    assert bool(changes) == (new not in (getattr(Spec(), name), None))


@pytest.mark.parametrize(
    "one",
    [
        differences(Spec(environment=VARIABLE), Spec(environment=OTHER), {}),
        differences(Spec(), Spec(environment=VARIABLE), {}),
        differences(Spec(environment=VARIABLE), Spec(), {}),
        differences(Spec(files=(mount("canary-old"),)), Spec(files=(mount("canary-new"),)), {}),
        differences(None, Spec(files=(mount("canary-new", "config"),)), {}),
        differences(
            Spec(environment=VARIABLE, command=("run", "--key=canary-old")),
            Spec(environment=OTHER, command=("run", "--key=canary-new")),
            {},
        ),
        differences(Spec(labels=VARIABLE), Spec(labels=OTHER), {}),
    ],
)
def test_no_secret_is_shown_and_that_it_changed_is(one: list[Change]) -> None:
    assert one
    assert "canary" not in repr(one)
    assert any(each.masked for each in one)


def test_an_origin_is_that_of_the_entry_else_of_the_key_else_the_default() -> None:
    old = Spec(labels=(("gone", "1"),))
    new = Spec(labels=(("a", "1"), ("b", "1")), volumes=(Volume("x", "/x"),), tty=True)
    origins: Origins = {
        ("labels", "a"): "config.yml:7",
        ("labels", ""): "config.yml:6",
        ("volumes", 0): "c:1",
    }
    found = {one.key: one.origin for one in differences(old, new, origins)}
    assert found == {
        "labels.a": "config.yml:7",
        "labels.b": "config.yml:6",
        "labels.gone": "",
        "volumes./x": "c:1",
        "tty": "default",
    }


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (0.05, "50ms"), (1.5, "1.5s"), (60, "1m"), (3661, "1h1m1s"), (7200.0, "2h")],
)
def test_durations_read_as_they_are_written(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0"), (1, "1"), (1024, "1k"), (3 << 30, "3g"), (1536 << 20, "1536m")]
)
def test_sizes_read_as_they_are_written(size: int, words: str) -> None:
    assert amount(size) == words


def test_no_secret_stands_in_a_settings_repr() -> None:
    assert "canary" not in repr(settings(Spec(environment=(("A", "canary"),)), "environment"))
