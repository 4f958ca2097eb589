"""Values in a sender's JSON, each of the type that it has to be of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.errors import BadPayload

Object = Mapping[str, Any]


def section(payload: Object, *path: str) -> Object:
    """The object at this path; empty where it is left out or null.

    Raises BadPayload where something else is there.
    """
    for number, key in enumerate(path, start=1):
        value = payload.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadPayload(f"{'.'.join(path[:number])} is not an object")
        payload = value
    return payload


def needed(payload: Object, *path: str) -> Object:
    """The object at this path. Raises BadPayload where there is none."""
    found = section(payload, *path)
    if not found:
        raise BadPayload(f"the body has no object {'.'.join(path)}")
    return found


def text(payload: Object, *path: str) -> str:
    """The text at this path; "" where it is left out or null. Raises BadPayload otherwise."""
    value = section(payload, *path[:-1]).get(path[-1])
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadPayload(f"{'.'.join(path)} is not text")
    return value


def word(payload: Object, *path: str) -> str:
    """What is at this path as a word: text, a whole number, true or false; "" for all else."""
    value = section(payload, *path[:-1]).get(path[-1])
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | str) else ""


def objects(payload: Object, key: str) -> list[Object]:
    """The list of objects under this key; empty where it is left out or null.

    Raises BadPayload where something else is there.
    """
    value = payload.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadPayload(f"{key} is not a list of objects")
    return value
