"""The worker's key is made once, whole, and read only where nobody else can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployer.errors import StoreUnusable
from deployer.stores.key import load_or_create_key

ROOT = pytest.mark.root


@pytest.fixture(params=[0o000, 0o077])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("any_umask")
def test_a_new_key_is_private_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "worker" / "release.key"
    key = load_or_create_key(path)
    Fernet(key)
    assert load_or_create_key(path) == key
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["release.key"]


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    path = tmp_path / "worker" / "release.key"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(load_or_create_key, [path] * 8))
    assert len(set(keys)) == 1
    assert [file.name for file in path.parent.iterdir()] == ["release.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "worker" / "release.key"
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(StoreUnusable, match=f"others have rights to it .mode {mode:04o}"):
        load_or_create_key(path)


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worker" / "release.key"
    load_or_create_key(path)
    path.parent.chmod(0o770)
    with pytest.raises(StoreUnusable, match="worker cannot be trusted"):
        load_or_create_key(path)


def test_a_link_is_refused_even_if_it_leads_to_a_key(tmp_path: Path) -> None:
    real = tmp_path / "worker" / "release.key"
    load_or_create_key(real)
    for target in (real, tmp_path / "nowhere"):
        link = real.with_name("link.key")
        link.symlink_to(target)
        with pytest.raises(StoreUnusable, match="a link"):
            load_or_create_key(link)
        link.unlink()


@ROOT
@pytest.mark.parametrize("name", ["worker/release.key", "worker"])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "worker" / "release.key"
    load_or_create_key(path)
    os.chown(tmp_path / name, 54321, 54321)
    with pytest.raises(StoreUnusable, match="belongs to user 54321"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(44), b"x" * 5000])
def test_a_file_without_a_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "worker" / "release.key"
    load_or_create_key(path)
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="holds no key"):
        load_or_create_key(path)
    assert path.read_bytes() == content
