"""Whether config.yml or a file that it takes in has changed, and has come to rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployer.config import Config, load
from deployer.config.sources import Sources
from deployer.errors import ConfigError

COMPOSE = "services: {web: {image: acme/web, env_file: [web.env]}}"
CONFIG = """
secrets: {password: {file: secrets/password}}
apps: {web: {compose: {file: compose.yml, service: web}, secrets: [password]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration that takes in a Compose file, an env file and a secret."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "password").write_text("one")
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / "web.env").write_text("A=1\n")
    (tmp_path / "config.yml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def sources(folder: Path) -> Sources[Config]:
    """What was loaded a moment ago."""
    path = folder / "config.yml"
    made = Sources(path, lambda: load(path, {}, part="worker"), settle=0.5)
    made.load()
    return made


def came_to_rest(sources: Sources[Config]) -> bool:
    """Whether a change is found, and only once it has been the same for half a second."""
    return [sources.changed(at) for at in (10.0, 10.4, 10.5)] == [False, False, True]


def test_what_was_loaded_has_not_changed(sources: Sources[Config]) -> None:
    assert [sources.changed(at) for at in (10.0, 11.0)] == [False, False]


@pytest.mark.parametrize("name", ["config.yml", "compose.yml", "web.env", "secrets/password"])
def test_a_changed_file_is_found_once_it_has_come_to_rest(
    sources: Sources[Config], folder: Path, name: str
) -> None:
    path = folder / name
    path.write_text(path.read_text() + "\n")
    assert came_to_rest(sources)
    sources.load()
    assert not sources.changed(12.0)


def test_a_file_of_the_same_size_and_time_put_in_place_by_a_rename_is_another(
    sources: Sources[Config], folder: Path
) -> None:
    path, new = folder / "secrets" / "password", folder / "new"
    before = path.stat()
    new.write_text("two")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.rename(path)
    assert came_to_rest(sources)


@pytest.mark.parametrize("name", ["compose.yml", ".env"])
def test_a_file_that_goes_or_comes_is_a_change(
    sources: Sources[Config], folder: Path, name: str
) -> None:
    path = folder / name
    path.unlink() if path.exists() else path.write_text("B=2\n")
    assert came_to_rest(sources)


def test_while_a_file_still_changes_there_is_nothing_to_read(
    sources: Sources[Config], folder: Path
) -> None:
    path = folder / "config.yml"
    for tenth in range(10):
        path.write_text(CONFIG + "\n" * tenth)
        assert not sources.changed(10.0 + tenth)
    assert sources.changed(19.5)


def test_of_what_cannot_be_loaded_each_change_is_found_too(
    sources: Sources[Config], folder: Path
) -> None:
    (folder / "web.env").unlink()
    assert came_to_rest(sources)
    with pytest.raises(ConfigError):
        sources.load()
    assert not sources.changed(20.0)
    (folder / "web.env").write_text("A=1\n")
    sources.changed(21.0)
    assert sources.changed(21.5)
    assert sources.load().apps["web"].spec.environment == (("A", "1"),)


def test_what_changes_while_it_is_read_is_found_afterwards(folder: Path) -> None:
    path = folder / "config.yml"

    def read() -> Config:
        config = load(path, {}, part="worker")
        path.write_text(CONFIG + "# more\n")
        return config

    sources = Sources(path, read)
    sources.load()
    path.write_text(CONFIG)
    sources.load()
    sources.changed(1.0)
    assert sources.changed(2.0)
