"""The keys that are printed for a container: those that the configuration takes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from deployer.config.sayable import sayable, written

IMAGE = {"image": "acme/shop"}


def test_what_is_sound_is_left_as_it_is() -> None:
    keys = {**IMAGE, "environment": {"A": "no", "B": "1.10"}, "cap_drop": ["ALL"]}
    assert sayable("shop", keys) == (keys, [])


@pytest.mark.parametrize(
    ("wrong", "kept", "left"),
    [
        (
            {"ulimits": {"nofile": 5, "novel": 5}},
            {"ulimits": {"nofile": 5}},
            "ulimits.novel: no such limit. Known are: ",
        ),
        (
            {"security_opt": ["no-new-privileges", "seccomp={ }", "label=a"]},
            {"security_opt": ["no-new-privileges", "label=a"]},
            "security_opt: not an option of Docker's security. Write one such as ",
        ),
        ({"user": "a b"}, {}, "user: not a user. Write a name or number"),
        ({"dns": ["here"]}, {}, "dns: not an IP address. Write "),
    ],
)
def test_what_would_be_refused_is_left_out_with_the_reason_and_the_rest_stays(
    wrong: dict[str, Any], kept: dict[str, Any], left: str
) -> None:
    keys, (why,) = sayable("shop", {**IMAGE, "tty": True, **wrong})
    assert keys == {**IMAGE, "tty": True, **kept}
    assert why.startswith(left)


def test_no_value_is_told() -> None:
    _, (why,) = sayable("shop", {**IMAGE, "storage_opt": {"a b": "canary-9"}})
    assert "canary" not in why


def test_yaml_keeps_the_order_and_any_text() -> None:
    document = {"b": "yes", "a": ["0123", "x: y", "two\nlines", "\x1b[31m", "ü"], "c": {"=": ""}}
    assert list(yaml.safe_load(written(document)).items()) == list(document.items())
