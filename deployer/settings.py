"""A spec as single settings in the words of config.yml, to be read and compared; pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from deployer.spec import (
    Attachment,
    Device,
    DeviceRequest,
    FileMount,
    Healthcheck,
    Logging,
    Port,
    Spec,
    Ulimit,
    Volume,
)

Place = tuple[str, str | int]
"""A field of a spec, and a name or position in it; "" stands for all of the field."""

FIELDS = tuple(one.name for one in fields(Spec))
# Names whose values are not for everybody, wherever they stand.
_TELLING = re.compile(r"token|secret|passw|credential|auth|api.?key", re.IGNORECASE)
_UNITS = ((1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k"))
_PARTS = ((3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a spec says: its key, its value as people write it, and its place.

    What `hidden` holds is a secret: it tells two settings apart and is never shown. Of several
    settings with one key, `item` says which.
    """

    key: str
    text: str
    place: Place
    item: str = ""
    hidden: str = field(default="", repr=False)


def settings(spec: Spec, name: str) -> list[Setting]:
    """What a field of the spec says; nothing where it is left to the image or to Docker."""
    value = getattr(spec, name)
    if value is None or value == "":
        return []
    return list(_READERS.get(name, _single)(name, value))


def lasting(seconds: float) -> str:
    """A duration as config.yml has it: 1m30s, 500ms."""
    if seconds != int(seconds):
        return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"
    left, words = int(seconds), ""
    for size, unit in _PARTS:
        count, left = divmod(left, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def amount(size: int) -> str:
    """Bytes as config.yml has them: 256m, 1g; -1 for no limit."""
    for unit, letter in _UNITS:
        if size > 0 and size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


# one reader for each form; all take the field's name and its value


def _single(name: str, value: Any) -> Iterator[Setting]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    yield Setting(name, f"{value:g}" if isinstance(value, float) else text, (name, ""))


def _seconds(name: str, value: float) -> Iterator[Setting]:
    yield Setting(name, lasting(value), (name, ""))


def _bytes(name: str, value: int) -> Iterator[Setting]:
    yield Setting(name, amount(value), (name, ""))


def _line(name: str, value: Sequence[str]) -> Iterator[Setting]:
    yield Setting(name, shlex.join(value) if value else "[]", (name, ""))


def _secret_pairs(name: str, value: Sequence[tuple[str, str]]) -> Iterator[Setting]:
    for key, content in value:
        # Never "", so that it is told from a setting that hides nothing.
        yield Setting(f"{name}.{key}", "", (name, key), hidden=f"={content}")


def _pairs(name: str, value: Sequence[tuple[str, str]]) -> Iterator[Setting]:
    for key, content in value:
        telling = _TELLING.search(key)
        shown, hidden = ("", f"={content}") if telling else (content, "")
        yield Setting(f"{name}.{key}", shown, (name, key), hidden=hidden)


def _entries(said: Callable[[Any], str], key: str = "") -> Callable[[str, Any], Iterator[Setting]]:
    """A reader of lists whose entries have no names: each is its own."""

    def read(name: str, value: Sequence[Any]) -> Iterator[Setting]:
        for at, one in enumerate(value):
            yield Setting(key or name, said(one), (name, at), item=said(one))

    return read


def _named(
    named: Callable[[Any], str], said: Callable[[Any], str]
) -> Callable[[str, Any], Iterator[Setting]]:
    """A reader of lists whose entries are known by a name or a path in the container."""

    def read(name: str, value: Sequence[Any]) -> Iterator[Setting]:
        for at, one in enumerate(value):
            yield Setting(f"{name}.{named(one)}", said(one), (name, at))

    return read


def _volume(one: Volume) -> str:
    """The short form, and behind it what only the long one can say."""
    source = one.source or ("" if one.type == "tmpfs" else "(anonymous)")
    modes = ["ro" if one.read_only else "", one.propagation, one.selinux]
    modes += ["nocopy" if one.nocopy else ""]
    ends = [source, one.target, ",".join(mode for mode in modes if mode)]
    more = [f"type={one.type}" if one.type in ("tmpfs", "image") else ""]
    more += ["create_host_path" if one.create_host_path else ""]
    more += [f"subpath={one.subpath}" if one.subpath else ""]
    more += [f"label:{name}={content}" for name, content in one.labels]
    more += [f"size={amount(one.size)}" if one.size is not None else ""]
    more += [f"mode={one.mode:04o}" if one.mode is not None else ""]
    return " ".join([":".join(end for end in ends if end), *(word for word in more if word)])


def _port(one: Port) -> str:
    host = f"[{one.host_ip}]" if ":" in one.host_ip else one.host_ip
    ends = [host, one.published] if host else [one.published] if one.published else []
    return ":".join([*ends, str(one.target)]) + (
        "" if one.protocol == "tcp" else f"/{one.protocol}"
    )


def _device(one: Device) -> str:
    full = one.permissions == "rwm"
    words = [one.source] if full and one.target == one.source else [one.source, one.target]
    return ":".join(words if full else [*words, one.permissions])


def _request(one: DeviceRequest) -> str:
    count = "all" if one.count == -1 else str(one.count or "")
    options = ",".join(f"{name}={content}" for name, content in one.options)
    said = {
        "capabilities": ",".join(one.capabilities),
        "driver": one.driver,
        "count": count,
        "device_ids": ",".join(one.device_ids),
        "options": options,
    }
    return " ".join(f"{name}={word}" for name, word in said.items() if word)


def _ulimit(one: Ulimit) -> str:
    return str(one.soft) if one.soft == one.hard else f"soft {one.soft}, hard {one.hard}"


def _networks(name: str, value: Sequence[Attachment]) -> Iterator[Setting]:
    for at, one in enumerate(value):
        key, place = f"{name}.{one.name}", (name, at)
        yield Setting(key, "joined", place)
        for each in fields(one):
            said = getattr(one, each.name)
            if each.name == "name" or not said:
                continue
            if each.name == "driver_opts":
                said = tuple(f"{option}={content}" for option, content in said)
            text = said if isinstance(said, str) else ", ".join(said)
            yield Setting(f"{key}.{each.name}", text, place)


def _files(name: str, value: Sequence[FileMount]) -> Iterator[Setting]:
    for at, one in enumerate(value):
        owner = [f"{key}={number}" for key, number in (("uid", one.uid), ("gid", one.gid))]
        said = [one.target, *(word for word in owner if not word.endswith("None"))]
        text = " ".join([*said, f"mode={one.mode:04o}"])
        key = f"{one.kind}s.{one.name}"
        yield Setting(key, text, (name, at), item=one.target, hidden=f"={one.content}")


def _healthcheck(name: str, value: Healthcheck) -> Iterator[Setting]:
    if value == Healthcheck():
        yield Setting(name, "the image's own", (name, ""))
    if value.test:
        kind, *words = value.test
        line = words[0] if kind == "CMD-SHELL" and len(words) == 1 else shlex.join(words)
        test = "NONE" if kind == "NONE" else line if kind == "CMD-SHELL" else f"CMD {line}"
        yield Setting(f"{name}.test", test, (name, "test"))
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if (seconds := getattr(value, key)) is not None:
            yield Setting(f"{name}.{key}", lasting(seconds), (name, key))
    if value.retries is not None:
        yield Setting(f"{name}.retries", str(value.retries), (name, "retries"))


def _logging(name: str, value: Logging) -> Iterator[Setting]:
    yield Setting(f"{name}.driver", value.driver or "Docker's default", (name, "driver"))
    for one in _pairs(f"{name}.options", value.options):
        yield Setting(one.key, one.text, (name, "options"), hidden=one.hidden)


_Reader = Callable[[str, Any], Iterator[Setting]]
_READERS: dict[str, _Reader] = {
    "environment": _secret_pairs,
    "files": _files,
    "healthcheck": _healthcheck,
    "logging": _logging,
    "networks": _networks,
    "stop_grace_period": _seconds,
    "volumes": _named(lambda one: one.target, _volume),
    "ulimits": _named(lambda one: one.name, _ulimit),
    "tmpfs": _named(lambda one: one[0], lambda one: one[1] or "defaults"),
    "ports": _entries(_port),
    "devices": _entries(_device),
    "device_requests": _entries(_request, "gpus"),
    "extra_hosts": _entries(":".join),
    **dict.fromkeys(("command", "entrypoint"), _line),
    **dict.fromkeys(("labels", "annotations", "storage_opt", "sysctls"), _pairs),
    **dict.fromkeys(("shm_size", "mem_limit", "mem_reservation", "memswap_limit"), _bytes),
    **dict.fromkeys(
        (
            "group_add",
            "dns",
            "dns_opt",
            "dns_search",
            "expose",
            "cap_add",
            "cap_drop",
            "security_opt",
            "device_cgroup_rules",
        ),
        _entries(str),
    ),
}
