"""Which requests go where: what the configuration asks for, and what Nginx is to serve; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not listened on
"""Where this machine reaches what listens at every one of its addresses."""


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

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may ask, and how often; each of them by the client's address.

    `allow` and `deny` are addresses and networks: who is denied is, and where some are allowed
    nobody else is. `users` are the lines of an htpasswd file, "" for no password. `rate` is
    (requests, seconds), of which `burst` more are let through at once; `connections` at a time.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    users: str = field(default="", repr=False)
    rate: tuple[int, int] | None = None
    burst: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Handling:
    """What requests meet on their way to an app, the same on each of its hosts.

    None is for what is so for every app. Sizes in bytes, 0 for no limit; times in seconds. A
    header with "" as value is removed. `pages` are those of Nginx's own answers, by status; in
    `maintenance` every request gets 503. `sticky` is `address`, `cookie NAME`, or "" for taking
    turns.
    """

    strip_prefix: bool = False
    max_body: int | None = None
    connect_timeout: float | None = None
    read_timeout: float | None = None
    send_timeout: float | None = None
    buffering: bool = True
    request_headers: Pairs = ()
    response_headers: Pairs = ()
    guard: Guard = Guard()
    pages: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    maintenance: bool = False
    protocol: str = "http"
    gzip: bool = False
    sticky: str = ""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """What `config.yml` says of an app's traffic: these hosts and this path, to that port.

    `template` and `snippet` name files in `nginx.templates`: one that is used instead of
    locations.conf.j2, and one that is put at the end of each location. "" for none. With a
    `weight` other apps may have the same hosts and path, and share the requests; 0 for none.
    """

    hosts: tuple[str, ...]
    port: int
    path: str = "/"
    front: Front = NOTHING_SAID
    template: str = ""
    snippet: str = ""
    handling: Handling = Handling()
    weight: int = 0

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
    handling: Handling = Handling()
    weight: int = 0
