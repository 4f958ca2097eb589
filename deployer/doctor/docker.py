"""Looks at Docker: that it answers, its version, its disk and its clock."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer.doctor.files import GIB, gib, room
from deployer.doctor.report import Report
from deployer.engines.docker.client import Clients, translated

OLDEST = (20, 10)
_CLOCK = 10.0
_LEAST_SHARE = 0.10
_LEAST = 2 * GIB


@dataclass(frozen=True, slots=True)
class Docker:
    """What Docker says of itself: `docker info` and `docker version`."""

    info: Mapping[str, Any]
    version: Mapping[str, Any]


def ask(clients: Clients) -> Docker:
    """Raises EngineUnavailable where Docker does not answer."""
    with translated("ask Docker what it is"):
        api = clients.api
        return Docker(api.info(), api.version())


def look(docker: Docker, report: Report) -> None:
    """Findings about Docker itself."""
    info, version = docker.info, docker.version
    root = Path(info.get("DockerRootDir") or "/var/lib/docker")
    report.facts["docker"] = (
        f"{version['Version']}, API {version['ApiVersion']}, storage driver {info.get('Driver')}"
    )
    found = tuple(int(part) for part in re.findall(r"\d+", version["Version"])[:2])
    if found < OLDEST:
        report.problem(
            "docker",
            f"Docker {version['Version']} is older than 20.10, the oldest that deployer knows",
            "Install a newer Docker Engine",
        )
    if info.get("OSType", "linux") != "linux":
        report.problem(
            "docker", f"Docker runs containers of {info['OSType']}", "Use a Docker for Linux"
        )
    if info.get("Driver") == "vfs":
        report.note(
            "docker",
            "the storage driver vfs keeps a full copy of every layer: slow, and large",
            "Use overlay2 if the file system of Docker's folder allows it",
        )
    look_at_clock(str(info.get("SystemTime", "")), time.time(), report)
    # A Docker elsewhere has its folder elsewhere.
    if root.is_dir():
        look_at_disk(root, *room(root), report)


def look_at_disk(root: Path, free: int, share: float, report: Report) -> None:
    """A finding where images soon have no room."""
    report.facts["docker disk"] = f"{root}, {gib(free)} free ({share:.0%})"
    if share < _LEAST_SHARE or free < _LEAST:
        report.problem(
            "docker",
            f"the disk of Docker's folder {root} has {gib(free)} left ({share:.0%}), and a pull "
            "that finds no room fails",
            "See `docker system df`; `docker image prune` removes images that nobody uses",
        )


def look_at_clock(said: str, now: float, report: Report) -> None:
    """A finding where Docker's clock and ours differ: times in logs and signatures then lie."""
    # Docker writes nanoseconds, Python reads microseconds.
    text = re.sub(r"(\.\d{6})\d*", r"\1", said).replace("Z", "+00:00")
    try:
        difference = abs(datetime.fromisoformat(text).timestamp() - now)
    except ValueError:
        return
    if difference > _CLOCK:
        report.problem(
            "docker",
            f"Docker's clock and the one here differ by {difference:.0f} s",
            "Let both machines follow a time server (`timedatectl set-ntp true`)",
        )
