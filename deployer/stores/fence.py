"""One worker: the lock that it holds, and the fence that keeps out whoever began before it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from deployer.errors import Interrupted
from deployer.stores.files import try_lock
from deployer.stores.tables import meta

log = structlog.get_logger()

T = TypeVar("T")

_KEY = "fence"
_NEWEST = select(meta.c.value).where(meta.c.key == _KEY)

Lost = Callable[[], NoReturn]
"""Called where another worker has taken over; never returns."""


@contextmanager
def only_worker(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the worker's lock: a second one would take the first one's replicas for stale.

    The kernel frees it when its holder dies, however that happens. Raises Interrupted where
    `stop` is set before it could be had.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        said = False
        while not stop.is_set() and not try_lock(handle):
            if not said:
                log.warning("waiting: another worker runs on this state", state=str(folder))
            said = True
            stop.wait(0.2)
        if stop.is_set():
            raise Interrupted("the worker was stopped before it began")
        yield
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Fence:
    """A worker's place in the row of those that began on this store."""

    number: str
    lost: Lost

    def check(self, connection: Connection) -> None:
        """Return only where no worker began after this one."""
        if connection.execute(_NEWEST).scalar_one_or_none() != self.number:
            self.lost()


def take(connection: Connection, lost: Lost) -> Fence:
    """The next fence; what holds an earlier one is late from the commit on."""
    last = str(connection.execute(_NEWEST).scalar_one_or_none() or "")
    # Who else may write the store may have put anything there: any other number will do.
    number = str(int(last) + 1) if last.isascii() and last.isdigit() and len(last) < 19 else "1"
    statement = upsert(meta).values(key=_KEY, value=number)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": number})
    )
    return Fence(number, lost)


def fenced(part: T, check: Callable[[], None]) -> T:
    """The same part, each of whose methods begins with this check.

    For what has no transaction that could refuse what comes late: Docker and Nginx.
    """
    return cast(T, _Fenced(part, check))


class _Fenced:
    def __init__(self, part: object, check: Callable[[], None]) -> None:
        self._part = part
        self._check = check

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        def checked(*args: Any, **named: Any) -> Any:
            self._check()
            return method(*args, **named)

        return checked
