"""From routes to sites: whose files hold which server block; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import RenderRefused
from deployer.proxies import allowed
from deployer.routing import Route


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
    Where apps share a host, the block belongs to the one with the shortest path. `watched` are
    files besides templates that they are made from.
    """

    app: str
    path: str
    targets: tuple[str, ...]
    servers: tuple[Server, ...]
    template: str = ""
    snippet: str = ""
    watched: tuple[Path, ...] = ()

    @property
    def upstream(self) -> str:
        """The name of its upstream, which can be no host's."""
        return f"app_{self.app}"

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
    for error in refused(apps, receiver, {}).values():
        raise error
    servers = _servers(apps)
    return [
        Site(
            app,
            allowed.path(route.path),
            _targets(route),
            tuple(servers[app]),
            route.template and allowed.template(route.template),
            route.snippet and allowed.snippet(route.snippet),
            watched(route),
        )
        for app, route in sorted(apps.items())
    ]


def watched(route: Route) -> tuple[Path, ...]:
    """The files besides templates that a route is made from: a change of one is looked for."""
    return ()


def refused(
    routes: Mapping[str, Route], receiver: str | None, serving: Mapping[str, Route]
) -> dict[str, RenderRefused]:
    """The routes that cannot be served beside the others, by app, and why.

    Of two that claim the same host and path it is not the one that is `serving` it now.
    """
    found: dict[str, RenderRefused] = {}
    claims: dict[str, list[tuple[str, str]]] = {}
    for app, route in sorted(routes.items()):
        try:
            claims[app] = _claims(route)
        except RenderRefused as error:
            found[app] = error
    held = {app: _held(serving.get(app)) for app in claims}
    taken = {claim: app for app in claims for claim in claims[app] if claim in held[app]}
    for app in sorted(claims, key=lambda app: (not held[app].issuperset(claims[app]), app)):
        if any(host == receiver for host, _ in claims[app]):
            found[app] = _conflict(f"{app} has the receiver's host {receiver}")
            continue
        lost = next((claim for claim in claims[app] if taken.get(claim, app) != app), None)
        if lost:
            both = " and ".join(sorted((taken[lost], app)))
            found[app] = _conflict(f"{both} both have {''.join(lost)}")
        else:
            taken |= dict.fromkeys(claims[app], app)
    return found


def _claims(route: Route) -> list[tuple[str, str]]:
    """Each host and path that the route asks for. Raises RenderRefused for a bad value."""
    allowed.name(route.app)
    _targets(route)
    if route.template:
        allowed.template(route.template)
    if route.snippet:
        allowed.snippet(route.snippet)
    if not route.hosts:
        raise _conflict(f"{route.app}'s route has no host")
    path = allowed.path(route.path)
    return [(allowed.host(host), path) for host in route.hosts]


def _held(route: Route | None) -> set[tuple[str, str]]:
    try:
        return set(_claims(route)) if route else set()
    except RenderRefused:
        return set()


def _targets(route: Route) -> tuple[str, ...]:
    return tuple(f"{allowed.address(to.address)}:{allowed.port(to.port)}" for to in route.targets)


def _servers(apps: Mapping[str, Route]) -> dict[str, list[Server]]:
    """Server blocks by the app whose file holds them; hosts that lead to the same share one."""
    hosts: dict[str, dict[str, str]] = defaultdict(dict)
    for app, route in sorted(apps.items()):
        for host, path in _claims(route):
            hosts[host][path] = app
    names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, paths in sorted(hosts.items()):
        # `sorted` puts a path before all that it is a prefix of: the first is the shortest.
        names[tuple(paths[path] for path in sorted(paths))] += [host]
    owned: dict[str, list[Server]] = defaultdict(list)
    for leads, same in names.items():
        owner = min(leads, key=lambda app: (len(allowed.path(apps[app].path)), app))
        owned[owner] += [Server(tuple(same), leads)]
    return owned


def _conflict(what: str) -> RenderRefused:
    return RenderRefused(
        f"these routes cannot be served together: {what}. Change `route` in config.yml"
    )
