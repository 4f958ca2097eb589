"""From routes to sites: whose files hold which server block; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.proxies import allowed
from deployer.proxies.servers import Doors, Server, conflict, servers_of
from deployer.routing import NOTHING_SAID, Front, Route


@dataclass(frozen=True, slots=True)
class ReceiverSite:
    """The receiver's own site: its host name, where it listens, and its limit in bytes."""

    host: str
    bind: str
    port: int
    max_body: int
    front: Front = NOTHING_SAID

    def address(self, gateway: str = "") -> str:
        """Where Nginx reaches the receiver; `gateway` is this machine on Nginx's own network."""
        everywhere = {
            "0.0.0.0": gateway or "127.0.0.1",  # noqa: S104
            "::": gateway or "::1",
            "localhost": "127.0.0.1",
        }
        return f"{allowed.address(everywhere.get(self.bind, self.bind))}:{allowed.port(self.port)}"


@dataclass(frozen=True, slots=True)
class Site:
    """One app's files: its upstream, its locations, and the server blocks that are its own.

    Without targets it has no upstream, and all requests for it are answered with 503.
    Where apps share a host, the block belongs to the one with the shortest path. `hsts` is whether
    its answers tell browsers to come by TLS only.
    """

    app: str
    path: str
    targets: tuple[str, ...]
    servers: tuple[Server, ...]
    hsts: bool = False

    @property
    def upstream(self) -> str:
        """The name of its upstream, which can be no host's."""
        return f"app_{self.app}"

    @property
    def matches(self) -> tuple[str, ...]:
        """The arguments of Nginx's `location`: `/shop` is /shop and /shop/..., not /shopping."""
        return ("/",) if self.path == "/" else (f"= {self.path}", f"{self.path}/")


def sites_of(
    routes: Sequence[Route], receiver: str | None = None, doors: Doors | None = None
) -> list[Site]:
    """One site per route, by app; `receiver` is the host name of the receiver's own site.

    `doors` are the ports and what has a certificate; None: the usual ports, and nothing.

    Raises RenderRefused for values outside the allow-lists and for routes that claim the
    same host and path, or the receiver's host.
    """
    apps: dict[str, Route] = {}
    for route in routes:
        if apps.setdefault(allowed.name(route.app), route) is not route:
            raise conflict(f"{route.app} has two routes")
        if not route.hosts:
            raise conflict(f"{route.app}'s route has no host")
    servers = servers_of(apps, receiver, doors or Doors())
    return [
        Site(
            app,
            allowed.path(apps[app].path),
            _targets(apps[app]),
            tuple(servers[app]),
            hsts=apps[app].front.hsts > 0,
        )
        for app in sorted(apps)
    ]


def _targets(route: Route) -> tuple[str, ...]:
    return tuple(f"{allowed.address(to.address)}:{allowed.port(to.port)}" for to in route.targets)
