"""How a replica joins its networks."""

from __future__ import annotations

from typing import Any

from docker.utils import version_lt

from deployer.spec import Attachment, Spec

# From here on Docker takes all networks at create, and the address of each with it; connecting
# one later would lose its `mac_address` (before API 1.54), and an address of the container
# itself is refused (from API 1.52): docs.docker.com/reference/api/engine/version-history/
_ALL_AT_CREATE = "1.44"

# Docker gives aliases on user-defined networks only.
_NO_ALIASES = frozenset({"bridge", "default"})


def first_network(spec: Spec) -> str:
    """The network that it is created on, "" where it shares somebody else's or has none."""
    if spec.networks:
        return spec.networks[0].name
    return "" if spec.network_mode not in ("", "bridge") else "bridge"


def all_at_create(api_version: str) -> bool:
    """Whether this Docker joins every network at create; an older one only the first."""
    return not version_lt(api_version, _ALL_AT_CREATE)


def endpoints(spec: Spec, app: str, api_version: str) -> dict[str, dict[str, Any]]:
    """The networks that a replica is created on, and how it joins each."""
    first = first_network(spec)
    if not first:
        return {}
    joined = {first: endpoint(first, spec.networks[0] if spec.networks else None, app)}
    if all_at_create(api_version):
        joined |= {one.name: endpoint(one.name, one, app) for one in spec.networks[1:]}
        if spec.mac_address:
            joined[first].setdefault("MacAddress", spec.mac_address)
    return joined


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
