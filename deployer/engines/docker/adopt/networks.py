"""How it is reached: networks with names and fixed addresses, ports, hostname, MAC address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.engines.docker.adopt.facts import Facts, Notes
from deployer.spec import Attachment, Port

_BRIDGES = ("", "default", "bridge")


def reached(facts: Facts, app: str, notes: Notes) -> dict[str, Any]:
    """The fields of a spec that say how it is reached; `app` is the name deployer adds."""
    mode = facts.host.get("NetworkMode") or ""
    if mode.startswith("container:"):
        return {"network_mode": facts.named(mode)}
    fields = {**_names(facts, mode), "ports": _ports(facts, notes), "expose": _expose(facts)}
    if mode in ("host", "none"):
        return fields | {"network_mode": mode, "ports": ()}
    first = _first(facts, mode)
    names = sorted(facts.networks, key=lambda name: (name != first, name))
    fields["mac_address"] = facts.config.get("MacAddress") or ""
    if names in ([], ["bridge"]):
        return fields
    joined = [_attachment(facts, name, app, notes) for name in names]
    own = [replace(one, mac_address=_mac(facts.networks[one.name])) for one in joined[1:]]
    return fields | {"networks": (joined[0], *own)}


def _first(facts: Facts, mode: str) -> str:
    """The network that it was created on; it may have been named by its id."""
    if mode in _BRIDGES:
        return "bridge"
    ids = {shown.get("NetworkID"): name for name, shown in facts.networks.items()}
    return ids.get(mode, mode)


def _attachment(facts: Facts, name: str, app: str, notes: Notes) -> Attachment:
    shown = facts.networks[name]
    said = shown.get("IPAMConfig") or {}
    for key, what in (("Links", "links"), ("GwPriority", "the gateway's priority")):
        if shown.get(key):
            notes.leave(f"{what} on the network {name}", "no key says them")
    return Attachment(
        name,
        aliases=() if name == "bridge" else _aliases(facts, shown, app),
        ipv4_address=said.get("IPv4Address") or "",
        ipv6_address=said.get("IPv6Address") or "",
        link_local_ips=tuple(said.get("LinkLocalIPs") or ()),
        driver_opts=tuple(sorted((shown.get("DriverOpts") or {}).items())),
    )


def _aliases(facts: Facts, shown: Mapping[str, Any], app: str) -> tuple[str, ...]:
    """Its aliases, and its name: others may know it by that, and the next one is called otherwise.

    Docker adds the short id, and deployer the name of the app.
    """
    found = sorted({*(shown.get("Aliases") or ()), facts.name})
    return tuple(alias for alias in found if alias not in (facts.short_id, app))


def _names(facts: Facts, mode: str) -> dict[str, Any]:
    """What it was given as hostname; Docker makes one of the id, and `host` takes the host's."""
    hostname = facts.config.get("Hostname") or ""
    shared = mode == "host" or facts.host.get("UTSMode") == "host"
    generated = hostname == facts.short_id or (shared and hostname == facts.machine.name)
    found = {
        "domainname": facts.config.get("Domainname") or "",
        "extra_hosts": tuple(
            (name, address)
            for name, _, address in (
                one.partition(":") for one in facts.host.get("ExtraHosts") or ()
            )
        ),
    }
    return found | ({} if generated else {"hostname": hostname})


def _mac(shown: Mapping[str, Any]) -> str:
    """The MAC address that was surely asked for on a network that it was not made on.

    Docker shows it only there; what it makes itself is marked as local, as what people make up may
    be. From Engine 25 on (it shows `DNSNames`) one can be asked for on each network.
    """
    address = shown.get("MacAddress") or ""
    local = int(address[:2] or "0", 16) & 0b10
    return "" if local or "DNSNames" not in shown else address


def _ports(facts: Facts, notes: Notes) -> tuple[Port, ...]:
    found = []
    for port, bindings in (facts.host.get("PortBindings") or {}).items():
        target, _, protocol = port.partition("/")
        for one in bindings or ():
            published = one.get("HostPort") or ""
            published = "" if published == "0" else published
            found.append(Port(int(target), protocol or "tcp", published, one.get("HostIp") or ""))
    if facts.host.get("PublishAllPorts"):
        bound = {(one.target, one.protocol) for one in found}
        for port in facts.config.get("ExposedPorts") or {}:
            target, _, protocol = port.partition("/")
            if (int(target), protocol) not in bound:
                found.append(Port(int(target), protocol))
        notes.leave("--publish-all", "the ports of today are written; a later image's are not")
    return tuple(sorted(found, key=lambda one: (one.target, one.protocol, one.published)))


def _expose(facts: Facts) -> tuple[str, ...]:
    """The ports that neither the image nor a published port exposes anyway."""
    image = facts.defaults.get("ExposedPorts") or {}
    bound = facts.host.get("PortBindings") or {}
    own = set(facts.config.get("ExposedPorts") or {}) - set(image) - set(bound)
    if facts.host.get("PublishAllPorts"):
        return ()
    return tuple(sorted(own, key=lambda port: (int(port.partition("/")[0]), port)))
