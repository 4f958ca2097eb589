"""Which requests go where: what the configuration asks for, and what Nginx is to serve; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What `config.yml` says of an app's traffic: these hosts and this path, to that port.

    `template` and `snippet` name files in `nginx.templates`: one that is used instead of
    locations.conf.j2, and one that is put at the end of each location. "" for none.
    """

    hosts: tuple[str, ...]
    port: int
    path: str = "/"
    template: str = ""
    snippet: str = ""

    def to(self, app: str, targets: Iterable[Target]) -> Route:
        """The app's route to these targets; all else is as the rule says."""
        same = {one.name for one in fields(RouteRule)} & {one.name for one in fields(Route)}
        said = {name: getattr(self, name) for name in same}
        return Route(app=app, targets=tuple(targets), **said)


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
    template: str = ""
    snippet: str = ""
