"""Containers that were there before deployer and count as replicas, by their ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import NotFound

from deployer.engines.docker.labels import Identity
from deployer.engines.docker.look import described, reached
from deployer.model import Replica
from deployer.ports import Adopted


def _none() -> Sequence[Adopted]:
    return ()


@dataclass(frozen=True, slots=True)
class Adoptions:
    """What the store says was adopted: such a container has neither our labels nor our name.

    `network` is where Nginx reaches the replicas, None where it reaches all of them.
    """

    rows: Callable[[], Sequence[Adopted]] = _none
    network: str | None = None

    def has(self, container: str) -> bool:
        """Whether the container of this id was adopted."""
        return any(one.container == container for one in self.rows())

    def replica_of(self, inspected: dict[str, Any]) -> Replica | None:
        """The replica that an inspected container is; None where it was not adopted."""
        for one in self.rows():
            if one.container == inspected["Id"]:
                identity = Identity("", one.app, one.deployment, one.release, 1)
                return described(identity, inspected, self.network)
        return None

    def replicas(self, api: docker.APIClient, app: str | None) -> list[Replica]:
        """The adopted containers of one or every app that are still there."""
        rows = [one for one in self.rows() if app in (None, one.app)]
        found = []
        for row in rows:
            try:
                replica = self.replica_of(api.inspect_container(row.container))
            except NotFound:
                continue
            if replica is not None:
                found.append(reached(api, replica))
        return found


NONE_ADOPTED = Adoptions()
