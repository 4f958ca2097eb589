"""What is wrong with a configuration: collected, placed by line, worded for a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from deployer.errors import ConfigError

Key = tuple[str | int, ...]
"""Where a value is in config.yml: names of keys and positions in lists, from the top."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@-]{1,80}")
_NO_LINE = 10**9


class Wrong(ValueError):
    """Several things wrong inside one value, each with its place below that value."""

    def __init__(self, found: list[tuple[Key, str]]) -> None:
        super().__init__("; ".join(text for _, text in found))
        self.found = found


class Problems:
    """All problems of one configuration; `where` says where each value was written.

    A place is a line of config.yml or the name of an environment variable. Messages never
    repeat a value, only names of keys: any value may be a secret put in the wrong place.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.where: dict[Key, int | str] = {}
        self._found: list[tuple[int, str]] = []
        self._keys: set[Key] = set()

    def add(self, key: Key, text: str, *, line: int | None = None) -> None:
        """Note a problem of a key; `line` where it is not the line that the key is known by."""
        place = line if line is not None else self._place(key)
        self._keys.add(key)
        order = place if isinstance(place, int) else _NO_LINE
        entry = (order, f"{self._beginning(key, place)}: {text}")
        if entry not in self._found:
            self._found.append(entry)

    def mark(self, key: Key) -> None:
        """Let it be known that a key has a problem which is told elsewhere."""
        self._keys.add(key)

    def take(self, others: Problems) -> None:
        """Note all problems of another file as well."""
        self._found += [found for found in others._found if found not in self._found]

    def quote(self, key: Key, lines: Iterable[str]) -> None:
        """Note problems that already say where they are, beside the key that led to them."""
        place = self._place(key)
        order = place if isinstance(place, int) else _NO_LINE
        self._found += [(order, line) for line in lines]

    def beginning(self, key: Key) -> str:
        """What a line about this key begins with: file, line and key, or the variable."""
        return self._beginning(key, self._place(key))

    def touch(self, *keys: Key) -> bool:
        """Whether one of these keys, or something in or around it, has a problem already."""
        return any(
            known and known[: len(key)] == key[: len(known)] for known in self._keys for key in keys
        )

    def first(self, *keys: Key) -> Key:
        """The first of these keys that somebody has written, else the last."""
        return next((key for key in keys if key in self.where), keys[-1])

    def check(self) -> None:
        """Raise ConfigError with all problems, sorted by line; return if there is none."""
        if self._found:
            raise ConfigError([line for _, line in sorted(self._found, key=lambda each: each[0])])

    def _place(self, key: Key) -> int | str:
        known = (key[:end] for end in range(len(key), -1, -1) if key[:end] in self.where)
        return self.where[next(known)] if () in self.where else 1

    def _beginning(self, key: Key, place: int | str) -> str:
        if isinstance(place, str):
            return place
        while key and isinstance(key[-1], int) and key not in self.where:
            key = key[:-1]
        return f"{self.source}:{place}: {dotted(key)}" if key else f"{self.source}:{place}"


def dotted(key: Key) -> str:
    """A key as people write it: `apps.web.volumes[0]`; names that could mislead are quoted."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{part if _PLAIN.fullmatch(part) else json.dumps(part)}"
    return text


def quoted(name: str) -> str:
    """A name in a sentence, in one line whatever it holds."""
    return f"'{name}'" if _PLAIN.fullmatch(name) else json.dumps(name)


def nearest(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name: the one most like it, or all there are."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known are: {', '.join(names)}."
