"""Items of a few types, kept as lines of a file."""

import os
import re
from pathlib import Path

TYPES = ("book", "film", "note")
_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


class InvalidItem(ValueError):
    """The type or the name is not one that an item can have; the words are for the sender."""


class Items:
    """Checks items and keeps them: one line each, `NAME TYPE VERSION`. Without a file, nowhere."""

    def __init__(self, file: Path | None) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(file, flags, 0o644) if file else None

    def add(self, kind: str, fields: object, version: str) -> str:
        """Keep the item that these fields describe, and return its name."""
        if kind not in TYPES:
            raise InvalidItem(f"there is no type {kind!r}: use one of {', '.join(TYPES)}")
        name = fields.get("name") if isinstance(fields, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidItem(
                'the body must be JSON such as {"name": "dune"}, with a name of up to 100 '
                "letters, digits, dots, dashes and underscores"
            )
        if self._file is not None:
            # One write, so that lines of other threads and containers stay whole.
            os.write(self._file, f"{name} {kind} {version}\n".encode())
        return name
