"""The one owner of what is routed: desired routes, the door to the proxy, draining."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from deployer.errors import DeployerError
from deployer.model import App, Replica, Running
from deployer.ports import Applied, Proxy
from deployer.routing import Route, Target


def route_of(app: App, replicas: Sequence[Replica]) -> Route | None:
    """The app's route to those of its replicas that run, in a stable order.

    None where the app has no route, or nothing to send requests to.
    """
    rule = app.route
    if rule is None:
        return None
    targets = sorted(
        (Target(replica.address, rule.port) for replica in replicas if _can_serve(replica)),
        key=lambda target: (target.address, target.port),
    )
    return rule.to(app.name, targets) if targets else None


def closed_route(app: App) -> Route | None:
    """The app's route while nothing of it runs; None where it has none."""
    rule = app.route
    return None if rule is None else rule.to(app.name, ())


def _can_serve(replica: Replica) -> bool:
    return replica.state is Running.RUNNING and bool(replica.address)


def _shown(route: Route, closed: Collection[str]) -> Route:
    """The route as Nginx is to serve it."""
    if route.app not in closed:
        return route
    return replace(route, handling=replace(route.handling, maintenance=True))


@dataclass(slots=True)
class _Change:
    """What somebody waits for at the door: routes of some apps, None to take one away."""

    routes: Mapping[str, Route | None]
    done: Future[Applied] = field(default_factory=Future)


class Traffic:
    """Changes of routes, one at a time; what arrives together shares a reload.

    The door is held from render to confirmation only. `drain` is how many seconds Nginx
    gives old workers to finish (`worker_shutdown_timeout`). `maintained` are the apps of which
    all requests get 503, whatever their routes are.
    """

    def __init__(
        self, proxy: Proxy, drain: float, maintained: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._proxy = proxy
        self._maintained = maintained
        self._closed: frozenset[str] = frozenset()
        self._drain = drain
        self._routes: dict[str, Route] = {}
        self._waiting: list[_Change] = []
        self._list = threading.Lock()
        self._door = threading.Lock()
        self._begun: Applied | None = None

    def switch(self, app: str, route: Route | None) -> Applied:
        """Make this the app's live route; returns once new connections reach it.

        Raises ProxyError, and then the app's previous route is live as before.
        """
        return self._pass({app: route})

    def begin(self, routes: Mapping[str, Route | None]) -> Applied:
        """Make these the live routes of the apps named, at start, when nothing is known yet."""
        self._begun = self._pass(routes)
        return self._begun

    def refresh(self, routes: Mapping[str, Route | None]) -> Applied | None:
        """Make these the live routes of the apps named, unless they are and Nginx answers."""
        with self._list:
            same = all(self._routes.get(app) == route for app, route in routes.items())
            same = same and self._closed == frozenset(self._maintained())
        if same and self._proxy.live() is not None:
            return None
        return self._pass(routes)

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

    def _pass(self, routes: Mapping[str, Route | None]) -> Applied:
        change = _Change(routes)
        with self._list:
            self._waiting.append(change)
        with self._door:
            if not change.done.done():
                with self._list:
                    together, self._waiting = self._waiting, []
                self._go(together)
        return change.done.result()

    def _go(self, together: Sequence[_Change]) -> None:
        """Apply what waits in one reload; if that fails, each alone: none spoils another's."""
        try:
            applied = self._apply(together)
        except DeployerError as error:
            if len(together) == 1:
                together[0].done.set_exception(error)
                return
            for change in together:
                self._go([change])
        else:
            for change in together:
                change.done.set_result(applied)
        finally:
            # Nobody waits for ever, whatever else was raised; what is done is not touched.
            for change in together:
                change.done.cancel()

    def _apply(self, together: Sequence[_Change]) -> Applied:
        routes = dict(self._routes)
        for change in together:
            for app, route in change.routes.items():
                routes.pop(app, None)
                if route is not None:
                    routes[app] = route
        closed = frozenset(self._maintained())
        applied = self._proxy.apply([_shown(routes[app], closed) for app in sorted(routes)])
        with self._list:
            self._routes, self._closed = routes, closed
        return applied
