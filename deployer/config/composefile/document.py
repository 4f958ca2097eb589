"""A Compose file as plain data, with the line of every key and variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from deployer.config.composefile.interpolation import filler, interpolate
from deployer.config.document import read
from deployer.config.envfile import parse_env
from deployer.config.files import is_there, read_text
from deployer.config.problems import Key, Problems, dotted, nearest

_TOP = ("name", "version", "services", "networks", "volumes", "secrets", "configs")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LEFT_OUT = object()


class ComposeDocument:
    """A Compose file; `places` says where its keys were written and what is wrong with them.

    `strict` is whether a variable that is not set is a problem: who only shows the
    configuration may have another environment than the worker, and needs no more of it than
    the image. `wrong` are the keys whose values could not be filled in and are left out.
    """

    def __init__(
        self,
        path: Path,
        data: dict[str, Any],
        places: Problems,
        environ: Mapping[str, str],
        *,
        strict: bool,
    ) -> None:
        self.path = path
        self.data = data
        self.places = places
        self.strict = strict
        self.wrong: set[Key] = set()
        self._environ = environ

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """What may be put in: from `.env` beside the file and the environment, which wins."""
        dotenv = self.path.parent / ".env"
        if not is_there(dotenv):
            return self._environ
        try:
            return parse_env(read_text(dotenv), filler(self._environ)) | dict(self._environ)
        except ValueError as error:
            self.places.add((), f".env beside this file: {error}")
            return self._environ

    def check_variables(self) -> None:
        """Note what is wrong with `.env`, even where nothing uses it."""
        _ = self.variables

    @cached_property
    def project(self) -> str:
        """The project's name as Compose makes it: stated, else from the folder's.

        https://docs.docker.com/compose/how-tos/project-name/
        """
        known = self.variables if self.strict else self._environ
        stated = known.get("COMPOSE_PROJECT_NAME") or self.filled(self.data.get("name"), ("name",))
        if isinstance(stated, str) and stated:
            if _PROJECT.fullmatch(stated):
                return stated
            text = "not a project's name. Write lower-case letters, digits, - and _."
            self.places.add(("name",), text)
        name = self.path.absolute().parent.name.lower()
        return re.sub(r"^[^a-z0-9]+", "", re.sub(r"[^a-z0-9_-]", "", name)) or "default"

    def declared(self, kind: str, name: str) -> dict[str, Any] | None:
        """What the top level says of a network, volume, secret or config; None where nothing."""
        names = self.data.get(kind)
        if not isinstance(names, dict) or name not in names:
            return None
        found = self.filled(names[name], (kind, name))
        return found if isinstance(found, dict) else {}

    def place(self, key: Key) -> str:
        """Where a key was written, as a problem's line begins."""
        known = self.places.where
        nearest_key = next((key[:end] for end in range(len(key), 0, -1) if key[:end] in known), ())
        return f"{self.path}:{known.get(nearest_key, 1)}: {dotted(key)}"

    def filled(self, value: Any, key: Key) -> Any:
        """The value with its variables put in; what is wrong with one is noted in `places`.

        Of a mapping the wrong entries are left out. A list is left out as a whole, so that its
        other entries keep their places, and so is a single value, for which None stands.
        """
        result = self._filled(value, key)
        return None if result is _LEFT_OUT else result

    def _filled(self, value: Any, key: Key) -> Any:
        if isinstance(value, dict):
            entries = {name: self._filled(one, (*key, name)) for name, one in value.items()}
            return {name: one for name, one in entries.items() if one is not _LEFT_OUT}
        if isinstance(value, list):
            items = [self._filled(one, (*key, at)) for at, one in enumerate(value)]
            return _LEFT_OUT if any(one is _LEFT_OUT for one in items) else items
        if not isinstance(value, str) or "$" not in value:
            return value
        # A hook must never be matched with an image that nobody wrote.
        needed = self.strict or (key[0] == "services" and key[2:] == ("image",))
        try:
            if needed:
                return interpolate(value, self.variables)
        except ValueError as error:
            self.places.add(key, str(error))
        self.wrong.add(key)
        return _LEFT_OUT


def open_document(path: Path, environ: Mapping[str, str], *, strict: bool) -> ComposeDocument:
    """The Compose file at this path. Raises ConfigError where it cannot be read as one."""
    places = Problems(path)
    data = read(path, places)
    for name in data:
        if name == "include":
            places.add((name,), "deployer reads one file. Write the service's keys into this one.")
        elif name not in _TOP:
            places.add((name,), f"not a key that deployer understands. {nearest(name, _TOP)}")
    document = ComposeDocument(path, data, places, environ, strict=strict)
    if strict:
        document.check_variables()
    places.check()
    return document
