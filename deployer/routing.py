"""Which requests go where: what the configuration asks for, and what Nginx is to serve; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path


class Https(StrEnum):
    """What plain HTTP is for where a host has TLS."""

    REDIRECT = "redirect"
    BOTH = "both"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The file of a certificate with its chain, and that of its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Front:
    """How clients come in: by TLS or not, and under which names they are sent elsewhere.

    `pairs` are certificates of the app's own; without them the default ones count, unless it is
    `plain`. `hsts` is in seconds, 0 for off. Requests for `redirect_from` go to the first host.
    """

    plain: bool = False
    pairs: tuple[KeyPair, ...] = ()
    https: Https = Https.REDIRECT
    hsts: float = 0.0
    redirect_from: tuple[str, ...] = ()

    @property
    def says(self) -> tuple[bool, tuple[KeyPair, ...], Https, float]:
        """What it says of TLS, which is one thing for all apps on a host."""
        return self.plain, self.pairs, self.https, self.hsts

    def wants_tls(self, default: bool) -> bool:
        """Whether it is to be served by TLS; `default` is whether there are default pairs."""
        return not self.plain and (default or bool(self.pairs))


NOTHING_SAID = Front()
"""Default certificates, where there are any, and plain HTTP sent to TLS then."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What `config.yml` says of an app's traffic: these hosts and this path, to that port.

    `template` and `snippet` name files in `nginx.templates`: one that is used instead of
    locations.conf.j2, and one that is put at the end of each location. "" for none.
    """

    hosts: tuple[str, ...]
    port: int
    path: str = "/"
    front: Front = NOTHING_SAID
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
    front: Front = NOTHING_SAID
    template: str = ""
    snippet: str = ""
