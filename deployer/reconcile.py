"""Compares each app's tag with what serves, now and then: a missed webhook heals by that."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from deployer import tags
from deployer.choosing import newest
from deployer.deployment import ENDED, Deployment, Trigger, Wanted
from deployer.drift import DEPTH, Finding, Now, Seen, followed, judge
from deployer.errors import (
    DeployerError,
    EngineUnavailable,
    RateLimited,
    RegistryUnavailable,
    StoreError,
)
from deployer.model import App
from deployer.order import before_it
from deployer.ports import Registry, Store
from deployer.timetable import Between, Failing, Timetable

log = structlog.get_logger()

GLANCE = 0.25
BUSY = 15.0
_OF_ALL = (RegistryUnavailable, EngineUnavailable, StoreError)


@dataclass(slots=True)
class Reconciler:
    """Looks at one tag at a time, in a thread of its own: a registry may take long to answer.

    `apps` gives those of the configuration that is in force, `now` the time in seconds since
    1970, `clock` one that only goes forward.
    """

    apps: Callable[[], Mapping[str, App]]
    store: Store
    registry: Registry
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    between: Between = random.uniform
    _times: Timetable = field(init=False)
    _seen: dict[str, dict[str, Any]] = field(init=False, default_factory=dict)
    _begun: bool = field(init=False, default=False)
    _mended: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._times = Timetable(self.between)

    def begin(self) -> None:
        """Know what an earlier worker saw last, before this one shows anything.

        Raises StoreError where the store is away.
        """
        try:
            self._seen = _kept(self.store.snapshot())
        except StoreError as error:
            # One that no worker wrote is replaced by the next.
            if error.retry:
                raise
        self._begun = True

    def run(self, stop: threading.Event) -> None:
        """Look at what is due, once it is known what was seen before, until `stop` is set."""
        while not stop.wait(GLANCE):
            try:
                if self._begun:
                    self.turn()
            except Exception:
                # One strange answer must not end the looks at all other apps.
                log.exception("a look at a tag broke")
                stop.wait(BUSY)

    def mended(self, name: str) -> None:
        """The app's configuration has changed: what failed before may be tried once more."""
        self._mended[name] = self.now()

    def shown(self) -> dict[str, Any]:
        """What the snapshot says of it: the last look at each app, and what fails since when."""
        apps, failing = self.apps(), dict(self._times.failing)
        return {
            "apps": {name: seen for name, seen in self._seen.copy().items() if name in apps},
            "failing": [
                {"what": what, "reason": one.reason, "since": one.since}
                for what, one in sorted(failing.items())
                if what in {key for app in apps.values() for key in _keys(app)}
            ],
        }

    def turn(self) -> None:
        """Look at the app whose turn it is, if it is any's."""
        apps, at = self.apps(), self.clock()
        name = self._times.next(apps, _keys, at)
        if not name:
            return
        app = apps[name]
        try:
            waits = self._look(app)
        except DeployerError as error:
            self._fails(app, error)
            return
        self._times.again(name, self.clock(), BUSY if waits else None)
        for what in self._times.works(*_keys(app)):
            log.info("tags are compared again", what=what)

    def _look(self, app: App) -> bool:
        """Compare, and queue what has moved; whether a deployment is in the way.

        Raises RegistryError, EngineError, StoreError.
        """
        history = self.store.deployments(app.name, limit=DEPTH)
        if history and history[0].status not in ENDED:
            return True
        if app.adopt and app.name not in self.store.active():
            # Its container could not be adopted, and may still be serving.
            return False
        tag, ranged = self._tag(app, history)
        if not tag:
            return False
        known = replace(self._now(app, tag, history), ranged=ranged)
        found = known.digest
        finding, reason = judge(known)
        if finding is Finding.MOVED:
            for other in self._before(app):
                self._look(other)
            wanted = Wanted(app.name, Trigger.RECONCILE, tag=tag)
            queued = self.store.enqueue_if_idle(wanted, self.now())
            if queued is None:
                return True
            log.info("tag has moved", app=app.name, tag=tag, digest=found, deployment=queued)
        self._note(app.name, Seen(tag, found, self.now()), finding, reason)
        return False

    def _tag(self, app: App, history: list[Deployment]) -> tuple[str, bool]:
        """The tag to look at, and whether it is the newest version of a range.

        "" where nothing was deployed yet and no push has said what to start from. Raises
        RegistryError.
        """
        last = followed(app, history)
        if last and not tags.is_ranged(app.tags, last):
            return last, False
        if not last:
            return (newest(app, self.registry), True) if tags.lead(app.tags) else ("", False)
        return tags.newer(app.tags, last, self.registry.tags(app.image)) or last, True

    def _before(self, app: App) -> list[App]:
        """Apps of the same image that come first, whose look may not have been due yet."""
        apps = self.apps()
        found = [apps[name] for name in reversed(before_it(app.name, apps))]
        return [
            one for one in found if one.image.name == app.image.name and one.reconcile is not None
        ]

    def _now(self, app: App, tag: str, history: list[Deployment]) -> Now:
        active = self.store.active().get(app.name)
        digests = {row.number: row.image.digest for row in self.store.releases(app.name)}
        served = digests.get(active.release, "") if active else ""
        seen = self._seen.get(app.name)
        return Now(
            tag=tag,
            digest=self._digest(app, tag, {served, seen["digest"] if seen else served}),
            served=served,
            history=history,
            before=Seen(seen["tag"], seen["digest"], seen["at"]) if seen else None,
            mended=self._mended.get(app.name, 0.0),
        )

    def _digest(self, app: App, tag: str, known: Collection[str]) -> str:
        """What the tag means; only what is not known yet costs a look at its manifest."""
        image = replace(app.image, tag=tag)
        seen = self.registry.glance(image)
        if seen and seen in known:
            return seen
        return self.registry.resolve(image, app.spec.platform).digest

    def _note(self, name: str, seen: Seen, finding: Finding, reason: str) -> None:
        before = self._seen.get(name, {})
        self._seen[name] = {
            "tag": seen.tag,
            "digest": seen.digest,
            "at": seen.at,
            "result": finding.value,
            "reason": reason,
        }
        if finding is Finding.HELD and before.get("reason") != reason:
            log.info("tag is not deployed", app=name, tag=seen.tag, reason=reason)

    def _fails(self, app: App, error: DeployerError) -> None:
        """An error says nothing of the tag; a registry that is down spares its other apps."""
        key = _keys(app)[0 if isinstance(error, _OF_ALL) else 1]
        limited = isinstance(error, RateLimited)
        failing = Failing(self.now(), str(error))
        if self._times.failed(key, app.name, self.clock(), failing, limited=limited):
            log.warning("cannot compare the tag", app=app.name, reason=str(error))


def _keys(app: App) -> list[str]:
    """What a failure is noted under: the registry, or the app alone."""
    return [f"registry {app.image.host}", app.name]


def _kept(snapshot: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What an earlier worker saw last."""
    kept: dict[str, dict[str, Any]] = snapshot.get("reconcile", {}).get("apps", {})
    return dict(kept)
