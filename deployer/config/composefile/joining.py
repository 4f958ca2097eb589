"""Puts the keys of Compose services below those that config.yml itself says of an app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer.config.composefile.document import ComposeDocument, open_document
from deployer.config.composefile.service import Service
from deployer.config.problems import Key, Problems, nearest
from deployer.errors import ConfigError


def join(
    data: dict[str, Any],
    folder: Path,
    environ: Mapping[str, str],
    problems: Problems,
    *,
    strict: bool,
) -> None:
    """Complete each app in `data` that has a `compose:`; its own keys win.

    What is wrong with a Compose file goes to `problems` with that file's name and line.
    Relative paths start from `folder`. `strict` is whether unset variables are a problem.
    """
    apps = data.get("apps")
    opened: dict[Path, ComposeDocument | None] = {}
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
        else:
            _complete(data, name, said, document, problems)
    for found in opened.values():
        if found is not None:
            problems.take(found.places)


def _open(
    path: Path, environ: Mapping[str, str], key: Key, problems: Problems, strict: bool
) -> ComposeDocument | None:
    if not path.is_file():
        problems.add(
            key, "there is no such file. Write a path that starts from the folder of config.yml."
        )
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
    services, service = document.data.get("services"), said.get("service")
    known = services if isinstance(services, dict) else {}
    if not isinstance(service, str) or service not in known:
        text = f"the file has no such service. {nearest(str(service), known)}"
        if service is not None:
            problems.add(("apps", name, "compose", "service"), text)
        problems.mark(("apps", name, "image"))
        return
    found = Service(document, service)
    ignored = said.get("ignore")
    ignore = ignored if isinstance(ignored, list) else []
    keys = {key: value for key, value in found.keys().items() if key not in ignore}
    for key in [one for one in ignore if one not in known[service]]:
        problems.add(
            ("apps", name, "compose", "ignore"),
            f"the service has no key {key!r} to ignore. Remove it.",
        )
    _place(name, service, keys, document, problems)
    own = data["apps"][name]
    if isinstance(own.get("deploy"), dict) and isinstance(keys.get("deploy"), dict):
        keys["deploy"] = {**keys["deploy"], **own["deploy"]}
        own = {key: value for key, value in own.items() if key != "deploy"}
    data["apps"][name] = {**keys, **{k: v for k, v in own.items() if v is not None}}
    for kind, grants in found.grants.items():
        for grant, declared in grants.items():
            _declare(data, kind, grant, declared, document, problems)


def _place(
    name: str,
    service: str,
    keys: Mapping[str, Any],
    document: ComposeDocument,
    problems: Problems,
) -> None:
    """Say where each key of the service was written, unless config.yml says it itself."""
    root: Key = ("services", service)
    for key in keys:
        problems.where.setdefault(("apps", name, key), document.place((*root, key)))
    for wrong in document.wrong:
        if wrong[:2] == root:
            problems.mark(("apps", name, *wrong[2:]))
    for written in list(document.places.where):
        below = written[2:]
        if written[:2] == root and below and not _is_own(name, below[0], problems):
            problems.where[("apps", name, *below)] = document.place(written)
    # An image that came with its tag.
    if "tags" in keys and not _is_own(name, "tags", problems):
        problems.where[("apps", name, "tags")] = document.place((*root, "image"))


def _is_own(name: str, key: str | int, problems: Problems) -> bool:
    return isinstance(problems.where.get(("apps", name, key)), int)


def _declare(
    data: dict[str, Any],
    kind: str,
    grant: str,
    declared: dict[str, Any],
    document: ComposeDocument,
    problems: Problems,
) -> None:
    if data.get(kind) is None:
        data[kind] = {}
    if isinstance(data[kind], dict):
        data[kind].setdefault(grant, declared)
        own = grant.partition(".")[2]
        problems.where.setdefault((kind, grant), document.place((kind, own)))
        for key in declared:
            problems.where.setdefault((kind, grant, key), document.place((kind, own, key)))
