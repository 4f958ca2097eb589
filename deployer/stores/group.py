"""Group commit: what several threads want to write at once shares one transaction.

A commit with `synchronous=FULL` waits for the disk. One thread that commits for all waits
once for everything that came in meanwhile, where a commit each would queue for the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from sqlalchemy import Connection

from deployer.errors import StoreUnavailable, StoreUnusable

T = TypeVar("T")
Work = Callable[[Connection], Any]
Item = tuple[Work, Future[Any]]
Outcome = tuple[Any, BaseException | None]

_LARGEST_BATCH = 256


class GroupWriter:
    """Runs work on a connection, in one thread that starts with the first call.

    `begin` opens a transaction that commits when it is left; `item` guards one piece of work
    in it, translating its errors.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[Connection]],
        item: Callable[[Connection], AbstractContextManager[None]],
    ) -> None:
        self._begin = begin
        self._item = item
        self._waiting: SimpleQueue[Item | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._closed = False

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do this work and return its result once it is committed; raise what it raised.

        Raises StoreUnavailable where the commit failed: nothing of the batch is written then.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed: this process is being stopped")
            if self._thread is None:
                self._thread = Thread(target=self._run, name="store-writer", daemon=True)
                self._thread.start()
            self._waiting.put((work, future))
        return future.result()

    def close(self) -> None:
        """Write what is waiting, then stop the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._waiting.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            if batch:
                self._commit(batch)

    def _next_batch(self) -> tuple[list[Item], bool]:
        """All that is waiting, at least one; False with it where the writer was closed."""
        batch: list[Item] = []
        entry = self._waiting.get()
        try:
            while entry is not None:
                batch.append(entry)
                if len(batch) == _LARGEST_BATCH:
                    return batch, True
                entry = self._waiting.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _commit(self, batch: list[Item]) -> None:
        try:
            with self._begin() as connection:
                outcomes = [self._try(connection, work) for work, _ in batch]
        except Exception as error:  # noqa: BLE001 - not swallowed: all callers get it
            # Nothing is logged here: on a full disk that fails too, and the thread must live.
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), (result, problem) in zip(batch, outcomes, strict=True):
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)

    def _try(self, connection: Connection, work: Work) -> Outcome:
        """Do one piece of work within a savepoint: a bad one fails alone."""
        try:
            with self._item(connection):
                return work(connection), None
        except (StoreUnavailable, StoreUnusable):
            # SQLite may have rolled back the whole transaction with it, the others' work too:
            # https://www.sqlite.org/lang_transaction.html, "Response To Errors"
            raise
        except Exception as error:  # noqa: BLE001 - not swallowed: its caller gets it
            return None, error
