"""Of several workers on one store only the one that began last writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from deployer.deployment import Status, advance
from deployer.ports import Active
from deployer.stores.fence import fenced
from deployer.stores.sqlite import SQLiteStore
from tests.contracts.store import IMAGE, SPEC, delivery, must, order, wanted
from tests.stores.conftest import MakeStore

WRITES: Mapping[str, Callable[[SQLiteStore], object]] = {
    "answer": lambda store: store.answer(must(store.order(1))),
    "enqueue": lambda store: store.enqueue(wanted("api"), 3.0),
    "claim": lambda store: store.claim(3.0),
    "save": lambda store: store.save(advance(store.running()[0], Status.FAILED, 3.0), 3.0),
    "add_release": lambda store: store.add_release("web", IMAGE, SPEC, 3.0),
    "drop_releases": lambda store: store.drop_releases("web", []),
    "activate": lambda store: store.activate(Active("web", 1, 1)),
    "deactivate": lambda store: store.deactivate("web"),
    "show": lambda store: store.show({"at": 3.0}),
}


class TakenOver(Exception):
    """What these tests raise where a worker would end itself."""


def lost() -> NoReturn:
    raise TakenOver


@pytest.fixture
def old(make_store: MakeStore) -> SQLiteStore:
    """A worker's store with an order, a release, one deployment running and one queued."""
    store = make_store()
    store.take_fence(lost)
    store.give(order())
    store.add_release("web", IMAGE, SPEC, 1.0)
    store.enqueue(wanted("web"), 1.0)
    store.claim(2.0)
    store.enqueue(wanted("job"), 2.0)
    return store


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


@pytest.mark.parametrize("verb", WRITES)
def test_what_an_earlier_worker_writes_too_late_is_refused(
    old: SQLiteStore, make_store: MakeStore, path: Path, verb: str
) -> None:
    newer = make_store()
    newer.take_fence(lost)
    before = content(path)
    with pytest.raises(TakenOver):
        WRITES[verb](old)
    assert content(path) == before
    WRITES[verb](newer)


def test_the_receiver_writes_whoever_holds_the_fence(
    old: SQLiteStore, make_store: MakeStore
) -> None:
    make_store().take_fence(lost)
    assert make_store(grouped=True).record(delivery(), [wanted("api")]).delivery == 1
    assert make_store().give(order()) == 2


@pytest.mark.parametrize("value", ["", "-1", "not a number", "9" * 5000, "²"])
def test_a_fence_that_somebody_spoiled_ends_who_holds_it_and_the_next_one_works(
    old: SQLiteStore, make_store: MakeStore, path: Path, value: str
) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'fence'", (value,))
    with pytest.raises(TakenOver):
        old.deactivate("web")
    store = make_store()
    store.take_fence(lost)
    store.deactivate("web")


def test_what_has_no_transaction_is_not_even_begun_too_late(
    old: SQLiteStore, make_store: MakeStore
) -> None:
    """Docker and Nginx know no fence: it is looked at before each call."""
    done: list[int] = []
    part = fenced(done, old.check_fence)
    part.append(1)
    make_store().take_fence(lost)
    with pytest.raises(TakenOver):
        part.append(2)
    assert done == [1]


def test_a_store_that_is_away_is_no_reason_to_end(old: SQLiteStore, path: Path) -> None:
    """Traffic can be switched back meanwhile; nobody takes a fence in a store that is away."""
    old.check_fence()
    path.parent.rename(path.parent.with_name("away"))
    old.check_fence()
    path.parent.with_name("away").rename(path.parent)
