"""What holds deployments back: cancelled ones, quarantined digests, apps that wait."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from deployer.deployment import Deployment, Status, Transition
from deployer.ports import Maintained, Paused, Quarantine
from deployer.stores import rows
from deployer.stores.base import Database
from deployer.stores.queueing import write_down
from deployer.stores.tables import deployments, maintenance, paused, quarantine


class Holding:
    """The verbs of ports.Store that let something wait or end; each one transaction."""

    _database: Database

    def cancel(self, deployment: int, by: str, at: float) -> Deployment | None:
        """End a queued deployment, or write down who wants a running one to end."""
        if not rows.is_id(deployment):
            return None
        return self._database.write(lambda connection: _cancel(connection, deployment, by, at))

    def set_quarantine(self, one: Quarantine) -> None:
        """Do not try this digest again; the newest reason counts."""
        row = {"deployment": one.deployment, "reason": one.reason, "at": one.at}
        statement = upsert(quarantine).values(app=one.app, digest=one.digest, **row)
        statement = statement.on_conflict_do_update(index_elements=["app", "digest"], set_=row)
        self._database.write(lambda connection: connection.execute(statement) and None)

    def lift_quarantine(self, app: str, digest: str) -> bool:
        """Let it be tried again; whether it was in quarantine."""
        table = quarantine.c
        gone = delete(quarantine).where(table.app == app, table.digest == digest)
        return self._database.write(lambda connection: connection.execute(gone).rowcount > 0)

    def quarantined(self, app: str | None = None) -> list[Quarantine]:
        """The digests of one or every app that are not to be tried again, newest first."""
        question = select(quarantine).order_by(quarantine.c.at.desc(), quarantine.c.digest)
        if app is not None:
            question = question.where(quarantine.c.app == app)
        with self._database.reading() as connection:
            return [rows.quarantine_of(row) for row in connection.execute(question)]

    def pause(self, one: Paused) -> None:
        """Let the app's deployments wait; who did so first stays written down."""
        statement = upsert(paused).values(app=one.app, by=one.by, at=one.at)
        statement = statement.on_conflict_do_nothing(index_elements=["app"])
        self._database.write(lambda connection: connection.execute(statement) and None)

    def resume(self, app: str) -> bool:
        """Let the app's deployments go on; whether it was paused."""
        gone = delete(paused).where(paused.c.app == app)
        return self._database.write(lambda connection: connection.execute(gone).rowcount > 0)

    def paused(self) -> dict[str, Paused]:
        """The apps that are paused."""
        with self._database.reading() as connection:
            found = connection.execute(select(paused).order_by(paused.c.app))
            return {row.app: rows.paused_of(row) for row in found}

    def begin_maintenance(self, one: Maintained) -> None:
        """Let the app's requests get 503; who did so first stays written down."""
        statement = upsert(maintenance).values(app=one.app, by=one.by, at=one.at)
        statement = statement.on_conflict_do_nothing(index_elements=["app"])
        self._database.write(lambda connection: connection.execute(statement) and None)

    def end_maintenance(self, app: str) -> bool:
        """Let the app be served again; whether it was in maintenance."""
        gone = delete(maintenance).where(maintenance.c.app == app)
        return self._database.write(lambda connection: connection.execute(gone).rowcount > 0)

    def maintained(self) -> dict[str, Maintained]:
        """The apps that are in maintenance."""
        with self._database.reading() as connection:
            found = connection.execute(select(maintenance).order_by(maintenance.c.app))
            return {row.app: rows.maintained_of(row) for row in found}


def _cancel(connection: Connection, number: int, by: str, at: float) -> Deployment | None:
    this = deployments.c.id == number
    row = connection.execute(select(deployments).where(this)).one_or_none()
    if row is None:
        return None
    one = rows.deployment_of(row)
    reason = f"cancelled by {by}"
    if one.status is Status.QUEUED:
        change = {"status": Status.CANCELLED, "ended_at": at, "reason": reason}
    elif one.status is Status.RUNNING and not one.cancelled_by:
        change = {}
    else:
        return one
    moved = update(deployments).where(this).values(cancelled_by=by, **change)
    after = rows.deployment_of(connection.execute(moved.returning(*deployments.c)).one())
    write_down(connection, [Transition(one.id, at, after.status, after.step, reason)])
    return after
