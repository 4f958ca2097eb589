"""How the store's verbs reach the database: a transaction to read, a transaction to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, local
from typing import TypeVar

from sqlalchemy import Connection

from deployer.stores.connections import (
    BUSY_TIMEOUT,
    VersionReader,
    engine_for,
    savepoint,
    translated,
)
from deployer.stores.group import GroupWriter

T = TypeVar("T")


class Database:
    """Connections to one SQLite file, opened when first used; safe for several threads.

    With `grouped` all writes go through one thread that commits in groups, which is what the
    receiver needs; without, each caller commits its own, in whose transaction `guard`, where it is
    set, may refuse it. `busy_timeout` in seconds.
    """

    def __init__(self, path: Path, *, grouped: bool, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self._engine = engine_for(path, busy_timeout)
        self._writers = self._engine.execution_options(writes=True)
        self._group = GroupWriter(self.writing, self._savepoint) if grouped else None
        self._of_thread = local()
        self._readers: list[VersionReader] = []
        self._lock = Lock()
        self.guard: Callable[[Connection], None] | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees the store as it is at its first question."""
        with translated(self.path), self._engine.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do this work in a transaction; return its result once that is committed."""
        if self._group is not None:
            return self._group.write(work)
        with self.writing() as connection:
            if self.guard is not None:
                self.guard(connection)
            return work(connection)

    def changed(self) -> bool:
        """Whether anything was committed since this thread last asked; True at first."""
        with translated(self.path):
            reader = getattr(self._of_thread, "reader", None)
            if reader is None:
                reader = self._of_thread.reader = VersionReader(self._engine)
                with self._lock:
                    self._readers.append(reader)
            return bool(reader.changed())

    def close(self) -> None:
        """Write what is waiting and close all connections."""
        if self._group is not None:
            self._group.close()
        with self._lock:
            for reader in self._readers:
                reader.close()
            self._readers.clear()
        self._of_thread = local()
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction of the caller's own, committed when it is left."""
        with translated(self.path), self._writers.begin() as connection:
            yield connection

    @contextmanager
    def _savepoint(self, connection: Connection) -> Iterator[None]:
        with translated(self.path), savepoint(connection):
            yield
