"""Rows to values and back; a row that none of ours can have been raises StoreError.

Strict tables hold types, but the receiver, which writes to the database, could change those.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import Row

from deployer.deployment import Deployment, Transition, Wanted
from deployer.errors import StoreError
from deployer.model import Image, ReleaseRow
from deployer.ports import Active, Adopted, Change, Delivery, Maintained, Order, Paused, Quarantine
from deployer.stores.strict import value_of

T = TypeVar(
    "T",
    Active,
    Adopted,
    Change,
    Delivery,
    Maintained,
    Deployment,
    Order,
    Paused,
    Quarantine,
    ReleaseRow,
    Transition,
)

LARGEST = 2**63 - 1
"""The greatest number that a row of SQLite can have."""

# No time zone takes it beyond the year 9999, where Python's datetime ends.
_LATEST = 253_000_000_000.0
# Who wants a deployment to end is written by another than who takes it on its way.
_FIXED = ("id", "app", "trigger", "queued_at", "delivery", "cancelled_by")


def is_id(number: int) -> bool:
    """Whether a row can have this number at all: SQLite has no greater ones."""
    return 0 < number <= LARGEST


def columns(value: Adopted | Delivery | Order | Wanted) -> dict[str, Any]:
    """The columns of a new row; the store gives it its id."""
    return {name: part for name, part in asdict(value).items() if name != "id"}


def changeable(deployment: Deployment) -> dict[str, Any]:
    """The columns of a deployment that may change while it lives."""
    return {name: part for name, part in asdict(deployment).items() if name not in _FIXED}


def deployment_of(row: Row[Any]) -> Deployment:
    """A deployment from its row."""
    return _value(Deployment, dict(row._mapping))


def transition_of(row: Row[Any]) -> Transition:
    """A transition from its row."""
    return _value(Transition, dict(row._mapping))


def change_of(row: Row[Any]) -> Change:
    """A transition that is to be reported, from its row."""
    return _value(Change, dict(row._mapping))


def release_of(row: Row[Any]) -> ReleaseRow:
    """A release from its row, still sealed."""
    parts = dict(row._mapping)
    image = {field.name: parts.pop(field.name) for field in fields(Image)}
    return _value(ReleaseRow, {**parts, "image": image})


def delivery_of(row: Row[Any]) -> Delivery:
    """A delivery from its row."""
    return _value(Delivery, dict(row._mapping))


def order_of(row: Row[Any]) -> Order:
    """An order from its row."""
    return _value(Order, dict(row._mapping))


def active_of(row: Row[Any]) -> Active:
    """What an app serves, from its row."""
    return _value(Active, dict(row._mapping))


def quarantine_of(row: Row[Any]) -> Quarantine:
    """A quarantined digest from its row."""
    return _value(Quarantine, dict(row._mapping))


def paused_of(row: Row[Any]) -> Paused:
    """A paused app from its row."""
    return _value(Paused, dict(row._mapping))


def maintained_of(row: Row[Any]) -> Maintained:
    """An app in maintenance, from its row."""
    return _value(Maintained, dict(row._mapping))


def adopted_of(row: Row[Any]) -> Adopted:
    """An adopted container, from its row."""
    return _value(Adopted, dict(row._mapping))


def _value(kind: type[T], found: dict[str, Any]) -> T:
    names = [field.name for field in fields(kind)]
    try:
        value = value_of(kind, {name: found[name] for name in names})
        parts = [getattr(value, name) for name in names]
        if not all(0 <= part <= _LATEST for part in parts if isinstance(part, float)):
            raise ValueError("no time")
    except ValueError as error:
        raise StoreError(
            f"the store has a row that deployer did not write ({kind.__name__}: {error}). Stop "
            "deployer, find out who did, and remove that row or restore a backup"
        ) from error
    return value
