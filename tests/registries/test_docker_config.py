"""Logins that `docker login` made: found in config.json and through real helper programs."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import RegistryDenied
from deployer.ports import Login
from deployer.registries.docker_config import config_file, login_in

HOST = "registry.example.com:5000"
BASIC = {"auth": base64.b64encode(b"bot:canary-1").decode()}


def written(folder: Path, content: Any) -> Path:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper on PATH, whose script a test writes."""
    program = tmp_path / "bin" / "docker-credential-lab"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def answering(secret: str, user: str = "bot") -> str:
    answer = json.dumps({"ServerURL": HOST, "Username": user, "Secret": secret})
    return f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n"


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}", f"https://{HOST}/v2/"])
def test_a_login_is_found_under_each_form_of_its_key(tmp_path: Path, key: str) -> None:
    path = written(tmp_path, {"auths": {key: BASIC}})
    assert login_in(path, HOST) == Login("bot", "canary-1")
    assert login_in(path, "other.example.com") is None


def test_docker_hub_is_found_under_its_old_address(tmp_path: Path) -> None:
    path = written(tmp_path, {"auths": {"https://index.docker.io/v1/": BASIC}})
    assert login_in(path, "docker.io") == Login("bot", "canary-1")


def test_a_token_stands_for_name_and_password(tmp_path: Path) -> None:
    path = written(tmp_path, {"auths": {HOST: {"identitytoken": "canary-token"}}})
    found = login_in(path, HOST)
    assert found == Login("", "", "canary-token")
    assert "canary" not in repr(found)


def test_without_a_file_or_an_entry_there_is_no_login(tmp_path: Path) -> None:
    assert login_in(tmp_path / "config.json", HOST) is None
    assert login_in(written(tmp_path, {}), HOST) is None
    assert login_in(written(tmp_path, {"auths": {HOST: {}}}), HOST) is None


@pytest.mark.parametrize("setting", [{"credsStore": "lab"}, {"credHelpers": {HOST: "lab"}}])
def test_a_helper_is_asked_at_each_use(tmp_path: Path, helper: Path, setting: Any) -> None:
    path = written(tmp_path, setting)
    helper.write_text(answering("canary-1"))
    assert login_in(path, HOST) == Login("bot", "canary-1")
    helper.write_text(answering("canary-2", "<token>"))
    assert login_in(path, HOST) == Login("", "", "canary-2")


def test_a_helper_that_knows_nothing_is_no_login(tmp_path: Path, helper: Path) -> None:
    helper.write_text("#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n")
    assert login_in(written(tmp_path, {"credsStore": "lab"}), HOST) is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho canary-secret; exit 1\n", "docker-credential-lab failed"),
        ("#!/bin/sh\necho canary-secret\n", "docker-credential-lab failed"),
        ("#!/bin/sh\nexec sleep 60\n", "docker-credential-lab did not answer within 0.5 s"),
    ],
)
def test_a_helper_that_fails_or_hangs_is_named_and_its_words_are_not(
    tmp_path: Path, helper: Path, script: str, words: str
) -> None:
    helper.write_text(script)
    with pytest.raises(RegistryDenied) as caught:
        login_in(written(tmp_path, {"credsStore": "lab"}), HOST, limit=0.5)
    assert words in str(caught.value)
    assert "set the login under `registries` in config.yml" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_missing_helper_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, {"credHelpers": {HOST: "nowhere-to-be-found"}})
    with pytest.raises(RegistryDenied, match=r"-nowhere-to-be-found is not installed"):
        login_in(path, HOST)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"auths": {"a": 1}}', '{"auths": {"a": {"auth": "!"}}}']
)
def test_a_broken_file_is_one_clear_refusal(tmp_path: Path, content: str) -> None:
    with pytest.raises(RegistryDenied, match=r"is not what `docker login` writes\. Correct"):
        login_in(written(tmp_path, content), HOST)


def test_the_file_is_where_docker_itself_looks() -> None:
    assert config_file({"DOCKER_CONFIG": "/etc/x", "HOME": "/h"}) == Path("/etc/x/config.json")
    assert config_file({"HOME": "/h"}) == Path("/h/.docker/config.json")
