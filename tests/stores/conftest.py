"""A migrated database, and stores on it that are closed in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployer.stores.schema import migrate
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore

MakeStore = Callable[..., SQLiteStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with the newest schema and nothing in it."""
    path = tmp_path / "state" / "deployer.db"
    migrate(path)
    return path


@pytest.fixture
def make_store(path: Path) -> Iterator[MakeStore]:
    """Makes stores on `path`, each with a seal unless it is given another."""
    made: list[SQLiteStore] = []
    key = Fernet.generate_key()

    def make(*, grouped: bool = False, busy_timeout: float = 5.0) -> SQLiteStore:
        made.append(SQLiteStore(path, seal=Seal(key), grouped=grouped, busy_timeout=busy_timeout))
        return made[-1]

    yield make
    for store in made:
        store.close()
