"""Which keys of a service do not matter, because config.yml says the same thing of the app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Keys that Docker takes only one of, or that are one thing under two names.
_RIVALS = {
    "networks": ("network_mode",),
    "network_mode": ("networks",),
    "replicas": ("scale",),
}
# The key of a service that says what one in `deploy.resources` says.
_LIMITS = {
    ("limits", "cpus"): "cpus",
    ("limits", "memory"): "mem_limit",
    ("limits", "pids"): "pids_limit",
    ("reservations", "memory"): "mem_reservation",
    ("reservations", "devices"): "gpus",
}


def left_out(own: Mapping[str, Any]) -> set[str]:
    """The keys of a service that the app's `own` keys rule out; of `deploy` see `without_own`."""
    left = set(own) - {"deploy"}
    for key in own:
        left.update(_RIVALS.get(key, ()))
    said = own.get("deploy")
    resources = said.get("resources") if isinstance(said, dict) else None
    for (kind, name), key in _LIMITS.items():
        of_kind = resources.get(kind) if isinstance(resources, dict) else None
        if isinstance(of_kind, dict) and of_kind.get(name) is not None:
            left.add(key)
    return left


def without_own(raw: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The service's keys without what `deploy` says of things that `own` says otherwise."""
    deploy = raw.get("deploy")
    if not isinstance(deploy, dict):
        return dict(raw)
    said = own.get("deploy")
    ruled_out = set(said) if isinstance(said, dict) else set()
    if "replicas" in own:
        ruled_out.add("replicas")
    kept = {key: value for key, value in deploy.items() if key not in ruled_out}
    if isinstance(kept.get("resources"), dict):
        kept["resources"] = _resources(kept["resources"], own)
    return {**raw, "deploy": kept}


def _resources(resources: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for kind, amounts in resources.items():
        if isinstance(amounts, dict):
            amounts = {
                name: value
                for name, value in amounts.items()
                if _LIMITS.get((kind, name)) not in own
            }
        result[kind] = amounts
    return result
