"""How much a container may use, and the devices that a driver hands out to it."""

from __future__ import annotations

from typing import Any

from deployer.config.compose.forms import (
    TEXT,
    Kind,
    Record,
    amount,
    decimal,
    each,
    either,
    number,
    word,
)
from deployer.config.compose.process import OPTIONS
from deployer.config.kinds import text
from deployer.spec import DeviceRequest

# Docker refuses less: daemon/daemon_unix.go, linuxMinMemory.
_LEAST_MEMORY = 6 << 20
CPUS = decimal(0.01, 4096)
MEMORY = amount(_LEAST_MEMORY)
MEMORY_OR_NONE = amount(_LEAST_MEMORY, unlimited=True)
SHARES = number(2, 262144)
QUOTA = number(1000, 10**9)
PERIOD = number(1000, 10**6)
SWAPPINESS = number(0, 100)
PIDS = number(-1, 4194304)
OOM_SCORE = number(-1000, 1000)
CPUSET = word(r"[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*", "not CPUs", "Write 0,1 or 0-3.")


def _count(value: Any) -> int:
    return -1 if value == "all" else int(number(1, 1000).read(value))


_REQUEST = Record(
    {
        "capabilities": each(Kind(lambda value: text(value, "Write one such as gpu."), TEXT)),
        "driver": Kind(lambda value: text(value, "Write one such as nvidia."), TEXT),
        "count": Kind(_count, {"type": ["integer", "string"]}),
        "device_ids": each(Kind(lambda value: text(value, "Write an id."), TEXT)),
        "options": OPTIONS,
    }
)


def _request(value: Any) -> DeviceRequest:
    keys = _REQUEST.read(value)
    if "count" in keys and "device_ids" in keys:
        raise ValueError("both `count` and `device_ids`. Keep one of them.")
    if "count" not in keys and "device_ids" not in keys:
        keys["count"] = -1
    return DeviceRequest(**keys)


_REQUESTS = each(Kind(_request, _REQUEST.schema))


def _gpus(value: Any) -> tuple[DeviceRequest, ...]:
    if value == "all":
        return (DeviceRequest(count=-1),)
    if not isinstance(value, list):
        raise ValueError("neither all nor a list. Write `gpus: all`, or requests with a count.")
    requests: tuple[DeviceRequest, ...] = _REQUESTS.read(value)
    return requests


GPUS = Kind(_gpus, either({"const": "all"}, _REQUESTS.schema))
_LIMITS = Record({"cpus": CPUS, "memory": MEMORY, "pids": PIDS})
_RESERVATIONS = Record({"memory": MEMORY, "devices": _REQUESTS}, refused="cpus generic_resources")
_RESOURCES = Record({"limits": _LIMITS, "reservations": _RESERVATIONS})


def _resources(value: Any) -> dict[str, Any]:
    """`deploy.resources` in the words of the keys that say the same."""
    keys = _RESOURCES.read(value)
    limits, reservations = keys.get("limits", {}), keys.get("reservations", {})
    same = {
        "cpus": limits.get("cpus"),
        "mem_limit": limits.get("memory"),
        "pids_limit": limits.get("pids"),
        "mem_reservation": reservations.get("memory"),
        "gpus": reservations.get("devices"),
    }
    return {name: value for name, value in same.items() if value is not None}


RESOURCES = Kind(_resources, _RESOURCES.schema)
