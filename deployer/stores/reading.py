"""What anybody may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, Row, Select, Table, exists, func, literal, select

from deployer.deployment import Deployment, Status, Transition
from deployer.errors import StoreUnusable
from deployer.model import ReleaseRow
from deployer.ports import Active, Counts, Delivery, Order
from deployer.stores import counting, rows, tables
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

    def deliveries(self, limit: int = 20, before: int | None = None) -> list[Delivery]:
        """The newest deliveries first, without bodies and what was heard; older than `before`."""
        table = tables.deliveries
        short = [column for column in table.c if column.name not in ("body", "heard")]
        left_out = (literal(b"", LargeBinary).label("body"), literal("").label("heard"))
        question = select(*short, *left_out)
        with self._database.reading() as connection:
            found = connection.execute(_newest(question, table, limit, before))
            return [rows.delivery_of(row) for row in found]

    def deployments(
        self, app: str | None = None, limit: int = 20, before: int | None = None
    ) -> list[Deployment]:
        """The newest deployments first, of one app or of all; those older than `before`."""
        table = tables.deployments
        question = _newest(select(table), table, limit, before)
        if app is not None:
            question = question.where(table.c.app == app)
        with self._database.reading() as connection:
            return [rows.deployment_of(row) for row in connection.execute(question)]

    def last_deployments(self) -> dict[str, Deployment]:
        """The newest deployment of each app."""
        table = tables.deployments
        newest = select(func.max(table.c.id)).group_by(table.c.app)
        question = select(table).where(table.c.id.in_(newest))
        with self._database.reading() as connection:
            return {row.app: rows.deployment_of(row) for row in connection.execute(question)}

    def queued_by(self, deliveries: Sequence[int]) -> list[Deployment]:
        """The deployments that these deliveries asked for, oldest first.

        Each as the one that this delivery queued, also where an earlier one had.
        """
        table, asked = tables.deployments, tables.asked_by
        others = [column for column in table.c if column.name != "delivery"]
        question = (
            select(asked.c.delivery, *others)
            .join(asked, asked.c.deployment == table.c.id)
            .where(asked.c.delivery.in_(deliveries))
            .order_by(table.c.id, asked.c.delivery)
        )
        with self._database.reading() as connection:
            return [rows.deployment_of(row) for row in connection.execute(question)]

    def counts(self) -> Counts:
        """What there has been so far, of everything."""
        with self._database.reading() as connection:
            return counting.counts(connection)

    def running(self) -> list[Deployment]:
        """Deployments with status running, oldest first."""
        return self._with(Status.RUNNING)

    def waiting(self) -> list[Deployment]:
        """Deployments with status queued, oldest first."""
        return self._with(Status.QUEUED)

    def queued(self, app: str) -> bool:
        """Whether a deployment of the app is waiting."""
        table = tables.deployments
        waiting = exists().where(table.c.app == app, table.c.status == Status.QUEUED)
        with self._database.reading() as connection:
            return bool(connection.execute(select(waiting)).scalar_one())

    def superseding(self, deployment: Deployment) -> Deployment | None:
        """The deployment that took the place of a superseded one; None where none did."""
        if deployment.status is not Status.SUPERSEDED:
            return None
        table = tables.deployments
        # Both are written in one transaction, with one time.
        newer = select(table).where(
            table.c.app == deployment.app,
            table.c.id > deployment.id,
            table.c.queued_at == deployment.ended_at,
        )
        with self._database.reading() as connection:
            row = connection.execute(newer.order_by(table.c.id).limit(1)).one_or_none()
        return None if row is None else rows.deployment_of(row)

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

    def _with(self, status: Status) -> list[Deployment]:
        table = tables.deployments
        question = select(table).where(table.c.status == status).order_by(table.c.id)
        with self._database.reading() as connection:
            return [rows.deployment_of(row) for row in connection.execute(question)]

    def _by_id(self, table: Table, number: int) -> Row[Any] | None:
        if not rows.is_id(number):
            return None
        with self._database.reading() as connection:
            return connection.execute(select(table).where(table.c.id == number)).one_or_none()


def _newest(question: Select[Any], table: Table, limit: int, before: int | None) -> Select[Any]:
    if before is not None:
        # A greater number is one that no row can have, and SQLite takes none.
        question = question.where(table.c.id < min(before, rows.LARGEST))
    return question.order_by(table.c.id.desc()).limit(limit)
