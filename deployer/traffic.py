"""The one owner of what is routed: desired routes, the door to the proxy, draining."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.budget import Budget
from deployer.errors import DeployerError
from deployer.model import App, Replica, Running
from deployer.ports import Applied, Proxy
from deployer.routing import Route, Target


def route_of(app: App, replicas: Sequence[Replica], before: Route | None = None) -> Route | None:
    """The app's route to those of its replicas that are well, in a stable order.

    Where its own HEALTHCHECK says of all of them that they are not, those stay that are in the
    route `before`, else all that run: rather a doubtful answer than none at all. None where
    the app has no route, or nothing to send requests to.
    """
    rule = app.route
    if rule is None:
        return None
    running = [one for one in replicas if _runs(one)]
    kept = {to.address for to in before.targets} if before else set()
    chosen = (
        [one for one in running if one.health in ("", "healthy")]
        or [one for one in running if one.address in kept]
        or running
    )
    targets = sorted(
        (Target(replica.address, rule.port) for replica in chosen),
        key=lambda target: (target.address, target.port),
    )
    return rule.to(app.name, targets) if targets else None


def closed_route(app: App) -> Route | None:
    """The app's route while nothing of it runs; None where it has none."""
    rule = app.route
    return None if rule is None else rule.to(app.name, ())


def _runs(replica: Replica) -> bool:
    return replica.state is Running.RUNNING and bool(replica.address)


def _is_urgent(before: Route | None, after: Route | None) -> bool:
    """Whether a change of a route cannot wait: an address is given up, or nothing served yet.

    Docker gives a freed address to the very next container, which may be another app's.
    """
    had = set(before.targets) if before else set()
    return not had or not had <= set(after.targets if after else ())


def _shown(route: Route, closed: Collection[str]) -> Route:
    """The route as Nginx is to serve it."""
    if route.app not in closed:
        return route
    return replace(route, handling=replace(route.handling, maintenance=True))


@dataclass(slots=True)
class _Change:
    """What somebody waits for at the door: routes of some apps, None to take one away.

    `strict`: an app that is held back keeps the route it had, and the one who waits is told.
    """

    routes: Mapping[str, Route | None]
    urgent: bool = False
    strict: bool = False
    done: Future[Applied] = field(default_factory=Future)


class Traffic:
    """Changes of routes, one at a time; what arrives together shares a reload.

    The door is held from render to confirmation only, and before that while the budget of
    reloads says so: who comes meanwhile joins. `drain` is how many seconds Nginx gives old
    workers to finish (`worker_shutdown_timeout`). `maintained` are the apps of which all
    requests get 503, whatever their routes are.
    """

    def __init__(
        self,
        proxy: Proxy,
        drain: float,
        maintained: Callable[[], Collection[str]] = tuple,
        budget: Budget | None = None,
    ) -> None:
        self._proxy = proxy
        self._maintained = maintained
        self._closed: frozenset[str] = frozenset()
        self._drain = drain
        self._budget = budget or Budget(proxy, drain)
        self._routes: dict[str, Route] = {}
        self._waiting: list[_Change] = []
        self._list = threading.Lock()
        self._door = threading.Lock()
        self._begun: Applied | None = None
        self._put_off: list[str] = []
        self._refused = False

    def switch(self, app: str, route: Route | None) -> Applied:
        """Make this the app's live route; returns once new connections reach it.

        Raises ProxyError, also where the app's site is held back: its previous route is live
        as before then.
        """
        return self._pass({app: route}, strict=True)

    def restore(self, app: str, route: Route | None) -> Applied:
        """Make this the app's live route again, also where its site is held back.

        Its last good version gets these addresses then, and if there is none requests get 503.
        It waits for no old workers: what serves meanwhile is what is to be replaced.
        """
        return self._pass({app: route}, urgent=True)

    def begin(self, routes: Mapping[str, Route | None]) -> Applied:
        """Make these the live routes of the apps named, at start, when nothing is known yet."""
        self._begun = self._pass(routes)
        return self._begun

    def refresh(self, routes: Mapping[str, Route | None]) -> Applied | None:
        """Make these the live routes of the apps named, unless they are and Nginx answers.

        Also where they are the same and would be served otherwise: a template was changed, or a
        certificate, or maintenance. While many old workers drain, what can wait is put off:
        None, and asked for again later.
        """
        with self._list:
            now, closed = self._routes, self._closed
        changed = {app: route for app, route in routes.items() if now.get(app) != route}
        answers = self._proxy.live() is not None
        told = closed != frozenset(self._maintained())
        if answers and not changed and not told and not self._is_other():
            self._put_off = []
            return None
        urgent = (
            not answers or told or any(_is_urgent(now.get(app), changed[app]) for app in changed)
        )
        late = not urgent and self._budget.is_crowded()
        self._put_off = sorted(changed or routes) if late else []
        return None if self._put_off else self._pass(routes, urgent=urgent)

    def live(self, app: str) -> Route | None:
        """The app's live route, as far as is known here."""
        with self._list:
            return self._routes.get(app)

    def shown(self) -> dict[str, Any]:
        """What the snapshot says of the budget of reloads."""
        return {"draining_generations": self._budget.draining(), "put_off": list(self._put_off)}

    def is_closed(self, app: str) -> bool:
        """Whether requests for the app do not reach it, since it is in maintenance."""
        with self._list:
            return app in self._closed

    def wait_drained(self, applied: Applied, sleep: Callable[[float], None]) -> bool:
        """Wait until no Nginx worker is left that knows the routes before this change.

        False when some were still there after the time that Nginx itself gives them; they
        are cut by then.
        """
        limit = time.monotonic() + self._drain + 2.0
        left = applied.old_workers
        while left := self._proxy.remaining(left):
            if time.monotonic() > limit:
                return False
            sleep(0.1)
        return True

    def wait_forgotten(self, sleep: Callable[[float], None]) -> bool:
        """Wait until no Nginx worker is left that knows what was live before this began."""
        return self._begun is None or self.wait_drained(self._begun, sleep)

    def _pass(
        self, routes: Mapping[str, Route | None], *, urgent: bool = False, strict: bool = False
    ) -> Applied:
        change = _Change(routes, urgent, strict)
        with self._list:
            self._waiting.append(change)
        with self._door:
            if not change.done.done():
                self._wait_for_turn()
                with self._list:
                    together, self._waiting = self._waiting, []
                self._go(together)
        return change.done.result()

    def _wait_for_turn(self) -> None:
        """Wait until Nginx may reload, if it has to for what waits at the door."""
        with self._list:
            changes = any(
                self._routes.get(app) != route
                for change in self._waiting
                for app, route in change.routes.items()
            )
        if changes or self._is_other():
            self._budget.wait_for_turn(self._is_urgent)

    def _is_other(self) -> bool:
        """Whether the same routes would be served otherwise than they are."""
        return self._refused or self._proxy.stale()

    def _is_urgent(self) -> bool:
        with self._list:
            return any(change.urgent for change in self._waiting)

    def _go(self, together: Sequence[_Change]) -> None:
        """Apply what waits in one reload; if that fails, each alone: none spoils another's."""
        try:
            applied = self._apply(together)
        except DeployerError as error:
            if len(together) == 1:
                together[0].done.set_exception(error)
                return
            for change in together:
                self._budget.wait_for_turn(lambda: True)
                self._go([change])
        else:
            for change in together:
                held = [applied.held[app] for app in _held(change, applied)]
                if held:
                    change.done.set_exception(held[0])
                else:
                    change.done.set_result(applied)
        finally:
            # Nobody waits for ever, whatever else was raised; what is done is not touched.
            for change in together:
                change.done.cancel()

    def _apply(self, together: Sequence[_Change]) -> Applied:
        routes: dict[str, Route | None] = dict(self._routes)
        for change in together:
            routes |= change.routes
        strict = {app for change in together if change.strict for app in change.routes}
        closed = frozenset(self._maintained())
        wanted = [_shown(route, closed) for _, route in sorted(routes.items()) if route]
        last = {app: self._routes.get(app) for app in strict}
        before = {app: route and _shown(route, closed) for app, route in last.items()}
        applied = self._budget.spend(lambda: self._proxy.apply(wanted, before))
        refused = {app for change in together for app in _held(change, applied)}
        routes |= {app: self._routes.get(app) for app in refused}
        with self._list:
            self._routes = {app: route for app, route in routes.items() if route}
            self._closed = closed
            # The route that it keeps may be served with the templates of today: see at next look.
            self._refused = bool(refused)
        return applied


def _held(change: _Change, applied: Applied) -> list[str]:
    return [app for app in change.routes if change.strict and app in applied.held]
