"""Group commit: one transaction for many callers, each of which gets its own answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import Connection, insert, select

from deployer.errors import StoreUnavailable
from deployer.stores.base import Database
from deployer.stores.connections import savepoint
from deployer.stores.group import GroupWriter
from deployer.stores.tables import meta
from tests.lab.shell import wait_until

Work = Callable[[Connection], str]


class Gate:
    """A GroupWriter whose transactions are counted and may be held back."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, grouped=False)
        self.open = Event()
        self.begun = 0
        self.writer = GroupWriter(self._begin, savepoint)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        self.begun += 1
        assert self.open.wait(10)
        with self.database.writing() as connection:
            yield connection

    def keys(self) -> set[str]:
        with self.database.reading() as connection:
            return set(connection.execute(select(meta.c.key)).scalars()) - {"instance"}


@pytest.fixture
def gate(path: Path) -> Iterator[Gate]:
    gate = Gate(path)
    yield gate
    gate.open.set()
    gate.writer.close()
    gate.database.close()


def put(connection: Connection, key: str) -> str:
    """Write one row; `key` is unique."""
    connection.execute(insert(meta).values(key=key, value=""))
    return key


class Callers:
    """Threads that hand in their work at the same moment, while the gate is shut."""

    def __init__(self, gate: Gate, pool: ThreadPoolExecutor, works: list[Work]) -> None:
        # The writer begins a batch with this one and waits at the gate: the rest piles up.
        self.held = pool.submit(gate.writer.write, lambda connection: put(connection, "held"))
        wait_until(lambda: gate.begun > 0, "the batch that waits")
        together = Barrier(len(works) + 1)

        def hand_in(work: Work) -> str:
            together.wait(10)
            return gate.writer.write(work)

        self.futures = [pool.submit(hand_in, work) for work in works]
        together.wait(10)

    def results(self) -> list[str | BaseException]:
        """What each caller got: its result, or what was raised."""
        assert self.held.result(10) == "held"
        return [future.exception(10) or future.result() for future in self.futures]


def putting(key: str) -> Work:
    """Work that writes one row."""
    return lambda connection: put(connection, key)


def test_what_waits_together_shares_one_transaction(gate: Gate) -> None:
    keys = [f"key {number}" for number in range(12)]
    with ThreadPoolExecutor(13) as pool:
        callers = Callers(gate, pool, [putting(key) for key in keys])
        gate.open.set()
        assert callers.results() == keys
    assert gate.keys() == {"held", *keys}
    assert gate.begun < len(keys)


def test_one_bad_item_of_a_batch_fails_alone(gate: Gate) -> None:
    with ThreadPoolExecutor(4) as pool:
        callers = Callers(gate, pool, [putting("before"), putting("held"), putting("after")])
        gate.open.set()
        first, bad, last = callers.results()
    assert (first, last) == ("before", "after")
    assert "UNIQUE constraint failed" in str(bad)
    assert gate.keys() == {"held", "before", "after"}


def test_half_of_a_bad_item_is_not_written(gate: Gate) -> None:
    def half(connection: Connection) -> None:
        put(connection, "half")
        raise TypeError("a mistake of ours")

    gate.open.set()
    with pytest.raises(TypeError, match="a mistake of ours"):
        gate.writer.write(half)
    assert gate.keys() == set()
    assert gate.writer.write(lambda connection: put(connection, "next")) == "next"


def test_an_unavailable_store_in_one_item_ends_the_batch_for_all(gate: Gate) -> None:
    """SQLite may have rolled everything back: nobody may be told that his row is written."""

    def full(connection: Connection) -> str:
        put(connection, "full")
        raise StoreUnavailable("the disk is full")

    with ThreadPoolExecutor(6) as pool:
        works = [putting("one"), putting("two"), full, putting("three"), putting("four")]
        callers = Callers(gate, pool, works)
        gate.open.set()
        outcomes = callers.results()
    assert isinstance(outcomes[2], StoreUnavailable)
    assert gate.keys() == {"held", *(one for one in outcomes if isinstance(one, str))}


def test_closing_writes_what_is_waiting_and_takes_nothing_more(gate: Gate) -> None:
    with ThreadPoolExecutor(3) as pool:
        callers = Callers(gate, pool, [putting("one"), putting("two")])
        gate.open.set()
        assert callers.results() == ["one", "two"]
    gate.writer.close()
    assert gate.keys() == {"held", "one", "two"}
    with pytest.raises(StoreUnavailable, match="closed"):
        gate.writer.write(putting("late"))
    gate.writer.close()
