"""What image builds get of this machine's pip settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import pip_in_builds

CONFIG = """
[global]
index-url = https://packages.example/simple
extra-index-url =
    https://more.example/simple
    file:///srv/packages
trusted-host = packages.example
find-links = /srv/wheels
cert = {cert}
[install]
index-url = https://install.example/simple
"""


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only settings that there are: a pip configuration with certificates."""
    names = ("INDEX_URL", "EXTRA_INDEX_URL", "CERT", "FIND_LINKS", "DEFAULT_TIMEOUT", "TIMEOUT")
    for name in (*(f"PIP_{name}" for name in names), "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    cert = tmp_path / "company.pem"
    cert.write_text("certificates\n")
    config = tmp_path / "pip.conf"
    config.write_text(CONFIG.format(cert=cert))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    return cert


def arguments() -> list[str]:
    given = pip_in_builds.build_arguments()
    return sorted(one for one in given if "=" in one)


def test_indexes_are_passed_on_and_folders_of_this_machine_are_not() -> None:
    assert arguments() == [
        "PIP_EXTRA_INDEX_URL=https://more.example/simple",
        "PIP_INDEX_URL=https://install.example/simple",
        "PIP_TRUSTED_HOST=packages.example",
    ]


def test_the_environment_wins_and_a_proxy_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert "PIP_INDEX_URL=https://env.example/simple" in arguments()
    assert "https_proxy=http://proxy.example:3128" in arguments()


def test_a_context_is_the_folder_with_the_certificates(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    for name in ("Dockerfile", "left-out", "inner/file"):
        (source / name).write_text(name)
    with pip_in_builds.context(source, "left-out") as context:
        files = {
            str(file.relative_to(context)): file.read_text()
            for file in context.rglob("*")
            if file.is_file()
        }
    assert files == {
        "Dockerfile": "Dockerfile",
        "inner/file": "inner/file",
        "company-ca.crt": "certificates\n",
    }
    assert not context.exists()


def test_without_certificates_of_its_own_a_context_has_none(tmp_path: Path, bundle: Path) -> None:
    bundle.unlink()
    (tmp_path / "source").mkdir()
    with pip_in_builds.context(tmp_path / "source") as context:
        assert list(context.iterdir()) == []
