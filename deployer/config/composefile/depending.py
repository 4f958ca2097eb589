"""Which other services a service needs, in the names that config.yml has for them."""

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
        names = _apps_of(file, service, apps) or [service]
        moved[places[service]] = ("depends_on", names[0])
        found |= dict.fromkeys(names, said)
    return found


def of_app(mode: Any, file: str, apps: Mapping[str, Any]) -> Any:
    """`network_mode` of a service of `file`, with the app that takes its service in its place.

    A service that no app takes keeps its name. Raises ValueError where several apps do.
    """
    kind, _, service = mode.partition(":") if isinstance(mode, str) else ("", "", "")
    names = _apps_of(file, service, apps) if kind == "service" else []
    if len(names) > 1:
        raise ValueError(
            f"{' and '.join(names)} both run {service}. Write `network_mode: service:{names[0]}` "
            "in config.yml."
        )
    return f"service:{names[0]}" if names else mode


def _apps_of(file: str, service: str, apps: Mapping[str, Any]) -> list[str]:
    return [name for name, app in apps.items() if _takes(app, file, service)]


def _takes(app: Any, file: str, service: str) -> bool:
    said = app.get("compose") if isinstance(app, dict) else None
    return isinstance(said, dict) and (said.get("file"), said.get("service")) == (file, service)
