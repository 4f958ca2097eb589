"""What names and paths of a Compose file are on this machine, by its project and its folder."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import Any

from deployer.config.composefile.document import ComposeDocument
from deployer.config.problems import Key

_BY_HAND = (
    "deployer leaves making volumes to Docker, which would not know of it. Make the volume with "
    "`docker volume create`, and write `external: true` and its `name:` here."
)


class Naming:
    """Real names for one service of a file; what is wrong with one is noted in its `places`.

    `host_folder` is where the file's folder is below `paths.host_base`, None without that.
    """

    def __init__(self, document: ComposeDocument, service: str, host_folder: str | None) -> None:
        self._document = document
        self._service = service
        self._host_folder = host_folder

    def path(self, path: str) -> str:
        """A path from the folder of the Compose file, absolute."""
        return os.path.normpath(self._document.path.absolute().parent / path)

    def volume(self, value: Any, place: Key) -> Any:
        """An entry of `volumes`, short or long, with the real name or path of its source."""
        if isinstance(value, dict):
            source, kind = value.get("source"), value.get("type")
            if not isinstance(source, str) or not source:
                return value
            if kind == "bind":
                return {**value, "source": self._bind(source)}
            if kind == "volume":
                return {**value, "source": self.named("volumes", source, place)}
            return value
        source, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if not colon or not source:
            return value
        # As compose-go decides it, which takes any beginning with a dot for a path.
        is_path = source[0] in "./~"
        real = self._bind(source) if is_path else self.named("volumes", source, place)
        return f"{real}:{rest}"

    def named(self, kind: str, name: str, place: Key) -> str:
        """How a network or volume of the file, used at this place, is called in Docker."""
        declared = self._document.declared(kind, name)
        if declared is None and (kind, name) != ("networks", "default"):
            text = f"no such name under `{kind}:` at the top level of the file. Declare it there."
            self._document.places.add(("services", self._service, *place), text)
            return name
        keys = declared or {}
        external = keys.get("external")
        is_external = isinstance(external, dict) or str(external).lower() == "true"
        if kind == "volumes" and not is_external:
            self._refuse_making(name, keys)
        if keys.get("name"):
            return str(keys["name"])
        if isinstance(external, dict) and external.get("name"):
            return str(external["name"])
        return name if is_external else f"{self._document.project}_{name}"

    def _refuse_making(self, name: str, keys: dict[str, Any]) -> None:
        for key in ("driver", "driver_opts", "labels"):
            if keys.get(key) and (key, keys[key]) != ("driver", "local"):
                self._document.places.add(("volumes", name, key), _BY_HAND)

    def _bind(self, source: str) -> str:
        if source.startswith(("/", "~")):
            return source
        if self._host_folder is None:
            return self.path(source)
        return f"./{os.path.normpath(Path(self._host_folder, source))}"
