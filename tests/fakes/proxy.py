"""A proxy in memory: it keeps the routes, and can be told to fail or to hold old workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count

from deployer.errors import DeployerError, NotConfirmed
from deployer.ports import Applied, NginxFacts
from deployer.proxies.sites import sites_of
from deployer.routing import Route, Target

_WORKERS = 2


class FakeProxy:
    """What Nginx does, at once and without processes.

    `history` holds each set of routes that went live, oldest first. Old workers are gone at
    once, or while `holding` is True only after `let_go()`.
    """

    def __init__(self) -> None:
        self.history: list[tuple[Route, ...]] = []
        self.holding = False
        self.down = False
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

    def apply(self, routes: Sequence[Route]) -> Applied:
        """Make these the live routes, or fail as told."""
        sites_of(routes)
        wanted = tuple(sorted(routes, key=lambda route: route.app))
        if self.history and wanted == self.routes:
            self.down = False
            return Applied(len(self.history), self._old)
        if self._errors:
            error, late = self._errors.pop(0)
            for _ in range(2 if late else 0):
                self._reload()
            raise error
        before = self._reload()
        self.history.append(wanted)
        self.down = False
        return Applied(len(self.history), before)

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
