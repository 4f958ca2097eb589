"""What the templates of an app's files are given of its route's options, each value checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployer.proxies import allowed
from deployer.proxies import allowed_handling as may
from deployer.routing import Guard, Handling, Pairs

USERS = "users"
"""The folder of the passwords."""


@dataclass(frozen=True, slots=True)
class Way:
    """How requests get to an app: what decides where they go and who is served; checked."""

    app: str
    prefix: str
    upstream: str
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    users: str

    @property
    def passed_to(self) -> str:
        """The argument of `proxy_pass`; with a path after it that of the location is removed."""
        return f"http://{self.upstream}{'/' if self.prefix else ''}"


def way_of(app: str, path: str, upstream: str, handling: Handling) -> Way:
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
    )


def passwords(app: str, handling: Handling) -> dict[str, str]:
    """The file with who may ask by password; none where everybody may."""
    users = handling.guard.users
    return {f"{USERS}/{app}": may.users(users)} if users else {}


def has_limits(handling: Handling) -> bool:
    """Whether Nginx has to count requests by address."""
    return bool(handling.guard.rate or handling.guard.connections)


def handling_values(way: Way, handling: Handling) -> dict[str, Any]:
    """What the templates of an app are given of the options. Raises RenderRefused."""
    return {
        "passed_to": way.passed_to,
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
