"""Rows to values and back; a word that is no status or trigger raises ValueError."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from deployer.deployment import Deployment, Status, Step, Transition, Trigger, Wanted
from deployer.model import Image, ReleaseRow
from deployer.ports import Delivery, Order

_LARGEST = 2**63 - 1
_FIXED = ("id", "app", "trigger", "queued_at", "delivery")


def is_id(number: int) -> bool:
    """Whether a row can have this number at all: SQLite has no greater ones."""
    return 0 < number <= _LARGEST


def step_of(word: str | None) -> Step | None:
    """The step of a stored word."""
    return None if word is None else Step(word)


def deployment_of(row: Row[Any]) -> Deployment:
    """A deployment from its row."""
    fields = dict(row._mapping)
    fields["trigger"] = Trigger(row.trigger)
    fields["status"] = Status(row.status)
    fields["step"] = step_of(row.step)
    return Deployment(**fields)


def columns(value: Delivery | Order | Wanted) -> dict[str, Any]:
    """The columns of a new row; the store gives it its id."""
    return {name: part for name, part in asdict(value).items() if name != "id"}


def changeable(deployment: Deployment) -> dict[str, Any]:
    """The columns of a deployment that may change while it lives."""
    return {name: part for name, part in asdict(deployment).items() if name not in _FIXED}


def transition_of(row: Row[Any]) -> Transition:
    """A transition from its row."""
    return Transition(row.deployment, row.at, Status(row.status), step_of(row.step), row.message)


def release_of(row: Row[Any]) -> ReleaseRow:
    """A release from its row, still sealed."""
    image = Image(row.host, row.repository, row.tag, row.digest)
    return ReleaseRow(row.app, row.number, image, str(row.sealed), row.created_at)


def delivery_of(row: Row[Any]) -> Delivery:
    """A delivery from its row."""
    return Delivery(**row._mapping)


def order_of(row: Row[Any]) -> Order:
    """An order from its row."""
    return Order(**row._mapping)
