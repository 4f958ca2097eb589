"""From an app's keys to an App: files joined in, limits and ports filled in, paths absolute."""

from __future__ import annotations

import posixpath
from pathlib import Path

from deployer.config.envfile import parse_env
from deployer.config.file import AppFile, DeployFile
from deployer.config.files import read_text
from deployer.config.problems import Key, Problems
from deployer.model import App, HealthCheck, Limits, RouteRule, Spec, Volume


def app_of(
    name: str,
    file: AppFile,
    common: DeployFile,
    host_base: Path | None,
    environment: dict[str, str],
    problems: Problems,
) -> App:
    """The app that the keys describe; `environment` is what its containers get.

    `common` holds the limits of all apps. What does not fit together goes to `problems`.
    """
    spec = Spec(
        command=file.command,
        environment=tuple(sorted(environment.items())),
        volumes=_volumes(name, file, host_base, problems),
        networks=tuple(file.networks),
        labels=tuple(sorted(file.labels.items())),
        restart=file.restart,
        stop_signal=file.stop_signal,
        stop_grace_period=file.stop_grace_period,
        replicas=file.replicas,
    )
    return App(
        name=name,
        image=file.image,
        tags=tuple(file.tags),
        spec=spec,
        route=_route(file),
        health=_health(name, file, problems),
        limits=_limits(common, file.deploy),
    )


def environment_of(name: str, file: AppFile, folder: Path, problems: Problems) -> dict[str, str]:
    """The variables of an app's env files, later ones over earlier, and its own over all."""
    result: dict[str, str] = {}
    for at, path in enumerate(file.env_file):
        try:
            result |= parse_env(read_text(folder / path))
        except ValueError as error:
            problems.add(("apps", name, "env_file", at), str(error))
    return result | file.environment


def _volumes(
    name: str, file: AppFile, host_base: Path | None, problems: Problems
) -> tuple[Volume, ...]:
    volumes: list[Volume] = []
    targets: set[str] = set()
    for at, volume in enumerate(file.volumes):
        key: Key = ("apps", name, "volumes", at)
        source = volume.source
        if source.startswith("."):
            if host_base is None:
                problems.add(
                    key,
                    "a relative path says nothing to Docker, which may see other folders. "
                    "Write an absolute one, or set `paths.host_base`.",
                )
                continue
            source = f"{host_base}/{source}"
        if source.startswith("/"):
            source = posixpath.normpath("/" + source.lstrip("/"))
        if volume.target in targets:
            problems.add(key, "another volume has this path in the container. Choose another.")
        targets.add(volume.target)
        volumes.append(Volume(source, volume.target, volume.read_only))
    return tuple(volumes)


def _route(file: AppFile) -> RouteRule | None:
    if file.route is None:
        return None
    return RouteRule(file.route.names, file.route.port, file.route.path)


def _health(name: str, file: AppFile, problems: Problems) -> HealthCheck:
    health = file.health
    port = health.port or (file.route.port if file.route else None)
    if health.path and port is None:
        problems.add(
            ("apps", name, "health", "path"),
            "no port to ask. Write `health.port`, or a `route` with one.",
        )
    return HealthCheck(port, health.path, health.interval, health.timeout, health.deadline)


def _limits(common: DeployFile, own: DeployFile) -> Limits:
    said = common.model_dump(exclude_unset=True) | own.model_dump(exclude_unset=True)
    # A shorter deployment that nobody gave limits for its pull has a shorter pull.
    said.setdefault("pull_timeout", 0.9 * said.get("timeout", Limits().timeout))
    said.setdefault("pull_stall", min(Limits().pull_stall, said["pull_timeout"]))
    return Limits(**said)
