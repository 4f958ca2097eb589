"""How much of everything there has been, counted by the database itself."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from deployer.deployment import ENDED, Status
from deployer.ports import Counts
from deployer.stores import tables


def counts(connection: Connection) -> Counts:
    """The counts, all of one moment where the connection is in a transaction."""
    deployments, deliveries = tables.deployments, tables.deliveries
    by_status = connection.execute(
        select(
            deployments.c.app,
            deployments.c.status,
            func.count(),
            func.sum(deployments.c.ended_at - deployments.c.started_at),
            func.min(deployments.c.queued_at),
        ).group_by(deployments.c.app, deployments.c.status)
    ).all()
    by_verdict = connection.execute(
        select(deliveries.c.hook, deliveries.c.verdict, func.count()).group_by(
            deliveries.c.hook, deliveries.c.verdict
        )
    )
    waiting = [oldest for _, status, _, _, oldest in by_status if status == Status.QUEUED]
    return Counts(
        ended={
            (app, status): (count, seconds or 0.0)
            for app, status, count, seconds, _ in by_status
            if status in ENDED
        },
        open={
            (app, status): count for app, status, count, _, _ in by_status if status not in ENDED
        },
        waiting_since=min(waiting, default=None),
        deliveries={(hook, verdict): count for hook, verdict, count in by_verdict},
    )
