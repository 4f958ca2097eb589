"""Whether replicas still have the network of the container that they share it with; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deployer.model import Replica, Running
from deployer.spec import Spec


def has_network_of(replica: Replica, host: Replica) -> bool:
    """Whether the replica shares the network that this running container has now.

    A container that is started again has a new one, and who shared the former has none.
    """
    return replica.joined == host.id and _moment(host.started_at) <= _moment(replica.started_at)


def joining(spec: Spec, container: str) -> Spec:
    """The spec with the container named whose network its replicas share."""
    return replace(spec, network_mode=f"container:{container}")


def owner(container: str, replicas: Sequence[Replica]) -> Replica | None:
    """The replica that is the container of this id."""
    return next((one for one in replicas if container and one.id == container), None)


def runs(replica: Replica) -> bool:
    """Whether it has a network that others can be using."""
    return replica.state in (Running.RUNNING, Running.RESTARTING)


def _moment(rfc3339: str) -> tuple[str, str]:
    """In an order: Docker leaves out zeros at the end, and the fraction where it is none."""
    whole, _, fraction = rfc3339.rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")
