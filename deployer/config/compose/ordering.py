"""Which apps come before another: `depends_on`, short or long."""

from __future__ import annotations

from typing import Any

from deployer.config.compose.forms import (
    FLAG,
    TEXT,
    Kind,
    Record,
    each,
    either,
    one_of,
    read_all,
    word,
)
from deployer.config.kinds import text

_NAME = word(
    r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", "not the name of an app", "Write one such as web."
)
_CONDITIONS = ("service_started", "service_healthy")


def _condition(value: Any) -> str:
    instead = "Write service_healthy: an app that is deployed is healthy, or it has failed."
    if value == "service_completed_successfully":
        raise ValueError("an app goes on running. Write what is to be run once as `pre_deploy`.")
    if text(value, instead) not in _CONDITIONS:
        raise ValueError(f"not a condition that deployer has. {instead}")
    return str(value)


def _required(value: Any) -> bool:
    if not FLAG.read(value):
        raise ValueError("each of them has to be an app of config.yml. Remove it.")
    return True


def _restart(value: Any) -> bool:
    if FLAG.read(value):
        raise ValueError("an app is only deployed when it changes itself. Remove it.")
    return False


_LONG = Record(
    {
        "condition": Kind(_condition, one_of(*_CONDITIONS).schema),
        "required": Kind(_required, FLAG.schema),
        "restart": Kind(_restart, FLAG.schema),
    }
)


def _depends_on(value: Any) -> tuple[str, ...]:
    if not isinstance(value, dict):
        names: tuple[str, ...] = each(_NAME).read(value)
        return names
    read_all({(name,): (_entry, (name, item)) for name, item in value.items()})
    return tuple(value)


def _entry(written: tuple[Any, Any]) -> None:
    name, item = written
    _NAME.read(name)
    _LONG.read(item or {})


DEPENDS_ON = Kind(
    _depends_on,
    either(
        {"type": "array", "items": TEXT},
        {"type": "object", "additionalProperties": either({"type": "null"}, _LONG.schema)},
    ),
)
