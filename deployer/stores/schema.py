"""The schema's version: brought up to date at start by one process, awaited by the others."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection

from deployer.errors import StoreUnavailable, StoreUnusable
from deployer.stores.connections import BUSY_TIMEOUT, engine_for, open_database, translated
from deployer.stores.files import prepare_state, remove_journal, try_lock

SCHEMA = "0008"
"""The newest migration that this code knows."""

_OURS = re.compile(r"[0-9]{4}")
_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(
    path: Path, group: int | None = None, *, wait: float = 60.0, busy_timeout: float = BUSY_TIMEOUT
) -> None:
    """Make or check the database at `path` and bring its schema up to date.

    For the parent or the worker, before anybody else opens the store; `group` as in
    `prepare_state`. Repeating it changes nothing. Raises StoreUnusable where the file is
    damaged, no database, not ours or newer than this code; StoreUnavailable where another
    process has not ended its migration after `wait` seconds.
    """
    prepare_state(path.parent, group, path.name)
    with _alone(path.parent, wait), translated(path):
        _refuse_lost_pages(path)
        if group is not None:
            remove_journal(path)
        with closing(open_database(path, busy_timeout)) as connection:
            version = _version(connection)
            _refuse_newer(path, version)
            _refuse_damage(path, connection)
            _write_ahead(path, connection)
        if version != SCHEMA:
            _upgrade(path, busy_timeout)


def wait_for_schema(
    path: Path,
    timeout: float,
    *,
    poll: float = 0.05,
    sleep: Callable[[float], None] = time.sleep,
    busy_timeout: float = BUSY_TIMEOUT,
) -> None:
    """Return once the database at `path` has this code's schema; never write to it.

    For the receiver. Raises StoreUnavailable after `timeout` seconds, StoreUnusable where the
    schema is newer or the file no database.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            with translated(path), closing(open_database(path, busy_timeout)) as connection:
                version = _version(connection)
            problem: StoreUnavailable | None = None
        except StoreUnavailable as error:
            version, problem = None, error
        _refuse_newer(path, version)
        if version == SCHEMA:
            return
        if time.monotonic() >= deadline:
            raise StoreUnavailable(
                f"the store {path} was not ready after {timeout:g} s. Start `deployer work`, "
                "or read in its log why it does not start",
                detail=str(problem or ""),
            ) from problem
        sleep(poll)


def _version(connection: Connection) -> str | None:
    """The schema that the database has; None before the first migration."""
    known = "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
    if connection.execute(known).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _refuse_newer(path: Path, version: str | None) -> None:
    # Ours are numbers of four digits; any other word is a newer deployer's way to count.
    if version is not None and (not _OURS.fullmatch(version) or version > SCHEMA):
        raise StoreUnusable(
            f"the store {path} was written by a newer deployer (schema {version}); this one "
            f"knows {SCHEMA}. Install the newer version or restore a backup."
        )


def _refuse_lost_pages(path: Path) -> None:
    """An empty database beside a log that is not: SQLite would throw the log away."""
    log = path.with_name(path.name + "-wal")
    if path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0:
        raise StoreUnusable(
            f"the store {path} has lost its contents: the file is empty, its log is not. "
            "Restore a backup"
        )


def _refuse_damage(path: Path, connection: Connection) -> None:
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check")]
    if found != ["ok"]:
        raise StoreUnusable(
            f"the store {path} is damaged: SQLite's quick_check found {found[0]!r}. "
            "Stop deployer and restore a backup",
            detail="\n".join(found),
        )


def _write_ahead(path: Path, connection: Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreUnusable(
            f"the store {path} cannot use a write-ahead log here (it stays in mode {mode}). "
            "Put the state folder on a local disk"
        )


def _upgrade(path: Path, busy_timeout: float) -> None:
    """Run the missing migrations in one transaction: all of them or none."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    engine = engine_for(path, busy_timeout)
    try:
        with engine.execution_options(writes=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, SCHEMA)
    except CommandError as error:
        raise StoreUnusable(
            f"the store {path} says of its schema what no deployer writes: {error}. "
            "Restore a backup"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def _alone(folder: Path, wait: float) -> Iterator[None]:
    """Hold the folder's lock, which the kernel frees when its holder dies.

    The lock is on the folder itself: a lock file could be made by the receiver first.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + wait
        while not try_lock(handle):
            if time.monotonic() >= deadline:
                raise StoreUnavailable(
                    f"the store in {folder} is being migrated by another process for more than "
                    f"{wait:g} s. See what that process does, then start again"
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)
