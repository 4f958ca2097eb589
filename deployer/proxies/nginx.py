"""Makes Nginx serve exactly a set of routes: render, read back, test, replace, HUP, confirm."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from deployer.config.values import Nginx as Settings
from deployer.errors import ConfigRejected, DeployerError, NotConfirmed, ProxyError
from deployer.ports import Applied, NginxFacts, NginxHost
from deployer.ports.nginx_build import OLDEST
from deployer.proxies.generations import Generations
from deployer.proxies.rendering import MAIN, Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.routing import Route

log = structlog.get_logger()

_POLL = 0.025
_OLD_WORKERS_LIMIT = 2.0
_EMERGENCY = re.compile(r"\[(?:emerg|alert)\] (?:[0-9]+#[0-9]+: )?+(?!still could not)(.*)")


class Nginx:
    """The proxy of design.md over any host of Nginx; whoever owns the routes calls one at a time.

    `folder` holds the generations, `templates` are searched in order, `confirm_limit` is how
    long Nginx may take to answer with a new generation (seconds).
    """

    def __init__(
        self,
        host: NginxHost,
        folder: Path,
        settings: Settings,
        site: ReceiverSite | None,
        templates: Sequence[Path],
        *,
        confirm_limit: float = 5.0,
    ) -> None:
        self._host = host
        self._folder = folder
        self._settings = settings
        self._generations = Generations(folder)
        self._rendering = Rendering(settings, site, templates)
        self._confirm_limit = confirm_limit
        self._reloads = 0

    def apply(self, routes: Sequence[Route]) -> Applied:
        """Make these the live routes; see ports.Proxy."""
        self._generations.prepare()
        facts = self.facts()
        self._generations.readers = facts.group
        current = self._generations.current()
        if current is not None:
            unchanged = self._rendering.files(routes, facts, current)
            if unchanged == self._generations.files(current):
                return self._hold(current)
        number = max(self._generations.newest(), self.live() or 0) + 1
        files = self._rendering.files(routes, facts, number)
        candidate = self._generations.write(number, files, current)
        try:
            self._host.test(str(candidate / MAIN))
        except DeployerError as error:
            self._generations.remove(number)
            if isinstance(error, ConfigRejected):
                raise self._rejected(number, files, error) from error
            raise
        return self._switch(number, current)

    def facts(self) -> NginxFacts:
        """What is known of the Nginx that runs, or will. Raises ProxyError for one too old."""
        facts = self._host.facts()
        if facts.version < OLDEST:
            found, oldest = (".".join(map(str, one)) for one in (facts.version, OLDEST))
            raise ProxyError(
                f"Nginx {found} ({facts.where}) is too old: deployer's configuration needs "
                f"{oldest} or newer. Install a newer one, or write `mode: managed` below `nginx:`"
            )
        return facts

    def live(self) -> int | None:
        """Ask Nginx on a fresh connection which generation it serves."""
        try:
            address = self._host.address()
        except DeployerError:
            return None
        connection = http.client.HTTPConnection(address, self._settings.status_port, timeout=1.0)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            said = connection.getresponse().read(20)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return int(said) if said.isdigit() else None

    def remaining(self, workers: frozenset[int]) -> frozenset[int]:
        """Those of these worker processes that still exist."""
        return workers & self._workers() if workers else workers

    def draining(self) -> int:
        """How many workers are shutting down."""
        return sum(worker.shutting_down for worker in self._host.workers())

    def reloads(self) -> int:
        """How often Nginx was told to reload since this process began."""
        return self._reloads

    def _reload(self) -> None:
        self._host.reload()
        self._reloads += 1

    def _hold(self, current: int) -> Applied:
        """Nothing has changed; but Nginx must run, and on this generation."""
        if self._host.ensure_running():
            self._confirm(current)
            return Applied(current)
        if self.live() == current:
            workers = self._host.workers()
            return Applied(current, frozenset(one.pid for one in workers if one.shutting_down))
        before = self._workers()
        self._reload()
        self._confirm(current)
        self._wait_for_old(before)
        return Applied(current, before)

    def _switch(self, number: int, previous: int | None) -> Applied:
        """From here to confirmation any failure puts the previous generation back."""
        before = self._workers()
        try:
            self._generations.point(number)
            if not self._host.ensure_running():
                self._reload()
            self._confirm(number)
            self._wait_for_old(before)
        except DeployerError as error:
            state = self._go_back(previous)
            self._generations.remove(number)
            raise NotConfirmed(f"{error}; {state}", detail=error.detail) from error
        self._generations.prune()
        return Applied(number, before)

    def _go_back(self, previous: int | None) -> str:
        """Make the previous generation current and live again; what there is now, in words."""
        try:
            self._generations.point(previous)
            if previous is None:
                return "there is no earlier configuration to go back to"
            if not self._host.ensure_running():
                self._reload()
            self._confirm(previous)
        except DeployerError as error:
            log.warning("previous generation is not live", generation=previous, reason=str(error))
            return f"generation {previous} is on disk again, but Nginx does not answer with it"
        return f"the previous configuration (generation {previous}) is live again"

    def _confirm(self, number: int) -> None:
        if not _within(self._confirm_limit, lambda: self.live() == number):
            words = self._host.errors(20)
            said = _EMERGENCY.findall(words)
            why = said[-1] if said else f"no answer on port {self._settings.status_port}"
            raise NotConfirmed(
                f"Nginx does not serve generation {number}: {why}. Read its log ({self._log()})",
                detail=words,
            )

    def _log(self) -> str:
        if self._settings.mode == "host":
            return str(self._folder / "logs" / "error.log")
        return f"`docker logs {self._settings.container}`"

    def _wait_for_old(self, before: frozenset[int]) -> None:
        """Wait until no old worker takes new connections (Nginx waits 100 ms to tell them)."""

        def quit_taking() -> bool:
            taking = (one.pid for one in self._host.workers() if not one.shutting_down)
            return not before.intersection(taking)

        if not _within(_OLD_WORKERS_LIMIT, quit_taking):
            raise NotConfirmed("Nginx's old workers still take connections after a reload")

    def _workers(self) -> frozenset[int]:
        return frozenset(worker.pid for worker in self._host.workers())

    def _rejected(
        self, number: int, files: Mapping[str, str], error: ConfigRejected
    ) -> ConfigRejected:
        """Nginx's own words, with paths that a person knows: the file and its template."""
        prefix = f"{self._generations.path(number)}/"
        words = error.detail.replace(prefix, "")
        said = _EMERGENCY.findall(words)
        why = said[-1] if said else str(error)
        match = re.search(r" in (\S+):[0-9]+$", why)
        origin = ""
        if match and match[1] in files:
            origin = f", rendered from {self._rendering.template(match[1])}"
        return ConfigRejected(
            f"Nginx refused the new configuration: {why}{origin}. Correct the template; "
            "the previous configuration is still live",
            detail=words,
        )


def _within(limit: float, is_true: Callable[[], bool]) -> bool:
    """Whether it becomes true within so many seconds."""
    deadline = time.monotonic() + limit
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
