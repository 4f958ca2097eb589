"""How the replicas of a deployment take over from those that serve, and give it back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from deployer.deployment import Step
from deployer.errors import DeployerError, Interrupted, NotConfirmed, Refused
from deployer.evidence import how_it_ended
from deployer.health import Watcher, prove_through_proxy
from deployer.model import App, Release, Replica, Running, Strategy
from deployer.moving import freed
from deployer.parts import Parts
from deployer.ports import Active, Applied
from deployer.record import Record
from deployer.releases import is_of
from deployer.routing import Route
from deployer.sharing import runs
from deployer.spec import Spec
from deployer.traffic import closed_route, route_of


@dataclass(slots=True)
class Takeover:
    """The replicas of one deployment, and those that it is to replace.

    `sleep` waits so many seconds and raises Interrupted when this process is being stopped.
    """

    parts: Parts
    record: Record
    sleep: Callable[[float], None]
    old: list[Replica] = field(init=False, default_factory=list)
    new: list[Replica] = field(init=False, default_factory=list)
    # Whether new replicas may exist, whether Nginx may send them requests, whether what served
    # may have been stopped, whether the store may say that the new ones serve, and which workers
    # may still know the replicas that are to go.
    _started: bool = field(init=False, default=False)
    _routed: bool = field(init=False, default=False)
    _halted: bool = field(init=False, default=False)
    _marked: bool = field(init=False, default=False)
    _applied: Applied | None = field(init=False, default=None)

    # forward

    def start(self, app: App, release: Release, strategy: Strategy) -> None:
        """Start the new replicas, beside the old ones or after those were stopped."""
        engine, number = self.parts.engine, self.record.deployment.id
        engine.keep(release)
        self.look()
        self._started = True
        if strategy is Strategy.STOP_FIRST:
            # What Docker refuses of the new ones it refuses now, while the old ones serve.
            engine.prepare(release, number)
            self._make_room(app)
        self.new = engine.start(release, number)

    def look(self) -> list[Replica]:
        """Tell old replicas from new ones by what Docker shows; the new ones."""
        everything = self.parts.engine.replicas(self.record.deployment.app)
        self.old = [one for one in everything if one.deployment != self.record.deployment.id]
        return [one for one in everything if one not in self.old]

    def old_ended(self) -> bool:
        """Whether what served before, and should run still, has ended too."""
        if self._halted or not self.old:
            return False
        look = self.parts.engine.look
        return all(look(one).state is not Running.RUNNING for one in self.old)

    def route(self, app: App, route: Route) -> None:
        """Send the new replicas the traffic, and prove that it arrives."""
        self._routed = True
        try:
            self._applied = self.parts.traffic.switch(app.name, route)
        except DeployerError as error:
            # What Nginx took but did not confirm may have got requests for a moment.
            self._routed = isinstance(error, NotConfirmed)
            raise
        if not self.parts.traffic.is_closed(app.name):
            prove_through_proxy(self.parts.prober, app, self.sleep)

    def confirm(self, app: App, route: Route) -> None:
        """Route once more what is live already; the answer says who knows the old replicas."""
        self._applied = self.parts.traffic.restore(app.name, route)

    def _make_room(self, app: App) -> None:
        """Stop what serves; no Nginx worker may know its address then, as others can get it."""
        self._halted = True
        before = self.parts.store.active().get(app.name)
        # Who could not be opened again is not closed: a site that is held back keeps its release.
        self._close(app, self.parts.traffic.switch)
        stopped = [self.parts.engine.halt(one) for one in self.old if is_of(one, before)]
        names = ", ".join(f"{one.name} ({how_it_ended(one)})" for one in stopped)
        self.record.say(f"stopped {names or 'nothing'}; the new one is next")

    def _close(self, app: App, change: Callable[[str, Route | None], Applied]) -> None:
        closed = closed_route(app)
        if closed is not None:
            self.record.say("requests get 503 with Retry-After meanwhile")
            self._applied = change(app.name, closed)
            self._drain()

    # back

    def go_back(self, app: App, before: Active | None) -> None:
        """Give everything back to what served before; what fails of it is told in the record."""
        attempt = self.record.attempt
        if self._halted:
            swap_back = partial(self._swap_back, app, before)
            attempt("start the old release again", lambda: self.record.patiently(swap_back))
        else:
            attempt("switch back", lambda: self._switch_back(app, before))
        if self._marked:
            # After the traffic: the store may be away, and clients must not wait for it.
            attempt("mark what serves", lambda: self.mark(before))
        if not self._routed and self._applied is None:
            # An address that is given up while a worker still knows it can become another
            # app's: once Nginx knew the new replicas they go after the drain (`clean_up`).
            attempt("remove the new replicas", self._discard)

    def mark(self, active: Active | None) -> None:
        """Write down what serves."""
        self._marked = True
        store, name = self.parts.store, self.record.deployment.app
        done = partial(store.activate, active) if active else partial(store.deactivate, name)
        self.record.patiently(done)

    def _switch_back(self, app: App, before: Active | None) -> None:
        if self._routed:
            replicas = self.parts.engine.replicas(app.name)
            old = route_of(app, [one for one in replicas if is_of(one, before)])
            self._applied = self.parts.traffic.restore(app.name, old)
            self._routed = False

    def _swap_back(self, app: App, before: Active | None) -> None:
        """Remove the new ones first: the old ones need what they have."""
        if self._routed:
            # Neither being stopped nor an Nginx that refuses may leave nothing that serves.
            with suppress(Interrupted):
                close = partial(self._close, app, self.parts.traffic.restore)
                self.record.attempt("close the route meanwhile", close)
            self._routed = False
        self._discard()
        self.bring_back(app, before)
        self._halted = False

    def bring_back(self, app: App, before: Active | None) -> None:
        """Start what was stopped to make room, and route to it once it is healthy."""
        revived = self._revived(app.name, before)
        try:
            # A deadline that has passed is the new one's; being stopped must not keep it off.
            with suppress(Interrupted):
                revived = self._watcher(app).until_healthy(revived)
        finally:
            # Also where it is not healthy: it served before, and nothing else does.
            now = [self.parts.engine.look(one) for one in revived]
            self.parts.traffic.restore(app.name, route_of(app, now) or closed_route(app))

    def _revived(self, app: str, before: Active | None) -> list[Replica]:
        """What served, running again; what somebody has removed meanwhile is made anew."""
        engine, release = self.parts.engine, self._opened(before)
        restart = release.spec.restart if release else Spec().restart
        served = [one for one in engine.replicas(app) if is_of(one, before)]
        if release and release.spec.shares:
            served = self._with_network(served)
        revived = [
            one if one.state is Running.RUNNING else engine.revive(one, restart) for one in served
        ]
        if before and release and len(revived) < release.spec.replicas:
            return engine.start(self.parts.releases.ready(release), before.deployment)
        return revived

    def _with_network(self, served: list[Replica]) -> list[Replica]:
        """Those that can run: what shared the network of a container that is gone is removed."""
        running = {one.id for one in self.parts.engine.replicas() if runs(one)}
        for one in served:
            if one.joined not in running:
                self.parts.engine.retire(one)
        return [one for one in served if one.joined in running]

    def _watcher(self, app: App) -> Watcher:
        parts = self.parts
        stopping = partial(self.sleep, 0.0)
        return Watcher(parts.engine, parts.prober, app.health, self.sleep, stopping)

    def _opened(self, active: Active | None) -> Release | None:
        if active is not None:
            with suppress(Refused):
                return self.parts.store.open_release(active.app, active.release)
        return None

    def _discard(self) -> None:
        self.parts.engine.discard(self.record.deployment.app, self.record.deployment.id)
        self._started = False

    # afterwards

    def retire(self) -> None:
        """Drain and remove the old replicas, each once no other app shares its network.

        Safe to repeat. Waits where Docker or the store is away. Raises Interrupted where this
        process is being stopped; the next start sweeps.
        """
        record = self.record
        record.enter(Step.DRAIN, f"{len(self.old)} old replica(s)")
        drained = record.patiently(self._drain)
        record.enter(Step.RETIRE, "" if drained else "cut what was still open after the drain")
        unused = freed(self.parts, self.old, self.sleep, record.say)
        ended = [record.patiently(partial(self.parts.engine.retire, one)) for one in unused]
        removed = "; ".join(f"removed {one.name}, {how_it_ended(one)}" for one in ended)
        record.say(removed or "nothing to remove")
        if self.old:
            self._tidy()

    def remove(self) -> None:
        """Remove new replicas that the traffic was taken from, as soon as nobody knows them."""
        if self._started and not self._routed and not self._halted:
            self.record.patiently(self._drain)
            self.record.patiently(self._discard)
            self._tidy()

    def _tidy(self) -> None:
        """Remove what the replicas held that are gone now: images whose releases were dropped."""
        one, tidy = self.record.deployment, self.parts.releases.tidy
        if one.release is not None:
            self.record.patiently(partial(tidy, one.app, one.release))

    def _drain(self) -> bool:
        if self._applied is None:
            return True
        return self.parts.traffic.wait_drained(self._applied, self.sleep)
