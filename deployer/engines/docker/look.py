"""From Docker's inspect to a replica."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import docker

from deployer.engines.docker.labels import Identity, identity_of, selecting
from deployer.engines.docker.logs import harmless
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
# Docker keeps the last five runs of a HEALTHCHECK, 4 KiB of output of each.
_LINES_OF_CHECK = 12


def replica_of(inspected: dict[str, Any]) -> Replica | None:
    """The replica that an inspected container is; None where it is none."""
    identity = identity_of(inspected["Config"].get("Labels"), inspected["Name"])
    return None if identity is None else described(identity, inspected)


def described(identity: Identity, inspected: dict[str, Any], network: str | None = None) -> Replica:
    """A replica with this identity in the state that inspect shows.

    `network` is where its address is asked for, None for the network that it was made on.
    """
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
        address=address(inspected, network),
        joined=joined(inspected),
        state=running,
        health=verdict if verdict in _VERDICTS else "",
        exit_code=state.get("ExitCode") if running in _ENDED else None,
        restarts=inspected.get("RestartCount", 0),
        oom_killed=bool(state.get("OOMKilled")),
        started_at="" if started == _NEVER else started,
        checked=_checked(state.get("Health") or {}),
    )


def joined(inspected: Mapping[str, Any]) -> str:
    """The id of the container whose network it shares, "" where it has its own."""
    kind, _, container = inspected["HostConfig"]["NetworkMode"].partition(":")
    return container if kind == "container" else ""


def reached(api: docker.APIClient, replica: Replica) -> Replica:
    """A replica that shares another container's network is reached where that one is."""
    if not replica.joined or replica.state is not Running.RUNNING:
        return replica
    try:
        return replace(replica, address=address(api.inspect_container(replica.joined)))
    except docker.errors.NotFound:
        return replica


def with_its_end(api: docker.APIClient, replica: Replica) -> Replica:
    """Of a replica that Docker started again: how it ended the time before.

    Inspect shows nothing of it any more, Docker's events (it keeps the last 256) do.
    """
    if not replica.restarts or replica.exit_code is not None:
        return replica
    chosen = {"container": replica.id, "event": ["die", "oom"]}
    # To the nanosecond: Docker waits for an end that is to come, while requests go to what died.
    now: Any = f"{time.time():.9f}"
    happened = list(api.events(since=0, until=now, filters=chosen, decode=True))
    ends = [one["Actor"]["Attributes"] for one in happened if one["Action"] == "die"]
    code = ends[-1].get("exitCode", "") if ends else ""
    oom = any(one["Action"] == "oom" for one in happened)
    return replace(replica, exit_code=int(code) if code.isdecimal() else None, oom_killed=oom)


def _checked(health: dict[str, Any]) -> str:
    """The last run of the HEALTHCHECK that failed: its exit code and its output."""
    failed = [one for one in health.get("Log") or [] if one.get("ExitCode")]
    if not failed:
        return ""
    last = failed[-1]
    said = harmless(str(last.get("Output") or "").encode(errors="replace"), _LINES_OF_CHECK)
    return f"exit code {last['ExitCode']}" + (f"\n{said}" if said.strip() else ", no output")


def replicas(api: docker.APIClient, instance: str, app: str | None) -> list[Replica]:
    """All replicas of this instance, in no order."""
    found = []
    for listed in api.containers(all=True, filters={"label": selecting(instance, app)}):
        try:
            inspected = api.inspect_container(listed["Id"])
        except docker.errors.NotFound:
            continue
        replica = replica_of(inspected)
        if replica is not None:
            found.append(reached(api, replica))
    return found


def in_order(replicas: Iterable[Replica]) -> list[Replica]:
    """Replicas by app, deployment and index."""
    return sorted(replicas, key=lambda one: (one.app, one.deployment, one.index))


def address(inspected: Mapping[str, Any], network: str | None = None) -> str:
    """The IPv4 address on the network that it was made on, or on another; the host's for its own.

    A container that deployer did not make may name its network by the id.
    """
    first = network or inspected["HostConfig"]["NetworkMode"]
    if first == "host":
        return "127.0.0.1"
    networks = inspected["NetworkSettings"]["Networks"] or {}
    by_id = {one.get("NetworkID"): one for one in networks.values()}
    joined = networks.get("bridge" if first == "default" else first) or by_id.get(first) or {}
    return joined.get("IPAddress") or ""
