"""What runs in a container and how it lives: command, user, environment, health, logs."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from deployer.config.compose.forms import (
    FLAG,
    LASTING,
    TEXT,
    Kind,
    Record,
    each,
    either,
    listed,
    many,
    number,
    word,
)
from deployer.config.kinds import FilePath, TagRule, text
from deployer.config.problems import Key, Wrong, quoted
from deployer.spec import Healthcheck, Logging, Pairs

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,254}")
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[1-9][0-9]{0,4})?")


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
    if value == "":
        return ()
    try:
        words = value if isinstance(value, list) else shlex.split(text(value, instead))
    except ValueError as error:
        raise ValueError(f"a quote in the command is not closed. {instead}") from error
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"not a command. {instead}")
    return tuple(words)


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
Restart = Annotated[
    str,
    PlainValidator(_restart),
    WithJsonSchema({"type": "string", "pattern": f"^({_RESTART.pattern})$"}),
]
StopSignal = Annotated[
    str, PlainValidator(_stop_signal), WithJsonSchema({"type": ["string", "integer"]})
]
Tags = Annotated[list[TagRule], BeforeValidator(listed)]
Files = Annotated[
    tuple[FilePath, ...],
    BeforeValidator(many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _sorted(kind: Annotated[Any, "what pairs() makes"]) -> Kind:
    return Kind(lambda value: tuple(sorted(kind(value).items())), _PAIRS_SCHEMA.json_schema or {})


def _option(name: str, _: Any) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,254}", name):
        return ""
    return "not the name of an option. Write letters, digits and . _ - : /."


OPTIONS = _sorted(pairs(_option, "Write one after the name."))
ANNOTATIONS = _sorted(pairs(_option, None))
USER = word(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?",
    "not a user",
    "Write a name or number, with a group if need be, such as 1000:1000.",
)
IGNORED = each(word(r"[A-Za-z0-9_.-]{1,64}", "not a key of a service", "Write one such as build."))
GROUPS = each(word(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", "not a group", "Write a name or a number."))
WORKING_DIR = word(r"/[^\0]{0,4095}", "not an absolute path", "Write one such as /srv/app.")
PLATFORM = word(
    r"[a-z0-9]{1,32}(?:/[a-z0-9_]{1,32}){0,2}", "not a platform", "Write one such as linux/arm64."
)
RUNTIME = word(
    r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", "not the name of a runtime", "Write one such as runc."
)


def _test(value: Any) -> tuple[str, ...]:
    instead = "Write a line for a shell, or a list that begins with CMD, CMD-SHELL or NONE."
    if not isinstance(value, list):
        return ("CMD-SHELL", text(value, instead))
    words = tuple(value)
    if not words or not all(isinstance(one, str) for one in words):
        raise ValueError(f"not a test. {instead}")
    if words == ("NONE",) or (words[0] in ("CMD", "CMD-SHELL") and len(words) > 1):
        return words
    raise ValueError(f"not a test. {instead}")


_HEALTHCHECK = Record(
    {
        "test": Kind(_test, either(TEXT, {"type": "array"})),
        "interval": LASTING,
        "timeout": LASTING,
        "start_period": LASTING,
        "start_interval": LASTING,
        "retries": number(0, 1000),
        "disable": FLAG,
    }
)


def _healthcheck(value: Any) -> Healthcheck:
    keys = _HEALTHCHECK.read(value)
    if not keys.pop("disable", False):
        return Healthcheck(**keys)
    if keys.get("test", ("NONE",)) != ("NONE",):
        raise ValueError("both `disable` and a `test`. Keep one of them.")
    return Healthcheck(test=("NONE",))


HEALTHCHECK = Kind(_healthcheck, _HEALTHCHECK.schema)
_LOGGING = Record(
    {
        "driver": word(
            r"[a-zA-Z0-9][a-zA-Z0-9_./:-]{0,127}", "not a log driver", "Write one such as local."
        ),
        "options": OPTIONS,
    }
)
LOGGING = Kind(lambda value: Logging(**_LOGGING.read(value)), _LOGGING.schema)


def _pull_policy(value: Any) -> str:
    policy = "missing" if value == "if_not_present" else value
    if policy not in ("missing", "always", "never"):
        raise ValueError("not a policy that deployer has. Write missing, always or never.")
    return str(policy)


PULL_POLICY = Kind(_pull_policy, {"enum": ["missing", "if_not_present", "always", "never"]})
Options = Annotated[Pairs, OPTIONS]
