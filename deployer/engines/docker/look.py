"""From Docker's inspect to a replica."""

from __future__ import annotations

from typing import Any

import docker

from deployer.engines.docker.labels import Identity, identity_of, selecting
from deployer.model import Replica, Running

_STATES = {
    "created": Running.CREATED,
    "running": Running.RUNNING,
    # A paused container answers no probe: that is found out where it matters.
    "paused": Running.RUNNING,
    "restarting": Running.RESTARTING,
}
_ENDED = (Running.EXITED, Running.RESTARTING)
_VERDICTS = ("starting", "healthy", "unhealthy")
_NEVER = "0001-01-01T00:00:00Z"


def replica_of(inspected: dict[str, Any]) -> Replica | None:
    """The replica that an inspected container is; None where it is none."""
    identity = identity_of(inspected["Config"].get("Labels"), inspected["Name"])
    return None if identity is None else described(identity, inspected)


def described(identity: Identity, inspected: dict[str, Any]) -> Replica:
    """A replica with this identity in the state that inspect shows."""
    state = inspected["State"]
    running = _STATES.get(state["Status"], Running.EXITED)
    verdict = (state.get("Health") or {}).get("Status", "")
    started = state.get("StartedAt", _NEVER)
    return Replica(
        app=identity.app,
        deployment=identity.deployment,
        release=identity.release,
        index=identity.index,
        id=inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        address=_address(inspected),
        state=running,
        health=verdict if verdict in _VERDICTS else "",
        exit_code=state.get("ExitCode") if running in _ENDED else None,
        restarts=inspected.get("RestartCount", 0),
        oom_killed=bool(state.get("OOMKilled")),
        started_at="" if started == _NEVER else started,
    )


def replicas(api: docker.APIClient, instance: str, app: str | None) -> list[Replica]:
    """All replicas of this instance, by app, deployment and index."""
    found = []
    for listed in api.containers(all=True, filters={"label": selecting(instance, app)}):
        try:
            inspected = api.inspect_container(listed["Id"])
        except docker.errors.NotFound:
            continue
        replica = replica_of(inspected)
        if replica is not None:
            found.append(replica)
    return sorted(found, key=lambda one: (one.app, one.deployment, one.index))


def _address(inspected: dict[str, Any]) -> str:
    """The IPv4 address on the network that the container was created on."""
    first = inspected["HostConfig"]["NetworkMode"]
    networks = inspected["NetworkSettings"]["Networks"] or {}
    joined = networks.get("bridge" if first == "default" else first) or {}
    return joined.get("IPAddress") or ""
