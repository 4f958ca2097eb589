"""The snapshot as it is read back: what the worker writes of Docker and Nginx, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, NoReturn

from deployer.errors import StoreError
from deployer.model import Running

Types = Mapping[str, tuple[type, ...]]

_NGINX: Types = {"version": (list,), "user": (str,), "live": (int, NoneType), "draining": (int,)}
_REPLICA: Types = {
    **dict.fromkeys(("name", "id", "address", "state", "health"), (str,)),
    **dict.fromkeys(("release", "deployment"), (int,)),
}
_WORKER: Types = {"at": (float, int), "waits": (list,)}
_WAIT: Types = {"doing": (str,), "reason": (str,), "since": (float, int)}
_HOLD: Types = {"app": (str,), "reason": (str,), "since": (float, int, NoneType)}
_BEHIND: Types = {"what": (str,), "reason": (str,), "since": (float, int, NoneType)}
_COMPARED: Types = {
    **dict.fromkeys(("tag", "digest", "result", "reason"), (str,)),
    "at": (float, int),
}
_FAILING: Types = {"what": (str,), "reason": (str,), "since": (float, int)}
# As for the times of rows: Python's datetime ends with the year 9999.
_LATEST = 253_000_000_000


def snapshot_of(body: str) -> dict[str, Any]:
    """The snapshot from its JSON.

    Commands print it on an operator's terminal, and the receiver can write it too. Raises
    StoreError where a part has another type than the worker gives it.
    """
    try:
        found: dict[str, Any] = json.loads(body, parse_constant=_refuse)
        _check(found)
    except (ValueError, RecursionError):
        raise StoreError(
            "the store has a snapshot that no worker wrote. The next one, which comes every few "
            "seconds while a worker runs, replaces it; find out who wrote this one"
        ) from None
    return found


def _check(found: Any) -> None:
    _types(found, {"at": (float, int)})
    _time(found["at"])
    if "worker" in found:
        _types(found["worker"], _WORKER)
        _time(found["worker"]["at"])
        for one in found["worker"]["waits"]:
            _types(one, _WAIT)
            _time(one["since"])
    if "nginx" in found:
        _types(found["nginx"], _NGINX)
        _nginx(found["nginx"])
        if [type(part) for part in found["nginx"]["version"]] != [int, int, int]:
            raise ValueError("no version")
    _reconcile(found.get("reconcile", {"apps": {}, "failing": []}))
    _of_apps(found)
    _config(found.get("config", {"problem": None, "restart": []}))
    for part in ("outputs", "reports"):
        _failing(found.get(part, {}))
    apps = found.get("apps", {})
    _types(apps, {})
    _types(apps, dict.fromkeys(apps, (list,)))
    for replica in (one for listed in apps.values() for one in listed):
        _types(replica, _REPLICA)
        Running(replica["state"])


def _nginx(found: Mapping[str, Any]) -> None:
    """What is younger than the rest: a snapshot of an older deployer has none."""
    for name in ("reloads", "draining_generations"):
        if type(found.get(name, 0)) is not int:
            raise ValueError(f"no {name}")
    put_off = found.get("put_off", [])
    if type(put_off) is not list or any(type(app) is not str for app in put_off):
        raise ValueError("no put_off")


def _of_apps(found: Any) -> None:
    """What an older deployer's snapshot does not have: who waits, who stayed, which images."""
    for part, types in (("waits", _HOLD), ("left_behind", _BEHIND)):
        listed = found.get(part, [])
        _types({part: listed}, {part: (list,)})
        for one in listed:
            _types(one, types)
            if set(one) != set(types):
                raise ValueError(f"no {part}")
            _time(one["since"] or 0)
    images = found.get("images", {})
    _types(images, {})
    _types(images, dict.fromkeys(images, (list,)))
    if any(type(number) is not int for listed in images.values() for number in listed):
        raise ValueError("no image")


def _reconcile(found: Any) -> None:
    _types(found, {"apps": (dict,), "failing": (list,)})
    for one in found["apps"].values():
        _types(one, _COMPARED)
        _time(one["at"])
    for one in found["failing"]:
        _types(one, _FAILING)
        _time(one["since"])


def _config(found: Any) -> None:
    _types(found, {"problem": (dict, NoneType), "restart": (list,)})
    if any(type(one) is not str for one in found["restart"]):
        raise ValueError("no setting")
    if found["problem"] is not None:
        _types(found["problem"], {"reason": (str,), "since": (float, int)})
        _time(found["problem"]["since"])


def _failing(found: Any) -> None:
    _types(found, {})
    for one in found.values():
        _types(one, {"reason": (str,), "since": (float, int, NoneType)})
        _time(one["since"] or 0)


def _time(at: float) -> None:
    if not 0 <= at <= _LATEST:
        raise ValueError("no time")


def _types(found: Any, known: Types) -> None:
    """Raises ValueError unless it is an object with these keys of these types."""
    if type(found) is not dict:
        raise ValueError("no object")
    for name, types in known.items():
        if type(found.get(name, ...)) not in types:
            raise ValueError(f"no {name}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
