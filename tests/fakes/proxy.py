"""A proxy in memory: it keeps the routes, and can be told to fail or to hold old workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from deployer.errors import DeployerError, NotConfirmed, ProxyError
from deployer.ports import Applied, CertificateSeen, HeldSite, NginxFacts
from deployer.ports.proxy import NOTHING_ELSE
from deployer.proxies.sites import refused
from deployer.routing import Route, Target

_WORKERS = 2


class FakeProxy:
    """What Nginx does, at once and without processes.

    `history` holds each set of routes that went live, oldest first. Old workers are gone at
    once, or while `holding` is True only after `let_go()`. The sites of the apps in `broken` are
    held back, with that error; `stale_now` is what has changed on disk.
    """

    def __init__(self) -> None:
        self.history: list[tuple[Route, ...]] = []
        self.holding = False
        self.down = False
        self.broken: dict[str, ProxyError] = {}
        self.stale_now = False
        self.seen: tuple[CertificateSeen, ...] = ()
        self._held: Sequence[HeldSite] = ()
        self._errors: list[tuple[DeployerError, bool]] = []
        self._pids = count(1000)
        self._workers: frozenset[int] = frozenset()
        self._old: frozenset[int] = frozenset()
        self._asked: Counter[Route] = Counter()
        # The first one is a start.
        self._reloads = -1

    @property
    def routes(self) -> tuple[Route, ...]:
        """The live routes, by app."""
        return self.history[-1] if self.history else ()

    def fail(
        self, error: DeployerError | None = None, times: int = 1, *, late: bool = False
    ) -> None:
        """Let the next changes fail with this error; nothing changes then.

        `late`: Nginx had taken the change already and was taken back, so that workers which
        know the new routes have yet to exit.
        """
        failure = error or NotConfirmed("Nginx was told to fail. Tell it to work")
        self._errors += [(failure, late)] * times

    def calm(self) -> None:
        """Let nothing fail any more that was told to."""
        self._errors.clear()

    def let_go(self) -> None:
        """Let all old workers exit."""
        self._old = frozenset()

    def ask(self, host: str, path: str = "/") -> Target | None:
        """Which replica gets a request; the replicas of a route take turns."""
        matching = [route for route in self.routes if host in route.hosts and _under(route, path)]
        if self.down or not matching:
            return None
        route = max(matching, key=lambda one: len(one.path))
        if not route.targets or route.handling.maintenance:
            return None
        self._asked[route] += 1
        return route.targets[self._asked[route] % len(route.targets)]

    def apply(
        self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
    ) -> Applied:
        """Make these the live routes, or fail as told."""
        wanted = {route.app: route for route in routes}
        held = self._settle(wanted, otherwise)
        now = tuple(wanted[app] for app in sorted(wanted))
        self.stale_now = False
        if self.history and now == self.routes:
            self.down = False
            self._note(held)
            return Applied(len(self.history), self._old, held)
        if self._errors:
            error, late = self._errors.pop(0)
            for _ in range(2 if late else 0):
                self._reload()
            raise error
        before = self._reload()
        self.history.append(now)
        self.down = False
        self._note(held)
        return Applied(len(self.history), before, held)

    def _settle(
        self, wanted: dict[str, Route], otherwise: Mapping[str, Route | None]
    ) -> dict[str, ProxyError]:
        """Hold back who is broken or in conflict: the last good version, else 503, else nothing."""
        served = {route.app: route for route in self.routes if route.targets}
        held: dict[str, ProxyError] = {
            app: self.broken[app] for app in wanted if app in self.broken
        }
        for app in held:
            self._lower(app, wanted, served, otherwise)
        while lost := refused(wanted, None, served):
            for app, error in lost.items():
                if app in held:
                    # What came after the last good version is refused as well.
                    wanted.pop(app)
                else:
                    held[app] = error
                    self._lower(app, wanted, served, otherwise)
        return held

    def _lower(
        self,
        app: str,
        wanted: dict[str, Route],
        served: Mapping[str, Route],
        otherwise: Mapping[str, Route | None],
    ) -> None:
        instead = otherwise.get(app, wanted[app])
        if instead is None:
            wanted.pop(app)
        elif app in served:
            wanted[app] = replace(served[app], targets=instead.targets)
        else:
            wanted[app] = replace(instead, targets=())

    def _note(self, held: Mapping[str, ProxyError]) -> None:
        self._held = tuple(HeldSite(app, str(error), 1000.0) for app, error in held.items())

    def held(self) -> Sequence[HeldSite]:
        """The apps that the last change held back."""
        return self._held

    def stale(self) -> bool:
        """Whether somebody said so, or told apps to be broken or mended since the last change."""
        return self.stale_now

    def _reload(self) -> frozenset[int]:
        self._reloads += 1
        before, self._workers = self._workers, frozenset(next(self._pids) for _ in range(_WORKERS))
        self._old = self._old | before if self.holding else frozenset()
        return before

    def facts(self) -> NginxFacts:
        """An Nginx of today."""
        return NginxFacts((1, 30, 0), "nginx")

    def live(self) -> int | None:
        """The number of the last change; None while `down`."""
        return None if self.down or not self.history else len(self.history)

    def certificates(self) -> tuple[CertificateSeen, ...]:
        """Those that it was given."""
        return self.seen

    def remaining(self, workers: frozenset[int]) -> frozenset[int]:
        """Those of these workers that are held, or serve now."""
        return workers & (self._old | self._workers)

    def reloads(self) -> int:
        """How often the workers were replaced."""
        return max(self._reloads, 0)

    def draining(self) -> int:
        """How many workers are held."""
        return len(self._old)


def _under(route: Route, path: str) -> bool:
    prefix = route.path.removesuffix("/")
    return path == prefix or path.startswith(f"{prefix}/")
