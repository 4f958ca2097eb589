"""The process with the socket: takes orders and deployments, recovers, shows what it sees."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from deployer import adoption, leftovers, orders, turns
from deployer.deployment import Deployment, Recovery, recover
from deployer.errors import DeployerError, Interrupted
from deployer.keeping import Keeping
from deployer.model import Replica
from deployer.outputs import Outputs
from deployer.parts import Parts
from deployer.planning import Planner
from deployer.ports import Active, Proxy
from deployer.pulse import Pulse
from deployer.releases import is_of
from deployer.reloading import Reloading
from deployer.reports import Reports
from deployer.rollout import Rollout
from deployer.routing import Route
from deployer.sight import sight
from deployer.traffic import closed_route, route_of

log = structlog.get_logger()

POLL = 0.02
RESYNC = 5.0
RETRY = 2.0


@dataclass(slots=True)
class Worker:
    """Runs deployments, at most `parallel` at once and one per app.

    `stop` ends it: what is under way is interrupted and recovered at the next start. Every
    `resync` seconds it looks at what there is, and where Docker or the store is away it tries
    again after `retry` seconds. `reloading` finds the configuration changed,
    `outputs` writes the files of other programs, `reports` tells where code lives.
    """

    parts: Parts
    proxy: Proxy
    stop: threading.Event
    parallel: int = 4
    resync: float = RESYNC
    retry: float = RETRY
    reloading: Reloading | None = None
    outputs: Outputs | None = None
    reports: Reports | None = None
    _busy: dict[int, Rollout] = field(init=False, default_factory=dict)
    _threads: list[threading.Thread] = field(init=False, default_factory=list)
    _said: dict[str, str] = field(init=False, default_factory=dict)
    _planner: Planner = field(init=False, default_factory=Planner)
    _pulse: Pulse = field(init=False)
    _keeping: Keeping = field(init=False)
    _due: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._pulse = Pulse(self.parts.store, self.parts.now)
        self._keeping = Keeping(lambda: self.parts, self.reloading, self.outputs, self.reports)

    def run(self) -> None:
        """Work until `stop` is set, then let every thread come to a safe place."""
        for each in (self._pulse.run, *self._keeping.runs(self._look_again)):
            self._spawn(each, self.stop)
        try:
            while not self.stop.is_set() and not self._done("start", self._begin):
                self.stop.wait(self.retry)
            while not self.stop.wait(POLL):
                self._turn()
        finally:
            self.stop.set()
            for thread in self._threads:
                thread.join()

    # the loop

    def _done(self, doing: str, attempt: Callable[[], None]) -> bool:
        """Do it now; what keeps it from being done (Docker or the store away) is said once."""
        try:
            with self._pulse.calling():
                attempt()
        except Interrupted:
            return False
        except DeployerError as error:
            self._pulse.waits(doing, error)
            if self._said.get(doing) != str(error):
                self._said[doing] = str(error)
                log.warning("worker waits", doing=doing, reason=str(error), detail=error.detail)
            return False
        self._pulse.goes_on(doing)
        if self._said.pop(doing, ""):
            log.info("worker goes on", doing=doing)
        return True

    def _begin(self) -> None:
        """Adopt, bring Nginx to what the store says is active, sweep what is left, bootstrap."""
        parts = self.parts
        if left := parts.engine.sweep():
            log.info("removed one-off containers of an earlier run", containers=left)
        held = adoption.adopt(parts)
        active = parts.store.active()
        replicas = self._keeping.replicas()
        applied = parts.traffic.begin(self._routes(active, replicas))
        if left_over := leftovers.found(parts, active, replicas):
            self._spawn(leftovers.remove, parts, left_over, applied, self._sleep)
        turns.bootstrap(parts.store, parts.apps, parts.now(), leaving=held)
        self._keeping.begin()
        for name in parts.apps:
            # Of what a worker dropped that was killed before it could remove the images too.
            parts.releases.tidy(name)
        log.info("worker is ready", apps=len(parts.apps), generation=applied.generation)

    def _look_again(self) -> None:
        self._due = 0.0

    def _follow(self) -> None:
        """Take a changed configuration; what is under way ends with the one it began with."""
        config = self._keeping.follow()
        if config is not None:
            self.parts = replace(self.parts, apps=config.apps, origins=config.origins)
            self.parallel, self._due = config.worker.parallel, 0.0

    def _turn(self) -> None:
        self._follow()
        now = time.monotonic()
        due = now >= self._due
        if due:
            # Before the work: what ends meanwhile asks for another turn.
            self._due = now + self.resync
            self._done("adopt", partial(adoption.again, self.parts))
        if not self._done("work", partial(self._work, due)):
            self._due = 0.0
            self.stop.wait(self.retry)
        if due:
            self._done("settle", self._keeping.settle)
            self._done("look", self._look)
            self._done("start again", self._keeping.check_revived)

    def _work(self, due: bool) -> None:
        if self.parts.store.changed() or due:
            self._resume()
            self._take_orders()
            self._claim()

    def _resume(self) -> None:
        """Recover deployments that run in the store but in no thread of ours; end the unwanted."""
        # Before the question: what ends in between is running in its answer, and was ours.
        ours = self._busy.copy()
        for deployment in self.parts.store.running():
            if deployment.id in ours:
                if deployment.cancelled_by:
                    ours[deployment.id].cancel(deployment.cancelled_by)
            elif deployment.app not in self._busy_apps() and len(self._busy) < self.parallel:
                self._recover(deployment)

    def _busy_apps(self) -> set[str]:
        return {one.deployment.app for one in self._busy.copy().values()}

    def _recover(self, deployment: Deployment) -> None:
        active = self.parts.store.active().get(deployment.app)
        decision = recover(deployment, active.deployment if active else None)
        if not self.stop.is_set():  # What has ended because of it is left to the next worker.
            log.info("recovering", deployment=deployment.id, app=deployment.app, decision=decision)
            self._hold(deployment, _RECOVERIES[decision])

    def _take_orders(self) -> None:
        for order in self.parts.store.open_orders():
            if self._planner.takes(order, self.parts, self._spawn):
                continue
            app = self.parts.apps.get(order.app)
            taken = orders.take(order, app, self.parts.store, self.parts.now())
            told = {key: getattr(taken, key) for key in ("kind", "app", "given_by", "result")}
            log.info("order", order=order.id, **told, reason=taken.reason)
            if order.kind in orders.OF_ROUTES:
                self._due = 0.0

    def _claim(self) -> None:
        store = self.parts.store
        while len(self._busy) < self.parallel and not self.stop.is_set():
            ready = turns.may_begin(store, self.parts.apps)
            deployment = store.claim(self.parts.now(), among=ready) if ready else None
            if deployment is None:
                return
            self._hold(deployment, Rollout.run)

    # the threads

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=target, args=args, name=target.__name__)
        self._threads.append(thread)
        thread.start()

    def _hold(self, deployment: Deployment, go: Callable[[Rollout], Deployment]) -> None:
        rollout = Rollout(self.parts, deployment)
        self._busy[deployment.id] = rollout
        self._spawn(self._deploy, rollout, go)

    def _deploy(self, rollout: Rollout, go: Callable[[Rollout], Deployment]) -> None:
        """One deployment in its own thread; the app's slot is free before the clean-up."""
        deployment = rollout.deployment
        bound = log.bind(deployment=deployment.id, app=deployment.app)
        bound.info("deployment starts", trigger=deployment.trigger, tag=deployment.tag)
        try:
            try:
                self._to_its_end(rollout, go)
            finally:
                del self._busy[deployment.id]
            self._due = 0.0
            ended = rollout.deployment
            bound.info("deployment ended", status=ended.status, reason=ended.reason)
            rollout.clean_up()
        except Interrupted:
            bound.info("deployment interrupted", step=rollout.deployment.step)
        except DeployerError as error:
            bound.warning("left to recovery", step=rollout.deployment.step, reason=str(error))
        except Exception:
            log.exception("clean-up broke, left to the next start", deployment=deployment.id)

    def _to_its_end(self, rollout: Rollout, go: Callable[[Rollout], Deployment]) -> None:
        try:
            go(rollout)
        except DeployerError:
            raise
        except Exception as error:
            log.exception("deployment broke", deployment=rollout.deployment.id)
            rollout.fail(
                f"a fault in deployer itself ({type(error).__name__}). "
                "The worker's log has the details; please report it"
            )

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Interrupted("the worker is being stopped")

    # what is seen

    def _routes(
        self, active: Mapping[str, Active], replicas: Sequence[Replica]
    ) -> dict[str, Route | None]:
        live, apps = self.parts.traffic.live, self.parts.apps
        routes = {
            name: route_of(
                app, [one for one in replicas if is_of(one, active.get(name))], live(name)
            )
            for name, app in apps.items()
        }
        # Its page is there also while an operator has stopped all that runs.
        closed = apps.keys() & self.parts.store.maintained().keys()
        return routes | {name: routes[name] or closed_route(apps[name]) for name in closed}

    def _look(self) -> None:
        """Route settled apps to the addresses that Docker shows now, and show what is seen.

        Only this thread lets deployments begin, so an app that is not busy here stays so. An
        app without a running replica loses its route: Docker gives a freed address to the very
        next container, which may be another app's.
        """
        busy = self._busy_apps()
        active, replicas = self._keeping.seen(busy)
        routes = self._routes(active, replicas) | dict.fromkeys(self._keeping.gone)
        settled = {name: route for name, route in routes.items() if name not in busy}
        try:
            if self.parts.traffic.refresh(settled):
                log.info("routes follow the containers", apps=sorted(settled))
        finally:
            # An Nginx that takes no routes must not make the worker look dead.
            self._show(replicas)

    def _show(self, replicas: Sequence[Replica]) -> None:
        seen = sight(self.parts, self.proxy, replicas)
        waits = turns.waits(self.parts.store, self.parts.apps)
        self._pulse.show({**seen, "waits": waits, **self._keeping.shown()})


_RECOVERIES: dict[Recovery, Callable[[Rollout], Deployment]] = {
    Recovery.AGAIN: Rollout.again,
    Recovery.GIVE_UP: Rollout.give_up,
    Recovery.FINISH: Rollout.finish,
}
