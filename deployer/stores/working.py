"""What the worker writes: deployments as they go, releases, what serves, what it sees."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from deployer.deployment import Deployment, Wanted
from deployer.errors import Refused, StoreError
from deployer.model import Image, Release
from deployer.ports import Active, Order
from deployer.spec import Spec
from deployer.stores import queueing, rows
from deployer.stores.base import Database
from deployer.stores.tables import active, meta, orders, releases, snapshot

if TYPE_CHECKING:
    from deployer.stores.seal import Seal


class Working:
    """The worker's side of ports.Store; each verb one transaction."""

    _database: Database
    _seal: Seal | None

    def answer(self, order: Order) -> None:
        """Write an order's result, reason, deployment and detail."""

        def work(connection: Connection) -> None:
            changed = connection.execute(
                update(orders)
                .where(orders.c.id == order.id)
                .values(
                    result=order.result,
                    reason=order.reason,
                    deployment=order.deployment,
                    detail=order.detail,
                )
            )
            if changed.rowcount != 1:
                raise StoreError(f"there is no order {order.id} to answer")

        self._database.write(work)

    def enqueue(self, wanted: Wanted, at: float) -> int:
        """Queue a deployment, superseding the app's older queued one; its id."""
        return self._database.write(lambda connection: queueing.enqueue(connection, wanted, at))

    def enqueue_if_idle(self, wanted: Wanted, at: float) -> int | None:
        """Queue a deployment unless one of the app is queued or runs; its id, or None."""
        return self._database.write(
            lambda connection: queueing.enqueue_if_idle(connection, wanted, at)
        )

    def claim(self, at: float, among: Collection[int] | None = None) -> Deployment | None:
        """Take the oldest queued deployment of an app that has none running, now running."""
        return self._database.write(lambda connection: queueing.claim(connection, at, among))

    def save(self, deployment: Deployment, at: float, message: str = "") -> None:
        """Write a deployment as it is now, and one transition with the message.

        Raises IllegalTransition where its status in the store does not lead to this one.
        """
        self._database.write(lambda connection: queueing.save(connection, deployment, at, message))

    def add_release(
        self, app: str, image: Image, spec: Spec, at: float, deployment: int | None = None
    ) -> Release:
        """A new release with the app's next number, sealed under the worker's key.

        A number is never given again, also when its release is long removed.
        """
        seal = self._own_seal()

        def work(connection: Connection) -> Release:
            release = insert_release(connection, seal, app, image, spec, at)
            if deployment is not None:
                queueing.of_release(connection, deployment, release.number)
            return release

        return self._database.write(work)

    def open_release(self, app: str, number: int) -> Release:
        """A release whose seal fits its row.

        Raises Refused where there is none, or where the row was not written by the worker.
        """
        seal = self._own_seal()
        row = None
        if rows.is_id(number):
            question = select(releases).where(releases.c.app == app, releases.c.number == number)
            with self._database.reading() as connection:
                row = connection.execute(question).one_or_none()
        if row is None:
            raise Refused(f"{app} has no release {number}: it never had, or it is not kept")
        return seal.open(rows.release_of(row))

    def drop_releases(self, app: str, keep: Sequence[int]) -> None:
        """Remove the app's releases except those to be kept.

        Raises StoreError, removing none, where the release that serves is not among these.
        """
        gone = delete(releases).where(releases.c.app == app, releases.c.number.not_in(keep))
        self._database.write(lambda connection: connection.execute(gone) and None)

    def activate(self, chosen: Active) -> None:
        """Make this what the app serves."""
        self._database.write(lambda connection: put_active(connection, chosen))

    def deactivate(self, app: str) -> None:
        """The app serves nothing any more; nothing happens where it did not."""
        gone = delete(active).where(active.c.app == app)
        self._database.write(lambda connection: connection.execute(gone) and None)

    def show(self, seen: Mapping[str, Any]) -> None:
        """Replace the snapshot; it is kept as JSON."""
        body = json.dumps(dict(seen))
        statement = upsert(snapshot).values(id=1, body=body)
        statement = statement.on_conflict_do_update(index_elements=["id"], set_={"body": body})
        self._database.write(lambda connection: connection.execute(statement) and None)

    def _own_seal(self) -> Seal:
        if self._seal is None:
            raise Refused("only the worker has the key that releases are sealed with")
        return self._seal


def put_active(connection: Connection, chosen: Active) -> None:
    """Make this what the app serves, in the transaction of the caller."""
    row = {"release": chosen.release, "deployment": chosen.deployment}
    statement = upsert(active).values(app=chosen.app, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["app"], set_=row))


def insert_release(
    connection: Connection, seal: Seal, app: str, image: Image, spec: Spec, at: float
) -> Release:
    """A new release in the transaction of the caller, with the app's next number."""
    release = Release(app, _next_number(connection, app), image, spec)
    connection.execute(
        insert(releases).values(
            app=app,
            number=release.number,
            host=image.host,
            repository=image.repository,
            tag=image.tag,
            digest=image.digest,
            sealed=seal.seal(release),
            created_at=at,
        )
    )
    return release


def _next_number(connection: Connection, app: str) -> int:
    key = f"releases of {app}"
    last = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()
    number = int(last or 0) + 1
    statement = upsert(meta).values(key=key, value=str(number))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": str(number)})
    )
    return number
