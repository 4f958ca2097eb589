"""Frozen dataclasses out of decoded JSON or rows, by their annotations; nothing else passes."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def value_of(kind: type[T], found: Any) -> T:
    """A value of this dataclass from what `json.loads(json.dumps(asdict(value)))` gives.

    A field that is not there takes its default, so that what an older version wrote can be
    read. Raises ValueError on an unknown field, a wrong type, a missing field without a
    default, or a number that is infinite or none.
    """
    result: T = _dataclass(kind, found)
    return result


def _dataclass(kind: Any, found: Any) -> Any:
    if not isinstance(found, dict):
        raise ValueError(f"{kind.__name__} is no object")
    hints = _hints(kind)
    if unknown := found.keys() - hints.keys():
        raise ValueError(f"{kind.__name__} has the unknown {sorted(unknown)}")
    required = {field.name for field in fields(kind) if field.default is MISSING}
    if missing := required - found.keys():
        raise ValueError(f"{kind.__name__} lacks {sorted(missing)}")
    return kind(**{name: _value(hints[name], value) for name, value in found.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(hint: Any, found: Any) -> Any:
    if is_dataclass(hint):
        return _dataclass(hint, found)
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        return _optional(hint, found)
    if origin is tuple:
        return _tuple(get_args(hint), found)
    return _scalar(hint, found)


def _optional(hint: Any, found: Any) -> Any:
    (inner,) = (arg for arg in get_args(hint) if arg is not types.NoneType)
    return None if found is None else _value(inner, found)


def _tuple(hints: tuple[Any, ...], found: Any) -> tuple[Any, ...]:
    if not isinstance(found, list):
        raise ValueError("no list")
    if hints[-1] is Ellipsis:
        return tuple(_value(hints[0], value) for value in found)
    return tuple(_value(hint, value) for hint, value in zip(hints, found, strict=True))


_SCALARS: dict[Any, Callable[[Any], bool]] = {
    str: lambda found: type(found) is str,
    bool: lambda found: type(found) is bool,
    int: lambda found: type(found) is int,
    bytes: lambda found: type(found) is bytes,
    float: lambda found: type(found) in (int, float) and math.isfinite(found),
}


def _scalar(hint: Any, found: Any) -> Any:
    if issubclass(hint, StrEnum):
        if found not in set(hint):
            raise ValueError(f"no {hint.__name__}")
        return hint(found)
    if not _SCALARS[hint](found):
        raise ValueError(f"no {hint.__name__}")
    return found
