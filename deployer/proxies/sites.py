"""From routes to sites: whose files hold which server block; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import RenderRefused
from deployer.proxies import allowed
from deployer.proxies import allowed_handling as may
from deployer.proxies.handling import Way, way_of
from deployer.proxies.servers import Doors, Server, conflict, hsts, servers_of
from deployer.proxies.weights import led, may_share, targets_of
from deployer.routing import LOOPBACK, NOTHING_SAID, Front, Handling, Route

_PLAIN = Handling()


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
        bind = "127.0.0.1" if self.bind == "localhost" else self.bind
        if bind in LOOPBACK:
            bind = gateway or LOOPBACK[bind]
        return f"{allowed.address(bind)}:{allowed.port(self.port)}"


@dataclass(frozen=True, slots=True)
class Site:
    """One app's files: its upstream, its locations, and the server blocks that are its own.

    Without targets it has no upstream, and all requests for it are answered with 503. Where apps
    share its requests, its targets are those of all of them, each with its weight (else 0); one
    that is `led` by another has no files of its own. Where apps share a host, the block belongs to
    the one with the shortest path. `hsts` is whether its answers tell browsers to come by TLS only.
    """

    app: str
    path: str
    targets: tuple[tuple[str, int], ...] = ()
    servers: tuple[Server, ...] = ()
    template: str = ""
    snippet: str = ""
    hsts: bool = False
    handling: Handling = _PLAIN
    led: bool = False

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
    for error in refused(apps, receiver, {}).values():
        raise error
    shared = led(apps)
    servers = servers_of({app: apps[app] for app in shared}, doors or Doors())
    return [
        _site(route, shared[app], servers[app])
        if app in shared
        else Site(app, allowed.path(route.path), led=True)
        for app, route in sorted(apps.items())
    ]


def _site(route: Route, sharing: Sequence[Route], servers: Sequence[Server]) -> Site:
    return Site(
        route.app,
        allowed.path(route.path),
        tuple(targets_of(sharing)),
        tuple(servers),
        route.template and allowed.template(route.template),
        route.snippet and allowed.snippet(route.snippet),
        hsts=bool(hsts(route.front)),
        handling=route.handling,
    )


def refused(
    routes: Mapping[str, Route], receiver: str | None, serving: Mapping[str, Route]
) -> dict[str, RenderRefused]:
    """The routes that cannot be served beside the others, by app, and why.

    Of two that claim the same host and path it is not the one that is `serving` it now; those
    that share it by weight are served together.
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

    def free(claim: tuple[str, str], app: str) -> bool:
        other = taken.get(claim, app)
        return other == app or may_share(routes[other], routes[app])

    for app in sorted(claims, key=lambda app: (not held[app].issuperset(claims[app]), app)):
        if any(host == receiver for host, _ in claims[app]):
            found[app] = conflict(f"{app} has the receiver's host {receiver}")
            continue
        lost = next((claim for claim in claims[app] if not free(claim, app)), None)
        if lost:
            both = " and ".join(sorted((taken[lost], app)))
            found[app] = conflict(f"{both} both have {''.join(lost)}")
        else:
            taken |= dict.fromkeys(claims[app], app)
    return found | _redirected_twice(routes, {app for app in claims if app not in found})


def _redirected_twice(routes: Mapping[str, Route], apps: set[str]) -> dict[str, RenderRefused]:
    """Of these, the apps that redirect a host which one of them serves."""
    served = {host: app for app in sorted(apps) for host in routes[app].hosts}
    return {
        app: conflict(f"{app} redirects {host}, which {served[host]} has")
        for app in sorted(apps)
        for host in routes[app].front.redirect_from
        if host in served
    }


def _claims(route: Route) -> list[tuple[str, str]]:
    """Each host and path that the route asks for. Raises RenderRefused for a bad value."""
    allowed.name(route.app)
    tuple(targets_of([route]))
    may.count(route.weight)
    hsts(route.front)
    if route.template:
        allowed.template(route.template)
    if route.snippet:
        allowed.snippet(route.snippet)
    if not route.hosts:
        raise conflict(f"{route.app}'s route has no host")
    path, redirected = allowed.path(route.path), route.front.redirect_from
    if redirected:
        allowed.host(route.hosts[0])
    claims = [(allowed.server_name(host), path) for host in route.hosts]
    return claims + [(allowed.server_name(host), "/") for host in redirected]


def _held(route: Route | None) -> set[tuple[str, str]]:
    try:
        return set(_claims(route)) if route else set()
    except RenderRefused:
        return set()
