"""Replays: what a delivery said, decided anew by the configuration of now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from deployer.config.values import ReceiverPart
from deployer.deployment import Trigger
from deployer.errors import Refused
from deployer.ports import Delivery, Recorded, Store
from deployer.web.deciding import decide, selectors_of
from deployer.web.hearing import read

log = structlog.get_logger()


class Replaying:
    """Lets deliveries count once more. `now` gives seconds since 1970."""

    def __init__(self, part: ReceiverPart, store: Store, now: Callable[[], float]) -> None:
        """Raises ConfigError where an app's image is not well formed."""
        self._hooks = part.hooks
        self._selectors = selectors_of(part.apps)
        self._store = store
        self._now = now

    def why_not(self, first: Delivery) -> str:
        """Why there is nothing to replay; "" where there is something. Raises StoreUnusable."""
        if first.hook not in self._hooks:
            return f"the hook {first.hook} is not configured any more"
        if first.verdict == "refused":
            return f"it was refused, so nothing was heard: {first.reason}"
        if not first.heard:
            return (
                "it was taken by a deployer that did not keep what was said. Let its sender "
                "send it again"
            )
        heard = read(first.heard)
        if not heard.pushes and not heard.facts:
            return f"it says nothing that could be deployed: {heard.reason}"
        return ""

    def replay(self, first: Delivery, given_by: str) -> tuple[Delivery, Recorded]:
        """The delivery that stands for the replay, and what it queued.

        It is a row of its own, so that the history says who let it count when. What it queues is
        what an operator asks for: it goes on while its app is paused. Raises Refused where there
        is nothing to replay.
        """
        if why := self.why_not(first):
            raise Refused(f"delivery {first.id} cannot be replayed: {why}")
        decided = decide(read(first.heard), self._hooks[first.hook], self._selectors, self._store)
        again = replace(
            first,
            received_at=self._now(),
            verdict=decided.verdict,
            reason=decided.reason,
            replay_of=first.id,
            given_by=given_by,
        )
        wanted = [replace(one, trigger=Trigger.OPERATOR) for one in decided.wanted]
        recorded = self._store.record(again, wanted)
        log.info(
            "delivery replayed", delivery=recorded.delivery, of=first.id, result=decided.verdict
        )
        return replace(again, id=recorded.delivery), recorded
