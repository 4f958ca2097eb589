"""What must be true of apps that need others: those are there, and none waits for itself."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.config.problems import Key, Problems, nearest
from deployer.model import App


def check_order(apps: Mapping[str, App], problems: Problems) -> None:
    """Note each app that is waited for and is none, and each circle once.

    An app whose network is shared is waited for as well, and has one of its own to share.
    """
    told: set[frozenset[str]] = set()
    for app in apps.values():
        if problems.touch(("apps", app.name, "depends_on")):
            continue
        for at, name in enumerate(app.depends_on):
            key = _place(app, at, name, problems)
            if problems.touch(key):
                continue
            if name not in apps:
                problems.add(key, _unknown(app.name, name, key, apps, problems))
                continue
            circle = _way(name, app.name, apps)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                problems.add(key, _words([app.name, *circle], key))
        _check_network(app, apps, problems)


def _check_network(app: App, apps: Mapping[str, App], problems: Problems) -> None:
    """Note an app whose network cannot be shared."""
    key: Key = ("apps", app.name, "network_mode")
    other = apps.get(app.spec.shares)
    if other is None or problems.touch(key) or _way(other.name, app.name, apps):
        return
    mode = other.spec.network_mode
    if mode == "host" or ":" in mode:
        problems.add(key, f"{other.name} has no network of its own. Write `{mode}` here too.")
    elif other.spec.replicas != 1:
        problems.add(
            key,
            f"{other.name} has {other.spec.replicas} replicas, each with a network of its own. "
            "Write `replicas: 1` there, or put both on one network in `networks:`.",
        )


def _place(app: App, at: int, name: str, problems: Problems) -> Key:
    own: Key = ("apps", app.name, "depends_on")
    shared: Key = ("apps", app.name, "network_mode")
    last = shared if name == app.spec.shares else own
    return problems.first((*own, name), (*own, at), last)


def _unknown(app: str, name: str, key: Key, apps: Mapping[str, App], problems: Problems) -> str:
    others = [one for one in apps if one != app]
    advice = nearest(name, others) if others else "Remove it."
    if isinstance(problems.where.get(key), str):
        advice += f" Or name `{key[2]}` in `compose.ignore`."
    return f"config.yml has no such app. {advice}"


def _way(start: str, end: str, apps: Mapping[str, App]) -> list[str]:
    """The apps from one to another along `depends_on`, both included; [] where none leads there."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == end:
            return way
        for name in apps[way[-1]].depends_on:
            if name in apps and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _words(circle: list[str], key: Key) -> str:
    if len(circle) == 2:
        if key[2] == "network_mode":
            return "an app cannot share its own network. Remove it."
        return "an app cannot wait for itself. Remove it."
    return f"a circle: {' -> '.join(circle)}. Each would wait for the others; remove one of them."
