"""The queue of deployments: asked for, claimed, moved on; each change leaves a transition."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from deployer.deployment import ALLOWED, Deployment, Status, Transition, Wanted
from deployer.errors import IllegalTransition, StoreError
from deployer.stores.rows import changeable, columns, deployment_of
from deployer.stores.tables import asked_by, deployments, transitions

_QUEUE = insert(deployments).returning(deployments.c.id)
_WRITE_DOWN = insert(transitions)
_SUPERSEDE = (
    update(deployments)
    .where(deployments.c.app == bindparam("of_app"), deployments.c.status == Status.QUEUED)
    .values(status=Status.SUPERSEDED, ended_at=bindparam("at"))
    .returning(deployments.c.id)
)
_EXPLAIN = (
    update(deployments)
    .where(deployments.c.id == bindparam("older"))
    .values(reason=bindparam("because"))
)

_busy = deployments.alias("busy")
_next = deployments.alias("next")
_CLAIM = (
    update(deployments)
    .where(
        deployments.c.id
        == select(_next.c.id)
        .where(
            _next.c.status == Status.QUEUED,
            or_(bindparam("whichever"), _next.c.id.in_(bindparam("among", expanding=True))),
            ~exists().where(_busy.c.app == _next.c.app, _busy.c.status == Status.RUNNING),
        )
        .order_by(_next.c.id)
        .limit(1)
        .scalar_subquery()
    )
    .values(
        status=Status.RUNNING,
        started_at=bindparam("at"),
        attempt=deployments.c.attempt + 1,
    )
    .returning(*deployments.c)
)


def enqueue(connection: Connection, wanted: Wanted, at: float) -> int:
    """Queue a deployment and supersede the app's older queued one; its id."""
    # First out with the older: the schema has room for one queued deployment per app.
    older = connection.execute(_SUPERSEDE, {"of_app": wanted.app, "at": at}).scalar_one_or_none()
    fresh = {"queued_at": at, "status": Status.QUEUED, "attempt": 0, "reason": "", "detail": ""}
    number: int = connection.execute(_QUEUE, columns(wanted) | fresh).scalar_one()
    history = [Transition(number, at, Status.QUEUED, None, "")]
    if older is not None:
        reason = f"superseded by deployment {number}"
        connection.execute(_EXPLAIN, {"older": older, "because": reason})
        history.append(Transition(older, at, Status.SUPERSEDED, None, reason))
    write_down(connection, history)
    return number


def ask(connection: Connection, wanted: Wanted, at: float) -> int:
    """Queue the deployment that a delivery asks for, or join the one that will do the same; its id.

    One for the same tag that waits has not asked the registry yet what the tag means, so it
    deploys this push too.
    """
    same = select(deployments.c.id).where(
        deployments.c.app == wanted.app,
        deployments.c.status == Status.QUEUED,
        deployments.c.trigger == wanted.trigger,
        deployments.c.tag == wanted.tag,
        deployments.c.digest == "",
    )
    waiting: int | None = connection.execute(same).scalar_one_or_none()
    number = enqueue(connection, wanted, at) if waiting is None else waiting
    connection.execute(insert(asked_by).values(delivery=wanted.delivery, deployment=number))
    return number


def enqueue_if_idle(connection: Connection, wanted: Wanted, at: float) -> int | None:
    """Queue a deployment unless one of the app is queued or runs; its id, or None."""
    open_ones = select(deployments.c.id).where(
        deployments.c.app == wanted.app, deployments.c.status.in_(list(ALLOWED))
    )
    if connection.execute(open_ones.limit(1)).first() is not None:
        return None
    return enqueue(connection, wanted, at)


def claim(
    connection: Connection, at: float, among: Collection[int] | None = None
) -> Deployment | None:
    """Take the oldest queued deployment of an app that has none running, now running."""
    chosen = {"whichever": among is None, "among": list(among or ())}
    row = connection.execute(_CLAIM, {"at": at, **chosen}).one_or_none()
    if row is None:
        return None
    claimed = deployment_of(row)
    write_down(connection, [Transition(claimed.id, at, claimed.status, claimed.step, "")])
    return claimed


def save(connection: Connection, deployment: Deployment, at: float, message: str) -> None:
    """Write a deployment as it is now, and one transition.

    Raises IllegalTransition where its status in the store does not lead to this one.
    """
    found = connection.execute(
        select(deployments.c.status).where(deployments.c.id == deployment.id)
    ).scalar_one_or_none()
    if found is None:
        raise StoreError(f"there is no deployment {deployment.id} to save")
    before = Status(found)
    if before is not deployment.status and deployment.status not in ALLOWED.get(before, ()):
        raise IllegalTransition(
            f"deployment {deployment.id} is {before} in the store and cannot become "
            f"{deployment.status}"
        )
    connection.execute(
        update(deployments)
        .where(deployments.c.id == deployment.id)
        .values(**changeable(deployment))
    )
    history = Transition(deployment.id, at, deployment.status, deployment.step, message)
    write_down(connection, [history])


def of_release(connection: Connection, deployment: int, release: int) -> None:
    """Write down which release a deployment is about."""
    chosen = update(deployments).where(deployments.c.id == deployment)
    connection.execute(chosen.values(release=release))


def write_ended(connection: Connection, ended: Deployment, told: Sequence[str]) -> int:
    """Write down a deployment that came to its end at once, with what it did; its id.

    Its own id is not asked for; `told` are the lines of its history before its reason.
    """
    fixed = {"app": ended.app, "trigger": ended.trigger, "queued_at": ended.queued_at}
    number: int = connection.execute(_QUEUE, changeable(ended) | fixed).scalar_one()
    at = ended.queued_at
    steps = [Transition(number, at, Status.RUNNING, ended.step, line) for line in told]
    write_down(connection, [*steps, Transition(number, at, ended.status, ended.step, ended.reason)])
    return number


def write_down(connection: Connection, history: list[Transition]) -> None:
    """Add to the history."""
    connection.execute(
        _WRITE_DOWN,
        [
            {
                "deployment": one.deployment,
                "at": one.at,
                "status": one.status,
                "step": one.step,
                "message": one.message,
            }
            for one in history
        ],
    )
