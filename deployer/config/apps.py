"""From an app's keys to an App: files joined in, limits and ports filled in, paths absolute."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from deployer.config.app_file import AppFile
from deployer.config.compose.storage import is_path, with_content
from deployer.config.deploy_file import AppDeployFile, DeployFile
from deployer.config.envfile import Fill, parse_with_lines
from deployer.config.file import ConfigFile, File, SecretFile
from deployer.config.files import LIMIT, read_bytes, read_text
from deployer.config.origins import near
from deployer.config.problems import Key, Problems
from deployer.config.route_texts import RouteTexts
from deployer.model import App, AppHook, HealthCheck, Limits, Moment
from deployer.routing import RouteRule
from deployer.spec import Attachment, DeviceRequest, FileMount, Spec, Volume

NO_TEXTS = RouteTexts()

# Fields of Spec that are an app's keys under the same name and with the same meaning.
_SAME = frozenset(each.name for each in fields(Spec)) & frozenset(AppFile.model_fields) - {
    "environment",
    "labels",
    "volumes",
    "networks",
}


def app_of(
    name: str,
    file: File,
    environment: dict[str, str],
    files: tuple[FileMount, ...],
    problems: Problems,
    texts: RouteTexts = NO_TEXTS,
) -> App:
    """The app that the keys describe; `environment` and `files` are what its containers get.

    `texts` are those of the files that its route names.

    What does not fit together goes to `problems`.
    """
    own = file.apps[name]
    spec = Spec(
        **{key: getattr(own, key) for key in _SAME},
        environment=tuple(sorted(environment.items())),
        labels=tuple(sorted(own.labels.items())),
        volumes=_volumes(name, own, file.paths.host_base, problems),
        networks=_networks(own, file.nginx.network),
        files=files,
        device_requests=own.gpus,
    )
    return App(
        name=name,
        image=own.image,
        tags=tuple(own.tags),
        spec=_with_resources(spec, own.deploy.resources, name, problems),
        route=_route(own, texts),
        health=_health(name, own, problems),
        limits=_limits(file.deploy, own.deploy),
        pull_policy=own.pull_policy,
        strategy=own.deploy.strategy,
        hooks=_hooks(own.deploy),
        depends_on=_depends_on(own.depends_on, spec.shares),
        adopt=own.adopt or "",
        reconcile=_reconcile(file, own),
    )


def environment_of(
    name: str, file: AppFile, folder: Path, problems: Problems, fill: Fill | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of an app's env files, later ones over earlier, and its own over all.

    Beside them, where those of the files were written. `fill` puts variables into the values of
    env files that a Compose file names.
    """
    result: dict[str, str] = {}
    places: dict[str, str] = {}
    for at, path in enumerate(file.env_file):
        try:
            found, lines = parse_with_lines(read_text(folder / path), fill)
        except ValueError as error:
            problems.add(("apps", name, "env_file", at), str(error))
            continue
        result |= found
        places |= {each: f"{near(path, folder)}:{line}" for each, line in lines.items()}
    return result | file.environment, places


def files_of(
    name: str, file: File, folder: Path, environ: Mapping[str, str], problems: Problems
) -> tuple[FileMount, ...]:
    """The secrets and configs of an app with their contents, as they are now."""
    own, mounts = file.apps[name], []
    for kind, grants, declared in (
        ("secrets", own.secrets, file.secrets),
        ("configs", own.configs, file.configs),
    ):
        for at, mount in enumerate(grants):
            key: Key = ("apps", name, kind, at)
            origin = declared.get(mount.name)
            if origin is None:
                if not problems.touch((kind, mount.name)):
                    text = f"no such name under `{kind}:` at the top level. Declare it there."
                    problems.add(key, text)
                continue
            try:
                mounts.append(with_content(mount, _content(origin, folder, environ)))
            except ValueError as error:
                problems.add((kind, mount.name), str(error))
    return tuple(mounts)


def _content(origin: SecretFile, folder: Path, environ: Mapping[str, str]) -> bytes:
    if isinstance(origin, ConfigFile) and origin.content is not None:
        return origin.content.encode()
    if origin.file is not None:
        return read_bytes(folder / origin.file)
    if origin.environment is None or origin.environment not in environ:
        raise ValueError("this variable is not set where the worker runs. Set it, or use `file:`.")
    content = environ[origin.environment].encode("utf-8", "surrogateescape")
    if len(content) > LIMIT:
        raise ValueError("the variable holds more than 1 MiB. Use `file:` with a smaller one.")
    return content


def _volumes(
    name: str, file: AppFile, host_base: Path | None, problems: Problems
) -> tuple[Volume, ...]:
    volumes: list[Volume] = []
    for at, volume in enumerate(file.volumes):
        source = volume.source
        if volume.type == "bind" and source.startswith("."):
            if host_base is None:
                problems.add(
                    ("apps", name, "volumes", at),
                    "a relative path says nothing to Docker, which may see other folders. "
                    "Write an absolute one, or set `paths.host_base`.",
                )
                continue
            source = f"{host_base}/{source}"
        if volume.type == "bind" and is_path(source):
            source = posixpath.normpath("/" + source.lstrip("/"))
        volumes.append(replace(volume, source=source))
    _targets(name, file, problems)
    return tuple(volumes)


def _targets(name: str, file: AppFile, problems: Problems) -> None:
    """Nothing in a container can be two things."""
    places: list[tuple[str, int, str]] = [
        *(("volumes", at, one.target) for at, one in enumerate(file.volumes)),
        *(("tmpfs", at, path) for at, (path, _) in enumerate(file.tmpfs)),
        *(("secrets", at, one.target) for at, one in enumerate(file.secrets)),
        *(("configs", at, one.target) for at, one in enumerate(file.configs)),
    ]
    taken: dict[str, str] = {}
    for key, at, target in places:
        if target in taken:
            other = taken[target]
            what = "another volume" if other == key == "volumes" else f"an entry of `{other}`"
            problems.add(
                ("apps", name, key, at),
                f"{what} has this path in the container. Choose another.",
            )
        taken.setdefault(target, key)


def _networks(file: AppFile, nginx: str | None) -> tuple[Attachment, ...]:
    """The networks, the one on which Nginx reaches the app first."""
    networks = file.networks
    if file.route is None or nginx is None:
        return networks
    shared = next((one for one in networks if one.name == nginx), Attachment(nginx))
    return (shared, *(one for one in networks if one.name != nginx))


def _with_resources(
    spec: Spec, resources: Mapping[str, Any], name: str, problems: Problems
) -> Spec:
    """The spec with what `deploy.resources` says; a limit has one value, however it is said."""
    result = spec
    for key, value in resources.items():
        field = "device_requests" if key == "gpus" else key
        said: float | tuple[DeviceRequest, ...] | None = getattr(spec, field)
        if said not in (None, (), value):
            problems.add(
                problems.first(("apps", name, "deploy", "resources"), ("apps", name, key)),
                f"`{key}` says something else for the same limit. Keep one of them.",
            )
        result = replace(result, **{field: value})
    return result


def _route(file: AppFile, texts: RouteTexts) -> RouteRule | None:
    own = file.route
    if own is None:
        return None
    return RouteRule(
        own.names,
        own.port,
        own.path,
        front=own.front,
        handling=own.handling(texts.users, texts.pages),
        template=own.template or "",
        snippet=own.snippet or "",
        weight=own.weight or 0,
    )


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
    said = _said(common) | _said(own)
    # A shorter deployment that nobody gave limits for its pull has a shorter pull.
    said.setdefault("pull_timeout", 0.9 * said.get("timeout", Limits().timeout))
    said.setdefault("pull_stall", min(Limits().pull_stall, said["pull_timeout"]))
    return Limits(**said)


def _hooks(own: AppDeployFile) -> tuple[AppHook, ...]:
    written = {when: getattr(own, when) for when in Moment}
    return tuple(
        AppHook(when, one.command, one.timeout) for when, one in written.items() if one is not None
    )


def _depends_on(said: tuple[str, ...], shares: str) -> tuple[str, ...]:
    """Whose network an app shares has to run before it."""
    return said if not shares or shares in said else (*said, shares)


def _reconcile(file: File, own: AppFile) -> float | None:
    said = own.reconcile if "interval" in own.reconcile.model_fields_set else file.reconcile
    return said.interval


def _said(file: DeployFile) -> dict[str, Any]:
    names: Iterable[str] = DeployFile.model_fields
    return {name: getattr(file, name) for name in names if name in file.model_fields_set}
