"""The kinds of values that the Compose specification defines for a service, in its own forms.

https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import posixpath
import re
import shlex
import signal
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from deployer.config.kinds import ContainerName, FilePath, Host, Tag, text
from deployer.config.problems import Key, Wrong, quoted
from deployer.model import Volume

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,254}")
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[1-9][0-9]{0,4})?")
_NO_ADDRESS = ("host", "none")


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


def pairs(
    entry: Callable[[str, Any], str], no_value: str | None
) -> Callable[[Any], dict[str, str]]:
    """A reader of a mapping or a list of `NAME=VALUE`.

    `entry` checks a name and says what is wrong with it; `no_value` says what to do about a
    name without a value, None where it means an empty one.
    """

    def parse(value: Any) -> dict[str, str]:
        result: dict[str, str] = {}
        found: list[tuple[Key, str]] = []
        for place, name, content in _entries(value, found):
            wrong = entry(name, content)
            if not wrong and content is None and no_value:
                wrong = f"{quoted(name)} has no value. {no_value}"
            if not wrong and name in result:
                wrong = f"{quoted(name)} is there twice. Keep one of them."
            if wrong:
                found.append((place, wrong))
            result[name] = content or ""
        if found:
            raise Wrong(found)
        return result

    return parse


def _entries(value: Any, found: list[tuple[Key, str]]) -> list[tuple[Key, str, str | None]]:
    entries: list[tuple[Key, str, str | None]] = []
    mapping = isinstance(value, dict)
    if not mapping and not isinstance(value, list):
        raise ValueError("not a mapping. Write `NAME: value` lines, or a list of NAME=VALUE.")
    places: Iterable[tuple[Any, Any]] = value.items() if mapping else enumerate(value)
    for place, item in places:
        if isinstance(item, dict | list) or (item is None and not mapping):
            instead = "Write one value" if mapping else "Write NAME=VALUE"
            found.append(((place,), f"not a single value. {instead}, in quotes if need be."))
        elif mapping:
            entries.append(((place,), place, item))
        else:
            name, equals, content = item.partition("=")
            entries.append(((place,), name, content if equals else None))
    return entries


def _variable(name: str, _: Any) -> str:
    if _VARIABLE.fullmatch(name):
        return ""
    return "not the name of a variable. Write letters, digits and _, not starting with a digit."


def _label(name: str, _: Any) -> str:
    if name.startswith("deployer."):
        return "labels under deployer. are how deployer finds its containers. Choose another name."
    if _LABEL.fullmatch(name):
        return ""
    return "not the name of a label. Write letters, digits and . _ - /."


def _command(value: Any) -> tuple[str, ...]:
    instead = "Write a list of words, or one line as for a shell."
    try:
        words = value if isinstance(value, list) else shlex.split(text(value, instead))
    except ValueError as error:
        raise ValueError(f"a quote in the command is not closed. {instead}") from error
    if not words or not all(isinstance(word, str) for word in words):
        raise ValueError(f"not a command. {instead}")
    return tuple(words)


def _volume(value: Any) -> Volume:
    instead = "Write SOURCE:/path/in/container, with :ro at the end for read only."
    source, colon, rest = text(value, instead).partition(":")
    target, _, mode = rest.partition(":")
    if not colon or not source or not target:
        raise ValueError(f"not a volume that deployer can mount. {instead}")
    path = posixpath.normpath("/" + target.lstrip("/"))
    if not target.startswith("/") or ".." in target.split("/") or path == "/":
        raise ValueError(f"the path in the container is not absolute, or is /. {instead}")
    if mode not in ("", "rw", "ro"):
        raise ValueError("only the modes ro and rw are supported. Write one of them or none.")
    if source.startswith(("/", "./", "../")) or source in (".", ".."):
        return Volume(source, path, mode == "ro")
    if not _VOLUME_NAME.fullmatch(source):
        raise ValueError(
            "the source is neither a path nor the name of a volume. Write /path, ./path or a name."
        )
    return Volume(source, path, mode == "ro")


def _restart(value: Any) -> str:
    # YAML tools of the older kind turn `no` into `false` when they rewrite a file.
    policy = "no" if value == "false" else value
    instead = "Write no, always, unless-stopped, on-failure or on-failure:3."
    if not _RESTART.fullmatch(text(policy, instead)):
        raise ValueError(f"not a restart policy. {instead}")
    return str(policy)


def _stop_signal(value: Any) -> str:
    instead = "Write one such as SIGTERM, TERM or 15."
    name = text(value, instead).upper()
    numbers = {str(each.value): each.name for each in signal.Signals}
    name = numbers.get(name, name if name.startswith("SIG") else f"SIG{name}")
    if name not in signal.Signals.__members__:
        raise ValueError(f"not a signal. {instead}")
    return name


def _network(value: Any) -> Any:
    if value in _NO_ADDRESS:
        raise ValueError(
            "replicas need an address of their own. Write the name of a bridge network."
        )
    return value


_PAIRS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
            {"type": "array", "items": {"type": "string"}},
        ]
    }
)
_NO_VALUE = 'Write one here ("" for an empty one): none is taken from deployer\'s environment.'

Environment = Annotated[dict[str, str], PlainValidator(pairs(_variable, _NO_VALUE)), _PAIRS_SCHEMA]
Labels = Annotated[dict[str, str], PlainValidator(pairs(_label, None)), _PAIRS_SCHEMA]
Command = Annotated[
    tuple[str, ...],
    PlainValidator(_command),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number"]}}]}
    ),
]
VolumeText = Annotated[
    Volume, PlainValidator(_volume), WithJsonSchema({"type": "string", "examples": ["data:/data"]})
]
Volumes = Annotated[list[VolumeText], BeforeValidator(listed)]
Networks = Annotated[
    list[Annotated[ContainerName, BeforeValidator(_network)]], BeforeValidator(listed)
]
Restart = Annotated[
    str,
    PlainValidator(_restart),
    WithJsonSchema({"type": "string", "pattern": f"^({_RESTART.pattern})$"}),
]
StopSignal = Annotated[
    str, PlainValidator(_stop_signal), WithJsonSchema({"type": ["string", "integer"]})
]
Tags = Annotated[list[Tag], BeforeValidator(listed)]
Hosts = Annotated[list[Host], BeforeValidator(listed)]
Files = Annotated[
    tuple[FilePath, ...],
    BeforeValidator(many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
