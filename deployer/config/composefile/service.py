"""What a service of a Compose file says, in the words of config.yml.

Most keys mean the same and stay as they are; the names and paths that Compose makes absolute
by the project and its folder are made so here.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deployer.config.composefile.document import ComposeDocument

Grants = dict[str, dict[str, Any]]
"""Secrets or configs as the top level of config.yml has them, by name."""


class Service:
    """One service; `keys` gives what an app may take from it, `grants` what that refers to."""

    def __init__(self, document: ComposeDocument, name: str) -> None:
        self._document = document
        self._name = name
        self.grants: dict[str, Grants] = {"secrets": {}, "configs": {}}

    def keys(self) -> dict[str, Any]:
        """The service's keys in the words of an app."""
        keys = self._document.section("services", self._name)
        rewrites: Mapping[str, Callable[[Any], Any]] = {
            "env_file": self._env_files,
            "environment": self._environment,
            "volumes": lambda value: self._each(value, self._volume),
            "secrets": lambda value: self._each(value, lambda one: self._grant("secrets", one)),
            "configs": lambda value: self._each(value, lambda one: self._grant("configs", one)),
        }
        for key, rewrite in rewrites.items():
            if keys.get(key) is not None:
                keys[key] = rewrite(keys[key])
        for key in ("env_file", "secrets", "configs", "volumes", "environment"):
            if keys.get(key) == []:
                del keys[key]
        _image(keys)
        _replicas(keys)
        if keys.get("network_mode") is None:
            keys["networks"] = self._networks(keys.get("networks"))
        return keys

    def _each(self, value: Any, rewrite: Callable[[Any], Any]) -> Any:
        return [rewrite(one) for one in value] if isinstance(value, list) else value

    def _path(self, path: str) -> str:
        """A path from the folder of the Compose file, absolute."""
        return os.path.normpath(self._document.path.absolute().parent / path)

    def _env_files(self, value: Any) -> Any:
        files = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                files.append(self._path(one))
            elif isinstance(one, dict) and isinstance(one.get("path"), str):
                path = self._path(one["path"])
                if one.get("format"):
                    return [one]
                if one.get("required") != "false" or Path(path).exists():
                    files.append(path)
            else:
                return [one]
        return files

    def _environment(self, value: Any) -> Any:
        """A name without a value takes the variable's, or is left out where there is none."""
        known = self._document.variables
        if isinstance(value, dict):
            filled = {name: known.get(name) if got is None else got for name, got in value.items()}
            return {name: got for name, got in filled.items() if got is not None}
        if not isinstance(value, list):
            return value
        entries = [one for one in value if not isinstance(one, str) or "=" in one or one in known]
        return [
            f"{one}={known[one]}" if isinstance(one, str) and "=" not in one else one
            for one in entries
        ]

    def _volume(self, value: Any) -> Any:
        if isinstance(value, dict):
            source = value.get("source")
            if isinstance(source, str) and value.get("type") in ("bind", "volume"):
                return {**value, "source": self._source(source)}
            return value
        source, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        return f"{self._source(source)}:{rest}" if colon else value

    def _source(self, source: str) -> str:
        if source.startswith(("./", "../")) or source in (".", ".."):
            return self._path(source)
        return source if source.startswith(("/", "~")) else self._named("volumes", source)

    def _named(self, kind: str, name: str) -> str:
        """How a network or volume of the file is called in Docker."""
        declared = self._document.section(kind, name)
        external = declared.get("external")
        if declared.get("name"):
            return str(declared["name"])
        if isinstance(external, dict) and external.get("name"):
            return str(external["name"])
        return name if external == "true" else f"{self._document.project}_{name}"

    def _networks(self, value: Any) -> Any:
        """The networks under their real names; the service is found there by its own name."""
        if value is None or value in ([], {}):
            value = ["default"]
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = dict.fromkeys(value)
        if not isinstance(value, dict):
            return value
        joined = {}
        for name, said in value.items():
            keys = dict(said) if isinstance(said, dict) else {}
            aliases = keys.get("aliases")
            more = (
                [one for one in aliases if one != self._name] if isinstance(aliases, list) else []
            )
            joined[self._named("networks", name)] = {**keys, "aliases": [self._name, *more]}
        return joined

    def _grant(self, kind: str, value: Any) -> Any:
        """A secret or config, declared under a name that config.yml cannot have for another."""
        long = dict(value) if isinstance(value, dict) else {"source": value}
        name = long.get("source")
        if not isinstance(name, str):
            return value
        declared = self._document.section(kind, name)
        unique = f"{self._document.project}.{name}"
        if declared:
            if isinstance(declared.get("file"), str):
                declared["file"] = self._path(declared["file"])
            self.grants[kind][unique] = declared
        default = f"/run/secrets/{name}" if kind == "secrets" else f"/{name}"
        target = long.get("target") or default
        if isinstance(target, str) and "/" not in target and kind == "secrets":
            target = f"/run/secrets/{target}"
        return {**long, "source": unique, "target": target}


def _image(keys: dict[str, Any]) -> None:
    """`image: shop:1.4` is an image and the tag that deploys it."""
    image = keys.get("image")
    if not isinstance(image, str) or "@" in image:
        return
    name, colon, tag = image.rpartition(":")
    if colon and "/" not in tag:
        keys["image"], keys["tags"] = name, [tag]


def _replicas(keys: dict[str, Any]) -> None:
    deploy = keys.get("deploy")
    scale = keys.pop("scale", None)
    if isinstance(deploy, dict) and "replicas" in deploy:
        deploy = dict(deploy)
        scale = deploy.pop("replicas")
        keys["deploy"] = deploy
    if scale is not None:
        keys["replicas"] = scale
