"""What the receiver writes: deliveries and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert, select

from deployer.deployment import ALLOWED, Status, Wanted
from deployer.ports import Delivery, Order, Recorded
from deployer.stores.base import Database
from deployer.stores.queueing import ask
from deployer.stores.rows import columns
from deployer.stores.tables import asked_by, deliveries, deployments, orders

_RECORD = insert(deliveries).returning(deliveries.c.id)
_GIVE = insert(orders).returning(orders.c.id)
_DONE = ALLOWED.keys() | {Status.SUCCEEDED, Status.UNCHANGED}


class Receiving:
    """The receiver's side of ports.Store; each verb one transaction."""

    _database: Database

    def record(
        self, delivery: Delivery, wanted: Sequence[Wanted], *, once: bool = False
    ) -> Recorded:
        """Write a delivery down and queue what it asks for, unless it is a duplicate.

        Raises StoreError where it holds what no store can keep (a lone surrogate).
        """
        return self._database.write(lambda connection: _record(connection, delivery, wanted, once))

    def give(self, order: Order) -> int:
        """Write an operator's order down for the worker; its id. The order's own id is unread."""
        return self._database.write(lambda connection: _give(connection, order))


def _record(
    connection: Connection, delivery: Delivery, wanted: Sequence[Wanted], once: bool
) -> Recorded:
    may_repeat = wanted and delivery.sender_id and delivery.replay_of is None
    if may_repeat and (first := _first(connection, delivery, once)):
        reason = f"delivery {first.delivery} brought this already"
        again = replace(delivery, verdict="duplicate", reason=reason)
        number: int = connection.execute(_RECORD, columns(again)).scalar_one()
        return Recorded(number, first.deployments, first.delivery)
    number = connection.execute(_RECORD, columns(delivery)).scalar_one()
    queued = [
        (ask(connection, replace(one, delivery=number), delivery.received_at), one.app)
        for one in dict.fromkeys(wanted)
    ]
    return Recorded(number, tuple(queued))


def _first(connection: Connection, delivery: Delivery, once: bool) -> Recorded | None:
    """The newest delivery that this one repeats; None where it is to be acted on."""
    table = deliveries
    same = (
        select(table.c.id)
        .where(
            table.c.hook == delivery.hook,
            table.c.sender_id == delivery.sender_id,
            table.c.sender_id != "",
            table.c.body == delivery.body,
            table.c.verdict == "accepted",
        )
        .order_by(table.c.id.desc())
        .limit(1)
    )
    number = connection.execute(same).scalar_one_or_none()
    if number is None:
        return None
    of_it = select(deployments.c.id, deployments.c.app, deployments.c.status)
    asked = of_it.join(asked_by, asked_by.c.deployment == deployments.c.id)
    found = connection.execute(
        asked.where(asked_by.c.delivery == number).order_by(deployments.c.id)
    ).all()
    if not found or not (once or all(row.status in _DONE for row in found)):
        return None
    return Recorded(number, tuple((row.id, row.app) for row in found))


def _give(connection: Connection, order: Order) -> int:
    number: int = connection.execute(_GIVE, columns(order)).scalar_one()
    return number
