"""Looks for what apps ask of this machine: networks, bind sources, devices, runtimes, platform."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from docker.errors import NotFound

from deployer.doctor.docker import Docker
from deployer.doctor.report import Report
from deployer.engines.docker.client import Clients, translated
from deployer.model import App
from deployer.spec import Spec

_NAMESPACES = ("network_mode", "ipc", "pid")
_EMULATORS = Path("/proc/sys/fs/binfmt_misc")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def look(app: App, docker: Docker, clients: Clients, report: Report) -> None:
    """Findings about what this app names and this machine does not have."""
    subject, spec = f"app {app.name}", app.spec
    for network in spec.networks:
        if not exists(clients, "network", network.name):
            report.problem(
                subject,
                f"its network {network.name} does not exist, so its containers cannot be created",
                f"Run: docker network create {network.name}; or correct `networks`",
            )
    for key, container in other_containers(spec):
        if not exists(clients, "container", container):
            report.problem(
                subject,
                f"its {key} is that of the container {container}, which does not exist",
                f"Start that container, or correct `{key}`",
            )
    for volume in spec.volumes:
        source = Path(volume.source)
        if volume.type == "bind" and not volume.create_host_path and not source.exists():
            report.problem(
                subject,
                f"{source}, mounted at {volume.target}, does not exist on this machine",
                f"Run: mkdir -p {source}; or correct `volumes`",
            )
    for device in spec.devices:
        if not Path(device.source).exists():
            report.problem(
                subject,
                f"its device {device.source} does not exist on this machine",
                "Plug it in or load its driver, or correct `devices`",
            )
    _look_at_runtime(subject, spec, docker, report)


def other_containers(spec: Spec) -> Iterator[tuple[str, str]]:
    """The keys that join a namespace of another container, and that container's name."""
    for key in _NAMESPACES:
        kind, _, name = str(getattr(spec, key)).partition(":")
        if kind == "container" and name:
            yield key, name


def _look_at_runtime(subject: str, spec: Spec, docker: Docker, report: Report) -> None:
    runtimes = docker.info.get("Runtimes") or {}
    if spec.runtime and spec.runtime not in runtimes:
        report.problem(
            subject,
            f"Docker has no runtime {spec.runtime}: it has {', '.join(sorted(runtimes))}",
            "Install it and add it to /etc/docker/daemon.json, or correct `runtime`",
        )
    wants_gpu = any(one.driver in ("", "nvidia") for one in spec.device_requests)
    if wants_gpu and "nvidia" not in runtimes and not shutil.which("nvidia-container-runtime-hook"):
        report.problem(
            subject,
            "it asks for GPUs, and Docker has nothing that could hand them out",
            "Install the NVIDIA Container Toolkit and restart Docker, or remove `gpus`",
        )
    architecture = spec.platform.partition("/")[2].partition("/")[0]
    said = str(docker.version.get("Arch", ""))
    own = _ARCHITECTURES.get(said, said)
    if architecture and own and architecture != own and not _emulated():
        report.problem(
            subject,
            f"its platform is {spec.platform} and Docker runs on {own}, without an emulator",
            f"Use an image for linux/{own}, or install one: docker run --privileged --rm "
            "tonistiigi/binfmt --install all",
        )


def _emulated() -> bool:
    return any(_EMULATORS.glob("qemu-*")) if _EMULATORS.is_dir() else False


def exists(clients: Clients, kind: str, name: str) -> bool:
    """Whether Docker has a network or container of this name."""
    with translated(f"look at the {kind} {name}"):
        try:
            if kind == "network":
                clients.api.inspect_network(name)
            else:
                clients.api.inspect_container(name)
        except NotFound:
            return False
    return True
