"""Which version of each app's site goes into a generation: one that is at fault is held back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import PurePath

from deployer.errors import ProxyError, RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.generations import SERVED
from deployer.proxies.handling import USERS, passwords
from deployer.proxies.rendering import Rendering
from deployer.proxies.served import read_served, served_text
from deployer.proxies.sites import Site, refused, sites_of
from deployer.routing import Route

Files = dict[str, str]


class Version(IntEnum):
    """What a site is made from; where one is at fault the next is taken."""

    WANTED = 0
    """The route that is wanted, and the templates as they are now."""
    GOOD = 1
    """The files that are live, with today's addresses."""
    GOOD_PLAIN = 2
    """The same, but the package's own templates where something has to be written anew."""
    CLOSED = 3
    """503 to all requests, by the package's own templates."""
    CLOSED_PLAIN = 4
    """The same without any of the route's options."""
    OUT = 5
    """Nothing."""


INSTEAD = {
    Version.GOOD: "the previous configuration is still live",
    Version.GOOD_PLAIN: "the previous configuration is still live",
    Version.CLOSED: "its requests get 503",
    Version.CLOSED_PLAIN: "its requests get 503",
    Version.OUT: "it is not served",
}
"""What is live of a site that is held back, in words."""


@dataclass(slots=True)
class Blame:
    """Files of sites that Nginx refused, and why; they are not tried again until forgotten."""

    _known: dict[str, list[tuple[Files, ProxyError]]] = field(default_factory=dict)

    def add(self, app: str, files: Files, error: ProxyError) -> None:
        """Blame these files of an app."""
        self._known.setdefault(app, []).append((files, error))

    def of(self, app: str, files: Files) -> ProxyError | None:
        """Why these are not to be used; None where nothing is known against them."""
        known = self._known.get(app, ())
        return next((error for blamed, error in known if blamed == files), None)

    def forget(self) -> None:
        """Let everything be tried again."""
        self._known.clear()


@dataclass(slots=True)
class Plan:
    """The sites of one generation, each at the best version that nothing is known against.

    `live` are the files of the current generation, `otherwise` the routes that apps keep which
    are held back; `plain` renders by the package's own templates.
    """

    rendering: Rendering
    plain: Rendering
    facts: NginxFacts
    routes: Mapping[str, Route]
    otherwise: Mapping[str, Route | None]
    live: Files
    blame: Blame
    errors: dict[str, ProxyError] = field(init=False, default_factory=dict)
    at: dict[str, Version] = field(init=False, default_factory=dict)
    _served: Mapping[str, Route] = field(init=False)
    _live_of: dict[str, Files] = field(init=False)
    _sites: list[Site] = field(init=False, default_factory=list)
    _files: dict[str, Files] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.went_live(self.live)

    def went_live(self, files: Files) -> None:
        """These are the files of the current generation now."""
        self.live = files
        self._served = read_served(self.live.get(SERVED, ""))
        self._live_of = defaultdict(dict)
        for file, text in self.live.items():
            if "/" in file:
                self._live_of[PurePath(file).stem][file] = text

    def settle(self, floors: Mapping[str, Version] | None = None) -> None:
        """Choose a version of each site, none above its floor."""
        self.at = dict.fromkeys(self.routes, Version.WANTED) | dict(floors or {})
        self.errors = {}
        while bad := self._attempt():
            for app, error in bad.items():
                self.errors.setdefault(app, error)
                self.at[app] = self.below(app)

    def below(self, app: str) -> Version:
        """The version after the one that an app's site has now."""
        if self.otherwise.get(app, ...) is None:
            return Version.OUT
        return Version(min(self.at[app] + 1, Version.OUT))

    def files(self, generation: int) -> Files:
        """All files of the generation, as settled."""
        files = self.rendering.common(self._sites, self.facts, generation)
        for one in self._files.values():
            files |= one
        files[SERVED] = served_text(self._route(site.app) for site in self._sites)
        return files

    def changed(self) -> list[str]:
        """The apps whose files are not those that are live, and that may be another version."""
        return [
            app
            for app, files in self._files.items()
            if files != self._live_of.get(app, {}) and self.at[app] < Version.OUT
        ]

    def served(self) -> list[str]:
        """The apps that have a site at all."""
        return list(self._files)

    def reject(self, app: str, error: ProxyError) -> None:
        """Nothing more is made from the files that an app's site has now."""
        self.blame.add(app, self._files[app], error)

    def site(self, app: str) -> Site | None:
        """An app's site as settled, if it is made from the templates as they are now."""
        wanted = self.at.get(app) is Version.WANTED
        return next((one for one in self._sites if wanted and one.app == app), None)

    def held(self) -> dict[str, ProxyError]:
        """The apps that are held back, and why, and what is live instead."""
        return {
            app: type(error)(f"{error}; {INSTEAD[self.at[app]]}", detail=error.detail)
            for app, error in sorted(self.errors.items())
        }

    def _attempt(self) -> dict[str, ProxyError]:
        """Make each app's files in its version; those where that cannot be."""
        routes = {
            app: self._route(app) for app, version in self.at.items() if version < Version.OUT
        }
        bad: dict[str, ProxyError] = {
            **refused(routes, self.rendering.reserved, self._served),
        }
        if bad:
            return bad
        doors = self.rendering.doors(list(routes.values()))
        self._sites = sites_of(list(routes.values()), self.rendering.reserved, doors)
        self._files = {}
        for site in self._sites:
            try:
                files = self._made(site)
            except RenderRefused as error:
                bad[site.app] = error
                continue
            if known := self.blame.of(site.app, files):
                bad[site.app] = known
            self._files[site.app] = files
        return bad

    def _route(self, app: str) -> Route:
        """What is served of an app in its version."""
        version, wanted = self.at[app], self.routes[app]
        if version is Version.WANTED:
            return wanted
        last = self._served.get(app) or self.otherwise.get(app) or wanted
        if version in (Version.GOOD, Version.GOOD_PLAIN):
            # Maintenance counts also while the rest of what is wanted does not.
            handling = replace(last.handling, maintenance=wanted.handling.maintenance)
            kept = (self.otherwise.get(app) or wanted).targets
            return replace(last, targets=kept, handling=handling)
        if version is Version.CLOSED:
            return replace(last, targets=(), template="", snippet="")
        return Route(last.app, last.hosts, last.path, (), weight=last.weight)

    def _made(self, site: Site) -> Files:
        version = self.at[site.app]
        if version is Version.WANTED:
            return self.rendering.site(site, self.facts)
        if version in (Version.GOOD, Version.GOOD_PLAIN):
            return self._kept(site, plain=version is Version.GOOD_PLAIN)
        return self.plain.site(site, self.facts)

    def _kept(self, site: Site, *, plain: bool) -> Files:
        """The files that are live; what the others on its hosts or its addresses changed, anew."""
        live = self._live_of.get(site.app, {})
        names = self.rendering.names(site, self.facts)
        files = {file: text for file, text in live.items() if PurePath(file).parts[0] not in _OURS}
        for file in names:
            text, wanted = live.get(file, ""), file.startswith("locations/")
            if text and (wanted or not plain) and self.rendering.says(file, text, site, self.facts):
                files[file] = text
            elif wanted:
                raise RenderRefused(f"there is no earlier {file} that could be used")
            else:
                files[file] = self._anew(file, site, plain=plain)
        return files | passwords(site.app, site.handling)

    def _anew(self, file: str, site: Site, *, plain: bool) -> str:
        if not plain:
            with suppress(RenderRefused):
                return self.rendering.file(file, site, self.facts)
        return self.plain.file(file, site, self.facts)


_OURS = ("upstreams", "shared", "locations", "sites", USERS)
