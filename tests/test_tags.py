"""The tag policy of an app: which tags it lets in, and which of them are newer."""

from __future__ import annotations

import pytest

from deployer.tags import allows, is_ranged, lead, newer, newest, read, why_not

HEX = "0123456789abcdef" * 4
HOSTILE = [
    "",
    " ",
    "-v1",
    ".v1",
    "v1\n",
    "v1\0",
    "v1/2",
    "v1:2",
    "v1@sha256:0",
    "vé",
    "v" * 129,
    "v1;rm",
    "$(v)",
    "../v",
]
SIDE_CARS = [f"sha256-{HEX}{end}" for end in ("", ".sig", ".att", ".sbom")]


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("latest", "latest", "latest2 Latest xlatest lates"),
        ("1.x", "1.x", "1.4 1.4.2"),
        ("_", "_", "__"),
        ("glob:v*", "v v1 v1.4.2 v_", "V1 1 xv1"),
        ("glob:*", "latest v1 sha-33cefd3 1.4.2-rc.1", ""),
        ("glob:v?.?", "v1.4", "v1 v1.42 v1.4.2"),
        ("glob:main-*-arm", "main-1-arm main--arm", "main-arm main-1-arm64"),
        ("glob:sha-*", "sha-33cefd3", "sha256-33cefd3"),
        ("glob:v1.4", "v1.4", "v1x4"),
        ("regex:v[0-9]+", "v1 v42", "v v1.4 xv1 v1x"),
        ("regex:^v[0-9]+$", "v1 v42", "v v1.4 xv1 v1x"),
        ("regex:main|stable", "main stable", "main2 unstable mainstable"),
        (r"regex:(?:main|pr)-\d{3}", "main-123 pr-001", "main-12 pr-1234"),
        ("regex:.*", "latest v1", ""),
        ("regex:[a-z]+", "latest", "v1 LATEST"),
        ("semver:^1.4", "1.4.0 v1.9.9", "1.4 2.0.0 1.5.0-rc.1 latest"),
        ("semver: ^1.4", "1.4.0", "2.0.0"),
        ("glob: v*", "v1", "1"),
    ],
)
def test_an_entry_lets_in_these_tags_and_not_those(entry: str, inside: str, outside: str) -> None:
    assert [tag for tag in inside.split() if not allows([entry], tag)] == []
    assert [tag for tag in outside.split() if allows([entry], tag)] == []


@pytest.mark.parametrize("pattern", ["glob:*", "regex:.*", "regex:[^x]*", "semver:>=0.0.0-0"])
@pytest.mark.parametrize("tag", [*HOSTILE, *SIDE_CARS])
def test_no_pattern_lets_in_what_is_no_tag_or_belongs_to_an_image(pattern: str, tag: str) -> None:
    assert not allows([pattern], tag)


def test_a_side_car_is_one_only_in_full_and_can_be_named_exactly() -> None:
    for like in (f"sha256-{HEX[:-1]}", f"sha256-{HEX}0", f"sha256-{HEX}.tar", f"sha256-{HEX}.sig2"):
        assert allows(["glob:*"], like)
    assert allows([SIDE_CARS[1]], SIDE_CARS[1])
    assert "none itself" in why_not(["latest", "glob:*"], SIDE_CARS[1])


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("v*", "not a tag"),
        ("^1.4", "not a tag"),
        (">=1.4", "not a tag"),
        ("a/b", "not a tag"),
        ("", "not a tag"),
        ("v" * 129, "not a tag"),
        ("regexp:v", "no kind"),
        ("Glob:v*", "no kind"),
        ("glob :v*", "no kind"),
        (":v", "no kind"),
        ("localhost:5000", "no kind"),
        ("glob:", "not a glob"),
        ("glob:v *", "not a glob"),
        ("regex:", "not an expression"),
        ("regex:v 1", "no tag has"),
        ("regex:(", "without its"),
        ("semver:", "not a range"),
        ("semver:stable", "not a range"),
    ],
)
def test_a_typo_is_no_entry_and_the_message_says_what_to_write(entry: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read(entry)
    assert "Write" in str(caught.value) or "Remove" in str(caught.value)


def test_the_newest_version_in_range_is_found_among_all_tags() -> None:
    tags = ["latest", "1.4.2", "v1.10.0", "1.9.0", "2.0.0", "1.11.0-rc.1", "1.10", *SIDE_CARS]
    assert newest(["semver:^1.4"], tags) == "v1.10.0"
    assert newest(["latest", "semver:^1.4", "semver:^2"], tags) == "2.0.0"
    assert newest(["semver:^1.4.0-0"], tags) == "1.11.0-rc.1"
    assert newest(["semver:^3"], tags) == ""
    assert newest(["glob:*", "latest"], tags) == ""
    assert newest(["semver:^1.4"], ["v1.5.0", "1.5.0"]) == "v1.5.0"


def test_a_version_is_older_than_the_newest_of_others_in_range() -> None:
    policy = ["semver:^1.4"]
    assert newer(policy, "1.4.1", ["1.4.2", "1.4.3"]) == "1.4.3"
    assert newer(policy, "1.4.1", ["v1.4.1"]) == ""
    assert newer(policy, "1.4.10", ["1.4.9"]) == ""
    assert newer(policy, "1.4.1", ["2.0.0", "latest", "", "1.4.2-rc.1"]) == ""


def test_what_is_let_in_by_more_than_a_range_has_no_older_and_newer() -> None:
    assert is_ranged(["latest", "semver:^1.4"], "1.4.1")
    for other in ("1.4.1", "glob:1.*", "regex:1.+"):
        assert not is_ranged([other, "semver:^1.4"], "1.4.1")
        assert newer([other, "semver:^1.4"], "1.4.1", ["1.4.2"]) == ""
    assert not is_ranged(["latest"], "1.4.1")


def test_the_first_tag_or_range_says_what_to_start_from() -> None:
    assert lead(["latest", "semver:^1"]) == "latest"
    assert lead(["glob:v*", "semver:^1", "latest"]) == "semver:^1"
    assert lead(["glob:v*", "regex:main"]) == ""
