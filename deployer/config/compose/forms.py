"""The shapes that values of Compose take: words, numbers, lists, pairs and long forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from deployer.config.kinds import duration, matching, size, text
from deployer.config.problems import Key, Wrong, nearest, quoted

Read = Callable[[Any], Any]
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MOST = 86400.0


class Kind:
    """How a value is read, and the JSON Schema of what may be written; goes into Annotated."""

    def __init__(self, read: Read, schema: dict[str, Any]) -> None:
        self.read = read
        self.schema = schema

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _: Any, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def either(*kinds: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value in one of several forms."""
    return {"anyOf": list(kinds)}


TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": ["integer", "string"]}


def word(pattern: str, what: str, instead: str) -> Kind:
    """A single value that the whole of a pattern describes."""
    return Kind(matching(re.compile(pattern), what, instead), {"type": ["string", "number"]})


def one_of(*words: str) -> Kind:
    """One of a few words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"not a value that this key has. Write {' or '.join(words)}.")
        return str(value)

    return Kind(read, {"enum": list(words)})


def _flag(value: Any) -> bool:
    lowered = text(value, "Write true or false.").lower()
    if lowered not in ("true", "false"):
        raise ValueError("neither true nor false. Write one of them.")
    return lowered == "true"


FLAG = Kind(_flag, {"type": ["boolean", "string"]})


def number(least: int, most: int) -> Kind:
    """A whole number, which may be negative."""
    instead = f"Write a whole number from {least} to {most}."

    def read(value: Any) -> int:
        if not _WHOLE.fullmatch(text(value, instead)) or not least <= int(value) <= most:
            raise ValueError(f"not a number that fits here. {instead}")
        return int(value)

    return Kind(read, NUMBER)


def decimal(least: float, most: float) -> Kind:
    """A number with or without a fraction."""
    instead = f"Write a number from {least:g} to {most:g}, such as 1.5."

    def read(value: Any) -> float:
        if not _DECIMAL.fullmatch(text(value, instead)) or not least <= float(value) <= most:
            raise ValueError(f"not a number that fits here. {instead}")
        return float(value)

    return Kind(read, {"type": ["number", "string"]})


def amount(least: int, *, unlimited: bool = False) -> Kind:
    """Bytes, in Docker's units; -1 for no limit where that is allowed."""
    least_words = f"{least >> 20} MiB" if least >= 1 << 20 else f"{least} bytes"
    instead = f"Write one of at least {least_words}, such as 256m, 1g or a number of bytes."

    def read(value: Any) -> int:
        if unlimited and value == "-1":
            return -1
        found = size(text(value, instead))
        if found is None or not least <= found < 1 << 60:
            raise ValueError(f"not a size that fits here. {instead}")
        return found

    return Kind(read, NUMBER)


def _lasting(value: Any) -> float:
    instead = "Write one such as 30s, 1m30s or a number of seconds, at most 24h."
    found = duration(text(value, instead))
    if found is None or found > _MOST:
        raise ValueError(f"not a duration that fits here. {instead}")
    return found


LASTING = Kind(_lasting, {"type": ["string", "number"]})


def many(value: Any) -> list[Any]:
    """One value or a list of them, as a list in which nothing is there twice."""
    items = value if isinstance(value, list) else [value]
    if not items:
        raise ValueError("the list is empty. Write at least one entry.")
    twice = [at for at, item in enumerate(items) if item in items[:at]]
    if twice:
        raise Wrong([((at,), "this entry is there twice. Remove one of them.") for at in twice])
    return items


def listed(value: Any) -> list[Any]:
    """A list in which something is, and nothing twice."""
    if not isinstance(value, list):
        raise ValueError("not a list. Write each entry after `- `, or all as [a, b].")
    return many(value)


def each(entry: Kind, *, single: bool = False) -> Kind:
    """A list of entries of one kind, none twice; `single` allows one without a list."""

    def read(value: Any) -> tuple[Any, ...]:
        items = many(value) if single else listed(value)
        return tuple(read_all({(at,): (entry.read, item) for at, item in enumerate(items)}))

    array = {"type": "array", "items": entry.schema}
    return Kind(read, either(entry.schema, array) if single else array)


def read_all(entries: Mapping[Key, tuple[Read, Any]]) -> list[Any]:
    """Each entry read; raises Wrong with all that is wrong, each in its place."""
    found: list[tuple[Key, str]] = []
    result = []
    for place, (read, value) in entries.items():
        try:
            result.append(read(value))
        except Wrong as error:
            found += [((*place, *below), words) for below, words in error.found]
        except ValueError as error:
            found.append((place, str(error)))
    if found:
        raise Wrong(found)
    return result


class Record(Kind):
    """A long form: a mapping with known keys, read to a dict of those that are written.

    `refused` are keys that Compose has and deployer does not support, with what to do.
    """

    def __init__(
        self, keys: Mapping[str, Kind], *, needs: Iterable[str] = (), refused: str = ""
    ) -> None:
        self.keys, self.needs, self.refused = dict(keys), tuple(needs), refused.split()
        properties = {name: kind.schema for name, kind in keys.items()}
        super().__init__(
            self._mapping,
            {
                "type": "object",
                # Editors leave it alone; it tells the form from the sections of config.yml.
                "x-compose": True,
                "properties": properties,
                "required": list(self.needs),
                "additionalProperties": False,
            },
        )

    def _mapping(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"not a mapping. Write keys below it: {', '.join(self.keys)}.")
        written = {name: item for name, item in value.items() if item is not None}
        unknown = [name for name in written if name not in self.keys]
        wrong: list[tuple[Key, str]] = [((name,), self._unknown(name)) for name in unknown]
        wrong += [
            ((), f"{quoted(name)} is missing. Write it below this key.")
            for name in self.needs
            if name not in written
        ]
        known = {name: item for name, item in written.items() if name in self.keys}
        try:
            values = read_all(
                {(name,): (self.keys[name].read, item) for name, item in known.items()}
            )
        except Wrong as error:
            raise Wrong([*wrong, *error.found]) from None
        if wrong:
            raise Wrong(wrong)
        return dict(zip(known, values, strict=True))

    def _unknown(self, name: str) -> str:
        if name in self.refused:
            return (
                f"{quoted(name)} is a Compose key that deployer does not support here. Remove it."
            )
        return f"unknown key {quoted(name)}. {nearest(name, self.keys)}"


def named(entry: Read, schema: dict[str, Any], name: Callable[[str], str]) -> Kind:
    """A mapping of names to values, as pairs sorted by name; `name` says what is wrong with one."""

    def read(value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict):
            raise ValueError("not a mapping. Write `NAME: value` lines below it.")
        wrong: list[tuple[Key, str]] = [((key,), why) for key in value if (why := name(key))]
        if wrong:
            raise Wrong(wrong)
        values = read_all({(key,): (entry, item) for key, item in value.items()})
        return tuple(sorted(zip(value, values, strict=True)))

    return Kind(read, {"type": "object", "additionalProperties": schema})
