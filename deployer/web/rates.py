"""How fast the deliveries of one hook may come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable

RATE = 100.0
"""Deliveries a second that a hook takes all the time."""
BURST = 10_000.0
"""Deliveries that it takes at once after a rest."""


class Rates:
    """A bucket of BURST deliveries for each hook, filled with RATE a second.

    It bounds what a sender that has gone mad writes to the disk; a stranger takes nothing from it.
    `clock` is in seconds and only goes forward.
    """

    def __init__(self, hooks: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        now = clock()
        self._clock = clock
        self._lock = threading.Lock()
        self._left = dict.fromkeys(hooks, (BURST, now))

    def take(self, hook: str) -> int:
        """Count one delivery; 0, or in how many seconds there is room again."""
        with self._lock:
            left, at = self._left[hook]
            now = self._clock()
            left = min(BURST, left + (now - at) * RATE)
            self._left[hook] = (left - 1 if left >= 1 else left, now)
        return 0 if left >= 1 else math.ceil((1 - left) / RATE)
