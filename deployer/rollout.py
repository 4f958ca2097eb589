"""The procedure: what a deployment does, step by step, and how each step is undone."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from deployer import policy, quarantine, turns
from deployer.app_hooks import AppHooks
from deployer.choosing import asked_for, is_open, refuse_older
from deployer.deployment import Deployment, Status, Step, Trigger, restart
from deployer.echoes import Newer
from deployer.errors import (
    Cancelled,
    DeadlinePassed,
    DeployerError,
    Interrupted,
    Refused,
    Unhealthy,
)
from deployer.health import Watcher
from deployer.model import App, Image, Release, Strategy
from deployer.parts import Parts
from deployer.ports import Active
from deployer.record import Record
from deployer.spec import Spec
from deployer.takeover import Takeover
from deployer.traffic import route_of


class Rollout:
    """One deployment on its way: `run` holds the app's slot, `clean_up` comes after it."""

    def __init__(self, parts: Parts, deployment: Deployment) -> None:
        self._parts = parts
        app = parts.apps.get(deployment.app)
        spec, public = (app.spec, app.public) if app else (Spec(), ())
        self._record = Record(parts.store, parts.now, self._sleep, deployment, spec, public)
        self._takeover = Takeover(parts, self._record, self._sleep)
        self._hooks = AppHooks(parts.store, parts.engine, self._record)
        self._deadline = 0.0
        self._cancelled_by = deployment.cancelled_by
        # What the new release did after the switch, so that it is not tried again.
        self._misdeed = ""

    @property
    def deployment(self) -> Deployment:
        """The deployment as it is now."""
        return self._record.deployment

    def cancel(self, by: str) -> None:
        """Let it end before its switch, or go back while it watches; from another thread."""
        self._cancelled_by = by

    def run(self) -> Deployment:
        """Take the deployment to its end; the outcome is in the store when this returns.

        Raises Interrupted where this process is being stopped: the deployment then stays
        running in the store, and is recovered at the next start.
        """
        try:
            status, reason = self._go()
        except Interrupted:
            raise
        except Cancelled as error:
            self._record.end(Status.CANCELLED, str(error))
        except Refused as error:
            self._record.end(Status.REFUSED, str(error), error.detail)
        except DeployerError as error:
            put = quarantine.put(self._parts, self._record, self._misdeed)
            self._record.end(Status.FAILED, f"{error}{put}", error.detail)
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
        refuse_older(app, self.deployment, self._parts.store)
        quarantine.check(self._parts, self.deployment, wanted)
        turns.keep_order(self._parts.store, self._parts.apps, self.deployment)
        with ExitStack() as undo:
            self._pull(app, wanted.image)
            release = self._release(wanted, undo)
            self._hooks.before(app, release, self._stopping)
            self._start(app, release, undo)
            self._check(app)
            self._switch(app, release)
            self._watch(app, undo)
            undo.pop_all()
        self._prune(app)
        return Status.SUCCEEDED, f"release {release.number} serves"

    def again(self) -> Deployment:
        """Take back what an interrupted attempt left behind, and go through it once more."""
        self._take_back()
        if self._cancelled_by:
            self._record.end(Status.CANCELLED, f"cancelled by {self._cancelled_by}")
            return self.deployment
        self._record.deployment = restart(self.deployment)
        attempt = self.deployment.attempt
        self._record.say(f"attempt {attempt}: the one before was interrupted")
        return self.run()

    def give_up(self) -> Deployment:
        """Take back what the last of several interrupted attempts left behind, and end it."""
        self._take_back()
        return self.fail(
            f"interrupted {self.deployment.attempt} times before the switch, "
            "nothing was changed. Look at the worker's log, then deploy again"
        )

    def finish(self) -> Deployment:
        """End a deployment that was interrupted after its switch: the way is forward."""
        app = self._parts.apps.get(self.deployment.app)
        route = route_of(app, self._takeover.look()) if app else None
        if app is not None and route is not None:
            # Live already, as a rule; the answer says who may still know the old replicas.
            self._takeover.confirm(app, route)
            self._prune(app)
        serves = f"release {self.deployment.release} serves"
        self._record.end(Status.SUCCEEDED, f"{serves}; the worker was stopped while watching it")
        return self.deployment

    def fail(self, reason: str) -> Deployment:
        """End a deployment for a reason that is not the procedure's own."""
        self._record.end(Status.FAILED, reason)
        return self.deployment

    def clean_up(self) -> None:
        """Drain and remove what serves no more; safe to repeat, holds no slot.

        Waits where Docker or the store is away. Raises Interrupted where this process is being
        stopped; the next start sweeps.
        """
        if self.deployment.status is Status.SUCCEEDED:
            self._takeover.retire()
        else:
            self._takeover.remove()
        self._hooks.after(self._parts.apps.get(self.deployment.app), partial(self._sleep, 0.0))

    # the steps

    def _resolve(self, app: App) -> Release:
        """What is to run; its number is 0 where it is no release yet."""
        wanted = self.deployment
        again = self._parts.releases.is_again(wanted)
        if wanted.release is not None and (again or wanted.trigger is Trigger.ROLLBACK):
            why = ": the network that it shares has moved" if again else ""
            self._record.enter(Step.RESOLVE, f"release {wanted.release}, from the store{why}")
            release = self._parts.store.open_release(app.name, wanted.release)
            self._record.spec = release.spec
            return release
        asked = self._asked(app, wanted)
        if self._parts.releases.is_known(app, asked):
            self._record.enter(Step.RESOLVE, f"{asked.pinned} serves already")
            image = asked
        else:
            name = asked.pinned if asked.digest else asked
            self._record.enter(Step.RESOLVE, f"asking the registry for {name}")
            ask = partial(self._parts.registry.resolve, asked, app.spec.platform)
            image = replace(self._record.persevere(ask, self._stopping), tag=asked.tag)
        self._record.deployment = replace(self.deployment, tag=asked.tag, digest=image.digest)
        return Release(app.name, 0, image, app.spec)

    def _asked(self, app: App, wanted: Deployment) -> Image:
        """What to ask the registry for, which it may have to be asked for itself."""
        parts = self._parts
        ask = partial(asked_for, app, wanted.tag, wanted.digest, parts.store, parts.registry)
        if not is_open(app, wanted.tag, wanted.digest):
            return ask()
        self._record.enter(Step.RESOLVE, f"asking the registry for the newest of {app.image}")
        return self._record.persevere(ask, self._stopping)

    def _pull(self, app: App, image: Image) -> None:
        here = self._parts.engine.has(image)
        self._record.enter(Step.PULL, image.pinned + (" is here already" if here else ""))
        bring = partial(self._parts.releases.bring, app, image, self._stopping)
        self._record.persevere(bring, self._stopping)
        self._record.attempt("read which commit the image is of", partial(self._revision, image))

    def _start(self, app: App, release: Release, undo: ExitStack) -> None:
        before = self._record.patiently(self._parts.store.active).get(app.name)
        undo.callback(self._takeover.go_back, app, before)
        releases = self._parts.releases
        ready = releases.ready(release)
        choice = policy.choose(app, ready.spec, releases.running_spec(before, app))
        self._record.deployment = replace(self.deployment, strategy=choice.strategy)
        what = f"release {release.number}, {release.spec.replicas} replica(s)"
        self._record.enter(Step.START, f"{what}, {choice.strategy}: {choice.why}")
        self._takeover.start(app, ready, choice.strategy)

    def _check(self, app: App) -> None:
        self._record.enter(Step.CHECK, f"until healthy, at most {app.health.deadline:g} s")
        watcher = self._watcher(app, self._stopping)
        self._takeover.new = watcher.until_healthy(self._takeover.new)

    def _switch(self, app: App, release: Release) -> None:
        route = route_of(app, self._takeover.new)
        to = ", ".join(target.address for target in route.targets) if route else ""
        self._record.enter(Step.SWITCH, f"to {to}" if to else "this app has no route")
        if route is not None:
            self._takeover.route(app, route)
        self._takeover.mark(Active(app.name, release.number, self.deployment.id))

    def _watch(self, app: App, undo: ExitStack) -> None:
        watcher = self._watcher(app, self._ending)
        try:
            self._record.enter(Step.WATCH, f"for {app.limits.watch:g} s")
            newer = Newer(self._parts, self.deployment)
            watcher.stays_healthy(self._takeover.new, app.limits.watch, newer.waits)
        except Interrupted:
            undo.pop_all()
            raise
        except Unhealthy as error:
            # What ended together with what served before was ended by Docker, or the machine.
            self._misdeed = "" if self._takeover.old_ended() else str(error)
            raise

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
            release = self._parts.releases.make(wanted, self._parts.now(), self.deployment.id)
            undo.callback(self._drop, release.app, release.number)
        self._record.deployment = replace(
            self.deployment, release=release.number, digest=release.image.digest
        )
        return release

    def _revision(self, image: Image) -> None:
        revision = self._parts.releases.revision(image)
        self._record.deployment = replace(self.deployment, revision=revision)

    def _drop(self, app: str, number: int) -> None:
        self._record.attempt("drop the release", partial(self._parts.releases.drop, app, number))

    def _prune(self, app: App) -> None:
        prune, keep = self._parts.releases.prune, app.limits.keep
        self._record.attempt("remove older releases", lambda: prune(app.name, keep))

    def _take_back(self) -> None:
        """Remove what an attempt left behind that was interrupted before its switch."""
        one, parts = self.deployment, self._parts
        app, before = parts.apps.get(one.app), parts.store.active().get(one.app)
        if one.step in (Step.SWITCH, Step.WATCH):
            # Nginx may have been sent to them: a connection that is kept can still be there.
            parts.traffic.wait_forgotten(self._sleep)
        parts.engine.discard(one.app, one.id)
        if app is not None and one.strategy is Strategy.STOP_FIRST:
            self._takeover.bring_back(app, before)
        kept = one.trigger is Trigger.ROLLBACK or parts.releases.is_again(one)
        if one.release is not None and not kept:
            self._drop(one.app, one.release)

    def _watcher(self, app: App, stopping: Callable[[], None]) -> Watcher:
        return Watcher(self._parts.engine, self._parts.prober, app.health, self._sleep, stopping)

    def _sleep(self, seconds: float) -> None:
        if self._parts.wait(seconds):
            raise Interrupted("the worker is being stopped")

    def _ending(self) -> None:
        self._sleep(0.0)
        if self._cancelled_by:
            raise Cancelled(f"cancelled by {self._cancelled_by}")

    def _stopping(self) -> None:
        self._ending()
        if time.monotonic() > self._deadline:
            raise DeadlinePassed(
                f"the deployment did not get past its step {self.deployment.step} within "
                f"{self._app().limits.timeout:g} s (deploy.timeout)"
            )
