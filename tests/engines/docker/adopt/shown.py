"""What Docker's inspect makes of a body that was asked for: a model of its merging, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.engines.docker.adopt.facts import Facts, Machine
from deployer.engines.docker.create.body import container
from deployer.engines.docker.create.networks import endpoint
from deployer.engines.docker.labels import Identity
from deployer.model import Image, Release
from deployer.spec import Spec

ID = "4f1c2a9d8b7e" + "0" * 52
OTHER = "9" * 64
"""The id of a container that is called `other`."""
MACHINE = Machine("thishost", "amd64")
IMAGE = Image("docker.io", "acme/shop", "1.4", f"sha256:{'a' * 64}")
APP = "shop"


def facts_of(spec: Spec, image: Mapping[str, Any]) -> Facts:
    """What is seen of a container of this spec that was made from an image with these defaults.

    It looks as one that somebody else has made: it has no labels of deployer's.
    """
    release = Release(APP, 1, IMAGE, spec)
    body = container(release, Identity("i", APP, 1, 1, 1), {}, "1.41")
    labels = {key: one for key, one in body["Labels"].items() if not key.startswith("deployer.")}
    host = _host(body.pop("HostConfig"))
    return Facts(
        container={
            "Id": ID,
            "Name": f"/{APP}",
            "Config": _config({**body, "Labels": labels}, image, host),
            "HostConfig": host,
            "Mounts": [_mount(one) for one in host["Mounts"]],
            "NetworkSettings": {"Networks": _networks(spec)},
        },
        image={"Config": dict(image), "Architecture": "amd64", "Os": "linux"},
        machine=MACHINE,
        names={OTHER: "other"},
    )


def seen(
    config: Mapping[str, Any] | None = None,
    host: Mapping[str, Any] | None = None,
    image: Mapping[str, Any] | None = None,
    **container: Any,
) -> Facts:
    """A plain container with these settings, of an image with those."""
    plain = facts_of(Spec(restart="no"), image or {})
    shown = dict(plain.container)
    shown["Config"] = {**shown["Config"], **(config or {})}
    shown["HostConfig"] = {**shown["HostConfig"], **(host or {})}
    return replace(plain, container={**shown, **container})


def _config(
    body: Mapping[str, Any], image: Mapping[str, Any], host: Mapping[str, Any]
) -> dict[str, Any]:
    """As moby's daemon/commit.go merges them."""
    own = dict(body)
    named = {one.partition("=")[0] for one in own["Env"]}
    inherited = [one for one in image.get("Env") or () if one.partition("=")[0] not in named]
    own["Env"] = [*own["Env"], *inherited]
    own["Labels"] = {**(image.get("Labels") or {}), **own["Labels"]}
    bound: dict[str, Any] = {port: {} for port in host.get("PortBindings") or ()}
    exposed = {**(image.get("ExposedPorts") or {}), **own.get("ExposedPorts", {}), **bound}
    own["ExposedPorts"] = exposed
    for key in ("User", "WorkingDir", "StopSignal"):
        own[key] = own.get(key) or image.get(key) or ""
    if not own.get("Entrypoint"):
        own["Cmd"] = own.get("Cmd") or image.get("Cmd")
        own["Entrypoint"] = image.get("Entrypoint")
    if own["Entrypoint"] == [""]:
        own["Entrypoint"] = None
    own.setdefault("Cmd", None)
    check = {**(image.get("Healthcheck") or {}), **own.get("Healthcheck", {})}
    own["Healthcheck"] = check or None
    own["Hostname"] = own.get("Hostname") or _hostname(host)
    own.setdefault("MacAddress", "")
    return own


def _hostname(host: Mapping[str, Any]) -> str:
    shared = "host" in (host["NetworkMode"], host.get("UTSMode"))
    return MACHINE.name if shared else ID[:12]


def _host(asked: Mapping[str, Any]) -> dict[str, Any]:
    """With what Docker fills in where nothing is said."""
    host = {
        "Runtime": "runc",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "ShmSize": 64 << 20,
        "LogConfig": {"Type": "json-file", "Config": {}},
        "MemorySwap": 2 * asked.get("Memory", 0),
        "OomKillDisable": False,
        "ConsoleSize": [0, 0],
        "AutoRemove": False,
        "MaskedPaths": ["/proc/kcore"],
        **asked,
    }
    for key in ("NetworkMode", "PidMode", "IpcMode"):
        host[key] = str(host.get(key, "")).replace("container:other", f"container:{OTHER}")
    if host.get("Privileged") or "host" in (host["PidMode"], host["IpcMode"]):
        host["SecurityOpt"] = [*host.get("SecurityOpt", []), "label=disable"]
    return host


def _mount(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": asked["Type"],
        "Name": asked["Source"],
        "Source": asked["Source"],
        "Destination": asked["Target"],
        "RW": not asked["ReadOnly"],
    }


def _networks(spec: Spec) -> dict[str, Any]:
    if not spec.networks:
        return {} if spec.network_mode else {"bridge": {"NetworkID": "b", "IPAMConfig": None}}
    joined = {one.name: endpoint(one.name, one, APP) for one in spec.networks}
    return {
        name: {**asked, "NetworkID": name[::-1], "Aliases": [*asked["Aliases"], ID[:12]]}
        for name, asked in sorted(joined.items())
    }
