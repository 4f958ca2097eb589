"""Signals or restarts a container that is not ours, by its very name."""

from __future__ import annotations

from typing import Any

import docker
from docker.errors import NotFound

from deployer.errors import EngineError

_DEFAULT_GRACE = 10


def signal(api: docker.APIClient, name: str, signal: str) -> None:
    """Send the container's main process this signal."""
    api.kill(_running(api, name)["Id"], signal)


def restart(api: docker.APIClient, name: str) -> None:
    """Restart the container, with its own signal and grace period."""
    found = _running(api, name)
    grace = found["Config"].get("StopTimeout")
    api.restart(found["Id"], timeout=_DEFAULT_GRACE if grace is None else grace)


def _running(api: docker.APIClient, name: str) -> dict[str, Any]:
    """The container of this name: Docker would also take the beginning of an id for one."""
    try:
        found: dict[str, Any] = api.inspect_container(name)
    except NotFound:
        found = {}
    if found.get("Name") != f"/{name}":
        raise EngineError(
            f"cannot tell container {name} that its file changed: there is no container of this "
            "name. Start it, or correct `container:`"
        )
    if not found["State"]["Running"]:
        raise EngineError(
            f"cannot tell container {name} that its file changed: it does not run. Start it"
        )
    return found
