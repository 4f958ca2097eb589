"""Whom a service depends on, in the names that config.yml has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.config.problems import Key


def of_apps(
    value: Any, file: str, apps: Mapping[str, Any], moved: dict[Key, Key | None]
) -> dict[str, Any]:
    """`depends_on` of a service of `file`, with the apps that take its services in their place.

    A service that no app takes keeps its name: an app may be called so, or it is a problem.
    `moved` learns where each entry went.
    """
    places: dict[str, Key] = {name: ("depends_on", name) for name in value}
    if isinstance(value, list):
        places = {name: ("depends_on", at) for at, name in enumerate(value)}
        value = dict.fromkeys(value)
    found: dict[str, Any] = {}
    for service, said in value.items():
        names = [name for name, app in apps.items() if _takes(app, file, service)] or [service]
        moved[places[service]] = ("depends_on", names[0])
        found |= dict.fromkeys(names, said)
    return found


def _takes(app: Any, file: str, service: str) -> bool:
    said = app.get("compose") if isinstance(app, dict) else None
    return isinstance(said, dict) and (said.get("file"), said.get("service")) == (file, service)
