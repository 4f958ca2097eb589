"""Containers that were there before deployer: how they become a release, and which did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, exists, insert, select

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.errors import Refused
from deployer.model import Release
from deployer.ports import Active, Adopted, Adoption
from deployer.stores import queueing, rows
from deployer.stores.base import Database
from deployer.stores.tables import adopted, deployments, releases
from deployer.stores.working import insert_release, put_active

if TYPE_CHECKING:
    from deployer.stores.seal import Seal


class Adopting:
    """The verbs of ports.Store that are about adopted containers; each one transaction."""

    _database: Database
    _seal: Seal | None

    def adopt(self, adoption: Adoption, at: float) -> Release:
        """Make a container the app's first release, and what it serves."""
        seal = self._seal
        if seal is None:
            raise Refused("only the worker has the key that releases are sealed with")
        return self._database.write(lambda connection: _adopt(connection, seal, adoption, at))

    def not_adopted(self, app: str, at: float, reason: str) -> int:
        """Write down a bootstrap deployment that failed, as nothing could be adopted; its id."""
        failed = _ended(app, at, Status.FAILED, reason)
        return self._database.write(
            lambda connection: queueing.write_ended(connection, failed, [f"adopting for {app}"])
        )

    def adopted(self) -> list[Adopted]:
        """All containers that were adopted, also those that are gone."""
        with self._database.reading() as connection:
            found = connection.execute(select(adopted).order_by(adopted.c.deployment))
            return [rows.adopted_of(row) for row in found]


def _adopt(connection: Connection, seal: Seal, adoption: Adoption, at: float) -> Release:
    app, image = adoption.app, adoption.image
    if connection.execute(select(exists().where(releases.c.app == app))).scalar_one():
        raise Refused(f"{app} has a release already, so nothing can become its first one")
    release = insert_release(connection, seal, app, image, adoption.spec, at)
    reason = f"release {release.number} serves: the container was adopted as it is"
    done = _ended(
        app,
        at,
        Status.SUCCEEDED,
        reason,
        tag=image.tag,
        digest=image.digest,
        release=release.number,
        serving=release.number,
    )
    number = queueing.write_ended(connection, done, adoption.told)
    row = Adopted(adoption.container, app, release.number, number)
    connection.execute(insert(adopted).values(rows.columns(row)))
    put_active(connection, Active(app, release.number, number))
    waiting = exists().where(deployments.c.app == app, deployments.c.status == Status.QUEUED)
    if not connection.execute(select(waiting)).scalar_one():
        queueing.enqueue(connection, Wanted(app, Trigger.BOOTSTRAP), at)
    return release


def _ended(app: str, at: float, status: Status, reason: str, **more: object) -> Deployment:
    known = {"started_at": at, "ended_at": at, "attempt": 1, "step": Step.RESOLVE}
    return Deployment(
        0,
        app,
        Trigger.BOOTSTRAP,
        at,
        status=status,
        reason=reason,
        **known,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )
