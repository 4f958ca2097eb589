"""What a release needs of other containers: some that it joins, and none that has what it claims.

Docker would create the container and fail only at its start, with a word that hides the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import NotFound

from deployer.engines.docker.labels import identity_of
from deployer.errors import StartFailed
from deployer.model import Release
from deployer.spec import Spec

_JOINS = "container:"


def check_joined(api: docker.APIClient, release: Release) -> None:
    """Raises StartFailed where a container that the spec joins is missing or does not run."""
    spec = release.spec
    for key, mode in (("network_mode", spec.network_mode), ("pid", spec.pid), ("ipc", spec.ipc)):
        if not mode.startswith(_JOINS):
            continue
        name = mode.removeprefix(_JOINS)
        try:
            running = api.inspect_container(name)["State"]["Running"]
        except NotFound:
            running = None
        if not running:
            why = "does not exist" if running is None else "does not run"
            raise StartFailed(
                f"cannot start {release.app}: the container {name}, which it is to join, {why}. "
                f"Start it first, or correct `{key}`"
            )


def check_free(api: docker.APIClient, instance: str, release: Release, deployment: int) -> None:
    """Raises StartFailed where a running container has a port or address that the spec fixes.

    Those of the deployment itself do not count.
    """
    wanted = [*_ports(release.spec), *_addresses(release.spec)]
    if not wanted:
        return
    for listed in api.containers():
        *owner, number = _whose(listed)
        ours = owner == [instance, release.app]
        if ours and number == deployment:
            continue
        holds = (*_bound(listed), *_joined(listed))
        held = next((one for one in holds if any(one.clashes(other) for other in wanted)), None)
        if held is not None:
            raise StartFailed(
                f"cannot start {release.app}: {_name(listed)}, which runs, has {held}. "
                + (_OWN if ours else _STRANGERS[held.key])
            )


_OWN = (
    "It is a replica of the app's running release: write `deploy.strategy: stop-first`, so that it "
    "is stopped before the new one starts"
)
_STRANGERS = {
    "ports": "If it is not needed, stop it; else correct `ports`",
    "networks": "If it is not needed, stop it; else correct the address under `networks`",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """A port (`where` is the host's address, `what` the number) or a network's address."""

    key: str
    protocol: str
    where: str
    what: str

    def __str__(self) -> str:
        if self.key == "ports":
            return f"the host's port {self.what}/{self.protocol}"
        return f"the address {self.what} in the network {self.where}"

    def clashes(self, other: _Held) -> bool:
        """Whether both are one thing: a port of every address takes it from each of them."""
        if (self.key, self.protocol, self.what) != (other.key, other.protocol, other.what):
            return False
        if self.key == "networks":
            return self.where == other.where
        return _covers(self.where, other.where) or _covers(other.where, self.where)


def _covers(one: str, other: str) -> bool:
    """Whether an address of the host includes another; "" is every one of both families."""
    every = "::" if ":" in other else "0.0.0.0"  # noqa: S104 - compared with, not listened on
    return one in ("", other, every)


def _ports(spec: Spec) -> Iterator[_Held]:
    """Each fixed port; of a range Docker takes a free one."""
    for port in spec.ports:
        if port.published.isdigit():
            yield _Held("ports", port.protocol, port.host_ip, port.published)


def _addresses(spec: Spec) -> Iterator[_Held]:
    for network in spec.networks:
        for address in (network.ipv4_address, network.ipv6_address):
            if address:
                yield _Held("networks", "", network.name, address)


def _bound(listed: dict[str, Any]) -> Iterator[_Held]:
    for port in listed["Ports"] or ():
        if "PublicPort" in port:
            yield _Held("ports", port["Type"], port.get("IP", ""), str(port["PublicPort"]))


def _joined(listed: dict[str, Any]) -> Iterator[_Held]:
    for name, joined in (listed["NetworkSettings"]["Networks"] or {}).items():
        for address in (joined.get("IPAddress"), joined.get("GlobalIPv6Address")):
            if address:
                yield _Held("networks", "", name, address)


def _name(listed: dict[str, Any]) -> str:
    return str(listed["Names"][0]).removeprefix("/")


def _whose(listed: dict[str, Any]) -> tuple[str, str, int]:
    identity = identity_of(listed["Labels"], _name(listed))
    return (identity.instance, identity.app, identity.deployment) if identity else ("", "", 0)
