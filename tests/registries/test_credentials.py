"""Logins are found under every name of a registry, read at each use, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.config.values import Config, RegistryLogin
from deployer.errors import ConfigError
from deployer.ports import Login
from deployer.registries.credentials import Credentials


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("canary-1\n")
    return path


@pytest.fixture
def credentials(password: Path) -> Credentials:
    def login(host: str) -> RegistryLogin:
        return RegistryLogin(host=host, username="bob", password_file=password)

    hosts = ("index.docker.io", "Registry.example.org:5000")
    config = Config(source=Path("config.yml"), registries={h: login(h) for h in hosts})
    return Credentials(config, Path("/nonexistent/config.json"))


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io", "registry.example.org:5000"])
def test_a_login_is_found_under_each_name_of_its_registry(
    credentials: Credentials, host: str
) -> None:
    assert credentials(host) == Login("bob", "canary-1")


@pytest.mark.parametrize("host", ["registry.example.org", "example.org:5000", "ghcr.io"])
def test_another_registry_never_gets_the_login(credentials: Credentials, host: str) -> None:
    assert credentials(host) is None


def test_a_changed_password_counts_at_the_next_use(
    credentials: Credentials, password: Path
) -> None:
    assert credentials("docker.io") == Login("bob", "canary-1")
    password.write_text("canary-2")
    assert credentials("docker.io") == Login("bob", "canary-2")


def test_a_missing_password_file_is_a_problem_of_the_configuration(
    credentials: Credentials, password: Path
) -> None:
    password.unlink()
    with pytest.raises(ConfigError, match="password_file"):
        credentials("docker.io")


def test_the_password_is_in_no_repr(credentials: Credentials) -> None:
    assert "canary" not in repr(credentials) + repr(credentials("docker.io"))
