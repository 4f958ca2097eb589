"""Apps that have the same host and path and share its requests, each with a weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployer.config.problems import Key, Problems
from deployer.model import App

if TYPE_CHECKING:
    from deployer.config.file import File

_OWN = ("port", "weight", "host", "hosts")


def shares_with(apps: Mapping[str, App]) -> dict[str, str]:
    """By app: the one before it with which it shares a host and path."""
    first: dict[tuple[str, str], str] = {}
    shares: dict[str, str] = {}
    for app in apps.values():
        route = app.route
        for host in route.hosts if route and route.weight else ():
            other = first.setdefault((host, route.path if route else ""), app.name)
            if other != app.name:
                shares.setdefault(app.name, other)
    return shares


def check_weights(file: File, apps: Mapping[str, App], problems: Problems) -> None:
    """Note where apps that share requests say different things of them."""
    for name, other in shares_with(apps).items():
        key: Key = ("apps", name, "route")
        ours, theirs = file.apps[name].route, file.apps[other].route
        if ours is None or theirs is None or problems.touch(key, ("apps", other, "route")):
            continue
        both = zip(ours, theirs, strict=True)
        differ = [one for (one, said), (_, says) in both if one not in _OWN and said != says]
        differ += ["hosts"] if ours.names != theirs.names else []
        if differ:
            keys = ", ".join(f"`{one}`" for one in differ)
            problems.add(
                problems.first(*((*key, one) for one in differ), key),
                f"apps {other} and {name} share requests by weight and say different things about "
                f"them: {keys}. Say the same in both; only `port` and `weight` may differ.",
            )
