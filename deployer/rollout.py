"""The procedure: what a deployment does, step by step, and how each step is undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from deployer.deployment import Deployment, Status, Step, Trigger
from deployer.errors import DeadlinePassed, DeployerError, Interrupted, NotConfirmed, Refused
from deployer.evidence import how_it_ended
from deployer.health import Prober, Watcher, prove_through_proxy
from deployer.model import App, Image, Release, Replica, Route
from deployer.ports import Active, Applied, Engine, Registry, Store
from deployer.record import Record
from deployer.releases import Releases, asked_for, is_of
from deployer.spec import Spec
from deployer.traffic import Traffic, route_of


@dataclass(frozen=True, slots=True)
class Parts:
    """What the procedure works with.

    `wait` sleeps (seconds) and answers True, early, when this process is being stopped;
    `now` is the time in seconds since 1970.
    """

    apps: Mapping[str, App]
    store: Store
    registry: Registry
    engine: Engine
    traffic: Traffic
    prober: Prober
    wait: Callable[[float], bool]
    now: Callable[[], float] = time.time

    @property
    def releases(self) -> Releases:
        """The releases in this store and engine."""
        return Releases(self.store, self.engine)


class Rollout:
    """One deployment on its way: `run` holds the app's slot, `clean_up` comes after it."""

    def __init__(self, parts: Parts, deployment: Deployment) -> None:
        self._parts = parts
        app = parts.apps.get(deployment.app)
        spec, public = (app.spec, app.public) if app else (Spec(), ())
        self._record = Record(parts.store, parts.now, self._sleep, deployment, spec, public)
        self._deadline = 0.0
        self._old: list[Replica] = []
        self._new: list[Replica] = []
        # Whether new replicas may exist, whether Nginx may send them requests, and which of
        # its workers may still know the replicas that are to go.
        self._started = False
        self._routed = False
        self._applied: Applied | None = None

    @property
    def deployment(self) -> Deployment:
        """The deployment as it is now."""
        return self._record.deployment

    def run(self) -> Deployment:
        """Take the deployment to its end; the outcome is in the store when this returns.

        Raises Interrupted where this process is being stopped: the deployment then stays
        running in the store, and is recovered at the next start.
        """
        try:
            status, reason = self._go()
        except Interrupted:
            raise
        except Refused as error:
            self._record.end(Status.REFUSED, str(error), error.detail)
        except DeployerError as error:
            self._record.end(Status.FAILED, str(error), error.detail)
        else:
            self._record.end(status, reason)
        return self.deployment

    def _go(self) -> tuple[Status, str]:
        app = self._app()
        self._deadline = time.monotonic() + app.limits.timeout
        wanted = self._resolve(app)
        self._parts.releases.leave_room_to_adopt(app, self.deployment.trigger)
        if self._parts.releases.is_live(wanted):
            return Status.UNCHANGED, f"{wanted.image.digest[:19]} with this spec is live already"
        with ExitStack() as undo:
            self._pull(app, wanted.image)
            release = self._release(wanted, undo)
            undo.callback(self._discard)
            self._start(release)
            self._check(app)
            self._switch(app, release, undo)
            self._watch(app, undo)
            undo.pop_all()
        self._prune(app)
        return Status.SUCCEEDED, f"release {release.number} serves"

    def finish(self) -> Deployment:
        """End a deployment that was interrupted after its switch: the way is forward."""
        app = self._parts.apps.get(self.deployment.app)
        replicas = self._parts.engine.replicas(self.deployment.app)
        self._old = [one for one in replicas if one.deployment != self.deployment.id]
        route = route_of(app, [one for one in replicas if one not in self._old]) if app else None
        if app is not None and route is not None:
            # Live already, as a rule; the answer says who may still know the old replicas.
            self._applied = self._parts.traffic.switch(app.name, route)
            self._prune(app)
        serves = f"release {self.deployment.release} serves"
        self._record.end(Status.SUCCEEDED, f"{serves}; the worker was stopped while watching it")
        return self.deployment

    def fail(self, reason: str) -> Deployment:
        """End a deployment for a reason that is not the procedure's own."""
        self._record.end(Status.FAILED, reason)
        return self.deployment

    def take_back(self) -> None:
        """Remove what an attempt left behind that was interrupted before its switch."""
        one = self.deployment
        self._parts.engine.discard(one.app, one.id)
        if one.release is not None and one.trigger is not Trigger.ROLLBACK:
            self._drop(one.app, one.release)

    def clean_up(self) -> None:
        """Drain and remove what serves no more; safe to repeat, holds no slot.

        Waits where Docker or the store is away. Raises Interrupted where this process is being
        stopped; the next start sweeps.
        """
        record, engine = self._record, self._parts.engine
        if self.deployment.status is Status.SUCCEEDED:
            record.enter(Step.DRAIN, f"{len(self._old)} old replica(s)")
            drained = record.patiently(self._drain)
            record.enter(Step.RETIRE, "" if drained else "cut what was still open after the drain")
            ended = [record.patiently(partial(engine.retire, one)) for one in self._old]
            removed = "; ".join(f"removed {one.name}, {how_it_ended(one)}" for one in ended)
            record.say(removed or "nothing to remove")
        elif self._started and not self._routed:
            record.patiently(self._drain)
            record.patiently(self._remove)

    # the steps

    def _resolve(self, app: App) -> Release:
        """What is to run; its number is 0 where it is no release yet."""
        wanted = self.deployment
        if wanted.trigger is Trigger.ROLLBACK and wanted.release is not None:
            self._record.enter(Step.RESOLVE, f"release {wanted.release}, from the store")
            release = self._parts.store.open_release(app.name, wanted.release)
            self._record.spec = release.spec
            return release
        asked = asked_for(app, wanted.tag, wanted.digest)
        name = asked.pinned if asked.digest else asked
        self._record.enter(Step.RESOLVE, f"asking the registry for {name}")
        ask = partial(self._parts.registry.resolve, asked, app.spec.platform)
        found = self._record.persevere(ask, self._stopping)
        image = replace(found, tag=asked.tag)
        self._record.deployment = replace(self.deployment, tag=asked.tag, digest=image.digest)
        return Release(app.name, 0, image, app.spec)

    def _pull(self, app: App, image: Image) -> None:
        here = self._parts.engine.has(image)
        self._record.enter(Step.PULL, image.pinned + (" is here already" if here else ""))
        bring = partial(self._parts.releases.bring, app, image, self._stopping)
        self._record.persevere(bring, self._stopping)

    def _start(self, release: Release) -> None:
        self._record.enter(
            Step.START, f"release {release.number}, {release.spec.replicas} replica(s)"
        )
        self._parts.engine.keep(release)
        others = self._parts.engine.replicas(release.app)
        self._old = [one for one in others if one.deployment != self.deployment.id]
        self._started = True
        self._new = self._parts.engine.start(release, self.deployment.id)

    def _check(self, app: App) -> None:
        self._record.enter(Step.CHECK, f"until healthy, at most {app.health.deadline:g} s")
        self._new = self._watcher(app, self._stopping).until_healthy(self._new)

    def _switch(self, app: App, release: Release, undo: ExitStack) -> None:
        attempt, route = self._record.attempt, route_of(app, self._new)
        to = ", ".join(target.address for target in route.targets) if route else ""
        self._record.enter(Step.SWITCH, f"to {to}" if to else "this app has no route")
        before = self._record.patiently(self._parts.store.active).get(app.name)
        # Undone after the traffic is back: the store may be away, clients must not wait for it.
        undo.callback(attempt, "mark what serves", lambda: self._mark(before))
        if route is not None:
            undo.callback(attempt, "switch back", lambda: self._switch_back(app, before))
            self._route(app, route)
            prove_through_proxy(self._parts.prober, app, self._sleep)
        self._mark(Active(app.name, release.number, self.deployment.id))

    def _watch(self, app: App, undo: ExitStack) -> None:
        watcher = self._watcher(app, partial(self._sleep, 0.0))
        try:
            self._record.enter(Step.WATCH, f"for {app.limits.watch:g} s")
            watcher.stays_healthy(self._new, app.limits.watch, self._newer_waits)
        except Interrupted:
            undo.pop_all()
            raise

    def _drain(self) -> bool:
        if self._applied is None:
            return True
        return self._parts.traffic.wait_drained(self._applied, self._sleep)

    # what the steps are made of

    def _app(self) -> App:
        name = self.deployment.app
        if name not in self._parts.apps:
            raise Refused(f"config.yml has no app {name}. Add it there and deploy again")
        return self._parts.apps[name]

    def _release(self, wanted: Release, undo: ExitStack) -> Release:
        """The release to start: a kept one, or a new one that is dropped again if it fails."""
        release = wanted
        if not wanted.number:
            release = self._parts.releases.make(wanted, self._parts.now())
            undo.callback(self._drop, release.app, release.number)
        self._record.deployment = replace(
            self.deployment, release=release.number, digest=release.image.digest
        )
        return release

    def _drop(self, app: str, number: int) -> None:
        self._record.attempt("drop the release", partial(self._parts.releases.drop, app, number))

    def _prune(self, app: App) -> None:
        prune, keep = self._parts.releases.prune, app.limits.keep
        self._record.attempt("remove older releases", lambda: prune(app.name, keep))

    def _route(self, app: App, route: Route) -> None:
        self._routed = True
        try:
            self._applied = self._parts.traffic.switch(app.name, route)
        except DeployerError as error:
            # What Nginx took but did not confirm may have got requests for a moment.
            self._routed = isinstance(error, NotConfirmed)
            raise

    def _switch_back(self, app: App, before: Active | None) -> None:
        if self._routed:
            replicas = self._parts.engine.replicas(app.name)
            old = route_of(app, [one for one in replicas if is_of(one, before)])
            self._applied = self._parts.traffic.switch(app.name, old)
            self._routed = False

    def _mark(self, active: Active | None) -> None:
        store, name = self._parts.store, self.deployment.app
        mark = partial(store.activate, active) if active else partial(store.deactivate, name)
        self._record.patiently(mark)

    def _newer_waits(self) -> bool:
        try:
            return self._parts.store.queued(self.deployment.app)
        except DeployerError:
            # No reason to take a healthy release back.
            return False

    def _discard(self) -> None:
        """Remove the new replicas; once Nginx knew them, only after the drain (`clean_up`).

        An address that is given up while a worker still knows it can become another app's.
        """
        if not self._routed and self._applied is None:
            self._record.attempt("remove the new replicas", self._remove)

    def _remove(self) -> None:
        self._parts.engine.discard(self.deployment.app, self.deployment.id)
        self._started = False

    def _watcher(self, app: App, stopping: Callable[[], None]) -> Watcher:
        return Watcher(self._parts.engine, self._parts.prober, app.health, self._sleep, stopping)

    def _sleep(self, seconds: float) -> None:
        if self._parts.wait(seconds):
            raise Interrupted("the worker is being stopped")

    def _stopping(self) -> None:
        self._sleep(0.0)
        if time.monotonic() > self._deadline:
            raise DeadlinePassed(
                f"the deployment did not get past its step {self.deployment.step} within "
                f"{self._app().limits.timeout:g} s (deploy.timeout)"
            )
