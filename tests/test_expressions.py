"""Globs and regular expressions of tags: what they match, what is refused, what they cost."""

from __future__ import annotations

import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from deployer.expressions import read_glob, read_regex
from deployer.patterns import LONGEST, matches, steps

LETTERS = "ab1.-"
TAGS = some.text(LETTERS, max_size=12)


def expressions() -> some.SearchStrategy[str]:
    """Expressions of the language that is understood, over a few letters."""
    classes = ["[ab]", "[^a1]", "[a-b.]", r"[\d-]", "[-a]"]
    atoms = some.sampled_from([*"ab1-.^$", *(f"\\{letter}" for letter in ".dwDW"), *classes])

    def larger(parts: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
        groups = some.tuples(some.sampled_from(["(", "(?:"]), parts, some.just(")")).map("".join)
        counted = some.tuples(groups, some.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}"]))
        return some.one_of(
            counted.map("".join),
            some.lists(parts, min_size=2, max_size=3).map("".join),
            some.lists(parts, min_size=2, max_size=3).map("|".join),
        )

    return some.recursive(atoms, larger, max_leaves=6).filter(bool)


@settings(max_examples=500, deadline=None)
@given(expressions(), TAGS)
def test_an_expression_matches_what_it_matches_in_python_as_a_whole(regex: str, tag: str) -> None:
    try:
        node = read_regex(regex)
    except ValueError as error:
        assert "take long" in str(error)
        return
    assert matches(node, tag) == bool(re.fullmatch(regex, tag))


@settings(deadline=None)
@given(some.text(LETTERS + "*?", min_size=1, max_size=8), TAGS)
def test_a_glob_has_stars_and_question_marks_and_nothing_else(glob: str, tag: str) -> None:
    as_regex = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    assert matches(read_glob(glob), tag) == bool(re.fullmatch(as_regex, tag))


@settings(deadline=None)
@given(some.text(string.printable, max_size=20))
def test_whatever_is_written_is_read_or_refused_with_words(text: str) -> None:
    for read in (read_glob, read_regex):
        try:
            read(text)
        except ValueError as error:
            assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("", "1 to 512 characters"),
        ("a" * 513, "1 to 512 characters"),
        ("a(b", r"a \( without its \)"),
        ("a)b", r"a \) without its \("),
        ("[a", r"a \[ without its \]"),
        ("[", r"a \[ without its \]"),
        ("[]", "no character is in"),
        ("[^]", "no character is in"),
        ("[z-a]", "range in"),
        (r"[\d-z]", "range in"),
        ("[[:alpha:]]", r"a \[ without its \]"),
        ("*a", r"a \* with nothing before it"),
        ("a||+", r"a \+ with nothing before it"),
        ("a*?", "followed by another"),
        ("a*+", "followed by another"),
        ("a**", "followed by another"),
        ("a{2", "a { without a count"),
        ("a{,2}", "a { without a count"),
        ("a{3,2}", "more at least than at most"),
        ("a}", r"a } with nothing before it"),
        ("(?i)v", r"begins with \(\?"),
        ("(?=a)a", r"begins with \(\?"),
        ("(?P<x>a)", r"begins with \(\?"),
        (r"(a)\1", "cannot be used here"),
        (r"\bv", "cannot be used here"),
        (r"v\s", "cannot be used here"),
        ("v\\", "cannot be used here"),
        ("v1/2", "no tag has"),
        ("v 1", "no tag has"),
        (r"v\+1", "no tag has"),
        ("vé", "no tag has"),
        ("v\n", "no tag has"),
        ("v\0", "no tag has"),
        ("(" * 400, "more than 20 groups"),
        ("((((a*)*)*)*)*", "could take long"),
        ("(((a|b)+c)+d)+", "could take long"),
        ("(a{999}){999}", "could take long"),
    ],
)
def test_what_is_none_or_could_take_long_is_refused_with_what_is_wrong(
    regex: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        read_regex(regex)


@pytest.mark.parametrize("glob", ["", "v[0-9]", "v{1,2}", "a/*", "v *", "é*", "v\\*", "*" * 129])
def test_what_is_no_glob_is_refused(glob: str) -> None:
    with pytest.raises(ValueError, match="not a glob"):
        read_glob(glob)


@pytest.mark.parametrize(
    "regex",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+b",
        "(a*)*b",
        "(.*.*)*b",
        "a*a*a*a*a*a*b",
        "a?" * 100 + "a" * 100,
        "(?:[a-z0-9]+-?)+x",
        "((a{1,8}){1,8}){1,8}x",
    ],
)
def test_what_python_would_never_end_with_ends_at_once(regex: str) -> None:
    """A second is far more than it takes, and `re` would need hours at the least."""
    node = read_regex(regex)
    begun = time.monotonic()
    assert not matches(node, "a" * (LONGEST - 1) + ".")
    assert time.monotonic() - begun < 1.0


def test_a_star_costs_no_more_than_a_tag_is_long_and_many_in_a_row_no_more_than_one() -> None:
    assert steps(read_glob("*")) < 2 * LONGEST
    assert read_glob("v" + "*" * 100) == read_glob("v*")


def test_a_text_that_is_longer_than_any_tag_matches_nothing() -> None:
    assert matches(read_glob("*"), "a" * LONGEST)
    assert not matches(read_glob("*"), "a" * (LONGEST + 1))
