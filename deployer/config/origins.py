"""Where each setting of an app was written: config.yml, a Compose file, an env or secret file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deployer.config.file import ConfigFile, File, SecretFile
from deployer.config.problems import Key, Problems
from deployer.difference import Origins
from deployer.settings import FIELDS, Place
from deployer.spec import Spec

# What `where` has of a key in a Compose file: its place as a problem's line begins.
_PLACED = re.compile(r"(.+?):(\d+): ")
# The keys of `deploy.resources` that say what a field says.
_RESOURCES = {
    "cpus": ("limits", "cpus"),
    "mem_limit": ("limits", "memory"),
    "pids_limit": ("limits", "pids"),
    "mem_reservation": ("reservations", "memory"),
    "device_requests": ("reservations", "devices"),
}


def origins_of(
    name: str,
    file: File,
    spec: Spec,
    from_files: Mapping[str, str],
    folder: Path,
    problems: Problems,
) -> Origins:
    """Where the settings of an app's spec come from, as `FILE:LINE`; defaults are left out.

    `from_files` says where in the app's env files a variable was written. Paths start from
    `folder`, that of config.yml, where they are below it.
    """
    return _Search(name, file, spec, from_files, folder, problems).all()


def near(path: Path | str, folder: Path) -> str:
    """A path as it is written in config.yml, as far as it can be: from its folder."""
    full = folder / path
    return str(full.relative_to(folder)) if full.is_relative_to(folder) else str(full)


class _Search:
    """The origins of one app, collected; `_say` notes one that is known."""

    def __init__(
        self,
        name: str,
        file: File,
        spec: Spec,
        from_files: Mapping[str, str],
        folder: Path,
        problems: Problems,
    ) -> None:
        self._root: Key = ("apps", name)
        self._file, self._own, self._spec = file, file.apps[name], spec
        self._from_files, self._folder = from_files, folder
        self._where, self._source = problems.where, problems.source
        self._found: dict[Place, str] = {}
        self._below: dict[str | int, list[str | int]] = {}
        for key in problems.where:
            if len(key) == 4 and key[:2] == self._root:
                self._below.setdefault(key[2], []).append(key[3])

    def all(self) -> Origins:
        """Field by field: most are keys of their own name."""
        self._environment()
        self._by_name("labels", self._own.labels)
        self._networks()
        self._files()
        for name in FIELDS:
            if name not in ("environment", "labels", "networks", "files"):
                self._plain(name)
        return self._found

    def _say(self, place: Place, *keys: Key) -> None:
        """The first of these keys that was written is the place's origin."""
        for key in keys:
            where = self._where.get(key)
            if where is None:
                continue
            if isinstance(where, int):
                self._found[place] = f"{self._source.name}:{where}"
            elif placed := _PLACED.match(where):
                self._found[place] = f"{near(Path(placed[1]).absolute(), self._folder)}:{placed[2]}"
            return

    def _plain(self, name: str) -> None:
        key = "gpus" if name == "device_requests" else name
        resources: Key = (*self._root, "deploy", "resources", *_RESOURCES.get(name, ("",)))
        self._say((name, ""), (*self._root, key), resources)
        value: Any = getattr(self._spec, name)
        below = self._below.get(key, [])
        for word in below:
            if isinstance(word, str):
                self._say((name, word), (*self._root, key, word))
        positions = sorted(one for one in below if isinstance(one, int))
        # A range or a joined-in entry makes others than were written: then the key has to do.
        if isinstance(value, tuple) and len(positions) == len(value):
            for at, position in enumerate(positions):
                self._say((name, at), (*self._root, key, position))

    def _by_name(self, name: str, said: Iterable[str]) -> None:
        """A mapping, or a list of NAME=VALUE, whose names are told in the order of the list."""
        self._say((name, ""), (*self._root, name))
        for at, one in enumerate(said):
            self._say((name, one), (*self._root, name, one), (*self._root, name, at))

    def _environment(self) -> None:
        for name, place in self._from_files.items():
            self._found["environment", name] = place
        self._by_name("environment", self._own.environment)

    def _networks(self) -> None:
        key: Key = (*self._root, "networks")
        listed = {one.name: at for at, one in enumerate(self._own.networks)}
        self._say(("networks", ""), key)
        for at, one in enumerate(self._spec.networks):
            written: list[Key] = [(*key, one.name)]
            written += [(*key, listed[one.name]), key] if one.name in listed else []
            self._say(("networks", at), *written, ("nginx", "network"))

    def _files(self) -> None:
        for at, mount in enumerate(self._spec.files):
            kind = f"{mount.kind}s"
            declared: Mapping[str, SecretFile] = (
                self._file.secrets if kind == "secrets" else self._file.configs
            )
            self._say(("files", at), (kind, mount.name))
            origin = declared[mount.name]
            if origin.file is not None:
                self._found["files", at] = near(origin.file, self._folder)
            elif origin.environment is not None:
                self._found["files", at] = f"variable {origin.environment}"
            elif isinstance(origin, ConfigFile):
                self._say(("files", at), (kind, mount.name, "content"), (kind, mount.name))
