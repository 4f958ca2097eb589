"""What a service of a Compose file says, in the words of config.yml.

Most keys mean the same and stay as they are; the names and paths that Compose makes absolute
by the project and its folder are made so here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from deployer.config.composefile.document import ComposeDocument
from deployer.config.composefile.naming import Naming
from deployer.config.files import is_there
from deployer.config.problems import Key

Grants = dict[str, tuple[str, dict[str, Any]]]
"""Secrets or configs: the name that config.yml has for each, its name in the file, its keys."""


class Service:
    """One service; `keys` gives what an app takes from it, `grants` what that refers to.

    `moved` says which key of the app a key of the service became, None for one left out.
    """

    def __init__(
        self, document: ComposeDocument, name: str, app: str, host_folder: str | None
    ) -> None:
        self._document = document
        self._name = name
        self._app = app
        self._naming = Naming(document, name, host_folder)
        self.grants: dict[str, Grants] = {"secrets": {}, "configs": {}}
        self.moved: dict[Key, Key | None] = {}

    def keys(self, raw: Mapping[str, Any], left: Collection[str]) -> dict[str, Any]:
        """The keys of the service in the words of an app, without those in `left`."""
        # Compose itself gives keys that begin with x- no meaning, wherever they are.
        taken = {
            key: value
            for key, value in raw.items()
            if key not in left and not key.startswith("x-") and value is not None
        }
        found = self._document.filled(taken, ("services", self._name))
        keys: dict[str, Any] = {key: value for key, value in found.items() if value is not None}
        rewrites: Mapping[str, Callable[[Any], Any]] = {
            "env_file": self._env_files,
            "environment": self._environment,
            "volumes": self._volumes,
            "secrets": lambda value: self._grants("secrets", value),
            "configs": lambda value: self._grants("configs", value),
        }
        for key, rewrite in rewrites.items():
            if key in keys:
                keys[key] = rewrite(keys[key])
                if keys[key] == []:
                    del keys[key]
        _image(keys)
        self._replicas(keys)
        if "network_mode" not in keys and not {"networks", "network_mode"} & set(left):
            keys["networks"] = self._networks(keys.get("networks"))
        return keys

    def _env_files(self, value: Any) -> Any:
        files: list[Any] = []
        several = isinstance(value, list)
        for at, one in enumerate(value if several else [value]):
            place: Key = ("env_file", at) if several else ("env_file",)
            path = self._env_file(one, place)
            self.moved[place] = ("env_file", len(files)) if path is not None else None
            if path is not None:
                files.append(path)
        return files

    def _env_file(self, one: Any, place: Key) -> Any:
        """The path, None where the file need not be there and is not, else what is wrong."""
        if not isinstance(one, dict):
            return self._naming.path(one) if isinstance(one, str) else one
        for key in one:
            if key not in ("path", "required"):
                text = "not a key of an env file that deployer supports. Leave it out."
                self._document.places.add(("services", self._name, *place, key), text)
        if not isinstance(one.get("path"), str):
            return one
        path = self._naming.path(one["path"])
        optional = str(one.get("required")).lower() == "false"
        return path if not optional or is_there(Path(path)) else None

    def _environment(self, value: Any) -> Any:
        """A name without a value takes the variable's, or is left out where there is none."""
        known = self._document.variables if self._document.strict else {}
        if isinstance(value, dict):
            filled = {name: known.get(name) if got is None else got for name, got in value.items()}
            return {name: got for name, got in filled.items() if got is not None}
        if not isinstance(value, list):
            return value
        entries: list[Any] = []
        for at, one in enumerate(value):
            bare = isinstance(one, str) and "=" not in one
            kept = not bare or one in known
            self.moved["environment", at] = ("environment", len(entries)) if kept else None
            if kept:
                entries.append(f"{one}={known[one]}" if bare else one)
        return entries

    def _volumes(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [self._naming.volume(one, ("volumes", at)) for at, one in enumerate(value)]

    def _networks(self, value: Any) -> Any:
        """The networks under their real names; the service is found there by its own name."""
        if value is None or value in ([], {}):
            value = ["default"]
        places: dict[str, Key] = {}
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            places = {one: ("networks", at) for at, one in enumerate(value)}
            value = dict.fromkeys(value)
        if not isinstance(value, dict):
            return value
        joined = {}
        for name, said in value.items():
            place = places.get(name, ("networks", name))
            real = self._naming.named("networks", name, place)
            self.moved[place] = ("networks", real)
            joined[real] = self._with_alias(said)
        return joined

    def _with_alias(self, said: Any) -> Any:
        keys = {} if said is None else said
        aliases = (keys.get("aliases") or []) if isinstance(keys, dict) else None
        if not isinstance(aliases, list):
            return keys
        more = [one for one in aliases if one != self._name]
        return {**keys, "aliases": [self._name, *more]}

    def _grants(self, kind: str, value: Any) -> Any:
        return [self._grant(kind, one) for one in value] if isinstance(value, list) else value

    def _grant(self, kind: str, value: Any) -> Any:
        """A secret or config, declared under a name that is this app's alone.

        Two Compose files may be one project, and have two secrets of one name.
        """
        long = dict(value) if isinstance(value, dict) else {"source": value}
        name = long.get("source")
        if not isinstance(name, str):
            return value
        unique = f"{self._app}.{name}"
        declared = self._document.declared(kind, name)
        if declared is not None:
            if isinstance(declared.get("file"), str):
                declared["file"] = self._naming.path(declared["file"])
            self.grants[kind][unique] = (name, declared)
        default = f"/run/secrets/{name}" if kind == "secrets" else f"/{name}"
        target = long.get("target") or default
        if isinstance(target, str) and "/" not in target and kind == "secrets":
            target = f"/run/secrets/{target}"
        return {**long, "source": unique, "target": target}

    def _replicas(self, keys: dict[str, Any]) -> None:
        if "scale" in keys:
            keys["replicas"] = keys.pop("scale")
            self.moved["scale",] = ("replicas",)
        deploy = keys.get("deploy")
        if isinstance(deploy, dict) and "replicas" in deploy:
            keys["replicas"] = deploy["replicas"]
            keys["deploy"] = {key: value for key, value in deploy.items() if key != "replicas"}
            self.moved["deploy", "replicas"] = ("replicas",)


def _image(keys: dict[str, Any]) -> None:
    """`image: shop:1.4` is an image and the tag that deploys it."""
    image = keys.get("image")
    if not isinstance(image, str) or "@" in image:
        return
    name, colon, tag = image.rpartition(":")
    if colon and "/" not in tag:
        keys["image"], keys["tags"] = name, [tag]
