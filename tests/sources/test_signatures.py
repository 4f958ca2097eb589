"""Who may post to a hook."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import BadCredential
from deployer.sources.signatures import check_token


def hashed(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def test_each_configured_token_is_good_so_that_one_can_replace_the_other() -> None:
    known = [hashed("old"), hashed("new")]
    check_token("old", known)
    check_token("new", known)


@pytest.mark.parametrize(
    "presented",
    ["", "wrong", "goo", "good ", "GOOD", "é", "\x00", "\ud800", "x" * 10_000, hashed("good")],
)
def test_everything_else_is_refused_in_the_same_words(presented: str) -> None:
    with pytest.raises(BadCredential) as refused:
        check_token(presented, [hashed("good")])
    assert str(refused.value) == "the secret is missing or wrong"


def test_no_configured_token_lets_nobody_in() -> None:
    with pytest.raises(BadCredential):
        check_token("anything", [])


def test_the_hash_of_nothing_lets_nobody_in() -> None:
    with pytest.raises(BadCredential):
        check_token("", [hashed("")])


@given(st.text(st.characters()))
def test_no_text_does_anything_but_pass_or_be_refused(presented: str) -> None:
    if presented != "good":
        with pytest.raises(BadCredential):
            check_token(presented, [hashed("good")])
