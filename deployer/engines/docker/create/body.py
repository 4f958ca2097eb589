"""What Docker is asked to create for one replica of a release; pure.

The dictionaries are those of Docker's API itself (`POST /containers/create`): docker-py's own
keywords do not reach every field of it.
"""

from __future__ import annotations

import math
from typing import Any

from deployer.engines.docker.labels import Identity
from deployer.model import Release, Volume

# Docker gives aliases on user-defined networks only.
_NO_ALIASES = frozenset({"bridge", "default", "host", "none"})


def container(release: Release, identity: Identity) -> dict[str, Any]:
    """The body of the request that creates this replica.

    The image is named by its digest, so that `docker inspect` shows what runs. What the spec
    leaves out is left to the image and, as the log driver, to Docker.
    """
    spec = release.spec
    first = spec.networks[0] if spec.networks else "bridge"
    body: dict[str, Any] = {
        "Image": release.image.pinned,
        "Env": [f"{name}={value}" for name, value in spec.environment],
        "Labels": {**dict(spec.labels), **identity.labels},
        "StopTimeout": math.ceil(spec.stop_grace_period),
        "HostConfig": {
            "Mounts": [_mount(volume) for volume in spec.volumes],
            "NetworkMode": first,
            "RestartPolicy": _restart_policy(spec.restart),
        },
        # Engines before 25 take one network at create; the others are connected before start.
        "NetworkingConfig": {"EndpointsConfig": {first: endpoint(first, release.app)}},
    }
    if spec.command is not None:
        body["Cmd"] = list(spec.command)
    if spec.stop_signal is not None:
        body["StopSignal"] = spec.stop_signal
    return body


def endpoint(network: str, app: str) -> dict[str, Any]:
    """How a replica joins a network: found there under its app's name."""
    return {} if network in _NO_ALIASES else {"Aliases": [app]}


def _mount(volume: Volume) -> dict[str, Any]:
    # A mount, unlike a bind in `Binds`, fails on a missing source instead of creating it.
    kind = "bind" if volume.source.startswith("/") else "volume"
    return {
        "Type": kind,
        "Source": volume.source,
        "Target": volume.target,
        "ReadOnly": volume.read_only,
    }


def _restart_policy(restart: str) -> dict[str, Any]:
    name, _, attempts = restart.partition(":")
    return {"Name": name, "MaximumRetryCount": int(attempts or 0)}
