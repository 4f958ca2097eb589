"""What the receiver writes: deliveries and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert

from deployer.deployment import Wanted
from deployer.ports import Delivery, Order, Recorded
from deployer.stores.base import Database
from deployer.stores.queueing import enqueue
from deployer.stores.rows import columns
from deployer.stores.tables import deliveries, orders

_RECORD = insert(deliveries).returning(deliveries.c.id)
_GIVE = insert(orders).returning(orders.c.id)


class Receiving:
    """The receiver's side of ports.Store; each verb one transaction."""

    _database: Database

    def record(self, delivery: Delivery, wanted: Sequence[Wanted]) -> Recorded:
        """Write a delivery down and queue what it asks for.

        Raises StoreError where it holds what no store can keep (a lone surrogate).
        """
        return self._database.write(lambda connection: _record(connection, delivery, wanted))

    def give(self, order: Order) -> int:
        """Write an operator's order down for the worker; its id. The order's own id is unread."""
        return self._database.write(lambda connection: _give(connection, order))


def _record(connection: Connection, delivery: Delivery, wanted: Sequence[Wanted]) -> Recorded:
    number: int = connection.execute(_RECORD, columns(delivery)).scalar_one()
    queued = [
        (enqueue(connection, replace(one, delivery=number), delivery.received_at), one.app)
        for one in wanted
    ]
    return Recorded(number, tuple(queued))


def _give(connection: Connection, order: Order) -> int:
    number: int = connection.execute(_GIVE, columns(order)).scalar_one()
    return number
