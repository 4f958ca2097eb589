"""What Compose copies into a service's containers after it has made them; pure.

Secrets and configs with a `file:` are mounts. Those from a variable, or with the content written
down, are copied in (from Compose 2 on), and nothing that Docker shows tells of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
FILES = "com.docker.compose.project.config_files"
VERSION = "com.docker.compose.version"

_COPIED = ("environment", "content")


def may_copy(labels: Mapping[str, str]) -> bool:
    """Whether the Compose that made it copies anything: the older one only mounts."""
    return PROJECT in labels and not labels.get(VERSION, "").startswith("1.")


def copied(documents: Sequence[Mapping[str, Any]], service: str) -> tuple[str, ...]:
    """The paths in the service's containers of what these Compose files have copied in."""
    return tuple(
        path
        for kind, folder in (("secrets", "/run/secrets/"), ("configs", "/"))
        for path in _paths(documents, service, kind, folder)
    )


def _paths(
    documents: Sequence[Mapping[str, Any]], service: str, kind: str, folder: str
) -> Iterator[str]:
    declared = {name: one for document in documents for name, one in _mapping(document, kind)}
    for document in documents:
        keys = dict(_mapping(document, "services")).get(service)
        granted = keys.get(kind) if isinstance(keys, Mapping) else None
        for grant in granted if isinstance(granted, list) else ():
            name = grant.get("source") if isinstance(grant, Mapping) else grant
            origin = declared.get(str(name))
            if isinstance(origin, Mapping) and any(key in origin for key in _COPIED):
                target = grant.get("target") if isinstance(grant, Mapping) else None
                path = str(target or name)
                yield path if path.startswith("/") else f"{folder}{path}"


def _mapping(document: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    found = document.get(key)
    return list(found.items()) if isinstance(found, Mapping) else []
