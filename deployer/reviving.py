"""Starts again what Docker itself ended, and leaves what somebody stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from deployer.errors import DeployerError, EngineUnavailable, StartFailed, StoreError
from deployer.model import Replica, Running
from deployer.parts import Parts
from deployer.ports import Active
from deployer.releases import is_of

log = structlog.get_logger()

# Docker starts one in half a second, and several at once in hardly more.
AT_ONCE = 8
# Seconds from one try to the next of what could not be started; a start may take a minute to fail.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
_UP = (Running.RUNNING, Running.RESTARTING)


def up(replicas: Sequence[Replica]) -> frozenset[str]:
    """The ids of those that run, or that Docker keeps restarting."""
    return frozenset(one.id for one in replicas if one.state in _UP)


def ended(ran: Collection[str], now: Sequence[Replica]) -> frozenset[str]:
    """The ids of those that ran before Docker was away, and have ended now that it is back."""
    return frozenset(one.id for one in now if one.id in ran and one.state is Running.EXITED)


def up_before(snapshot: Mapping[str, Any]) -> frozenset[str]:
    """The ids of those that ran when a worker looked last."""
    listed = [one for replicas in snapshot.get("apps", {}).values() for one in replicas]
    return frozenset(one["id"] for one in listed if one["state"] in _UP)


def one_ran_on(ran: Collection[str], now: Sequence[Replica], at: float) -> bool:
    """Whether one that ran at that time (seconds since 1970) has done so ever since.

    Then Docker has not ended its containers: what has ended was stopped, or ended by itself.
    """
    return any(
        one.id in ran
        and one.state is Running.RUNNING
        and bool(one.started_at)
        and datetime.fromisoformat(one.started_at).timestamp() <= at
        for one in now
    )


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why one could not be started again, and when that is tried anew, after which pause."""

    reason: str
    pause: float
    due: float


@dataclass(slots=True)
class Reviving:
    """Knows what ran when Docker was seen last, and once it is back starts again what ended since.

    A Docker that finds containers alive when it starts stops them as an operator would, and with
    `unless-stopped` leaves them so; what exits with 0 at its signal stays ended with `on-failure`.
    What cannot be started is tried again after ever longer pauses. With the policy `no` it is left,
    and so is an app while a deployment of it runs. `parts` gives the apps that are in force,
    `clock` the seconds since some moment.
    """

    parts: Callable[[], Parts]
    clock: Callable[[], float] = time.monotonic
    _ran: frozenset[str] | None = field(init=False, default=None)
    _ended: set[str] = field(init=False, default_factory=set)
    _failed: dict[str, _Refusal] = field(init=False, default_factory=dict)
    # Only the thread that follows the events adds to it, so none of its words is overwritten.
    _breaks: int = field(init=False, default=0)
    _known: int = field(init=False, default=0)
    _away: bool = field(init=False, default=False)

    def lost(self) -> None:
        """Docker has ended the connection that its events come by, or does not answer."""
        self._breaks += 1

    def replicas(self, busy: Collection[str] = ()) -> list[Replica]:
        """All replicas, once what Docker ended has been started again, but of apps in `busy`.

        Raises StoreError, EngineUnavailable.
        """
        store = self.parts().store
        left = {one.app for one in store.running()}.union(busy)
        active = store.active()
        now = self._look()
        due = {one for one, refusal in self._failed.items() if refusal.due <= self.clock()}
        chosen = [one for one in now if one.id in self._ended | due and one.app not in left]
        self._ended.difference_update(one.id for one in chosen)
        wanted = [one for one in chosen if is_of(one, active.get(one.app))]
        restarts = {one.app: self._restart(active[one.app]) for one in wanted}
        wanted = [one for one in wanted if restarts[one.app] != "no"]
        if not wanted:
            return now
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda one: self._start(one, restarts[one.app]), wanted))
        return self._listed()

    def check(self) -> None:
        """Raise StartFailed while something does not run that could not be started again."""
        if self._failed:
            reasons = "; ".join(one.reason for _, one in sorted(self._failed.items()))
            raise StartFailed(f"what Docker ended does not run again: {reasons}")

    def _look(self) -> list[Replica]:
        """All replicas, and those noted that Docker has ended since the last look."""
        # Before the list: of what breaks from here on the next one tells.
        breaks = self._breaks
        now = self._listed()
        if self._ran is None:
            self._ran, was_away = self._before(now)
        else:
            was_away = self._away or breaks != self._known
        self._known, self._away = breaks, False
        if was_away:
            self._ended |= ended({*self._ran, *self._failed}, now)
        self._ended &= ended(self._ended, now)
        down = ended(self._failed, now)
        self._failed = {one: refusal for one, refusal in self._failed.items() if one in down}
        self._ran = up(now)
        return now

    def _before(self, now: Sequence[Replica]) -> tuple[frozenset[str], bool]:
        """What ran when the worker before this one looked last, and whether Docker ended it."""
        try:
            snapshot = self.parts().store.snapshot()
        except StoreError as error:
            # One that no worker wrote is replaced by the next.
            if error.retry:
                raise
            return frozenset(), False
        ran = up_before(snapshot)
        return ran, not one_ran_on(ran, now, snapshot.get("at", 0.0))

    def _listed(self) -> list[Replica]:
        try:
            return self.parts().engine.replicas()
        except EngineUnavailable:
            self._away = True
            raise

    def _restart(self, active: Active) -> str:
        """The restart policy of what an app serves; "no" where nothing is to be done of it."""
        parts = self.parts()
        app = parts.apps.get(active.app)
        spec = parts.releases.spec_of(active, app) if app is not None else None
        return spec.restart if spec is not None else "no"

    def _start(self, replica: Replica, restart: str) -> None:
        bound = log.bind(app=replica.app, container=replica.name)
        try:
            self.parts().engine.revive(replica, restart)
        except DeployerError as error:
            before = self._failed.get(replica.id)
            pause = min(before.pause * 2, LONGEST_PAUSE) if before else FIRST_PAUSE
            bound.warning(
                "not started again after Docker ended it", reason=str(error), again_after=pause
            )
            self._failed[replica.id] = _Refusal(str(error), pause, self.clock() + pause)
        else:
            self._failed.pop(replica.id, None)
            bound.info("started again, since Docker had ended it")
