"""What a proof needs of the sender's cloud: fetched in bounds, kept, and not for every stranger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from deployer.errors import BadCredential

LIMIT = 2.0
"""How long somebody may be silent of whom something is fetched, in seconds."""

_MOST = 64 * 1024
_KEPT = 16

Fetch = Callable[[str], bytes]
"""Gives what is at an address. Raises OSError, of which requests' errors are."""

Value = TypeVar("Value")


def fetched(url: str) -> bytes:
    """What is at this address, at most 64 KiB; nobody is followed elsewhere. Raises OSError."""
    import requests

    with requests.get(url, timeout=LIMIT, allow_redirects=False, stream=True) as answer:
        if answer.status_code != requests.codes.ok:
            raise OSError(f"the answer was {answer.status_code}")
        content, ends = b"", time.monotonic() + LIMIT
        for part in answer.iter_content(8192):
            content += part
            if len(content) > _MOST or time.monotonic() > ends:
                raise OSError("the answer is too long, or too slow")
        return content


class Kept(Generic[Value]):
    """Keys by their names; those that are not known are fetched once in `pause` seconds at most.

    Whoever asks for a known one never waits for a fetch. `clock` only goes forward.
    """

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Mapping[str, Value] = {}
        self._next = float("-inf")

    def get(self, name: str, fetch: Callable[[], Mapping[str, Value]]) -> Value:
        """The value of this name; `fetch` gives it, and others that come with it.

        Raises BadCredential where it cannot be had.
        """
        if name in (known := self._known):
            return known[name]
        if not self._lock.acquire(timeout=LIMIT):
            raise BadCredential("the key of its signature is being fetched still")
        try:
            if name not in self._known:
                self._take(fetch)
            if name in self._known:
                return self._known[name]
        finally:
            self._lock.release()
        raise BadCredential("the key of its signature is not known")

    def _take(self, fetch: Callable[[], Mapping[str, Value]]) -> None:
        now = self._clock()
        if now < self._next:
            raise BadCredential(
                f"the key of its signature is not known, and one is fetched only every "
                f"{self._pause:g} s"
            )
        self._next = now + self._pause
        try:
            found = fetch()
        except (OSError, ValueError) as error:
            raise BadCredential(f"the key of its signature cannot be had: {error}") from error
        older = {name: one for name, one in self._known.items() if name not in found}
        newest = {**older, **found}
        # The oldest ones go: a cloud replaces its keys, and nobody signs with those for ever.
        self._known = dict(list(newest.items())[-_KEPT:])
