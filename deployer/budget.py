"""How often Nginx may reload: what comes together shares one, fewer while old workers drain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deployer.errors import DeployerError
from deployer.ports import Applied, Proxy

GAP = 0.2
"""Seconds from the end of one reload to the beginning of the next."""
CROWDED = 8
"""So many generations of old workers that drain at once are many; twice as many are too many."""
LONGEST = 5.0
"""Seconds that a change waits for old workers at most, however long those may drain."""

_LEAST, _POLL = 0.001, 0.05


@dataclass(slots=True)
class Budget:
    """Keeps count of reloads, and of the generations of old workers that they leave behind.

    `drain` is how many seconds Nginx gives old workers to finish; `clock` and `wait` are in
    seconds too. Whoever holds the door calls one at a time; `draining` may be asked by anybody.
    """

    proxy: Proxy
    drain: float
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep
    _last: float | None = field(init=False, default=None)
    _old: list[frozenset[int]] = field(init=False, default_factory=list)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def wait_for_turn(self, urgent: Callable[[], bool]) -> None:
        """Return when Nginx may reload again: at once if it did not within `GAP`.

        While too many old workers drain it is when some of them have gone, or after a time that
        keeps their number bounded. `urgent` is asked again and again: it may become true.
        """
        while (left := self._left(urgent())) > 0:
            self.wait(min(max(left, _LEAST), _POLL))

    def spend(self, apply: Callable[[], Applied]) -> Applied:
        """Change the proxy, and note whether that was a reload and whom it left behind."""
        before = self.proxy.reloads()
        try:
            applied = apply()
        finally:
            if self.proxy.reloads() != before:
                self._last = self.clock()
        with self._lock:
            fresh = applied.old_workers.difference(*self._old)
            self._old += [fresh] if fresh else []
        return applied

    def draining(self) -> int:
        """How many generations have workers that still finish what they began."""
        with self._lock:
            if self._old:
                try:
                    left = self.proxy.remaining(frozenset().union(*self._old))
                except DeployerError:
                    # Whoever changes something is told why; this is only a count.
                    return len(self._old)
                self._old = [still for one in self._old if (still := one & left)]
            return len(self._old)

    def is_crowded(self) -> bool:
        """Whether what can wait should wait."""
        return self.draining() >= CROWDED

    def _left(self, urgent: bool) -> float:
        """Seconds until the next reload, from what is known now."""
        if self._last is None:
            return 0.0
        since = self.clock() - self._last
        if since < GAP:
            return GAP - since
        # A generation is gone after `drain` at the latest: with one reload in an eighth of that
        # there are never more than CROWDED on top of those that were there.
        spaced = min(max(self.drain, 0.0) / CROWDED, LONGEST)
        many = CROWDED * 2 if urgent else CROWDED
        return max(spaced - since, 0.0) if since < spaced and self.draining() >= many else 0.0
