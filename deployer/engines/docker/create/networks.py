"""How a replica joins its networks."""

from __future__ import annotations

from typing import Any

from deployer.spec import Attachment, Spec

# Docker gives aliases on user-defined networks only.
_NO_ALIASES = frozenset({"bridge", "default"})


def first_network(spec: Spec) -> str:
    """The network that it is created on, "" where it shares somebody else's or has none."""
    if spec.networks:
        return spec.networks[0].name
    return "" if spec.network_mode not in ("", "bridge") else "bridge"


def endpoint(network: str, attachment: Attachment | None, app: str) -> dict[str, Any]:
    """How a replica joins a network: found there under its app's name and its aliases."""
    joined = attachment or Attachment(network)
    addresses = {
        "IPv4Address": joined.ipv4_address,
        "IPv6Address": joined.ipv6_address,
        "LinkLocalIPs": list(joined.link_local_ips),
    }
    said: dict[str, Any] = {
        "Aliases": [] if network in _NO_ALIASES else list(dict.fromkeys([app, *joined.aliases])),
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "MacAddress": joined.mac_address,
        "DriverOpts": dict(joined.driver_opts),
    }
    return {key: value for key, value in said.items() if value}
