"""What the templates of an app's files are given of its route's options, each value checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from deployer.proxies import allowed
from deployer.proxies import allowed_handling as may
from deployer.routing import Guard, Handling, Pairs

PLAIN_PAGES = (502, 503, 504)
"""The answers that have a page of deployer's where the user has none."""

USERS = "users"
"""The folder of the passwords."""


@dataclass(frozen=True, slots=True)
class Page:
    """Nginx's own answer of a status: its location, and the variables that hold its text.

    `parts` are what the variables of a page of the user's hold, ready for double quotes.
    """

    status: int
    location: str
    body: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """How requests get to an app: what decides where they go and who is served; checked."""

    app: str
    prefix: str
    upstream: str
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    users: str
    closed: bool
    via: str
    pages: tuple[Page, ...]

    @property
    def passed_to(self) -> str:
        """The argument of `..._pass`; with a path after it that of the location is removed."""
        scheme = "grpc" if self.via == "grpc" else "http"
        return f"{scheme}://{self.upstream}{'/' if self.prefix else ''}"


def way_of(app: str, path: str, upstream: str, handling: Handling, *, closed: bool) -> Way:
    """How requests get there. Raises RenderRefused for a value outside its allow-list."""
    guard = handling.guard
    stripped = may.flag(handling.strip_prefix) and path != "/"
    return Way(
        app,
        path if stripped else "",
        upstream,
        tuple(may.network(one) for one in guard.allow),
        tuple(may.network(one) for one in guard.deny),
        f"{USERS}/{app}" if guard.users else "",
        closed or may.flag(handling.maintenance),
        "grpc" if may.protocol(handling.protocol) == "grpc" else "proxy",
        tuple(_pages(app, handling)),
    )


def _pages(app: str, handling: Handling) -> Iterator[Page]:
    own = {status: may.page(status, text) for status, text in handling.pages}
    for status in sorted({*PLAIN_PAGES, *own}):
        location = f"@{app}_{status}"
        if status not in own:
            yield Page(status, location, f"$deployer_page_{status}")
            continue
        # Nginx has a table of all names of variables, with room for so long ones.
        key = sha256(f"{app} {status}".encode()).hexdigest()[:16]
        texts = enumerate(may.quoted(own[status]))
        parts = tuple((f"$page_{key}_{number}", text) for number, text in texts)
        yield Page(status, location, "".join(name for name, _ in parts), parts)


def passwords(app: str, handling: Handling) -> dict[str, str]:
    """The file with who may ask by password; none where everybody may."""
    users = handling.guard.users
    return {f"{USERS}/{app}": may.users(users)} if users else {}


def has_shared(handling: Handling) -> bool:
    """Whether there is something that stands outside of the app's server blocks."""
    return bool(handling.guard.rate or handling.guard.connections or handling.pages)


def handling_values(way: Way, handling: Handling, version: tuple[int, int, int]) -> dict[str, Any]:
    """What the templates of an app are given of the options. Raises RenderRefused."""
    return {
        "via": way.via,
        "passed_to": way.passed_to,
        "gzip": may.flag(handling.gzip),
        "sticky": may.sticky(handling.sticky, version),
        "prefix": way.prefix,
        "max_body": None if handling.max_body is None else allowed.size(handling.max_body),
        "timeouts": {
            name: allowed.seconds(seconds)
            for name in ("connect", "read", "send")
            if (seconds := getattr(handling, f"{name}_timeout")) is not None
        },
        "buffering": may.flag(handling.buffering),
        "request_headers": _headers(handling.request_headers),
        "response_headers": _headers(handling.response_headers),
        "allow": way.allow,
        "deny": way.deny,
        "users": way.users,
        "closed": way.closed,
        "maintenance": handling.maintenance,
        "pages": way.pages,
        **_limits(handling.guard),
    }


def _headers(pairs: Pairs) -> list[tuple[str, str]]:
    return [(may.header(name), may.header_value(value)) for name, value in pairs]


def _limits(guard: Guard) -> dict[str, Any]:
    rate = ""
    if guard.rate:
        requests, seconds = (may.count(one) for one in guard.rate)
        rate = f"{requests}r/s" if seconds == 1 else f"{requests}r/m"
    return {
        "rate": rate,
        "burst": may.count(guard.burst),
        "connections": may.count(guard.connections),
    }
