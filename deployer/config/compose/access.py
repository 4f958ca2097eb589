"""What a container may do: capabilities, namespaces, devices, limits of the kernel."""

from __future__ import annotations

import re
from typing import Any

from deployer.config.compose.forms import TEXT, Kind, Record, each, either, named, number, word
from deployer.config.compose.process import OPTIONS
from deployer.config.kinds import text
from deployer.spec import Device, Ulimit

CAPABILITIES = each(
    word(r"(?:CAP_)?[A-Z][A-Z_]{0,40}", "not a capability", "Write one such as NET_ADMIN or ALL.")
)
SECURITY_OPT = each(
    word(
        r"no-new-privileges(?:[:=](?:true|false))?"
        r"|(?:label|apparmor|seccomp|systempaths|credentialspec)[:=]\S{1,1000}",
        "not an option of Docker's security",
        "Write one such as no-new-privileges:true, label=..., seccomp=... or apparmor=...",
    )
)
_CONTAINER = r"container:[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}"
IPC = word(
    rf"none|private|host|shareable|{_CONTAINER}",
    "not a mode that deployer has",
    "Write private, shareable, host, none or container:NAME.",
)
PID = word(rf"host|{_CONTAINER}", "not a mode that deployer has", "Write host or container:NAME.")
HOST_ONLY = word("host", "not a mode that Docker has", "Write host, or remove it.")
CGROUP = word("host|private", "not a mode that Docker has", "Write host or private.")
CGROUP_PARENT = word(r"[A-Za-z0-9/._-]{1,255}", "not a cgroup", "Write one such as apps.slice.")
SYSCTLS = OPTIONS

_DEVICE = re.compile(r"(/[^:]+)(?::(/[^:]+))?(?::([rwm]{1,3}))?")
_DEVICE_LONG = Record(
    {
        "source": word(r"/\S+", "not the path of a device", "Write one such as /dev/fuse."),
        "target": word(r"/\S+", "not the path of a device", "Write one such as /dev/fuse."),
        "permissions": word(r"[rwm]{1,3}", "not permissions", "Write rwm or fewer of them."),
    },
    needs=("source",),
)


def _device(value: Any) -> Device:
    if isinstance(value, dict):
        keys = _DEVICE_LONG.read(value)
        return Device(
            keys["source"], keys.get("target", keys["source"]), keys.get("permissions", "rwm")
        )
    instead = "Write one such as /dev/fuse or /dev/sda:/dev/xvda:r; CDI names are for `gpus`."
    match = _DEVICE.fullmatch(text(value, instead))
    if match is None:
        raise ValueError(f"not a device. {instead}")
    return Device(match[1], match[2] or match[1], match[3] or "rwm")


DEVICES = each(Kind(_device, either(TEXT, _DEVICE_LONG.schema)))
DEVICE_RULES = each(
    word(
        r"[abc] (?:[0-9]+|\*):(?:[0-9]+|\*) [rwm]{1,3}",
        "not a rule",
        "Write one such as c 189:* rwm.",
    )
)

_ULIMIT_NAMES = frozenset(
    {
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
        "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
    }
)  # fmt: skip
_SOFT_HARD = Record({"soft": number(-1, 2**60), "hard": number(-1, 2**60)}, needs=("soft", "hard"))


def _ulimit(value: Any) -> tuple[int, int]:
    if isinstance(value, dict):
        keys = _SOFT_HARD.read(value)
        if keys["hard"] != -1 and not 0 <= keys["soft"] <= keys["hard"]:
            raise ValueError("the soft limit is above the hard one. Lower it.")
        return keys["soft"], keys["hard"]
    both = number(-1, 2**60).read(value)
    return both, both


def _no_ulimit(name: str) -> str:
    if name in _ULIMIT_NAMES:
        return ""
    return f"no such limit. Known are: {', '.join(sorted(_ULIMIT_NAMES))}."


_ULIMITS = named(_ulimit, either({"type": ["integer", "string"]}, _SOFT_HARD.schema), _no_ulimit)
ULIMITS = Kind(
    lambda value: tuple(Ulimit(name, *both) for name, both in _ULIMITS.read(value)),
    _ULIMITS.schema,
)
