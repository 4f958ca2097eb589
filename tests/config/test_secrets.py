"""Token files: few, strong tokens, of which nothing but the hash is kept or told."""

from __future__ import annotations

import secrets

import pytest

from deployer.config.secrets import token_hashes
from tests.config.conftest import OTHER, TOKEN, Folder

MAKE = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > FILE"
THIRD = "Qm4vB8nC2xZ6aS1dF5gH9jK3lP7oI0uY"
HASH = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the file has no token"),
        ("# only a comment\n\n", "the file has no token"),
        ("short-Token", "line 1 of the file is a token of less than 128 bit"),
        (f"{TOKEN[:21]}", "line 1 of the file is a token of less than 128 bit"),
        ("# hex\n0123456789abcdef0123456789abcde", "line 2 of the file is a token of less than"),
        ("31415926535897932384626433832795028841", "line 1 of the file is a token of less than"),
        (
            "Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1Ab1",
            "line 1 of the file is a token that is not random",
        ),
        (f"{TOKEN}/x", "line 1 of the file has characters that a URL cannot hold"),
        (f"{TOKEN} {OTHER}", "line 1 of the file has characters that a URL cannot hold"),
        (f"token: {TOKEN}", "line 1 of the file has characters that a URL cannot hold"),
        ("sha256:abc", "line 1 of the file is not sha256: and 64 hexadecimal digits"),
    ],
)
def test_a_file_without_a_good_token_is_refused_without_telling_it(
    folder: Folder, content: str, what: str
) -> None:
    folder.write("secrets/hook.token", content)
    [line] = folder.problems("hooks:\n  dockerhub:\n    token_file: secrets/hook.token\n")
    assert line.startswith(f"config.yml:3: hooks.dockerhub.token_file: {what}")
    assert line.endswith(MAKE)
    assert TOKEN[:10] not in line


def test_a_missing_token_file_and_a_folder_are_told_apart(folder: Folder) -> None:
    [missing] = folder.problems("receiver: {operator_token_file: secrets/none}")
    [no_file] = folder.problems("receiver: {operator_token_file: secrets}")
    [endless] = folder.problems("receiver: {operator_token_file: /dev/zero}")
    assert "operator_token_file: the file does not exist. " in missing
    assert "operator_token_file: this is not a file. " in no_file
    assert "operator_token_file: this is not a file. " in endless


def test_a_token_in_place_of_its_files_name_is_not_told(folder: Folder) -> None:
    for token in (TOKEN, TOKEN * 20):
        [line] = folder.problems(f"hooks:\n  dockerhub:\n    token_file: {token}\n")
        assert line.startswith("config.yml:3: hooks.dockerhub.token_file: the file ")
        assert TOKEN not in line


def test_two_tokens_are_valid_at_once_and_not_three(folder: Folder) -> None:
    one = folder.write("one", f"# old\n{TOKEN}\n\n# new\n{OTHER}\n")
    two = folder.write("two", f"{THIRD}\n{TOKEN}\n")
    hashes, wrong = token_hashes([one])
    assert (len(hashes), wrong) == (2, [])
    _, wrong = token_hashes([one, two])
    assert wrong == [
        "there are 3 tokens, more than are valid at once. "
        "Keep two while the old one is replaced, else one."
    ]
    two.unlink()
    assert " (file 2 of 2) " in token_hashes([one, two])[1][0]


def test_a_hash_stands_for_its_token(folder: Folder) -> None:
    path = folder.write("one", HASH.replace("abcdef", "ABCDEF"))
    assert token_hashes([path]) == ((HASH,), [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_urlsafe(16),
        lambda: secrets.token_hex(16),
        lambda: secrets.token_hex(32),
    ],
)
def test_tokens_from_a_generator_are_taken(folder: Folder, make: object) -> None:
    assert callable(make)
    for _ in range(200):
        assert token_hashes([folder.write("one", f"{make()}\r\n")])[1] == []
