"""Seals round-trip exactly, fit one row only, and hide what they hold."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import Refused
from deployer.model import Image, Release, ReleaseRow
from deployer.spec import Spec
from deployer.stores.seal import Seal

KEY = Fernet.generate_key()
RELEASE = Release(
    "web",
    3,
    Image("docker.io", "acme/web", "1.4", f"sha256:{'a' * 64}"),
    Spec(command=("run",), environment=(("TOKEN", "canary-77"),), replicas=2),
)

texts = st.text(st.characters())  # lone surrogates, NUL and all
numbers = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(str, texts)
st.register_type_strategy(float, numbers)
specs = st.from_type(Spec)
releases = st.builds(
    Release, texts, st.integers(), st.builds(Image, texts, texts, texts, texts), specs
)


def row_of(release: Release, sealed: str) -> ReleaseRow:
    """The row that the worker writes."""
    return ReleaseRow(release.app, release.number, release.image, sealed, 1.0)


@given(releases)
def test_what_was_sealed_comes_out_exactly(release: Release) -> None:
    opened = Seal(KEY).open(row_of(release, Seal(KEY).seal(release)))
    assert opened == release
    assert repr(opened) == repr(release)
    assert opened.spec.environment == release.spec.environment


@pytest.mark.parametrize(
    "changed",
    [
        replace(RELEASE, app="api"),
        replace(RELEASE, number=4),
        replace(RELEASE, image=replace(RELEASE.image, host="evil.example")),
        replace(RELEASE, image=replace(RELEASE.image, repository="evil/web")),
        replace(RELEASE, image=replace(RELEASE.image, tag="latest")),
        replace(RELEASE, image=replace(RELEASE.image, digest=f"sha256:{'b' * 64}")),
    ],
)
def test_a_seal_does_not_fit_another_row(changed: Release) -> None:
    with pytest.raises(Refused) as caught:
        Seal(KEY).open(row_of(changed, Seal(KEY).seal(RELEASE)))
    assert str(caught.value) == (
        f"release {changed.number} of {changed.app} was not written by this worker: its seal "
        "does not fit. It will not be run; deploy the image again to make a new release."
    )


@pytest.mark.parametrize("forged", ["", "x", "h\u00e9", "\ud800", "\0", "gAAAAA==", "a" * 5000])
def test_what_is_no_token_is_refused(forged: str) -> None:
    with pytest.raises(Refused, match="was not written by this worker"):
        Seal(KEY).open(row_of(RELEASE, forged))


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(Refused, match="was not written by this worker"):
        Seal(Fernet.generate_key()).open(row_of(RELEASE, Seal(KEY).seal(RELEASE)))


def test_one_changed_character_breaks_the_seal() -> None:
    sealed = Seal(KEY).seal(RELEASE)
    for place in range(0, len(sealed) - 4, 7):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(Refused):
            Seal(KEY).open(row_of(RELEASE, sealed[:place] + other + sealed[place + 1 :]))


def test_a_secret_is_in_neither_token_nor_message() -> None:
    sealed = Seal(KEY).seal(RELEASE)
    assert "canary" not in sealed
    assert sealed != Seal(KEY).seal(RELEASE)


@pytest.mark.parametrize(
    "change",
    [
        {"invented": True},
        {"environment": [["TOKEN", "canary-77", "extra"]]},
        {"replicas": True},
        {"command": "run"},
    ],
)
def test_a_token_that_says_something_unknown_is_refused_without_its_words(
    change: dict[str, object],
) -> None:
    content = asdict(RELEASE)
    content["spec"] |= change
    sealed = Fernet(KEY).encrypt(json.dumps(content).encode()).decode()
    with pytest.raises(Refused, match="another version of deployer") as caught:
        Seal(KEY).open(row_of(RELEASE, sealed))
    assert "canary" not in f"{caught.value!r}{caught.value.detail}{caught.value.__cause__!r}"


def test_what_an_older_version_sealed_has_the_defaults_for_what_it_did_not_know() -> None:
    content = asdict(RELEASE)
    del content["spec"]["replicas"]
    sealed = Fernet(KEY).encrypt(json.dumps(content).encode()).decode()
    opened = Seal(KEY).open(row_of(RELEASE, sealed))
    assert opened == replace(RELEASE, spec=replace(RELEASE.spec, replicas=1))


def test_which_containers_are_ours_follows_from_key_and_store_together() -> None:
    """Who can only write the store cannot name another deployer's containers."""
    instance = Seal(KEY).instance("5e07af07")
    assert len(bytes.fromhex(instance)) == 4
    assert instance == Seal(KEY).instance("5e07af07")
    others = {Seal(KEY).instance("5e07af08"), Seal(Fernet.generate_key()).instance("5e07af07")}
    assert len({instance, *others, "5e07af07"}) == 4
