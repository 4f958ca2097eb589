"""Up to where deployments of apps were reported: transitions are the outbox."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from deployer.deployment import ENDED, Status, Step
from deployer.ports import Change
from deployer.stores import rows
from deployer.stores.base import Database
from deployer.stores.tables import deployments, reported, transitions

_BEGINS = and_(transitions.c.status == Status.RUNNING, transitions.c.step == Step.START)
_ENDS = and_(
    transitions.c.status.in_(sorted(ENDED)),
    or_(transitions.c.step.is_(None), transitions.c.step.not_in([Step.DRAIN, Step.RETIRE])),
)
_CHANGES: Select[Any] = (
    select(transitions.c.id, transitions.c.deployment, deployments.c.app)
    .join(deployments, deployments.c.id == transitions.c.deployment)
    .where(or_(_BEGINS, _ENDS))
    .order_by(transitions.c.id)
)


class Reporting:
    """The verbs of ports.Store that are about reports; each one transaction."""

    _database: Database

    def begin_reports(self, apps: Collection[str]) -> dict[str, int]:
        """Report of these apps from now on, or go on where it was; the last change of each."""
        return self._database.write(lambda connection: _begin(connection, apps))

    def changes(self, after: int) -> list[Change]:
        """What began to change something, or ended, since this change; oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(_CHANGES.where(transitions.c.id > after))
            return [rows.change_of(row) for row in found]

    def reported(self, change: Change) -> None:
        """Nothing of its app is left to be reported up to this change."""
        done = update(reported).where(reported.c.app == change.app).values(change=change.id)
        self._database.write(lambda connection: connection.execute(done) and None)


def _begin(connection: Connection, apps: Collection[str]) -> dict[str, int]:
    connection.execute(delete(reported).where(reported.c.app.not_in(apps)))
    now = connection.execute(select(func.max(transitions.c.id))).scalar_one() or 0
    for app in sorted(apps):
        new = upsert(reported).values(app=app, change=now)
        connection.execute(new.on_conflict_do_nothing(index_elements=["app"]))
    return {row.app: row.change for row in connection.execute(select(reported))}
