"""The pulse: the snapshot is written also while the worker's loop hangs in a call."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.errors import EngineUnavailable
from deployer.pulse import Pulse
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    path = tmp_path / "state" / "deployer.db"
    migrate(path)
    one = SQLiteStore(path)
    yield one
    one.close()


@contextmanager
def beating(pulse: Pulse) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=pulse.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def reasons(store: SQLiteStore) -> list[str]:
    """What is waited for, as the store tells it."""
    return [one["reason"] for one in store.snapshot().get("worker", {}).get("waits", [])]


def eventually(store: SQLiteStore, words: list[str]) -> None:
    """Wait until each reason begins with these words, and there is no other."""
    end = time.monotonic() + 30
    while [one[: len(word)] for one, word in zip(reasons(store), words, strict=False)] != words or (
        len(reasons(store)) != len(words)
    ):
        assert time.monotonic() < end, reasons(store)
        time.sleep(0.01)


def test_a_call_that_hangs_is_told_and_is_no_longer_once_it_returned(store: SQLiteStore) -> None:
    pulse = Pulse(store, time.time, beat=0.02, hangs_after=0.1)
    with beating(pulse):
        with pulse.calling():
            eventually(store, ["Docker or Nginx does not answer"])
        eventually(store, [])


def test_what_is_waited_for_keeps_its_first_time_and_what_was_seen_stays(
    store: SQLiteStore,
) -> None:
    pulse = Pulse(store, time.time, beat=0.02)
    pulse.show({"at": 5.0})
    with beating(pulse):
        pulse.waits("look", EngineUnavailable("Docker is away"))
        eventually(store, ["Docker is away"])
        (first,) = store.snapshot()["worker"]["waits"]
        pulse.waits("look", EngineUnavailable("Docker refuses"))
        eventually(store, ["Docker refuses"])
        (second,) = store.snapshot()["worker"]["waits"]
        assert second["since"] == first["since"]
        assert store.snapshot()["at"] == 5.0
        pulse.goes_on("look")
        eventually(store, [])
