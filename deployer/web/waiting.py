"""`?wait=SECONDS`: a request that is answered once deployments have ended, or time is up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import BoundedSemaphore

import structlog

from deployer.deployment import ENDED, Deployment
from deployer.errors import BadPayload, StoreError
from deployer.ports import Order, Store

log = structlog.get_logger()

LONGEST = 10.0
"""How long one request waits, in seconds: less than Nginx does (`proxy_read_timeout`, 15 s)."""

SHARE = 4
"""One of so many threads may wait; the others are there for deliveries."""

POLL = 0.1
_SOON, _LATER = 1, 5
_SECONDS = re.compile(r"[0-9]{1,4}")
_MOST_ASKED = 3600


@dataclass(frozen=True, slots=True)
class Waited:
    """Deployments as they are now, and when to ask again (seconds) where one has not ended.

    `order` is the one that was waited for, if it was one.
    """

    deployments: tuple[Deployment, ...]
    retry_after: int = 0
    order: Order | None = None


class Waiting:
    """Lets a quarter of the threads wait; who comes when those are taken is answered at once."""

    def __init__(self, store: Store, threads: int) -> None:
        self._store = store
        self._places = BoundedSemaphore(threads // SHARE)

    def until_ended(
        self, numbers: Sequence[int], seconds: float, follow: Collection[str] = ()
    ) -> Waited:
        """The deployments once all have ended, at the latest after `seconds` or LONGEST.

        Of the apps in `follow` a superseded one is waited for in what took its place.
        Raises nothing: what was committed before stays true where the store cannot be read.
        """
        return self._until(lambda: self._look(numbers, follow), seconds)

    def until_done(self, order: int, seconds: float) -> Waited:
        """An order once it is carried out and its deployment has ended; else as `until_ended`."""
        return self._until(lambda: self._look_at(order), seconds)

    def _until(self, look: Callable[[], Waited], seconds: float) -> Waited:
        try:
            return self._wait(look, min(seconds, LONGEST))
        except StoreError as error:
            log.warning("waiting was given up", reason=str(error))
            return Waited((), _LATER)

    def _wait(self, look: Callable[[], Waited], seconds: float) -> Waited:
        deadline = time.monotonic() + seconds
        now = look()
        if not now.retry_after or not seconds:
            return now
        if not self._places.acquire(blocking=False):
            return replace(now, retry_after=_LATER)
        try:
            while now.retry_after and time.monotonic() < deadline:
                time.sleep(POLL)
                now = look()
        finally:
            self._places.release()
        return now

    def _look(self, numbers: Sequence[int], follow: Collection[str]) -> Waited:
        asked = [one for number in numbers if (one := self._store.deployment(number))]
        found = [self._newest(one) if one.app in follow else one for one in asked]
        ended = len(found) == len(numbers) and all(one.status in ENDED for one in found)
        return Waited(tuple(found), 0 if ended else _SOON)

    def _look_at(self, number: int) -> Waited:
        order = self._store.order(number)
        if order is None or not order.result:
            return Waited((), _SOON, order)
        if order.deployment is None:
            return Waited((), 0, order)
        return replace(self._look([order.deployment], ()), order=order)

    def _newest(self, one: Deployment) -> Deployment:
        while newer := self._store.superseding(one):
            one = newer
        return one


def asked_wait(query: Mapping[str, str]) -> float | None:
    """The seconds of `wait` in a query; None without it. Raises BadPayload where it is none."""
    text = query.get("wait")
    if text is None:
        return None
    if not _SECONDS.fullmatch(text) or int(text) > _MOST_ASKED:
        raise BadPayload(f"wait is not a number of seconds from 0 to {_MOST_ASKED}")
    return float(text)
