"""Makes Nginx serve a set of routes: render, read back, test, replace, HUP, confirm."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from deployer.config.values import Nginx as Settings
from deployer.errors import ConfigRejected, ProxyError, RenderRefused
from deployer.ports import Applied, CertificateSeen, HeldSite, NginxFacts, NginxHost
from deployer.ports.nginx_build import OLDEST
from deployer.ports.proxy import NOTHING_ELSE
from deployer.proxies.culprits import find, place
from deployer.proxies.generations import Generations
from deployer.proxies.isolating import Blame, Files, Plan
from deployer.proxies.rendering import MAIN, Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.taking import EMERGENCY, NotTaken, Taking
from deployer.proxies.templates import Seen, package_templates
from deployer.routing import Route

log = structlog.get_logger()

AGAIN = 30.0
"""Seconds after which a site that Nginx's test refused is tried again: a name may resolve now."""

_STILL = "the previous configuration is still live"


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
        again: float = AGAIN,
    ) -> None:
        self._host = host
        self._generations = Generations(folder)
        self._rendering = Rendering(settings, site, templates, folder / "current")
        self._plain = Rendering(settings, site, [package_templates()])
        self._taking = Taking(host, self._generations, settings, folder, confirm_limit)
        self._blame = Blame()
        self._held: dict[str, HeldSite] = {}
        self._seen: Seen | None = None
        self._again = again
        self._try_at: float | None = None
        self._candidate: tuple[int, Files] | None = None

    def apply(
        self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
    ) -> Applied:
        """Make these the live routes; see ports.Proxy."""
        seen = self._rendering.seen()
        if self.stale() or seen != self._seen or self._taking.live() is None:
            self._blame.forget()
        self._seen = None
        try:
            plan = self._plan(routes, otherwise)
            applied = self._settled(plan)
        except (RenderRefused, ConfigRejected) as error:
            raise type(error)(f"{error}; {_STILL}", detail=error.detail) from error
        finally:
            self._drop_candidate()
        # How it was before the first of it was read: what changed since, the next look finds.
        self._seen = seen
        held = plan.held()
        self._note(held)
        return replace(applied, held=held)

    def held(self) -> Sequence[HeldSite]:
        """The apps that the last change held back."""
        return tuple(self._held.values())

    def stale(self) -> bool:
        """Whether the same routes may give something else now; see ports.Proxy."""
        changed = self._rendering.seen() != self._seen
        return changed or self._is_due() or self._rendering.others_chosen()

    def certificates(self) -> Sequence[CertificateSeen]:
        """What hosts are served with by TLS; see ports.Proxy."""
        return self._rendering.certificates()

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
        return self._taking.live()

    def remaining(self, workers: frozenset[int]) -> frozenset[int]:
        """Those of these worker processes that still exist."""
        return workers & self._taking.workers() if workers else workers

    def draining(self) -> int:
        """How many workers are shutting down."""
        return sum(worker.shutting_down for worker in self._host.workers())

    def reloads(self) -> int:
        """How often Nginx was told to reload since this process began."""
        return self._taking.reloads

    def _is_due(self) -> bool:
        return self._try_at is not None and time.monotonic() > self._try_at

    def _plan(self, routes: Sequence[Route], otherwise: Mapping[str, Route | None]) -> Plan:
        by_app = {route.app: route for route in routes}
        if len(by_app) < len(routes):
            raise RenderRefused("an app has two routes")
        self._generations.prepare()
        facts = self.facts()
        self._generations.readers = facts.group
        self._rendering.reload()
        self._plain.reload()
        live = self._generations.files(self._generations.current())
        return Plan(self._rendering, self._plain, facts, by_app, otherwise, live, self._blame)

    def _settled(self, plan: Plan) -> Applied:
        """Go on until Nginx takes the plan; each turn blames at least one site, or ends."""
        knew: frozenset[int] = frozenset()
        while True:
            plan.settle()
            refused = self._tested(plan)
            if refused is not None:
                if not find(plan, refused, lambda: self._tested(plan)):
                    raise refused
                continue
            try:
                applied = self._switched(plan)
            except NotTaken as error:
                knew |= self._taking.workers()
                if not find(plan, _cause(error), lambda: self._taken(plan), changed_only=True):
                    raise
                continue
            return replace(applied, old_workers=applied.old_workers | knew)

    def _tested(self, plan: Plan) -> ConfigRejected | None:
        """Why Nginx refuses the plan as it is settled; what it does not refuse is on disk then."""
        self._drop_candidate()
        current = self._generations.current()
        if current is not None and plan.files(current) == plan.live:
            # What runs was tested; but what it names outside may have gone since.
            away = self._taking.live() is None
            return self._refusal(plan, current, plan.live) if away else None
        number = max(self._generations.newest(), self._taking.live() or 0) + 1
        files = plan.files(number)
        self._generations.write(number, files, current)
        self._candidate = number, files
        return self._refusal(plan, number, files)

    def _refusal(self, plan: Plan, number: int, files: Files) -> ConfigRejected | None:
        try:
            self._host.test(str(self._generations.path(number) / MAIN))
        except ConfigRejected as error:
            return self._explained(plan, number, files, error)
        return None

    def _switched(self, plan: Plan) -> Applied:
        """Make live what was tested last. Raises NotTaken, NotConfirmed."""
        current, candidate = self._generations.current(), self._candidate
        if candidate is None:
            # Nothing was written since it is all in the current one, which there is then.
            return self._taking.hold(current or 0)
        (number, files), self._candidate = candidate, None
        applied = self._taking.switch(number, current)
        plan.went_live(files)
        return applied

    def _drop_candidate(self) -> None:
        if self._candidate is not None:
            self._generations.remove(self._candidate[0])
            self._candidate = None

    def _taken(self, plan: Plan) -> ProxyError | None:
        """Why Nginx does not take the plan as it is settled."""
        try:
            refused = self._tested(plan)
            if refused is None:
                self._switched(plan)
        except NotTaken as error:
            return _cause(error)
        return refused

    def _note(self, held: Mapping[str, ProxyError]) -> None:
        """Remember what is held back, and say what changed of that."""
        before, now = self._held, time.time()
        self._held = {
            app: HeldSite(app, str(error), before[app].since if app in before else now)
            for app, error in held.items()
        }
        for app, one in self._held.items():
            if app not in before or before[app].reason != one.reason:
                log.warning("site held back", app=app, reason=one.reason)
        for app in before.keys() - self._held.keys():
            log.info("site no longer held back", app=app)
        outside = any(isinstance(error, ConfigRejected) for error in held.values())
        self._try_at = time.monotonic() + self._again if outside else None

    def _explained(
        self, plan: Plan, number: int, files: Files, error: ConfigRejected
    ) -> ConfigRejected:
        """Nginx's own words, with paths that a person knows: the file and its template."""
        words = error.detail.replace(f"{self._generations.path(number)}/", "")
        said = EMERGENCY.findall(words)
        refused = ConfigRejected("", detail=words)
        origin, at = "", place(refused)
        if at and at[0] in files:
            file, line = at
            site = plan.site(Path(file).stem) if "/" in file else None
            origin = self._rendering.origin(file, files[file], site, plan.facts, line)
            origin = f", rendered from {origin}"
        why = said[-1] if said else str(error)
        return ConfigRejected(
            f"Nginx refused the new configuration: {why}{origin}. Correct that", detail=words
        )


def _cause(error: NotTaken) -> ProxyError:
    """What Nginx said, without what was done then."""
    return error.__cause__ if isinstance(error.__cause__, NotTaken) else error
