"""Which requests go where: what the configuration asks for, and what Nginx is to serve; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Handling:
    """What requests meet on their way to an app, the same on each of its hosts."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What `config.yml` says of an app's traffic: these hosts and this path, to that port."""

    hosts: tuple[str, ...]
    port: int
    path: str = "/"
    handling: Handling = Handling()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route's requests go: one replica's IP address and port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Route:
    """Hosts and a path, to the targets of one app, in a stable order.

    Without targets it is closed: whoever asks is told to come again in a moment (503).
    """

    app: str
    hosts: tuple[str, ...]
    path: str
    targets: tuple[Target, ...]
    handling: Handling = Handling()


def route_to(app: str, rule: RouteRule, targets: tuple[Target, ...]) -> Route:
    """The app's route to these targets."""
    return Route(app, rule.hosts, rule.path, targets, handling=rule.handling)
