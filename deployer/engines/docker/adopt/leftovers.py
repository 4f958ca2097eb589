"""What a container may have that no key of the configuration says: named, so that it is missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.engines.docker.adopt.facts import Facts, Notes

_NO_KEY = "no key says it"
# Of HostConfig: what to do instead. Keys of a client that made it, and of Windows, say nothing.
_LEFT = {
    "Links": "the app finds others by their names on a shared network (`networks`)",
    "CpusetMems": _NO_KEY,
    "CpuRealtimePeriod": _NO_KEY,
    "CpuRealtimeRuntime": _NO_KEY,
    "BlkioWeight": _NO_KEY,
    "BlkioWeightDevice": _NO_KEY,
    "BlkioDeviceReadBps": _NO_KEY,
    "BlkioDeviceWriteBps": _NO_KEY,
    "BlkioDeviceReadIOps": _NO_KEY,
    "BlkioDeviceWriteIOps": _NO_KEY,
    "KernelMemory": "Docker has given it up",
    "KernelMemoryTCP": "Docker has given it up",
    "Cgroup": _NO_KEY,
    "VolumeDriver": "the volumes that are there are kept; new ones get Docker's own driver",
    "AutoRemove": "deployer removes its containers itself, once the next release is proven",
}
_KNOWN = {
    *_LEFT,
    *("Binds", "Mounts", "Tmpfs", "VolumesFrom", "NetworkMode", "PortBindings", "PublishAllPorts"),
    *("RestartPolicy", "LogConfig", "CapAdd", "CapDrop", "CgroupnsMode", "Dns", "DnsOptions"),
    *("DnsSearch", "ExtraHosts", "GroupAdd", "IpcMode", "OomScoreAdj", "PidMode", "Privileged"),
    *("ReadonlyRootfs", "SecurityOpt", "UTSMode", "UsernsMode", "ShmSize", "Runtime", "Init"),
    *("CpuShares", "Memory", "NanoCpus", "CgroupParent", "CpuPeriod", "CpuQuota", "CpusetCpus"),
    *("Devices", "DeviceCgroupRules", "DeviceRequests", "MemoryReservation", "MemorySwap"),
    *("MemorySwappiness", "OomKillDisable", "PidsLimit", "Ulimits", "StorageOpt", "Sysctls"),
    *("Annotations", "MaskedPaths", "ReadonlyPaths"),
    # Of the client that made it, or of Windows.
    *("ContainerIDFile", "ConsoleSize", "Isolation", "CpuCount", "CpuPercent"),
    *("IOMaximumIOps", "IOMaximumBandwidth"),
}
_DEFAULT_MASKED = "/proc/kcore"


def leave(facts: Facts, notes: Notes) -> None:
    """Note all that the container has and its spec cannot say."""
    shown = facts.host
    for key, why in _LEFT.items():
        if _said(shown.get(key)):
            notes.leave(key, why)
    for key in sorted(shown.keys() - _KNOWN):
        if _said(shown[key]):
            notes.leave(key, "it is newer than this deployer")
    if shown.get("VolumesFrom"):
        notes.leave("VolumesFrom", "its volumes are written one by one; later ones are not")
    _paths(shown, notes)
    _process(facts, notes)
    for request in shown.get("DeviceRequests") or ():
        if len(request.get("Capabilities") or ()) > 1:
            notes.leave("DeviceRequests", "of several sets of capabilities the first is kept")


def _said(value: Any) -> bool:
    return value not in (None, "", 0, False, [], {}, -1)


def _paths(shown: Mapping[str, Any], notes: Notes) -> None:
    """`--security-opt systempaths=unconfined` is shown as no masked paths at all."""
    if shown.get("Privileged") or "MaskedPaths" not in shown:
        return
    if _DEFAULT_MASKED not in (shown.get("MaskedPaths") or ()):
        notes.leave("MaskedPaths", "the new containers have Docker's usual ones")


def _process(facts: Facts, notes: Notes) -> None:
    config, image = facts.config, facts.defaults
    if config.get("StdinOnce"):
        notes.leave("StdinOnce", "nobody is attached to a container of deployer's")
    for key in ("Shell", "OnBuild"):
        if config.get(key) and config[key] != image.get(key):
            notes.leave(key, "it can be said in an image only")
