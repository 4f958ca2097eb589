"""What anybody may read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Table, exists, select

from deployer.deployment import Deployment, Status, Transition
from deployer.errors import StoreUnusable
from deployer.model import ReleaseRow
from deployer.ports import Active, Delivery, Order
from deployer.stores import rows, tables
from deployer.stores.base import Database
from deployer.stores.seen import snapshot_of


class Reading:
    """The questions of ports.Store; each one transaction."""

    _database: Database

    def instance(self) -> str:
        """The name of this very store: eight hexadecimal digits, made with it."""
        question = select(tables.meta.c.value).where(tables.meta.c.key == "instance")
        with self._database.reading() as connection:
            name = connection.execute(question).scalar_one_or_none()
        if not isinstance(name, str):
            raise StoreUnusable("the store has lost its name. Stop deployer and restore a backup")
        return name

    def order(self, order: int) -> Order | None:
        """An order by its id."""
        row = self._by_id(tables.orders, order)
        return None if row is None else rows.order_of(row)

    def delivery(self, delivery: int) -> Delivery | None:
        """A delivery by its id."""
        row = self._by_id(tables.deliveries, delivery)
        return None if row is None else rows.delivery_of(row)

    def deployment(self, deployment: int) -> Deployment | None:
        """A deployment by its id."""
        with self._database.reading():
            row = self._by_id(tables.deployments, deployment)
            return None if row is None else rows.deployment_of(row)

    def deployments(self, app: str | None = None, limit: int = 20) -> list[Deployment]:
        """The newest deployments first, of one app or of all."""
        question = select(tables.deployments).order_by(tables.deployments.c.id.desc())
        if app is not None:
            question = question.where(tables.deployments.c.app == app)
        with self._database.reading() as connection:
            return [rows.deployment_of(row) for row in connection.execute(question.limit(limit))]

    def running(self) -> list[Deployment]:
        """Deployments with status running, oldest first."""
        question = (
            select(tables.deployments)
            .where(tables.deployments.c.status == Status.RUNNING)
            .order_by(tables.deployments.c.id)
        )
        with self._database.reading() as connection:
            return [rows.deployment_of(row) for row in connection.execute(question)]

    def queued(self, app: str) -> bool:
        """Whether a deployment of the app is waiting."""
        table = tables.deployments
        waiting = exists().where(table.c.app == app, table.c.status == Status.QUEUED)
        with self._database.reading() as connection:
            return bool(connection.execute(select(waiting)).scalar_one())

    def transitions(self, deployment: int) -> list[Transition]:
        """What happened to a deployment, oldest first."""
        table = tables.transitions
        if not rows.is_id(deployment):
            return []
        question = select(table).where(table.c.deployment == deployment).order_by(table.c.id)
        with self._database.reading() as connection:
            return [rows.transition_of(row) for row in connection.execute(question)]

    def releases(self, app: str) -> list[ReleaseRow]:
        """An app's releases, newest first."""
        table = tables.releases
        question = select(table).where(table.c.app == app).order_by(table.c.number.desc())
        with self._database.reading() as connection:
            return [rows.release_of(row) for row in connection.execute(question)]

    def active(self) -> dict[str, Active]:
        """What each app serves; apps that serve nothing are left out."""
        with self._database.reading() as connection:
            found = connection.execute(select(tables.active).order_by(tables.active.c.app))
            return {row.app: rows.active_of(row) for row in found}

    def snapshot(self) -> dict[str, Any]:
        """What the worker last saw of Docker and Nginx, with its time as `at`; {} at first."""
        with self._database.reading() as connection:
            body = connection.execute(select(tables.snapshot.c.body)).scalar_one_or_none()
        return {} if body is None else snapshot_of(body)

    def open_orders(self) -> list[Order]:
        """Orders without a result, oldest first."""
        question = select(tables.orders).where(tables.orders.c.result == "")
        with self._database.reading() as connection:
            found = connection.execute(question.order_by(tables.orders.c.id))
            return [rows.order_of(row) for row in found]

    def changed(self) -> bool:
        """Whether anything was committed since this thread last asked; True at first."""
        return self._database.changed()

    def _by_id(self, table: Table, number: int) -> Row[Any] | None:
        if not rows.is_id(number):
            return None
        with self._database.reading() as connection:
            return connection.execute(select(table).where(table.c.id == number)).one_or_none()
