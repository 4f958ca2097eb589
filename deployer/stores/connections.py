"""How SQLite is opened, and what its errors mean; nothing is opened before it is used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, exc
from sqlalchemy.pool import QueuePool

from deployer.errors import StoreError, StoreUnavailable, StoreUnusable

BUSY_TIMEOUT = 5.0
"""How long SQLite waits for a lock that another connection holds, in seconds."""

LARGEST_VALUE = 128 * 1024 * 1024
"""The longest text or body that is read or written, in bytes; above the largest webhook."""

_WAIT_AND_TRY = "another process holds it. Try again in a moment"
# The primary result codes of https://www.sqlite.org/rescode.html where a retry can help.
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: _WAIT_AND_TRY,
    sqlite3.SQLITE_LOCKED: _WAIT_AND_TRY,
    sqlite3.SQLITE_NOMEM: "there is no memory left. Free some",
    sqlite3.SQLITE_PERM: "its files have other rights than deployer gave them. Put them right",
    sqlite3.SQLITE_READONLY: "this user may only read it. Run as the user that owns it",
    sqlite3.SQLITE_IOERR: "the disk failed or is full. Look at the disk",
    sqlite3.SQLITE_FULL: "the disk is full. Make room",
    sqlite3.SQLITE_CANTOPEN: (
        "it is not there, or this user may not open it. "
        "Start the worker, which makes it, or run as the user that owns it"
    ),
}
_UNUSABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON")


def engine_for(path: Path, busy_timeout: float = BUSY_TIMEOUT) -> Engine:
    """An engine whose transactions read, and write with the execution option `writes`.

    Python's sqlite3 begins no transaction by itself; ours begin with BEGIN, or with BEGIN
    IMMEDIATE so that a writer waits for its lock at the start and never in the middle, where
    SQLite would answer "locked" at once.
    https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-transactions
    """
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: _write_ahead(open_database(path, busy_timeout)),
        # Connections are kept until close(): while one is open SQLite keeps -wal and -shm,
        # and their owner, as they are.
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=-1,
        hide_parameters=True,
    )
    event.listen(engine, "begin", lambda connection: _begin(path, connection))
    return engine


def _write_ahead(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, if it has a write-ahead log: see `files.remove_journal`."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        connection.close()
        raise sqlite3.DatabaseError(f"its journal mode was changed to {mode}")
    return connection


def _begin(path: Path, connection: Connection) -> None:
    _refuse_moved(path, connection)
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_moved(path: Path, connection: Connection) -> None:
    """What is written to a file that was removed or replaced is lost, and SQLite does not notice.

    The connection goes with it: the next one opens what is at the path then.
    """
    try:
        there: tuple[int, int] | None = _identity(path)
    except OSError:
        there = None
    if connection.info.setdefault("file", there) == there and there is not None:
        return
    connection.invalidate()
    raise StoreUnavailable(
        f"the store {path} is not available: it was removed or replaced while it was in use. "
        "Put it back, or restart deployer"
    )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def open_database(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """A connection to a database that exists; it is never created here, modes and all.

    Who else may write the file may also put a trigger, a view or a huge value into it. With
    this connection they do nothing: https://www.sqlite.org/security.html
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        connection.set_authorizer(_refuse_code_of_the_schema)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        # Opens -wal and -shm now, and shows at once where that cannot be done.
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


_here = threading.local()
"""Per thread: whether SQLite was told to refuse something since its last error."""


def _refuse_code_of_the_schema(
    action: int, _1: str | None, _2: str | None, _3: str | None, inside: str | None
) -> int:
    """SQLite asks this before it runs anything, `inside` which trigger or view, if in one.

    Ours only ever say RAISE, which is a SELECT without a table and without a function.
    https://www.sqlite.org/c3ref/set_authorizer.html
    """
    if inside is None or action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    _here.refused = True
    return sqlite3.SQLITE_DENY


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """What happens within leaves nothing behind if it fails, and spares what went before.

    Past SQLAlchemy's begin_nested(), whose bookkeeping took a third of a batch's time.
    """
    database: Any = connection.connection.driver_connection
    database.execute("SAVEPOINT item")
    try:
        yield
    except BaseException:
        # A full disk may have ended the whole transaction already, and the savepoint with it.
        if database.in_transaction:
            database.execute("ROLLBACK TO item")
            database.execute("RELEASE item")
        raise
    database.execute("RELEASE item")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and SQLAlchemy raise into StoreError, StoreUnavailable, StoreUnusable."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _meaning(path, error.orig) from error
    except sqlite3.Error as error:
        raise _meaning(path, error) from error
    except (ValueError, OverflowError) as error:
        # A lone surrogate, an integer of more than 64 bits, a word that is no status. No
        # chaining: the codec's error carries the whole text.
        raise StoreError(
            f"the store {path} was given or holds a value that does not belong there "
            f"({type(error).__name__}). Nothing was written"
        ) from None


def _meaning(path: Path, error: BaseException | None) -> StoreError:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & 0xFF
    # Of a function that may not be called SQLite says so only in words.
    if code == sqlite3.SQLITE_AUTH or str(error).startswith("not authorized"):
        if not getattr(_here, "refused", False):
            # Nobody refused: Ctrl-C came while SQLite asked, and its exception got lost there.
            raise KeyboardInterrupt
        _here.refused = False
        return StoreUnusable(
            f"the store {path} has a trigger or a view that deployer did not make and does not "
            "run. Stop deployer, find out who made it, and restore a backup"
        )
    if extended == sqlite3.SQLITE_READONLY_DIRECTORY:
        return StoreUnavailable(
            f"the store {path} has no log beside it, and this user may not make one. "
            "Start the worker, which makes it"
        )
    if code in _UNUSABLE:
        return StoreUnusable(
            f"the store {path} is damaged: {error}. Stop deployer and restore a backup"
        )
    if code in _UNAVAILABLE:
        return StoreUnavailable(
            f"the store {path} is not available ({error}): {_UNAVAILABLE[code]}"
        )
    return StoreError(f"the store {path} refused this: {error}. Nothing was written")


class VersionReader:
    """SQLite's data version, on one connection that never writes.

    `PRAGMA data_version` changes when another connection has committed, in this process or
    in any other: https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, engine: Engine) -> None:
        self._connection: PoolProxiedConnection = engine.raw_connection()
        self._last: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call; True at the first."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            version = cursor.fetchall()[0][0]
        finally:
            cursor.close()
        last, self._last = self._last, version
        return bool(last != version)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
