"""What of the host it gets, and how much: what differs from what Docker fills in itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deployer.engines.docker.adopt.facts import Facts
from deployer.spec import Device, DeviceRequest, Logging, Ulimit

_CPU = 1_000_000_000
_SHM = 64 << 20
# Docker puts it there itself where it switches SELinux off.
_UNLABELLED = "label=disable"

_WORDS = {
    "userns_mode": "UsernsMode",
    "uts": "UTSMode",
    "cgroup_parent": "CgroupParent",
    "cpuset": "CpusetCpus",
}
_LISTS = {
    "group_add": "GroupAdd",
    "dns": "Dns",
    "dns_opt": "DnsOptions",
    "dns_search": "DnsSearch",
    "cap_add": "CapAdd",
    "cap_drop": "CapDrop",
    "device_cgroup_rules": "DeviceCgroupRules",
}
_AMOUNTS = {
    "cpu_shares": "CpuShares",
    "cpu_quota": "CpuQuota",
    "cpu_period": "CpuPeriod",
    "mem_limit": "Memory",
    "mem_reservation": "MemoryReservation",
    "pids_limit": "PidsLimit",
    "oom_score_adj": "OomScoreAdj",
}
_FLAGS = {"privileged": "Privileged", "read_only": "ReadonlyRootfs"}
_MAPPINGS = {"annotations": "Annotations", "storage_opt": "StorageOpt", "sysctls": "Sysctls"}


def host(facts: Facts) -> dict[str, Any]:
    """The fields of a spec that say what of the host it gets."""
    shown = facts.host
    fields: dict[str, Any] = {name: shown.get(key) or "" for name, key in _WORDS.items()}
    fields |= {name: tuple(shown.get(key) or ()) for name, key in _LISTS.items()}
    fields |= {name: shown.get(key) or None for name, key in _AMOUNTS.items()}
    fields |= {name: bool(shown.get(key)) for name, key in _FLAGS.items()}
    fields |= {
        name: tuple(sorted((shown.get(key) or {}).items())) for name, key in _MAPPINGS.items()
    }
    return fields | {name: derive(facts, shown) for name, derive in _OTHERS.items()}


def _restart(_: Facts, shown: Mapping[str, Any]) -> str:
    policy = shown.get("RestartPolicy") or {}
    name, attempts = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
    return f"{name}:{attempts}" if name == "on-failure" and attempts else str(name)


def _logging(facts: Facts, shown: Mapping[str, Any]) -> Logging | None:
    said = shown.get("LogConfig") or {}
    driver, options = said.get("Type") or "", said.get("Config") or {}
    if driver in ("", facts.machine.log_driver) and not options:
        return None
    return Logging(driver, tuple(sorted(options.items())))


def _security(_: Facts, shown: Mapping[str, Any]) -> tuple[str, ...]:
    free = shown.get("Privileged") or "host" in (shown.get("PidMode"), shown.get("IpcMode"))
    said = shown.get("SecurityOpt") or ()
    return tuple(one for one in said if not (free and one == _UNLABELLED))


def _cgroup(facts: Facts, shown: Mapping[str, Any]) -> str:
    usual = "private" if facts.machine.cgroup_version == "2" else "host"
    said = shown.get("CgroupnsMode") or ""
    return "" if said == usual else str(said)


def _memswap(_: Facts, shown: Mapping[str, Any]) -> int | None:
    """Docker makes it twice the memory where nothing is said."""
    said, memory = shown.get("MemorySwap") or 0, shown.get("Memory") or 0
    return None if said in (0, 2 * memory) else int(said)


def _swappiness(_: Facts, shown: Mapping[str, Any]) -> int | None:
    said = shown.get("MemorySwappiness")
    return None if said in (None, -1) else int(said)


def _devices(_: Facts, shown: Mapping[str, Any]) -> tuple[Device, ...]:
    return tuple(
        Device(one["PathOnHost"], one["PathInContainer"], one.get("CgroupPermissions") or "rwm")
        for one in shown.get("Devices") or ()
    )


def _requests(_: Facts, shown: Mapping[str, Any]) -> tuple[DeviceRequest, ...]:
    """What is asked for twice is had once, and the configuration takes it once."""
    found = (
        DeviceRequest(
            capabilities=tuple(next(iter(one.get("Capabilities") or ()), ())),
            driver=one.get("Driver") or "",
            count=one.get("Count") or 0,
            device_ids=tuple(one.get("DeviceIDs") or ()),
            options=tuple(sorted((one.get("Options") or {}).items())),
        )
        for one in shown.get("DeviceRequests") or ()
    )
    return tuple(dict.fromkeys(found))


def _ulimits(_: Facts, shown: Mapping[str, Any]) -> tuple[Ulimit, ...]:
    found = shown.get("Ulimits") or ()
    return tuple(
        Ulimit(one["Name"], one["Soft"], one["Hard"])
        for one in sorted(found, key=lambda one: str(one["Name"]))
    )


_OTHERS: dict[str, Callable[[Facts, Mapping[str, Any]], Any]] = {
    "restart": _restart,
    "logging": _logging,
    "security_opt": _security,
    "cgroup": _cgroup,
    "memswap_limit": _memswap,
    "mem_swappiness": _swappiness,
    "devices": _devices,
    "device_requests": _requests,
    "ulimits": _ulimits,
    "init": lambda _, shown: shown.get("Init"),
    "runtime": lambda facts, shown: _unless(shown.get("Runtime"), facts.machine.runtime),
    "ipc": lambda facts, shown: _unless(facts.named(shown.get("IpcMode") or ""), "private"),
    "pid": lambda facts, shown: facts.named(shown.get("PidMode") or ""),
    "shm_size": lambda _, shown: _unless(shown.get("ShmSize"), _SHM) or None,
    "oom_kill_disable": lambda _, shown: True if shown.get("OomKillDisable") else None,
    "cpus": lambda _, shown: shown["NanoCpus"] / _CPU if shown.get("NanoCpus") else None,
}


def _unless(value: Any, usual: Any) -> Any:
    """The value, "" where it is the usual one or none."""
    return "" if value in (None, usual) else value
