"""Apps that share requests by weight say everything else alike."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder


def two(first: str, second: str) -> str:
    return (
        "apps:\n"
        f"  web:\n    image: a/b\n    route: {{{first}}}\n"
        f"  next:\n    image: a/c\n    route: {{{second}}}\n"
    )


def test_only_port_and_weight_may_differ(folder: Folder) -> None:
    first, second = "hosts: [a.test], port: 80, weight: 9", "host: a.test, port: 81, weight: 1"
    assert folder.problems(two(first, second)) == []


def test_a_redirected_host_may_be_named_by_both(folder: Folder) -> None:
    same = "host: a.test, port: 80, weight: 1, redirect_from: [www.a.test]"
    assert folder.problems(two(same, same)) == []


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("host: a.test, port: 80", "host: a.test, port: 80, weight: 1", "or both of them a `we"),
        (
            "host: a.test, port: 80, weight: 1",
            "host: a.test, port: 80, weight: 1, max_body: 1m",
            "say different things about them: `max_body`",
        ),
        (
            "host: a.test, port: 80, weight: 1",
            "hosts: [a.test, b.test], port: 80, weight: 1",
            "say different things about them: `hosts`",
        ),
        (
            "host: b.test, port: 80",
            "host: a.test, port: 80, weight: 0",
            "a whole number from 1 to 1000",
        ),
    ],
)
def test_what_differs_is_named(folder: Folder, first: str, second: str, words: str) -> None:
    (found,) = folder.problems(two(first, second))
    assert found.startswith("config.yml:7: apps.next.route")
    assert words in found
