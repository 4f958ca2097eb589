"""Puts the keys of Compose services below those that config.yml itself says of an app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.config.composefile.depending import of_app, of_apps
from deployer.config.composefile.document import ComposeDocument, open_document
from deployer.config.composefile.interpolation import filler
from deployer.config.composefile.overriding import left_out, without_own
from deployer.config.composefile.places import place_keys
from deployer.config.composefile.service import Grants, Service
from deployer.config.envfile import Fill
from deployer.config.files import read_text
from deployer.config.problems import Key, Problems, nearest
from deployer.errors import ConfigError


def join(
    data: dict[str, Any],
    folder: Path,
    environ: Mapping[str, str],
    problems: Problems,
    *,
    strict: bool,
) -> dict[str, Fill]:
    """Complete each app in `data` that has a `compose:`; its own keys win.

    Returns, by app, what puts variables into the env files that its Compose file names. What is
    wrong with a Compose file goes to `problems` with that file's name and line. Relative paths
    start from `folder`. `strict` is whether unset variables are a problem.
    """
    apps = data.get("apps")
    opened: dict[Path, ComposeDocument | None] = {}
    fills: dict[str, Fill] = {}
    for name, app in apps.items() if isinstance(apps, dict) else ():
        said = app.get("compose") if isinstance(app, dict) else None
        if not isinstance(said, dict) or not isinstance(said.get("file"), str):
            continue
        path = folder / said["file"]
        if path not in opened:
            opened[path] = _open(path, environ, ("apps", name, "compose", "file"), problems, strict)
        document = opened[path]
        if document is None:
            problems.mark(("apps", name))
            continue
        _complete(data, name, said, document, problems)
        if strict and app.get("env_file") is None:
            fills[name] = filler(document.variables)
    for found in opened.values():
        if found is not None:
            problems.take(found.places)
    return fills


def _open(
    path: Path, environ: Mapping[str, str], key: Key, problems: Problems, strict: bool
) -> ComposeDocument | None:
    try:
        read_text(path)
    except ValueError as error:
        problems.add(key, str(error))
        return None
    try:
        return open_document(path, environ, strict=strict)
    except ConfigError as error:
        problems.quote(key, error.problems)
        return None


def _complete(
    data: dict[str, Any],
    name: str,
    said: Mapping[str, Any],
    document: ComposeDocument,
    problems: Problems,
) -> None:
    raw = _raw(name, said, document, problems)
    if raw is None:
        return
    ignored = _ignored(name, said, raw, problems)
    own = {key: value for key, value in data["apps"][name].items() if value is not None}
    service = Service(document, said["service"], name, _host_folder(data, said["file"]))
    keys = service.keys(without_own(raw, own), ignored | left_out(own))
    if _is_named(keys.get("depends_on")):
        apps = data["apps"]
        keys["depends_on"] = of_apps(keys["depends_on"], said["file"], apps, service.moved)
    if "network_mode" in keys:
        try:
            keys["network_mode"] = of_app(keys["network_mode"], said["file"], data["apps"])
        except ValueError as error:
            del keys["network_mode"]
            document.places.add(("services", said["service"], "network_mode"), str(error))
    place_keys(name, said["service"], keys, service.moved, document, problems)
    if isinstance(own.get("deploy"), dict) and isinstance(keys.get("deploy"), dict):
        own["deploy"] = {**keys["deploy"], **own["deploy"]}
    data["apps"][name] = {**keys, **own}
    for kind, grants in service.grants.items():
        _declare(data, kind, grants, document, problems)


def _is_named(depends_on: Any) -> bool:
    """Whether each entry is a name, as it has to be; what is not is told where it is read."""
    return isinstance(depends_on, dict | list) and all(isinstance(one, str) for one in depends_on)


def _raw(
    name: str, said: Mapping[str, Any], document: ComposeDocument, problems: Problems
) -> dict[str, Any] | None:
    """The service's keys as they are written; None, and a problem, where there are none."""
    services, service = document.data.get("services"), said.get("service")
    known = services if isinstance(services, dict) else {}
    if not isinstance(service, str) or service not in known:
        text = f"the file has no such service. {nearest(str(service), known)}"
        if service is not None:
            problems.add(("apps", name, "compose", "service"), text)
        problems.mark(("apps", name, "image"))
        return None
    raw = known[service]
    if raw is not None and not isinstance(raw, dict):
        text = "not a mapping. Write its keys below it, further to the right."
        document.places.add(("services", service), text)
        problems.mark(("apps", name, "image"))
        return None
    return raw or {}


def _ignored(
    name: str, said: Mapping[str, Any], raw: Mapping[str, Any], problems: Problems
) -> set[str]:
    listed = said.get("ignore")
    names = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    for one in names:
        if one not in raw:
            problems.add(
                ("apps", name, "compose", "ignore"),
                f"the service has no key {one!r} to ignore. Remove it.",
            )
    return set(names)


def _host_folder(data: Mapping[str, Any], file: str) -> str | None:
    """Where the Compose file's folder is below `paths.host_base`, if that is how paths are meant.

    A file named by an absolute path is taken to be at that path on the host as well.
    """
    paths = data.get("paths")
    if not isinstance(paths, dict) or not paths.get("host_base") or Path(file).is_absolute():
        return None
    return str(Path(file).parent)


def _declare(
    data: dict[str, Any],
    kind: str,
    grants: Grants,
    document: ComposeDocument,
    problems: Problems,
) -> None:
    """Have the top level of config.yml declare what the service is granted."""
    if grants and data.get(kind) is None:
        data[kind] = {}
    if not isinstance(data.get(kind), dict):
        return
    for unique, (name, declared) in grants.items():
        if any(wrong[:2] == (kind, name) for wrong in document.wrong):
            problems.mark((kind, unique))
        elif isinstance(problems.where.get((kind, unique)), int):
            text = f"this name is needed for what {document.path.name} declares. Choose another."
            problems.add((kind, unique), text)
        else:
            data[kind][unique] = declared
            for below in ((), *((key,) for key in declared)):
                problems.where[(kind, unique, *below)] = document.place((kind, name, *below))
