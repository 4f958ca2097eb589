"""Which server blocks each host has: where they listen, and what they serve or redirect; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deployer.errors import RenderRefused
from deployer.proxies import allowed
from deployer.routing import NOTHING_SAID, Front, Https, Route

HTTP, HTTPS = 80, 443


@dataclass(frozen=True, slots=True)
class Doors:
    """The ports that clients come by, and the name of the certificate of each host with one."""

    http_port: int = HTTP
    https_port: int = HTTPS
    certificates: Mapping[str, str] = field(default_factory=dict)

    def https(self, host: str) -> str:
        """A host's address by TLS, as far as the path."""
        port = "" if self.https_port == HTTPS else f":{allowed.port(self.https_port)}"
        return f"https://{host}{port}"

    def http(self, host: str) -> str:
        """A host's address without TLS, as far as the path."""
        port = "" if self.http_port == HTTP else f":{allowed.port(self.http_port)}"
        return f"http://{host}{port}"


@dataclass(frozen=True, slots=True)
class Server:
    """Host names that are served alike: one `server` block.

    With a `certificate` it listens for TLS, else for plain HTTP. All requests are sent to
    `redirect`, or its `apps` answer them. `hsts` is the value of that header, "" for none.
    """

    names: tuple[str, ...]
    apps: tuple[str, ...] = ()
    certificate: str = ""
    redirect: str = ""
    hsts: str = ""

    @property
    def wild(self) -> bool:
        """Whether it serves names that are not known."""
        return any(name.startswith("*.") for name in self.names)


def servers_of(apps: Mapping[str, Route], doors: Doors) -> dict[str, list[Server]]:
    """Server blocks by the app whose file holds them; hosts that are served alike share one."""
    alike: dict[tuple[str, Server], list[str]] = defaultdict(list)
    for host, paths in sorted(_paths(apps).items()):
        # `sorted` puts a path before all that it is a prefix of: the first is the shortest.
        leads = tuple(paths[path] for path in sorted(paths))
        owner = min(leads, key=lambda app: (len(allowed.path(apps[app].path)), app))
        front = _front(apps[app].front for app in leads)
        for block in _blocks(host, front, leads, doors):
            alike[owner, block].append(host)
    for app, route in sorted(apps.items()):
        for host in sorted(set(route.front.redirect_from)):
            for block in _redirects(allowed.server_name(host), route, doors):
                alike[app, block].append(host)
    owned: dict[str, list[Server]] = defaultdict(list)
    for (owner, block), names in alike.items():
        owned[owner].append(
            Server(tuple(names), block.apps, block.certificate, block.redirect, block.hsts)
        )
    return owned


def fronts_of(routes: Mapping[str, Route]) -> dict[str, tuple[str, Front]]:
    """Every host that a route names, redirected ones included, with whose it is and its front."""
    leads: dict[str, list[str]] = defaultdict(list)
    for app in sorted(routes, key=lambda app: (routes[app].path, app)):
        for host in {*routes[app].hosts, *routes[app].front.redirect_from}:
            leads[host].append(app)
    found = {}
    for host, apps in leads.items():
        front = _front(routes[app].front for app in apps)
        owner = next(app for app in apps if routes[app].front.says == front.says)
        found[host] = (owner, front)
    return found


def to_https(doors: Doors) -> str:
    """Where a request by plain HTTP is sent: the same by TLS."""
    return f"{doors.https('$host')}$request_uri"


def hsts(front: Front) -> str:
    """The value of Strict-Transport-Security; "" for none."""
    seconds = allowed.age(front.hsts)
    return f"max-age={seconds}" if seconds else ""


def conflict(what: str) -> RenderRefused:
    """Why these routes cannot be served together."""
    return RenderRefused(
        f"these routes cannot be served together: {what}. Change `route` in config.yml"
    )


def _front(fronts: Iterator[Front]) -> Front:
    """Of the apps on a host, the first that says something of TLS decides."""
    found = list(fronts)
    return next((one for one in found if one.says != NOTHING_SAID.says), found[0])


def _blocks(host: str, front: Front, leads: tuple[str, ...], doors: Doors) -> Iterator[Server]:
    certificate = doors.certificates.get(host, "")
    serves = Server((), leads)
    if not certificate:
        # Without one `only` leaves nothing: what must not be read on its way is not served.
        if front.https is not Https.ONLY or front.plain:
            yield serves
        return
    if front.https is Https.BOTH:
        yield serves
    elif front.https is Https.REDIRECT:
        yield Server((), redirect=to_https(doors))
    yield Server((), leads, certificate, hsts=hsts(front))


def _redirects(host: str, route: Route, doors: Doors) -> Iterator[Server]:
    """The blocks of a host whose requests go to the app's first host."""
    first, front = allowed.host(route.hosts[0]), route.front
    secure = bool(doors.certificates.get(first)) and front.https is not Https.BOTH
    address = doors.https(first) if secure else doors.http(first)
    yield Server((), redirect=f"{address}$request_uri")
    if certificate := doors.certificates.get(host):
        address = doors.https(first) if first in doors.certificates else doors.http(first)
        target = f"{address}$request_uri"
        yield Server((), certificate=certificate, redirect=target, hsts=hsts(front))


def _paths(apps: Mapping[str, Route]) -> dict[str, dict[str, str]]:
    """Host -> path -> app."""
    hosts: dict[str, dict[str, str]] = defaultdict(dict)
    for app, route in sorted(apps.items()):
        for host in route.hosts:
            hosts[allowed.server_name(host)][allowed.path(route.path)] = app
    return hosts
