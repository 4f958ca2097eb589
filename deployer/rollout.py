"""The procedure: what a deployment does, step by step, and how each step is undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from deployer.deployment import Deployment, Status, Step, Trigger, advance, enter
from deployer.errors import DeadlinePassed, DeployerError, Interrupted, NotConfirmed, Refused
from deployer.health import Prober, Watcher, how_it_ended
from deployer.model import App, Image, Release, Replica, Route
from deployer.ports import Active, Applied, Engine, Registry, Store
from deployer.releases import Releases, is_of
from deployer.traffic import Traffic, route_of

PROBES_THROUGH_PROXY = 3


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


@dataclass(slots=True)
class Rollout:
    """One deployment on its way: `run` holds the app's slot, `clean_up` comes after it."""

    parts: Parts
    deployment: Deployment
    _deadline: float = field(init=False, default=0.0)
    _old: list[Replica] = field(init=False, default_factory=list)
    _new: list[Replica] = field(init=False, default_factory=list)
    _applied: Applied | None = field(init=False, default=None)
    _left: list[str] = field(init=False, default_factory=list)

    def run(self) -> Deployment:
        """Take the deployment to its end; the outcome is in the store when this returns.

        Raises Interrupted where this process is being stopped: the deployment then stays
        running in the store, and is recovered at the next start.
        """
        try:
            self._go()
        except Interrupted:
            raise
        except Refused as error:
            self._end(Status.REFUSED, str(error), error.detail)
        except DeployerError as error:
            self._end(Status.FAILED, "; ".join([str(error), *self._left]), error.detail)
        return self.deployment

    def _go(self) -> None:
        app = self._app()
        self._deadline = time.monotonic() + app.limits.timeout
        wanted = self._resolve(app)
        if self.parts.releases.is_live(wanted):
            self._end(Status.UNCHANGED, f"{wanted.image.pinned} with this spec is live already")
            return
        with ExitStack() as undo:
            self._pull(app, wanted.image)
            release = self._release(wanted, undo)
            undo.callback(self._discard)
            self._start(release)
            self._check(app)
            self._switch(app, release, undo)
            self._watch(app, undo)
            undo.pop_all()
        self._end(Status.SUCCEEDED, f"release {release.number} serves")

    def finish(self) -> Deployment:
        """End a deployment that was interrupted after its switch: the way is forward."""
        replicas = self.parts.engine.replicas(self.deployment.app)
        self._old = [one for one in replicas if one.deployment != self.deployment.id]
        self._end(
            Status.SUCCEEDED,
            f"release {self.deployment.release} serves; the worker was stopped while watching it",
        )
        return self.deployment

    def clean_up(self) -> None:
        """Drain and retire what the switch left behind; safe to repeat, holds no slot.

        Raises Interrupted where this process is being stopped; the next start sweeps.
        """
        if self.deployment.status is Status.SUCCEEDED:
            self._enter(Step.DRAIN, f"{len(self._old)} old replica(s)")
            drained = self._drain()
            self._enter(Step.RETIRE, "" if drained else "cut what was still open after the drain")
            ended = [self.parts.engine.retire(replica) for replica in self._old]
            app = self._app()
            self.parts.releases.prune(app.name, app.limits.keep)
            self._say("; ".join(f"removed {one.name}, {how_it_ended(one)}" for one in ended))
        elif self._applied is not None:
            self._drain()
            self.parts.engine.discard(self.deployment.app, self.deployment.id)

    # the steps

    def _resolve(self, app: App) -> Release:
        """What is to run; its number is 0 where it is no release yet."""
        wanted = self.deployment
        if wanted.trigger is Trigger.ROLLBACK and wanted.release is not None:
            self._enter(Step.RESOLVE, f"release {wanted.release}, from the store")
            return self.parts.store.open_release(app.name, wanted.release)
        tag = wanted.tag or app.tags[0]
        if tag not in app.tags:
            raise Refused(
                f"{app.name} is not deployed from the tag {tag}: config.yml allows "
                f"{', '.join(app.tags)}. Add it to the app's `tags:` if it should be"
            )
        asked = replace(app.image, tag="" if wanted.digest else tag, digest=wanted.digest)
        self._enter(Step.RESOLVE, f"asking the registry for {asked}")
        image = replace(self.parts.registry.resolve(asked), tag=asked.tag)
        self.deployment = replace(self.deployment, digest=image.digest)
        return Release(app.name, 0, image, app.spec)

    def _pull(self, app: App, image: Image) -> None:
        here = self.parts.engine.has(image)
        self._enter(Step.PULL, f"{image.pinned} is here already" if here else image.pinned)
        if not here:
            self.parts.engine.pull(
                image,
                stall=app.limits.pull_stall,
                timeout=app.limits.pull_timeout,
                stopping=self._stopping,
            )

    def _start(self, release: Release) -> None:
        self._enter(Step.START, f"release {release.number}, replicas: {release.spec.replicas}")
        self.parts.engine.keep(release)
        others = self.parts.engine.replicas(release.app)
        self._old = [one for one in others if one.deployment != self.deployment.id]
        self._new = self.parts.engine.start(release, self.deployment.id)

    def _check(self, app: App) -> None:
        self._enter(Step.CHECK, f"until healthy, at most {app.health.deadline:g} s")
        self._new = self._watcher(app, self._stopping).until_healthy(self._new)

    def _switch(self, app: App, release: Release, undo: ExitStack) -> None:
        route = route_of(app, self._new)
        addresses = ", ".join(target.address for target in route.targets) if route else ""
        self._enter(Step.SWITCH, f"to {addresses}" if addresses else "this app has no route")
        before = self.parts.store.active().get(app.name)
        if route is not None:
            old = route_of(app, [one for one in self._old if is_of(one, before)])
            self._applied = self.parts.traffic.switch(app.name, route)
            undo.callback(self._undo, "switch back", lambda: self._switch_back(app, old))
            self._prove_through_proxy(app)
        if before is not None:
            undo.callback(self._undo, "mark the old release", lambda: self._activate(before))
        self._activate(Active(app.name, release.number, self.deployment.id))

    def _watch(self, app: App, undo: ExitStack) -> None:
        self._enter(Step.WATCH, f"for {app.limits.watch:g} s")
        watcher = self._watcher(app, self._stopping_soon)
        store, name = self.parts.store, app.name
        try:
            watcher.stays_healthy(self._new, app.limits.watch, lambda: store.queued(name))
        except Interrupted:
            undo.pop_all()
            raise

    def _drain(self) -> bool:
        if self._applied is None:
            return True
        return self.parts.traffic.wait_drained(self._applied, self._sleep)

    # what the steps are made of

    def _app(self) -> App:
        app = self.parts.apps.get(self.deployment.app)
        if app is None:
            raise Refused(
                f"config.yml has no app {self.deployment.app}. Add it there and deploy again"
            )
        return app

    def _release(self, wanted: Release, undo: ExitStack) -> Release:
        """The release to start: a kept one, or a new one that is dropped again if it fails."""
        releases = self.parts.releases
        release = wanted
        if not wanted.number:
            release = releases.make(wanted, self.parts.now())
            undo.callback(self._undo, "drop the release", lambda: releases.drop(release))
        self.deployment = replace(
            self.deployment, release=release.number, digest=release.image.digest
        )
        return release

    def _activate(self, active: Active) -> None:
        self.parts.store.activate(active)

    def _switch_back(self, app: App, old: Route | None) -> None:
        self._applied = self.parts.traffic.switch(app.name, old)

    def _discard(self) -> None:
        """Remove the new replicas; once Nginx knew them, only after the drain (`clean_up`).

        An address that is given up while a worker still knows it can become another app's.
        """
        if self._applied is None:
            app, deployment = self.deployment.app, self.deployment.id
            self._undo(
                "remove the new replicas", lambda: self.parts.engine.discard(app, deployment)
            )

    def _undo(self, what: str, effect: Callable[[], None]) -> None:
        """Undo one thing; a failure is told beside the reason, and never instead of it."""
        try:
            effect()
        except DeployerError as error:
            self._left.append(f"could not {what}: {error}")

    def _prove_through_proxy(self, app: App) -> None:
        """Ask the app through Nginx on a fresh connection.

        Raises NotConfirmed when that fails a few times in a row.
        """
        rule = app.route
        if rule is None:
            return
        path = app.health.path
        beneath = path is not None and (path + "/").startswith(rule.path.rstrip("/") + "/")
        asked = path if path is not None and beneath else rule.path
        for _ in range(PROBES_THROUGH_PROXY):
            answer = self.parts.prober.ask_through_proxy(rule.hosts[0], asked, app.health)
            if answer.healthy:
                return
            self.parts.wait(0.2)
        raise NotConfirmed(
            f"{app.name} does not answer through Nginx: GET {asked} of {rule.hosts[0]}: "
            f"{answer.words}. The old release has the traffic again"
        )

    def _watcher(self, app: App, stopping: Callable[[], None]) -> Watcher:
        return Watcher(self.parts.engine, self.parts.prober, app.health, self._sleep, stopping)

    def _sleep(self, seconds: float) -> None:
        if self.parts.wait(seconds):
            self._stopping_soon()

    def _stopping_soon(self) -> None:
        if self.parts.wait(0.0):
            raise Interrupted("the worker is being stopped")

    def _stopping(self) -> None:
        self._stopping_soon()
        if time.monotonic() > self._deadline:
            limit = self.parts.apps[self.deployment.app].limits.timeout
            raise DeadlinePassed(
                f"the deployment did not get past its step {self.deployment.step} within "
                f"{limit:g} s (deploy.timeout)"
            )

    # what is written down

    def _enter(self, step: Step, message: str) -> None:
        self.deployment = enter(self.deployment, step)
        self._say(message)

    def _say(self, message: str) -> None:
        self.parts.store.save(self.deployment, self.parts.now(), message)

    def _end(self, status: Status, reason: str, detail: str = "") -> None:
        active = self.parts.store.active().get(self.deployment.app)
        ended = advance(self.deployment, status, self.parts.now(), reason, detail)
        self.deployment = replace(ended, serving=active.release if active else None)
        self._say(reason)
