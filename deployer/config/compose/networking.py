"""How a container is reached and what it reaches: networks, names, addresses, ports."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from deployer.config.compose.forms import (
    TEXT,
    Kind,
    Record,
    each,
    either,
    listed,
    number,
    one_of,
    word,
)
from deployer.config.compose.process import OPTIONS
from deployer.config.kinds import text
from deployer.config.problems import Key, Wrong
from deployer.spec import Attachment, Port

_NETWORK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
_EXTRA = re.compile(r"([A-Za-z0-9._-]+)\s*[:=]\s*(\S+)")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_MODES = re.compile(r"bridge|host|none|(?:container|service):[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_MOST_PORTS = 1000


def _name(value: Any) -> str:
    instead = "Write letters, digits and . _ -, such as backend."
    if value in ("host", "none"):
        raise ValueError(
            "replicas need an address of their own. Write the name of a bridge network, or "
            "`network_mode:` for an app without a route."
        )
    if not _NETWORK.fullmatch(text(value, instead)):
        raise ValueError(f"not a name that Docker allows. {instead}")
    return str(value)


def _address(version: int) -> Kind:
    instead = f"Write an IPv{version} address."

    def read(value: Any) -> str:
        try:
            found = ipaddress.ip_address(text(value, instead))
        except ValueError:
            raise ValueError(f"not an IP address. {instead}") from None
        if found.version != version:
            raise ValueError(f"an address of the other kind. {instead}")
        return str(found)

    return Kind(read, TEXT)


def _any_address(value: Any) -> str:
    instead = "Write an IP address such as 10.0.0.2."
    try:
        return str(ipaddress.ip_address(text(value, instead).strip("[]")))
    except ValueError:
        raise ValueError(f"not an IP address. {instead}") from None


ADDRESS = Kind(_any_address, TEXT)
MAC = word(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", "not a MAC address", "Write 02:42:ac:11:00:02.")
HOST_NAME = word(_HOST.pattern, "not a host name", "Write letters, digits, - and dots.")
_ATTACHMENT = Record(
    {
        "aliases": each(HOST_NAME),
        "ipv4_address": _address(4),
        "ipv6_address": _address(6),
        "link_local_ips": each(ADDRESS),
        "mac_address": MAC,
        "driver_opts": OPTIONS,
        "priority": number(-1000, 1000),
    },
    refused="interface_name gw_priority",
)


def _networks(value: Any) -> tuple[Attachment, ...]:
    if not isinstance(value, dict):
        return tuple(Attachment(name) for name in each(Kind(_name, TEXT)).read(listed(value)))
    wrong: list[tuple[Key, str]] = []
    found: list[tuple[int, Attachment]] = []
    for name, item in value.items():
        try:
            keys = _ATTACHMENT.read(item or {})
            priority = keys.pop("priority", 0)
            found.append((-priority, Attachment(_name(name), **keys)))
        except Wrong as error:
            wrong += [((name, *below), words) for below, words in error.found]
        except ValueError as error:
            wrong.append(((name,), str(error)))
    if wrong:
        raise Wrong(wrong)
    return tuple(attachment for _, attachment in sorted(found, key=lambda one: one[0]))


NETWORKS = Kind(
    _networks,
    either(
        {"type": "array", "items": TEXT},
        {
            "type": "object",
            "additionalProperties": either({"type": "null"}, _ATTACHMENT.schema),
        },
    ),
)


def _network_mode(value: Any) -> str:
    instead = "Write bridge, host, none, service:APP or container:NAME."
    if not _MODES.fullmatch(text(value, instead)):
        raise ValueError(f"not a mode of Docker's. {instead}")
    return str(value)


NETWORK_MODE = Kind(_network_mode, TEXT)


def _extra_hosts(value: Any) -> tuple[tuple[str, str], ...]:
    wrong: list[tuple[Key, str]] = []
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        entries: list[tuple[Key, str, Any]] = []
        for name, item in value.items():
            several = item if isinstance(item, list) else [item]
            entries += [((name,), name, one) for one in several]
    else:
        entries = [((at,), *_pair(item)) for at, item in enumerate(listed(value))]
    for place, name, address in entries:
        try:
            if not _HOST.fullmatch(name):
                raise ValueError("not a host name. Write NAME:ADDRESS.")
            gateway = address == "host-gateway"
            found.append((name, address if gateway else _any_address(address)))
        except ValueError as error:
            wrong.append((place, str(error)))
    if wrong:
        raise Wrong(wrong)
    return tuple(found)


def _pair(item: Any) -> tuple[str, Any]:
    match = _EXTRA.fullmatch(item) if isinstance(item, str) else None
    return (match[1], match[2]) if match else ("", item)


EXTRA_HOSTS = Kind(_extra_hosts, either({"type": "array", "items": TEXT}, {"type": "object"}))
DNS = each(ADDRESS, single=True)
DNS_OPT = each(word(r"[a-z0-9:_-]{1,64}", "not an option", "Write one such as ndots:1."))
DNS_SEARCH = each(word(r"\.|[A-Za-z0-9._-]{1,253}", "not a domain", "Write a name."), single=True)


def _ports_of(value: str, instead: str) -> list[int]:
    match = _RANGE.fullmatch(value)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= 65535 or last - first >= _MOST_PORTS:
        raise ValueError(f"not a port or range of ports. {instead}")
    return list(range(first, last + 1))


def _short(value: Any) -> list[Port]:
    """`[[ip:][published]:]target[/protocol]`; ranges of the same length pair up."""
    instead = "Write TARGET, PUBLISHED:TARGET or ADDRESS:PUBLISHED:TARGET, with /udp at the end."
    rest, _, protocol = text(value, instead).partition("/")
    if protocol not in ("", "tcp", "udp", "sctp"):
        raise ValueError(f"not a protocol. {instead}")
    rest, _, target = rest.rpartition(":")
    address, _, published = rest.rpartition(":")
    host_ip = _any_address(address) if address else ""
    targets = _ports_of(target, instead)
    fixed = _ports_of(published, instead) if published else []
    if len(targets) == 1 and len(fixed) > 1:
        return [Port(targets[0], protocol or "tcp", published, host_ip)]
    if fixed and len(fixed) != len(targets):
        raise ValueError(f"ranges of different lengths. {instead}")
    names = [str(port) for port in fixed] or [""] * len(targets)
    return [
        Port(target, protocol or "tcp", name, host_ip)
        for target, name in zip(targets, names, strict=True)
    ]


_LONG = Record(
    {
        "target": number(1, 65535),
        "published": word(_RANGE.pattern, "not a port or a range", "Write 8080 or 8000-8010."),
        "host_ip": ADDRESS,
        "protocol": one_of("tcp", "udp", "sctp"),
        "mode": one_of("host", "ingress"),
        "name": Kind(lambda value: text(value, "Write a name."), TEXT),
        "app_protocol": Kind(lambda value: text(value, "Write a protocol."), TEXT),
    },
    needs=("target",),
)


def _long(value: Any) -> list[Port]:
    keys = _LONG.read(value)
    if keys.get("published"):
        _ports_of(keys["published"], "Write 8080 or 8000-8010.")
    # Names for people and for Swarm's mesh; they change nothing on one machine.
    for name in ("mode", "name", "app_protocol"):
        keys.pop(name, None)
    return [Port(**keys)]


def _ports(value: Any) -> tuple[Port, ...]:
    wrong: list[tuple[Key, str]] = []
    found: list[Port] = []
    for at, item in enumerate(listed(value)):
        try:
            ports = _long(item) if isinstance(item, dict) else _short(item)
            if set(ports) & set(found):
                raise ValueError("this port is there twice. Remove one of them.")
            found += ports
        except Wrong as error:
            wrong += [((at, *below), words) for below, words in error.found]
        except ValueError as error:
            wrong.append(((at,), str(error)))
    if wrong:
        raise Wrong(wrong)
    return tuple(found)


PORTS = Kind(
    _ports,
    {"type": "array", "items": either({"type": ["string", "integer"]}, _LONG.schema)},
)


def _exposed(value: Any) -> str:
    instead = "Write a port such as 8080, or 8080/udp."
    port, _, protocol = text(value, instead).partition("/")
    _ports_of(port, instead)
    if protocol not in ("", "tcp", "udp", "sctp"):
        raise ValueError(f"not a protocol. {instead}")
    return f"{port}/{protocol or 'tcp'}"


EXPOSE = each(Kind(_exposed, {"type": ["string", "integer"]}))
