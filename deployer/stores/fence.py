"""The fence: of all workers that ever began on a store only the newest one may still act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from deployer.stores.tables import meta

T = TypeVar("T")

_KEY = "fence"
_NEWEST = select(meta.c.value).where(meta.c.key == _KEY)

Lost = Callable[[], NoReturn]
"""Called where another worker has taken over; never returns."""


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
