"""The worker's pulse: what it sees and what it waits for, shown also while a call hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from deployer.errors import DeployerError
from deployer.ports import Store

log = structlog.get_logger()

BEAT = 1.0
# Docker answers in milliseconds; the longest wait for a lock of the store is five seconds.
HANGS_AFTER = 6.0
EVERY = 5.0


@dataclass(slots=True)
class Pulse:
    """Writes the snapshot: at once when the worker has looked, else from a thread of its own.

    The worker's loop may hang in a call to Docker for a minute. `now` is in seconds since
    1970; `beat` and `hangs_after` in seconds.
    """

    store: Store
    now: Callable[[], float]
    beat: float = BEAT
    hangs_after: float = HANGS_AFTER
    _seen: dict[str, Any] = field(init=False, default_factory=dict)
    _waits: dict[str, dict[str, Any]] = field(init=False, default_factory=dict)
    _call: tuple[float, float] | None = field(init=False, default=None)
    _shown: tuple[float, object] = field(init=False, default=(0.0, None))
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def run(self, stop: threading.Event) -> None:
        """Beat until `stop` is set; a store that is away is tried again at the next beat."""
        while not stop.wait(self.beat):
            try:
                self._beat()
            except DeployerError as error:
                log.debug("no pulse", reason=str(error))

    def show(self, seen: Mapping[str, Any]) -> None:
        """What the worker has just seen. Raises StoreError."""
        self._seen = dict(seen)
        self._write()

    def waits(self, doing: str, error: DeployerError) -> None:
        """This cannot be done now, and why."""
        since = self._waits.get(doing, {}).get("since", self.now())
        self._waits[doing] = {"doing": doing, "reason": str(error), "since": since}

    def goes_on(self, doing: str) -> None:
        """This is done again."""
        self._waits.pop(doing, None)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While this lasts the loop asks Docker, Nginx or the store, and may hang."""
        self._call = (time.monotonic(), self.now())
        try:
            yield
        finally:
            self._call = None

    def _beat(self) -> None:
        last, shown = self._shown
        waits = self._all_waits()
        if waits != shown or time.monotonic() - last >= EVERY:
            self._write()

    def _all_waits(self) -> list[dict[str, Any]]:
        waits = list(self._waits.copy().values())
        call = self._call
        if call is not None and time.monotonic() - call[0] >= self.hangs_after:
            reason = (
                "Docker or Nginx does not answer. Look whether Docker hangs: `docker info`; "
                "what is queued goes on by itself when it answers again"
            )
            waits.append({"doing": "call", "reason": reason, "since": call[1]})
        return waits

    def _write(self) -> None:
        with self._lock:
            now, waits = self.now(), self._all_waits()
            if not self._seen:
                self._seen = self.store.snapshot() or {"at": now}
            self.store.show({**self._seen, "worker": {"at": now, "waits": waits}})
            self._shown = (time.monotonic(), waits)
