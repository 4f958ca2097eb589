"""Moves apps that share another's network after it, and keeps what they leave until they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.drift import DEPTH
from deployer.errors import DeployerError
from deployer.model import App, Replica, Running
from deployer.order import in_order
from deployer.parts import Parts
from deployer.ports import Active
from deployer.releases import is_of
from deployer.sharing import has_network_of, owner, runs

log = structlog.get_logger()

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


def freed(
    parts: Parts,
    replicas: Sequence[Replica],
    sleep: Callable[[float], None],
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Replica]:
    """These replicas, each once no other app uses its network any more.

    What a newer deployment of its app is to remove is left to that one. `tell` hears who is
    waited for. Waits where Docker or the store is away; raises what `sleep` raises.
    """
    left, pause, told = list(replicas), FIRST_PAUSE, ""
    begun: Mapping[str, Active] | None = None
    while left:
        try:
            active = parts.store.active()
            running = {one.app for one in parts.store.running()}
            users = _users(parts, left, running)
        except DeployerError as error:
            if not error.retry:
                raise
            sleep(LONGEST_PAUSE)
            continue
        begun = active if begun is None else begun
        yield from (one for one in left if one.id not in users)
        # A newer one that is under way can still go back, and leaves them to us then.
        newer = {name for name in active if active[name] != begun.get(name)} - running
        left = [one for one in left if one.id in users and one.app not in newer]
        words = "; ".join(f"{one.name} stays until {users[one.id]} has moved" for one in left)
        if words and words != told:
            tell(f"{words}: its network is shared")
            told = words
        if left:
            sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _users(parts: Parts, replicas: Sequence[Replica], running: set[str]) -> dict[str, str]:
    """Those of the replicas that others need, by id, and who they are.

    An app that is being deployed may have been given one before it was replaced.
    """
    seen, found = parts.engine.replicas(), {}
    for one in replicas:
        now = owner(one.id, seen)
        if now is None or not runs(now):
            continue
        names = {other.app for other in seen if other.joined == one.id}
        names |= {name for name, app in parts.apps.items() if app.spec.shares == one.app} & running
        if names:
            found[one.id] = " and ".join(sorted(names))
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is at one moment; `running` and `waiting` are apps with such a deployment."""

    parts: Parts
    active: Mapping[str, Active]
    replicas: Sequence[Replica]
    running: set[str]
    waiting: set[str]

    def of(self, app: str) -> list[Replica]:
        """The replicas of what the app serves."""
        return [one for one in self.replicas if is_of(one, self.active.get(app))]

    def former(self, container: str) -> Replica | None:
        """The replica that is this container, if its app no longer serves with it."""
        found = owner(container, self.replicas)
        settled = found and found.app in self.parts.apps and found.app not in self.running
        return found if found and settled and found not in self.of(found.app) else None


@dataclass(slots=True)
class Moving:
    """Deploys an app again whose replicas share a network that the other app no longer has.

    What is to be done is read from Docker and the store at each look, so that it does not matter
    where a worker is killed. It is tried once for each container of the other app, however that
    ends; what is left behind then is told.
    """

    parts: Callable[[], Parts]
    _queued: dict[str, tuple[str, str, int]] = field(init=False, default_factory=dict)
    _behind: list[dict[str, Any]] = field(init=False, default_factory=list)

    def turn(self, active: Mapping[str, Active], replicas: Sequence[Replica]) -> None:
        """Queue what is needed now. Raises StoreError."""
        self._behind = []
        joined = {one.app for one in replicas if one.joined}
        if not joined:
            return
        parts = self.parts()
        running = {one.app for one in parts.store.running()}
        waiting = {one.app for one in parts.store.waiting()}
        seen = _Seen(parts, active, replicas, running, waiting)
        for name in in_order(parts.apps):
            if name in joined - running - waiting:
                self._follow(seen, parts.apps[name])
        self._tell_strangers(seen)

    def shown(self) -> list[dict[str, Any]]:
        """What did not move, as the snapshot has it."""
        return list(self._behind)

    def _follow(self, seen: _Seen, app: App) -> None:
        mine = [one for one in seen.of(app.name) if one.joined]
        spec = seen.parts.releases.spec_of(seen.active.get(app.name), app)
        if not mine or spec is None:
            return
        if not spec.shares:
            self._tell_fixed(seen, app, mine[0])
            return
        host = next((one for one in seen.of(spec.shares) if one.state is Running.RUNNING), None)
        if host is None or spec.shares in seen.running:
            return
        lost = next((one for one in mine if not has_network_of(one, host)), None)
        if lost is None:
            return
        tried = self._tried(seen, app, host)
        if tried is None:
            self._queue(seen, app, host)
        else:
            self._behind.append(_left_behind(seen, app, lost, host, tried))

    def _tried(self, seen: _Seen, app: App, host: Replica) -> Deployment | None:
        """The deployment that was to move the app to this container, since it serves what it does.

        Its number counts as well as the time: clocks are set back.
        """
        store, serving = seen.parts.store, seen.active[app.name]
        by = store.deployment(seen.active[host.app].deployment)
        since = max(by.ended_at or 0.0 if by else 0.0, _seconds(host.started_at))
        container, start, number = self._queued.get(app.name, ("", "", 0))
        mine = number if (container, start) == (host.id, host.started_at) else 0
        for one in store.deployments(app.name, DEPTH):
            again = one.trigger is Trigger.CONFIG and one.release == serving.release
            counts = again and one.status is not Status.SUPERSEDED and one.id >= serving.deployment
            if counts and (one.queued_at >= since or one.id == mine):
                return one
        return None

    def _queue(self, seen: _Seen, app: App, host: Replica) -> None:
        parts, serving = seen.parts, seen.active[app.name]
        wanted = Wanted(app.name, Trigger.CONFIG, release=serving.release)
        queued = parts.store.enqueue_if_idle(wanted, parts.now())
        if queued is not None:
            self._queued[app.name] = (host.id, host.started_at, queued)
            log.info("network moved", app=app.name, to=host.name, deployment=queued)

    def _tell_fixed(self, seen: _Seen, app: App, replica: Replica) -> None:
        former = seen.former(replica.joined)
        if former is not None:
            reason = (
                f"it shares the network of {former.name}, a former container of {former.app}, "
                f"which is kept for it. Write `network_mode: service:{former.app}` instead"
            )
            self._behind.append(_told(app.name, reason))

    def _tell_strangers(self, seen: _Seen) -> None:
        """What an app still uses that the configuration has no more."""
        for one in seen.replicas:
            former = seen.former(one.joined) if one.app not in seen.parts.apps else None
            if former is not None:
                reason = (
                    f"its former container {former.name} is kept: {one.name}, of an app that "
                    "config.yml has no more, shares its network. If that one is not needed: "
                    f"docker rm -f {one.name}"
                )
                self._behind.append(_told(former.app, reason))


def _left_behind(
    seen: _Seen, app: App, lost: Replica, host: Replica, tried: Deployment
) -> dict[str, Any]:
    old = owner(lost.joined, seen.replicas)
    if old is not None and old.id != host.id and runs(old):
        what = f"it still shares the network of {old.name}, which is kept for it"
    else:
        what = f"it has lost its network: that of {host.app} is another one since it was restarted"
    reason = (
        f"{what}. Deployment {tried.id}, which was to give it that of {host.name}, ended as "
        f"{tried.status}: correct what `deployer show {tried.id}` says, then: "
        f"deployer deploy {app.name}"
    )
    return _told(app.name, reason, tried.ended_at)


def _told(app: str, reason: str, since: float | None = None) -> dict[str, Any]:
    return {"what": app, "reason": reason, "since": since}


def _seconds(rfc3339: str) -> float:
    """Seconds since 1970, 0 where it never was."""
    return datetime.fromisoformat(rfc3339).timestamp() if rfc3339 else 0.0
