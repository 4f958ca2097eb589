"""Which of an app's keys the configuration takes: what it would refuse is left out, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from deployer.config.loader import load
from deployer.errors import ConfigError
from deployer.spec import Spec

Keys = dict[str, Any]


def written(document: Mapping[str, Any]) -> str:
    """A document as YAML, in its own order, with no line broken."""
    return yaml.safe_dump(
        dict(document), sort_keys=False, allow_unicode=True, width=10**6, default_flow_style=False
    )


def sayable(name: str, keys: Keys) -> tuple[Keys, list[str]]:
    """The keys of an app without what `deployer check` would refuse, and what that is, and why.

    What is wrong with one entry of a list or mapping costs that entry only.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yml"

        def problem(own: Keys) -> str:
            try:
                _load(path, name, own)
            except ConfigError as error:
                return _without_place(error.problems[0])
            return ""

        if not problem(keys):
            return keys, []
        needed = {"image": keys["image"]}
        left: list[str] = []
        kept = {
            key: _entries(key, value, partial(_alone, problem, needed, key), left)
            for key, value in keys.items()
        }
        return {key: value for key, value in kept.items() if value is not None}, left


def spec_of(name: str, keys: Keys) -> Spec:
    """The spec that the app has with these keys. Raises ConfigError."""
    with TemporaryDirectory() as folder:
        return _load(Path(folder) / "config.yml", name, keys)


def _load(path: Path, name: str, keys: Keys) -> Spec:
    path.write_text(written({"apps": {name: keys}}), encoding="utf-8")
    return load(path, {}, part="worker").apps[name].spec


def _alone(problem: Callable[[Keys], str], needed: Keys, key: str, value: Any) -> str:
    return problem({**needed, key: value})


def _entries(key: str, value: Any, problem: Callable[[Any], str], left: list[str]) -> Any:
    """The value, or those of its entries that are taken; None where nothing is."""
    why = problem(value)
    if not why:
        return value
    if isinstance(value, dict) and len(value) > 1:
        good = {name: one for name, one in value.items() if not problem({name: one})}
        left += [f"{key}.{name}: {problem({name: value[name]})}" for name in value.keys() - good]
        return good or None
    if isinstance(value, list) and len(value) > 1:
        good_items = [one for one in value if not problem([one])]
        bad = [problem([one]) for one in value if one not in good_items]
        left += [f"{key}: {one}" for one in bad]
        return good_items or None
    left.append(f"{key}: {why}")
    return None


def _without_place(line: str) -> str:
    """A problem's words without the file and the key that it begins with."""
    return line.split(": ", 2)[-1]
