"""The body of the request that creates a replica: what runs, and with which settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.engines.docker.create.host import host_config
from deployer.engines.docker.create.networks import all_at_create, endpoints
from deployer.engines.docker.labels import Identity, OneOffIdentity
from deployer.model import Release
from deployer.spec import FileMount, Healthcheck, Spec

_SECOND = 1_000_000_000


def container(
    release: Release,
    identity: Identity | OneOffIdentity,
    files: Mapping[FileMount, Path],
    api_version: str,
) -> dict[str, Any]:
    """The body of the request that creates this container; `files` are where its mounts lie.

    The image is named by its digest, so that `docker inspect` shows what runs. What the spec
    leaves out is left to the image and, as the log driver, to Docker.
    """
    spec = release.spec
    body: dict[str, Any] = {
        "Image": release.image.pinned,
        "Env": [f"{name}={value}" for name, value in spec.environment],
        "Labels": {**dict(spec.labels), **identity.labels},
        "StopTimeout": math.ceil(spec.stop_grace_period),
        "HostConfig": host_config(spec, files),
        **_process(spec),
        **_names(spec),
    }
    if spec.mac_address and not all_at_create(api_version):
        body["MacAddress"] = spec.mac_address
    if joined := endpoints(spec, release.app, api_version):
        body["NetworkingConfig"] = {"EndpointsConfig": joined}
    return body


def _process(spec: Spec) -> dict[str, Any]:
    """What is run; a key that is not said is left out, so that the image's own applies."""
    said: dict[str, Any] = {
        "WorkingDir": spec.working_dir,
        "User": spec.user,
        "Tty": spec.tty,
        "OpenStdin": spec.stdin_open,
        "StopSignal": spec.stop_signal,
    }
    body = {key: value for key, value in said.items() if value}
    if spec.command is not None:
        body["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        # An empty list means the image's own to Docker; one empty word means none.
        body["Entrypoint"] = list(spec.entrypoint) or [""]
    if spec.healthcheck is not None:
        body["Healthcheck"] = _healthcheck(spec.healthcheck)
    return body


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    times = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
    }
    said: dict[str, Any] = {
        key: round(value * _SECOND) for key, value in times.items() if value is not None
    }
    if check.test:
        said["Test"] = list(check.test)
    if check.retries is not None:
        said["Retries"] = check.retries
    return said


def _names(spec: Spec) -> dict[str, Any]:
    ports = [f"{port.target}/{port.protocol}" for port in spec.ports]
    said: dict[str, Any] = {
        "Hostname": spec.hostname,
        "Domainname": spec.domainname,
        "ExposedPorts": {port: {} for port in (*ports, *_singly(spec.expose))},
    }
    return {key: value for key, value in said.items() if value}


def _singly(exposed: tuple[str, ...]) -> list[str]:
    """`8000-8002/tcp` port by port: Docker's API takes no ranges here."""
    found = []
    for entry in exposed:
        ports, _, protocol = entry.partition("/")
        first, _, last = ports.partition("-")
        found += [f"{port}/{protocol}" for port in range(int(first), int(last or first) + 1)]
    return found
