"""A Compose file as plain data, with the line of every key and variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.config.composefile.interpolation import interpolate
from deployer.config.document import read
from deployer.config.envfile import parse_env
from deployer.config.files import read_text
from deployer.config.problems import Key, Problems, dotted, nearest

_TOP = ("name", "version", "services", "networks", "volumes", "secrets", "configs")
_LEFT_OUT = object()


@dataclass(frozen=True, slots=True)
class ComposeDocument:
    """A Compose file; `places` says where its keys were written, `variables` what it may use.

    `strict` is whether a variable that is not set is a problem: who only shows the
    configuration may have another environment than the worker. `wrong` are the keys whose
    values could not be filled in and are left out.
    """

    path: Path
    data: dict[str, Any]
    places: Problems
    variables: Mapping[str, str]
    strict: bool
    wrong: set[Key] = field(default_factory=set)

    @property
    def project(self) -> str:
        """The project's name as Compose makes it: stated, else from the folder's."""
        stated = self.data.get("name")
        name = stated if isinstance(stated, str) else self.path.absolute().parent.name
        return re.sub(r"^[^a-z0-9]+", "", re.sub(r"[^a-z0-9_-]", "", name.lower())) or "default"

    def section(self, *key: str) -> dict[str, Any]:
        """The mapping at this key with its variables put in, {} where there is none.

        What is wrong with a variable is noted among the problems of the file.
        """
        found: Any = self.data
        for part in key:
            found = found.get(part) if isinstance(found, dict) else None
        filled = self._filled(found, key) if isinstance(found, dict) else {}
        return filled if isinstance(filled, dict) else {}

    def place(self, key: Key) -> str:
        """Where a key was written, as a problem's line begins."""
        known = self.places.where
        nearest_key = next((key[:end] for end in range(len(key), 0, -1) if key[:end] in known), ())
        return f"{self.path}:{known.get(nearest_key, 1)}: {dotted(key)}"

    def _filled(self, value: Any, key: Key) -> Any:
        if isinstance(value, dict):
            entries = {name: self._filled(one, (*key, name)) for name, one in value.items()}
            return {name: one for name, one in entries.items() if one is not _LEFT_OUT}
        if isinstance(value, list):
            items = [self._filled(one, (*key, at)) for at, one in enumerate(value)]
            return [one for one in items if one is not _LEFT_OUT]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            return interpolate(value, self.variables)
        except ValueError as error:
            if self.strict:
                self.places.add(key, str(error))
            self.wrong.add(key)
            return _LEFT_OUT


def open_document(path: Path, environ: Mapping[str, str], *, strict: bool) -> ComposeDocument:
    """The Compose file at this path. Raises ConfigError where it cannot be read as one.

    Variables come from `.env` beside it; those of the environment win, as with Compose.
    """
    places = Problems(path)
    data = read(path, places)
    for name in data:
        if name == "include":
            places.add((name,), "deployer reads one file. Write the service's keys into this one.")
        elif name not in _TOP:
            places.add((name,), f"not a key that deployer understands. {nearest(name, _TOP)}")
    dotenv = path.parent / ".env"
    variables = dict(environ)
    try:
        if dotenv.exists():
            variables = parse_env(read_text(dotenv)) | variables
    except ValueError as error:
        places.add((), f".env beside this file: {error}")
    places.check()
    return ComposeDocument(path, data, places, variables, strict)
