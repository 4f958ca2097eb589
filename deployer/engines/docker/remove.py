"""Takes replicas away: gently with retire, at once with discard, for a while with halt.

Anonymous volumes go with their container: no later one can be given them, and every replaced
container would otherwise leave some behind. Named volumes and binds stay, and so do the volumes
of an adopted container: the spec that was derived from it names them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker.client import again, translated
from deployer.engines.docker.create.host import restart_policy
from deployer.engines.docker.labels import identity_of, selecting
from deployer.errors import EngineUnavailable
from deployer.model import Replica, Running

_CONFLICT = 409
_DEFAULT_GRACE = 10
_INTERNAL = 500
_ENDING = 2.0
_POLL = 0.05
_STOPPED = (Running.EXITED, Running.CREATED, Running.GONE)


def retire(
    api: docker.APIClient,
    replica: Replica,
    look: Callable[[Replica], Replica],
    *,
    volumes: bool = True,
) -> Replica:
    """Stop the replica in its own way and remove it, its anonymous volumes too; how it ended."""
    try:
        set_restart(api, replica, "no")
        _stop(api, replica, look)
        ended = look(replica)
        remove(api, replica.id, volumes=volumes)
    except NotFound:
        return look(replica)
    return ended


def halt(api: docker.APIClient, replica: Replica, look: Callable[[Replica], Replica]) -> Replica:
    """Stop the replica in its own way, for good until it is revived; how it ended."""
    try:
        set_restart(api, replica, "no")
        _stop(api, replica, look)
    except NotFound:
        pass
    return look(replica)


def discard(api: docker.APIClient, instance: str, app: str, deployment: int) -> None:
    """Kill and remove every container of the deployment, those never started included."""
    labels = selecting(instance, app, deployment)
    for listed in api.containers(all=True, filters={"label": labels}):
        if any(identity_of(listed["Labels"], name) for name in listed["Names"]):
            remove(api, listed["Id"], force=True)


def set_restart(api: docker.APIClient, replica: Replica, restart: str) -> None:
    """Give the container this restart policy.

    Docker passes that on to the process too, and fails, in words of several kinds and with the
    old policy kept, where that has just ended.
    """
    policy: Any = restart_policy(restart)
    deadline = time.monotonic() + _ENDING
    while True:
        try:
            again(lambda: api.update_container(replica.id, restart_policy=policy))
        except APIError as error:
            if error.status_code != _INTERNAL or time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
        else:
            return


def _stop(api: docker.APIClient, replica: Replica, look: Callable[[Replica], Replica]) -> None:
    grace = api.inspect_container(replica.id)["Config"].get("StopTimeout")
    try:
        # docker-py waits for the answer this long and its own timeout on top.
        with translated(f"stop container {replica.name}"):
            api.stop(replica.id, timeout=_DEFAULT_GRACE if grace is None else grace)
    except EngineUnavailable:
        # No answer is no failure: Docker goes on stopping it, so what counts is what it shows.
        if look(replica).state not in _STOPPED:
            raise


def remove(
    api: docker.APIClient, container: str, *, force: bool = False, volumes: bool = True
) -> None:
    """Remove a container; what is gone, or going, counts as done."""
    try:
        again(lambda: api.remove_container(container, v=volumes, force=force))
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT or "already in progress" not in str(error.explanation):
            raise
