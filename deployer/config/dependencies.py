"""What must be true of `depends_on`: every app there is, and none waits for itself."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.config.problems import Key, Problems, nearest
from deployer.model import App


def check_order(apps: Mapping[str, App], problems: Problems) -> None:
    """Note each app that is waited for and is none, and each circle once."""
    told: set[frozenset[str]] = set()
    for app in apps.values():
        if problems.touch(("apps", app.name, "depends_on")):
            continue
        for at, name in enumerate(app.depends_on):
            key = _place(app.name, at, name, problems)
            if name not in apps:
                problems.add(key, _unknown(app.name, name, key, apps, problems))
                continue
            circle = _way(name, app.name, apps)
            if circle and frozenset(circle) not in told:
                told.add(frozenset(circle))
                problems.add(key, _words([app.name, *circle]))


def _place(app: str, at: int, name: str, problems: Problems) -> Key:
    own: Key = ("apps", app, "depends_on")
    return problems.first((*own, name), (*own, at), own)


def _unknown(app: str, name: str, key: Key, apps: Mapping[str, App], problems: Problems) -> str:
    others = [one for one in apps if one != app]
    advice = nearest(name, others) if others else "Remove it."
    if isinstance(problems.where.get(key), str):
        advice += " Or name `depends_on` in `compose.ignore`."
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


def _words(circle: list[str]) -> str:
    if len(circle) == 2:
        return "an app cannot wait for itself. Remove it."
    return f"a circle: {' -> '.join(circle)}. Each would wait for the others; remove one of them."
