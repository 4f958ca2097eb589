"""From routes to sites: whose files hold which server block; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from deployer.errors import RenderRefused
from deployer.proxies import allowed
from deployer.proxies.handling import Way, way_of
from deployer.routing import Handling, Route


@dataclass(frozen=True, slots=True)
class ReceiverSite:
    """The receiver's own site: its host name, where it listens, and its limit in bytes."""

    host: str
    bind: str
    port: int
    max_body: int

    def address(self, gateway: str = "") -> str:
        """Where Nginx reaches the receiver; `gateway` is this machine on Nginx's own network."""
        everywhere = {
            "0.0.0.0": gateway or "127.0.0.1",  # noqa: S104
            "::": gateway or "::1",
            "localhost": "127.0.0.1",
        }
        return f"{allowed.address(everywhere.get(self.bind, self.bind))}:{allowed.port(self.port)}"


@dataclass(frozen=True, slots=True)
class Server:
    """Host names whose paths lead to the same apps: one `server` block."""

    names: tuple[str, ...]
    apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """One app's files: its upstream, its locations, and the server blocks that are its own.

    Without targets it has no upstream, and all requests for it are answered with 503.
    Where apps share a host, the block belongs to the one with the shortest path.
    """

    app: str
    path: str
    targets: tuple[str, ...]
    servers: tuple[Server, ...]
    handling: Handling = field(default_factory=Handling)

    @property
    def upstream(self) -> str:
        """The name of its upstream, which can be no host's."""
        return f"app_{self.app}"

    @property
    def way(self) -> Way:
        """How requests get to it. Raises RenderRefused for a value outside its allow-list."""
        return way_of(self.app, self.path, self.upstream, self.handling, closed=not self.targets)

    @property
    def matches(self) -> tuple[str, ...]:
        """The arguments of Nginx's `location`: `/shop` is /shop and /shop/..., not /shopping."""
        return ("/",) if self.path == "/" else (f"= {self.path}", f"{self.path}/")


def sites_of(routes: Sequence[Route], receiver: str | None = None) -> list[Site]:
    """One site per route, by app; `receiver` is the host name of the receiver's own site.

    Raises RenderRefused for values outside the allow-lists and for routes that claim the
    same host and path, or the receiver's host.
    """
    apps: dict[str, Route] = {}
    for route in routes:
        if apps.setdefault(allowed.name(route.app), route) is not route:
            raise _conflict(f"{route.app} has two routes")
        if not route.hosts:
            raise _conflict(f"{route.app}'s route has no host")
    servers = _servers(apps, receiver)
    return [
        Site(
            app,
            allowed.path(route.path),
            _targets(route),
            tuple(servers[app]),
            handling=route.handling,
        )
        for app, route in sorted(apps.items())
    ]


def _targets(route: Route) -> tuple[str, ...]:
    return tuple(f"{allowed.address(to.address)}:{allowed.port(to.port)}" for to in route.targets)


def _servers(apps: dict[str, Route], receiver: str | None) -> dict[str, list[Server]]:
    """Server blocks by the app whose file holds them; hosts that lead to the same share one."""
    names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, paths in sorted(_paths(apps, receiver).items()):
        # `sorted` puts a path before all that it is a prefix of: the first is the shortest.
        names[tuple(paths[path] for path in sorted(paths))] += [host]
    owned: dict[str, list[Server]] = defaultdict(list)
    for leads, hosts in names.items():
        owner = min(leads, key=lambda app: (len(allowed.path(apps[app].path)), app))
        owned[owner] += [Server(tuple(hosts), leads)]
    return owned


def _paths(apps: dict[str, Route], receiver: str | None) -> dict[str, dict[str, str]]:
    """Host -> path -> app; no host and path has two."""
    hosts: dict[str, dict[str, str]] = defaultdict(dict)
    for app, route in sorted(apps.items()):
        path = allowed.path(route.path)
        for host in {allowed.host(host) for host in route.hosts}:
            if host == receiver:
                raise _conflict(f"{app} has the receiver's host {host}")
            other = hosts[host].setdefault(path, app)
            if other != app:
                raise _conflict(f"{other} and {app} both have {host}{path}")
    return hosts


def _conflict(what: str) -> RenderRefused:
    return RenderRefused(
        f"these routes cannot be served together: {what}. Change `route` in config.yml; "
        "the previous configuration is still live"
    )
