"""What is known of a container, and what is found out about it on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shown = Mapping[str, Any]

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Machine:
    """What Docker gives to a container that asks for nothing else."""

    name: str = ""
    architecture: str = ""
    runtime: str = "runc"
    log_driver: str = "json-file"
    cgroup_version: str = "2"


@dataclass(frozen=True, slots=True)
class Facts:
    """What Docker shows of a container and its image.

    `names` are those of other containers by their ids, `changed` the paths in the container
    that its image does not have, `copied` what Compose's files say that it copies in: paths,
    None where those files cannot be read.
    """

    container: Shown
    image: Shown
    machine: Machine = Machine()
    names: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    copied: tuple[str, ...] | None = ()

    @property
    def config(self) -> Shown:
        """Its own settings, with the image's merged in."""
        found: Shown = self.container["Config"]
        return found

    @property
    def host(self) -> Shown:
        """What of the host it gets."""
        found: Shown = self.container["HostConfig"]
        return found

    @property
    def defaults(self) -> Shown:
        """The settings of its image."""
        found: Shown = self.image.get("Config") or {}
        return found

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels, the image's included."""
        found: Mapping[str, str] = self.config.get("Labels") or {}
        return found

    @property
    def networks(self) -> Mapping[str, Shown]:
        """The networks that it is on, by name."""
        found: Mapping[str, Shown] = self.container["NetworkSettings"].get("Networks") or {}
        return found

    @property
    def id(self) -> str:
        """Its full id."""
        return str(self.container["Id"])

    @property
    def short_id(self) -> str:
        """The id as Docker gives it to hostnames and aliases."""
        return self.id[:_SHORT]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.container["Name"]).removeprefix("/")

    def named(self, mode: str) -> str:
        """`container:<id>` with that container's name, as ids do not outlive a replacement."""
        kind, colon, reference = mode.partition(":")
        if kind != "container" or not colon:
            return mode
        return f"container:{self.names.get(reference, reference)}"


@dataclass(slots=True)
class Notes:
    """What cannot be kept, and why it cannot be adopted at all; no value is ever in them."""

    left: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def leave(self, what: str, why: str) -> None:
        """Note what the new containers will not have."""
        self.left.append(f"{what}: {why}")

    def refuse(self, what: str, why: str) -> None:
        """Note why there can be no container like it."""
        self.refused.append(f"{what}: {why}")


def without(pairs: Iterable[tuple[str, str]], defaults: Mapping[str, str]) -> dict[str, str]:
    """What is not there by default, sorted by name."""
    return {name: value for name, value in sorted(pairs) if defaults.get(name) != value}
