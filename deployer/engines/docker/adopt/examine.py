"""Asks Docker for all that a container's spec is derived from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import NotFound

from deployer.engines.docker.adopt import compose
from deployer.engines.docker.adopt.derive import derive
from deployer.engines.docker.adopt.facts import Facts, Machine
from deployer.engines.docker.adopt.image import image_of
from deployer.engines.docker.look import address
from deployer.errors import Refused
from deployer.ports import Found

_MODES = ("NetworkMode", "PidMode", "IpcMode")
_MOUNTS = Path("/proc/self/mountinfo")


def examine(
    api: docker.APIClient, name: str, app: str, image: str = "", network: str | None = None
) -> Found:
    """The container as the app that it becomes; `image` is the name wanted for its image.

    `network` is where its address is asked for, None for the network that it was made on.
    Raises Refused where there is no container of this name.
    """
    facts = facts_of(api, name)
    derived = derive(facts, app)
    refused = list(derived.refused)
    if _is_our_own(facts.id):
        refused.append("deployer runs in it: a container cannot replace itself")
    return Found(
        container=facts.id,
        name=facts.name,
        image=image_of(facts, image),
        spec=derived.spec,
        running=facts.container["State"]["Status"] == "running",
        address=address(facts.container, network),
        passing=bool(facts.host.get("AutoRemove")),
        left=derived.left,
        refused=tuple(refused),
    )


def facts_of(api: docker.APIClient, name: str) -> Facts:
    """What Docker shows of a container now. Raises Refused where there is none."""
    try:
        container: dict[str, Any] = api.inspect_container(name)
    except NotFound:
        raise Refused(
            f"there is no container {name}. `docker ps --all` lists the names of all"
        ) from None
    labels = container["Config"].get("Labels") or {}
    copies = compose.may_copy(labels)
    changes = api.diff(container["Id"]) if copies else None
    return Facts(
        container=container,
        image=_image(api, container),
        machine=_machine(api),
        names=dict(_names(api, container["HostConfig"])),
        changed=frozenset(one["Path"] for one in changes or ()),
        copied=_copied(labels) if copies else (),
    )


def _image(api: docker.APIClient, container: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = api.inspect_image(container["Image"])  # type: ignore[no-untyped-call]
    except NotFound:
        raise Refused(
            f"the image of {container['Name'].removeprefix('/')} is no longer here, so nobody can "
            f"tell its settings from the container's. `docker pull` {container['Config']['Image']}"
        ) from None
    return found


def _machine(api: docker.APIClient) -> Machine:
    info, version = api.info(), api.version()
    return Machine(
        name=info.get("Name", ""),
        architecture=version.get("Arch", ""),
        runtime=info.get("DefaultRuntime", "runc"),
        log_driver=info.get("LoggingDriver", "json-file"),
        cgroup_version=info.get("CgroupVersion", "1"),
    )


def _names(api: docker.APIClient, host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for mode in {str(host.get(key) or "") for key in _MODES}:
        kind, _, reference = mode.partition(":")
        if kind == "container":
            try:
                yield reference, api.inspect_container(reference)["Name"].removeprefix("/")
            except NotFound:
                continue


def _copied(labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """What the Compose files copy in; None where one of them cannot be read here."""
    documents = []
    for name in labels.get(compose.FILES, "").split(","):
        try:
            documents.append(yaml.safe_load(Path(name).read_text(encoding="utf-8")))
        except (OSError, ValueError, yaml.YAMLError):
            return None
    known = [one for one in documents if isinstance(one, Mapping)]
    return compose.copied(known, labels.get(compose.SERVICE, ""))


def _is_our_own(container: str) -> bool:
    """Whether this process runs in that container, whose files Docker then mounts for it."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    mounts = [line.split(" ") for line in lines]
    return any(len(one) > 4 and one[4] == "/etc/hostname" and container in one[3] for one in mounts)
