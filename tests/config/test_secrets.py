"""Files of tokens and secrets: few, strong ones, and nothing of them is told."""

from __future__ import annotations

import secrets

import pytest

from deployer.config import receiver_part
from deployer.config.secrets import signing_secrets, token_hashes
from deployer.config.senders import Signing
from deployer.errors import ConfigError
from tests.config.conftest import OTHER, SECRET, TOKEN, Folder

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


GENERIC = "hooks:\n  ci:\n    source: generic\n    secret_file: secrets/ci.secret\n"
MAKE_SECRET = 'Make one: echo "whsec_$(openssl rand -base64 32)" > FILE'


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "the file has no secret"),
        (TOKEN, "line 1 of the file does not begin with whsec_"),
        ("whsec_", "line 1 of the file is a secret of 0 bytes, and not of 24 to 64"),
        ("whsec_Y2FuYXJ5LWNhbmFyeQ==", "line 1 of the file is a secret of 13 bytes, and not of"),
        (f"whsec_{'QUJD' * 22}", "line 1 of the file is a secret of 66 bytes, and not of 24 to"),
        (f"whsec_{'QUJD' * 8}", "line 1 of the file is a secret that is not random"),
        (f"{SECRET}!", "line 1 of the file is not whsec_ and base64"),
        ("whsec_QUJ", "line 1 of the file is not whsec_ and base64"),
        ("# new\nwhsec_caf\u00e9", "line 2 of the file is not whsec_ and base64"),
    ],
)
def test_a_file_without_a_good_signing_secret_is_refused_without_telling_it(
    folder: Folder, content: str, what: str
) -> None:
    folder.write("secrets/ci.secret", content)
    [line] = folder.problems(GENERIC)
    assert line.startswith(f"config.yml:4: hooks.ci.secret_file: {what}")
    assert line.endswith(MAKE_SECRET)
    assert "canary" not in line
    assert SECRET[6:20] not in line


def test_the_receiver_is_given_a_signing_secret_that_no_repr_shows(folder: Folder) -> None:
    folder.write("secrets/ci.secret", f"{SECRET}\n")
    part = receiver_part(folder.load(GENERIC))
    assert part.hooks["ci"].secrets == (SECRET,)
    assert SECRET not in repr(part)
    assert type(part).model_validate_json(part.model_dump_json()) == part


def test_two_signing_secrets_are_valid_at_once_and_not_three(folder: Folder) -> None:
    others = [f"whsec_{SECRET[6:-1]}{last}" for last in "xyz"]
    path = folder.write("many", "\n".join(others[:2]))
    assert signing_secrets([path], Signing.STANDARD) == (tuple(others[:2]), [])
    path = folder.write("many", "\n".join(others))
    assert signing_secrets([path], Signing.STANDARD)[1] == [
        "there are 3 secrets, more than are valid at once. "
        "Keep two while the old one is replaced, else one."
    ]


def test_a_secret_file_that_vanished_since_is_named_with_its_line(folder: Folder) -> None:
    path = folder.write("secrets/ci.secret", SECRET)
    config = folder.load(GENERIC)
    path.unlink()
    with pytest.raises(ConfigError) as refused:
        receiver_part(config)
    [line] = refused.value.problems
    assert line.startswith("config.yml:4: hooks.ci.secret_file: the file does not exist. ")


def test_a_generic_hook_reaches_images_of_any_registry_unless_one_is_written(
    folder: Folder,
) -> None:
    folder.write("secrets/ci.secret", SECRET)
    apps = "apps: {web: {image: ghcr.io/acme/web}}\n"
    assert folder.problems(GENERIC + apps) == []
    [line] = folder.problems(f"{GENERIC}    registry: quay.io\n{apps}")
    assert "no app has an image on quay.io" in line
