"""Which versions are in a range, as users of npm and of Go's Masterminds know it."""

from __future__ import annotations

import time

import pytest

from deployer.versions import read_range, version_of


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("1.4.2", "1.4.2 v1.4.2", "1.4.1 1.4.3 1.4.2-rc.1"),
        ("=v1.4.2", "1.4.2", "1.4.3"),
        ("1.4", "1.4.0 1.4.99", "1.3.9 1.5.0 1.5.0-rc.1"),
        ("1.4.x", "1.4.0 1.4.99", "1.3.9 1.5.0"),
        ("1.x", "1.0.0 1.99.0", "0.9.0 2.0.0"),
        ("1.X.*", "1.0.0 1.99.0", "0.9.0 2.0.0"),
        ("1", "1.0.0 1.99.0", "0.9.0 2.0.0"),
        ("*", "0.0.0 1.4.2 v9.9.9", "1.4.2-rc.1"),
        ("x", "0.0.0 99.0.0", "0.0.1-alpha"),
        ("^1.4.2", "1.4.2 1.9.0", "1.4.1 2.0.0 2.0.0-rc.1 1.5.0-rc.1"),
        ("^1.4", "1.4.0 1.99.9", "1.3.9 2.0.0"),
        ("^1", "1.0.0 1.99.9", "0.9.9 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4 0.1.0"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0.x", "0.0.0 0.9.9", "1.0.0"),
        ("~1.4.2", "1.4.2 1.4.9", "1.4.1 1.5.0"),
        ("~1.4", "1.4.0 1.4.9", "1.3.0 1.5.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        (">1.4.2", "1.4.3 2.0.0", "1.4.2 1.4.1"),
        (">1.4", "1.5.0 2.0.0", "1.4.0 1.4.9"),
        (">=1.4", "1.4.0 2.0.0", "1.3.9"),
        ("<1.4.2", "1.4.1 0.0.1", "1.4.2"),
        ("<=1.4.2", "1.4.2 1.4.1", "1.4.3"),
        ("<=1.4", "1.4.9 1.0.0", "1.5.0"),
        (">=1.2 <2.0", "1.2.0 1.9.9", "1.1.9 2.0.0"),
        (">= 1.2, < 2", "1.2.0 1.9.9", "1.1.9 2.0.0"),
        ("1.2.x || ^2.1 || =3.0.0", "1.2.3 2.1.0 2.9.9 3.0.0", "1.3.0 2.0.0 3.0.1"),
        ("^1.4.0-0", "1.4.0-rc.1 1.4.0 1.5.0-alpha 1.9.0", "1.3.9 2.0.0-rc.1 2.0.0"),
        (">=1.4.0-rc.2", "1.4.0-rc.2 1.4.0-rc.10 1.4.0 1.5.0-a", "1.4.0-rc.1 1.3.0"),
        (">=1.2.0-0 <2.0.0", "1.9.9 1.3.0-a", "2.0.0 2.0.0-rc.1"),
        (">=1.2.0 <2.0.0-rc.3", "2.0.0-rc.2 1.9.0", "2.0.0-rc.3 2.0.0"),
        ("^1.4 || ^2.0.0-0", "1.5.0 2.0.0-rc.1", "1.5.0-rc.1"),
    ],
)
def test_a_range_has_these_versions_and_not_those(written: str, inside: str, outside: str) -> None:
    found = read_range(written)
    assert [tag for tag in inside.split() if found.why_not(tag)] == []
    assert [tag for tag in outside.split() if not found.why_not(tag)] == []


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "v",
        "1",
        "1.4",
        "v1.4",
        "1.4.2.1",
        "V1.4.2",
        "vv1.4.2",
        "1.04.2",
        "1.4.2-",
        "1.4.2-01",
        "1.4.2+build",
        "1.4.2_1",
        "latest",
        "1.4.x",
        "-1.4.2",
        "1.4.2-rc..1",
        " 1.4.2",
        "1.4.2\n",
        "१.४.२",
        "sha-33cefd3",
        f"sha256-{'0' * 64}",
    ],
)
def test_a_version_has_three_numbers_and_perhaps_a_v_and_a_pre_release(tag: str) -> None:
    """`1.4` is a name that moves: as a version it would be older than 1.4.1."""
    assert version_of(tag) is None
    assert read_range("*").why_not(tag) == f"{tag} is no version of three numbers"


def test_why_not_says_which_rule_it_was() -> None:
    found = read_range("^1.4")
    assert found.why_not("2.0.0") == "2.0.0 is not in that range"
    assert found.why_not("1.5.0-rc.1") == "1.5.0-rc.1 is a pre-release, and that range names none"
    assert found.why_not("1.5.0-alpine").endswith("that range names none")


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "||",
        "^1.4 ||",
        "^",
        ">=",
        "^1.4,",
        ",^1.4",
        "^1.4,,^2",
        ">*",
        "^x",
        "!=1.4",
        "~>1.4",
        "1.2 - 1.4",
        "^01.4",
        "1.x.2",
        "1.2.3.4",
        "^1.4+build",
        "1.4.2-01",
        "1.4.2-",
        "latest",
        "^^1",
        "^v",
        "=>1.4",
        "^1.4|^2",
        "1.4 | 2",
        "^9999999999",
        "x" * 300,
    ],
)
def test_what_is_no_range_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"range.*"):
        read_range(written)


@pytest.mark.parametrize(
    "tag",
    ["9" * 128, f"1.2.3-{'1' * 120}_", f"1.2.3-{'1.' * 60}_", f"1.2.3-{'a-' * 60}_", "1." * 64],
)
def test_a_hostile_tag_costs_nothing(tag: str) -> None:
    begun = time.monotonic()
    assert version_of(tag) is None
    assert time.monotonic() - begun < 1.0
