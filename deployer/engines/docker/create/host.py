"""A container's HostConfig: what of the host it gets, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.engines.docker.create.mounts import binds, mounts
from deployer.engines.docker.create.networks import first_network
from deployer.spec import DeviceRequest, FileMount, Port, Spec

_CPU = 1_000_000_000
# Fields of the spec and the keys of Docker's API that say just the same.
_SAME = {
    "group_add": "GroupAdd",
    "init": "Init",
    "runtime": "Runtime",
    "read_only": "ReadonlyRootfs",
    "shm_size": "ShmSize",
    "dns": "Dns",
    "dns_opt": "DnsOptions",
    "dns_search": "DnsSearch",
    "privileged": "Privileged",
    "cap_add": "CapAdd",
    "cap_drop": "CapDrop",
    "security_opt": "SecurityOpt",
    "userns_mode": "UsernsMode",
    "ipc": "IpcMode",
    "pid": "PidMode",
    "uts": "UTSMode",
    "cgroup": "CgroupnsMode",
    "cgroup_parent": "CgroupParent",
    "device_cgroup_rules": "DeviceCgroupRules",
    "cpu_shares": "CpuShares",
    "cpu_quota": "CpuQuota",
    "cpu_period": "CpuPeriod",
    "cpuset": "CpusetCpus",
    "mem_limit": "Memory",
    "mem_reservation": "MemoryReservation",
    "memswap_limit": "MemorySwap",
    "mem_swappiness": "MemorySwappiness",
    "pids_limit": "PidsLimit",
    "oom_kill_disable": "OomKillDisable",
    "oom_score_adj": "OomScoreAdj",
}
_MAPPINGS = {
    "annotations": "Annotations",
    "storage_opt": "StorageOpt",
    "sysctls": "Sysctls",
    "tmpfs": "Tmpfs",
}


def host_config(spec: Spec, files: Mapping[FileMount, Path]) -> dict[str, Any]:
    """The HostConfig of a replica; what the spec leaves out is left to Docker."""
    said: dict[str, Any] = {key: _plain(getattr(spec, name)) for name, key in _SAME.items()}
    said |= {key: dict(getattr(spec, name)) for name, key in _MAPPINGS.items()}
    said |= {
        "Binds": binds(spec.volumes),
        "ExtraHosts": [f"{name}:{address}" for name, address in spec.extra_hosts],
        "PortBindings": _bindings(spec.ports),
        "NanoCpus": None if spec.cpus is None else round(spec.cpus * _CPU),
        "Devices": [
            {
                "PathOnHost": one.source,
                "PathInContainer": one.target,
                "CgroupPermissions": one.permissions,
            }
            for one in spec.devices
        ],
        "DeviceRequests": [_request(one) for one in spec.device_requests],
        "Ulimits": [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in spec.ulimits],
    }
    # Not `in (..., False)`: a swappiness of 0 is said, and equal to False.
    kept = {
        key: value
        for key, value in said.items()
        if value is not False and value not in (None, "", [], {})
    }
    if spec.init is False:
        kept["Init"] = False
    if spec.logging is not None:
        kept["LogConfig"] = {"Type": spec.logging.driver, "Config": dict(spec.logging.options)}
    return kept | {
        "Mounts": mounts(spec.volumes, files),
        "NetworkMode": first_network(spec) or spec.network_mode,
        "RestartPolicy": restart_policy(spec.restart),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _bindings(ports: tuple[Port, ...]) -> dict[str, list[dict[str, str]]]:
    bound: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        entry = {"HostIp": port.host_ip, "HostPort": port.published}
        bound.setdefault(f"{port.target}/{port.protocol}", []).append(entry)
    return bound


def _request(request: DeviceRequest) -> dict[str, Any]:
    return {
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": list(request.device_ids) or None,
        "Capabilities": [list(request.capabilities)],
        "Options": dict(request.options),
    }


def restart_policy(restart: str) -> dict[str, Any]:
    name, _, attempts = restart.partition(":")
    return {"Name": name, "MaximumRetryCount": int(attempts or 0)}
