"""Where a delivery comes from, and whether its hook takes any from there."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from deployer.errors import BadCredential

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(networks: Sequence[str], peer: str, real_ip: str) -> None:
    """Raises BadCredential unless the client is in one of the networks, or there are none.

    `real_ip` is what our own Nginx says of the client. It is believed of this machine only: anybody
    else could write it too.
    """
    if not networks:
        return
    found = _address(peer)
    if found is not None and found.is_loopback and real_ip:
        found = _address(real_ip)
    if found is None or not any(found in ipaddress.ip_network(one) for one in networks):
        raise BadCredential(f"it proves itself, but {found} is no address that `allow` names")


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Where the receiver listens on `::`, this is how IPv4 looks.
    return getattr(found, "ipv4_mapped", None) or found
