"""Renders a generation's files from routes, and reads each back before anybody sees it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import CertificateSeen, NginxFacts
from deployer.proxies import allowed
from deployer.proxies.choice import Certificates, Choice
from deployer.proxies.expected import (
    Listens,
    Tls,
    locations_shape,
    main_shape,
    receiver_shape,
    site_shape,
    upstream_shape,
)
from deployer.proxies.handling import handling_values, has_shared, passwords
from deployer.proxies.main_values import main_of, main_values, receiver_values
from deployer.proxies.parseback import Directive, parse_back
from deployer.proxies.servers import Doors, to_https
from deployer.proxies.sites import ReceiverSite, Site, sites_of
from deployer.proxies.templates import Seen, Templates
from deployer.routing import Route

MAIN = "nginx.conf"
_HTTP2 = (1, 25, 1)
"""The first version in which HTTP/2 is a directive of a server, and no parameter of a socket."""

_OF_APPS = {
    "upstreams": "upstream.conf.j2",
    "shared": "shared.conf.j2",
    "locations": "locations.conf.j2",
    "sites": "site.conf.j2",
}
"""Where the files of single apps are, and what they are rendered from."""


class Rendering:
    """Routes in, checked files out; nothing of Nginx is touched, and nothing is written."""

    def __init__(
        self,
        settings: Settings,
        receiver: ReceiverSite | None,
        folders: Sequence[Path],
        current: Path | None = None,
    ) -> None:
        self._settings = settings
        self._certificates = Certificates(settings, current)
        self._routes: Sequence[Route] = ()
        self._choice = Choice()
        self._receiver = receiver
        self._templates = Templates(folders)
        self._loaded: Seen = ()
        self._read_back: dict[str, tuple[str, list[Directive]]] = {}
        self._rendered: dict[str, tuple[Site, NginxFacts, Seen, dict[str, str]]] = {}

    def files(self, routes: Sequence[Route], facts: NginxFacts, generation: int) -> dict[str, str]:
        """Every file of this generation by relative path.

        Raises RenderRefused for a value outside its allow-list, a template that cannot be
        rendered, or a result that does not say what the routes say.
        """
        self.reload()
        sites = sites_of(routes, self.reserved, self.doors(routes))
        files = self.common(sites, facts, generation)
        for site in sites:
            files |= self.site(site, facts)
        return files

    @property
    def reserved(self) -> str | None:
        """The host name that no app may have: the receiver's."""
        return self._receiver.host if self._receiver else None

    def doors(self, routes: Sequence[Route]) -> Doors:
        """Where clients come in, each host with the certificate that is chosen for it now."""
        self._routes, self._choice = routes, self._certificates.choose(routes, self._receiver)
        return Doors(self._settings.http_port, self._settings.https_port, self._choice.hosts)

    def others_chosen(self) -> bool:
        """Whether other certificates would be chosen now than for the files of the last time."""
        found = self._certificates.choose(self._routes, self._receiver)
        return (found.hosts, found.files) != (self._choice.hosts, self._choice.files)

    def certificates(self) -> Sequence[CertificateSeen]:
        """What the hosts of the last time are served with by TLS, as the files are now."""
        return self._certificates.choose(self._routes, self._receiver).seen

    def seen(self) -> Seen:
        """How all that files are made from is on disk now."""
        return self._templates.seen()

    def reload(self) -> None:
        """Take the templates as they are on disk now. Raises RenderRefused where none can be."""
        self._loaded = self._templates.reload()

    def common(self, sites: Sequence[Site], facts: NginxFacts, generation: int) -> dict[str, str]:
        """The files that are no single app's. Raises RenderRefused."""
        settings, receiver = self._settings, self._receiver
        main = main_of(settings, receiver, facts, generation)
        values = self._values(facts) | main_values(main, settings, receiver, facts, sites)
        listens = self._listens(facts)
        files = {
            **self._choice.files,
            "mime.types": self._file("mime.types", {}, []),
            MAIN: self._file(MAIN, values, list(main_shape(main, listens))),
        }
        if receiver:
            tls = self._receivers_tls(receiver)
            values = self._values(facts) | receiver_values(receiver, facts) | asdict(tls)
            shape = receiver_shape(receiver, listens, tls, values["address"], values["access_log"])
            files["receiver.conf"] = self._file("receiver.conf", values, list(shape))
        return files

    def site(self, site: Site, facts: NginxFacts) -> dict[str, str]:
        """The files of one app. Raises RenderRefused."""
        known = self._rendered.get(site.app)
        # Rendering costs most with many sites, and few of them change at a time.
        if known is None or known[:3] != (site, facts, self._loaded):
            files = {file: self.file(file, site, facts) for file in self.names(site, facts)}
            files |= passwords(site.app, site.handling)
            self._rendered[site.app] = known = (site, facts, self._loaded, files)
        return known[3]

    def names(self, site: Site, facts: NginxFacts) -> list[str]:
        """The files of this site that are rendered."""
        return list(_shapes(site, self._listens(facts)))

    def file(self, file: str, site: Site, facts: NginxFacts) -> str:
        """One file of an app. Raises RenderRefused."""
        values = self._values(facts) | _site_values(site, facts)
        return self._file(file, values, _shapes(site, self._listens(facts))[file], site)

    def says(self, file: str, text: str, site: Site, facts: NginxFacts) -> bool:
        """Whether this text, of an earlier generation, is what the file of this site has to say."""
        expected = _shapes(site, self._listens(facts))[file]
        try:
            if self._read_back.get(file) != (text, expected):
                parse_back(file, text, expected, str)
        except RenderRefused:
            return False
        return True

    def origin(self, file: str, text: str, site: Site | None, facts: NginxFacts, line: int) -> str:
        """Where a line of a rendered file comes from, for messages."""
        values = self._values(facts) | _site_values(site, facts) if site else {}
        return self._origin(file, text, site, values, line)

    def _origin(
        self, file: str, text: str, site: Site | None, values: dict[str, Any], line: int
    ) -> str:
        if site and site.snippet and file.startswith("locations/"):
            # One that goes by the location's `match` is not found again: the template is named.
            with suppress(RenderRefused):
                snippet = self._templates.render(site.snippet, values)
                if within := _line_within(text, snippet, line):
                    return f"{self._templates.path(site.snippet)}:{within}"
        return str(self._templates.path(_template(file, site)))

    def _file(
        self,
        file: str,
        values: dict[str, Any],
        expected: list[Directive],
        site: Site | None = None,
    ) -> str:
        text = self._templates.render(_template(file, site), values)
        if self._read_back.get(file) != (text, expected):
            parse_back(file, text, expected, partial(self._origin, file, text, site, values))
            self._read_back[file] = (text, expected)
        return text

    def _listens(self, facts: NginxFacts) -> Listens:
        http, https = self._settings.http_port, self._settings.https_port
        old = facts.version < _HTTP2
        return Listens(allowed.port(http), allowed.port(https), self._choice.wanted, old)

    def _receivers_tls(self, receiver: ReceiverSite) -> Tls:
        doors = Doors(self._settings.http_port, self._settings.https_port)
        return Tls(self._choice.hosts.get(receiver.host, ""), to_https(doors))

    def _values(self, facts: NginxFacts) -> dict[str, Any]:
        listens = self._listens(facts)
        return {
            "nginx_version": facts.version,
            "http_port": listens.http,
            "https_port": listens.https,
            "http2_parameter": " http2" if listens.http2 else "",
            "tls": listens.tls,
            # headers.conf.j2 is part of the receiver's site too.
            "via": "proxy",
            "prefix": "",
        }


def _template(file: str, site: Site | None) -> str:
    """The name of the template that a generation's file is rendered from."""
    folder = file.partition("/")[0]
    if site and site.template and folder == "locations":
        return site.template
    return _OF_APPS.get(folder) or (file if file == "mime.types" else f"{file}.j2")


def _shapes(site: Site, listens: Listens) -> dict[str, list[Directive]]:
    """The files of an app, and what each has to say."""
    if site.led:
        return {}
    shapes = {"locations": locations_shape(site)}
    if site.targets:
        shapes["upstreams"] = upstream_shape(site)
    if has_shared(site.handling):
        shapes["shared"] = iter(())
    if site.servers:
        shapes["sites"] = site_shape(site, listens)
    return {f"{folder}/{site.app}.conf": list(shape) for folder, shape in shapes.items()}


def _site_values(site: Site, facts: NginxFacts) -> dict[str, Any]:
    """What the templates of an app's files are given."""
    return {
        "app": site.app,
        "upstream": site.upstream,
        "targets": [target for target, _ in site.targets],
        "weights": dict(site.targets),
        "matches": site.matches,
        "servers": site.servers,
        "snippet": site.snippet,
        "hsts": site.hsts,
        **handling_values(site.way, site.handling, facts.version),
    }


def _line_within(text: str, part: str, line: int) -> int:
    """The line of `part` that a line of the text is, wherever it stands in there; 0 for none."""
    at = text.find(part) if part.strip() else -1
    while at >= 0:
        first = text.count("\n", 0, at) + 1
        if first <= line < first + len(part.splitlines()):
            return line - first + 1
        at = text.find(part, at + 1)
    return 0
