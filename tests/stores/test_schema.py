"""Migrating at start: fresh, again, newer, damaged, at the same time; and waiting for it."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from deployer.errors import StoreUnavailable, StoreUnusable
from deployer.ports import Delivery
from deployer.stores import migrations
from deployer.stores.schema import SCHEMA, migrate, wait_for_schema
from deployer.stores.sqlite import SQLiteStore
from deployer.stores.tables import metadata
from tests.contracts.store import delivery, wanted


def objects(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Name and text of all tables and indexes, but Alembic's own."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    )
    # A column that was added later stands where SQLite put it, with other blanks around it.
    return {
        (name, re.sub(r"\s*([(),])\s*|\s+", r"\1 ", sql).strip())
        for name, sql in found
        if name != "alembic_version"
    }


def query(path: Path, statement: str, *values: str) -> list[tuple[object, ...]]:
    """Ask the database past all of our code."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


@contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Hold the lock that a migration takes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def test_migrations_build_what_the_tables_say(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path.parent / 'from-tables.db'}")
    metadata.create_all(engine)
    engine.dispose()
    with (
        closing(sqlite3.connect(path)) as migrated,
        closing(sqlite3.connect(path.parent / "from-tables.db")) as told,
    ):
        assert objects(migrated) == objects(told)


def test_the_known_schema_is_the_newest_migration() -> None:
    folder = Path(str(migrations.__file__)).parent
    assert ScriptDirectory(str(folder)).get_heads() == [SCHEMA]


def test_migrating_again_changes_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    instance, recorded = store.instance(), store.record(delivery(), [wanted()])
    migrate(path)
    assert store.instance() == instance
    assert store.delivery(recorded.delivery) is not None
    store.close()


def test_a_store_of_the_first_schema_keeps_its_deliveries_and_learns_of_ids(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deployer.db"
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    row = "INSERT INTO deliveries VALUES (7, 'hub', 1.5, x'7b7d', 'ignored', 'no tag')"
    query(path, row)
    migrate(path)
    with closing(SQLiteStore(path)) as store:
        assert store.delivery(7) == Delivery("hub", 1.5, b"{}", "ignored", "no tag", 7)


def test_two_stores_have_different_names(tmp_path: Path) -> None:
    names = set()
    for folder in ("one", "two"):
        path = tmp_path / folder / "deployer.db"
        migrate(path)
        store = SQLiteStore(path)
        names.add(store.instance())
        store.close()
    assert len(names) == 2


def test_a_path_with_strange_characters_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a%20b ?c#d&mode=memory" / "deployer.db"
    migrate(path)
    assert path.stat().st_size > 0
    wait_for_schema(path, 0)


@pytest.mark.parametrize("version", ["0999", "9999", "later"])
def test_a_newer_schema_is_refused_and_left_alone(path: Path, version: str) -> None:
    query(path, "UPDATE alembic_version SET version_num = ?", version)
    expected = (
        rf"was written by a newer deployer \(schema {version}\); this one knows {SCHEMA}\. "
        "Install the newer version or restore a backup"
    )
    with pytest.raises(StoreUnusable, match=expected):
        migrate(path)
    with pytest.raises(StoreUnusable, match=expected):
        wait_for_schema(path, 5)
    assert query(path, "SELECT version_num FROM alembic_version") == [(version,)]


@pytest.mark.parametrize("word", ["0000", "\u0661\u0662\u0663\u0664", "9" * 5000])
def test_a_schema_that_no_deployer_writes_is_refused(path: Path, word: str) -> None:
    query(path, "UPDATE alembic_version SET version_num = ?", word)
    with pytest.raises(StoreUnusable, match="backup"):
        migrate(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    garbage = b"not a database at all" * 1000
    path.write_bytes(garbage)
    for start in (migrate, lambda path: wait_for_schema(path, 5)):
        with pytest.raises(StoreUnusable, match="restore a backup"):
            start(path)
    assert path.read_bytes() == garbage


def test_a_truncated_database_is_refused(path: Path) -> None:
    store = SQLiteStore(path)
    for _ in range(50):
        store.record(delivery(body=bytes(2000)), [wanted()])
    store.close()
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(StoreUnusable, match=r"damaged.*backup"):
        migrate(path)


def test_a_damaged_page_is_found_at_start(path: Path) -> None:
    """`PRAGMA quick_check`: the damage is in a page that starting would not read by itself."""
    store = SQLiteStore(path)
    for _ in range(50):
        store.record(delivery(body=bytes(2000)), [wanted()])
    store.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreUnusable, match=r"damaged.*backup"):
        migrate(path)


def test_an_emptied_database_beside_its_log_is_refused(path: Path) -> None:
    log = path.with_name("deployer.db-wal")
    log.write_bytes(b"pages")
    os.truncate(path, 0)
    with pytest.raises(StoreUnusable, match="lost its contents"):
        migrate(path)
    assert log.read_bytes() == b"pages"


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "deployer.db"
    with ThreadPoolExecutor(6) as pool:
        for start in [pool.submit(migrate, path) for _ in range(6)]:
            start.result(30)
    assert query(path, "SELECT count(*) FROM meta") == [(1,)]


def test_a_migration_that_does_not_end_is_not_waited_for_for_ever(path: Path) -> None:
    with folder_locked(path.parent), pytest.raises(StoreUnavailable, match="being migrated"):
        migrate(path, wait=0.1)
    migrate(path, wait=0.1)


def test_the_receiver_waits_for_the_schema_and_makes_nothing_itself(tmp_path: Path) -> None:
    path = tmp_path / "state" / "deployer.db"
    with pytest.raises(
        StoreUnavailable, match=r"was not ready after 0\.1 s\. Start `deployer work`"
    ):
        wait_for_schema(path, 0.1)
    assert not path.parent.exists()
    polls = iter(range(100))

    def sleep(_seconds: float) -> None:
        """The first wait finds nothing, the second an empty file, the third the schema."""
        turn = next(polls)
        if turn == 1:
            path.parent.mkdir()
            path.touch()
        elif turn == 2:
            migrate(path)

    wait_for_schema(path, 30, sleep=sleep)
    assert next(polls) == 3
