"""One attempt to move an app to a release: its states, and what may follow what; pure.

    queued ──┬─> running ──┬─> succeeded      (drain and retire follow, and may be repeated)
             ├─> superseded├─> failed         (`serving` says whether the old release serves)
             └─> cancelled ├─> cancelled
                           ├─> unchanged      (this digest and spec are live already)
                           └─> refused        (policy; nothing was touched)

Steps of a running one, forward only; the switch is the one commit point:

    resolve  pull  start  check │ switch │ watch │ drain  retire
    anything fails: discard     │        │ fails: switch back
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from deployer.errors import IllegalTransition
from deployer.model import Strategy

MAX_ATTEMPTS = 3


class Status(StrEnum):
    """What outsiders see of a deployment."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Step(StrEnum):
    """Where a deployment is, in the order of the procedure."""

    RESOLVE = "resolve"
    PULL = "pull"
    START = "start"
    CHECK = "check"
    SWITCH = "switch"
    WATCH = "watch"
    DRAIN = "drain"
    RETIRE = "retire"


class Trigger(StrEnum):
    """Why a deployment was asked for."""

    WEBHOOK = "webhook"
    RECONCILE = "reconcile"
    OPERATOR = "operator"
    CONFIG = "config"
    ROLLBACK = "rollback"
    BOOTSTRAP = "bootstrap"


ALLOWED: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.SUPERSEDED, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.UNCHANGED, Status.REFUSED}
    ),
}
ENDED = frozenset(Status) - ALLOWED.keys()
_ORDER = list(Step)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a delivery or an order asks for: a tag, a digest or a kept release of an app."""

    app: str
    trigger: Trigger
    tag: str = ""
    digest: str = ""
    release: int | None = None
    delivery: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt; times are seconds since 1970 (UTC).

    `reason` is one sentence for a person, `detail` the evidence (log lines, Nginx's words).
    `serving` is the release that has the traffic at the end, None where there is none.
    `strategy` is None until it was chosen; `cancelled_by` says who asked for its end, "" nobody.
    `revision` is the commit that its image says it was built from, "" where it says none.
    """

    id: int
    app: str
    trigger: Trigger
    queued_at: float
    tag: str = ""
    digest: str = ""
    release: int | None = None
    delivery: int | None = None
    status: Status = Status.QUEUED
    step: Step | None = None
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    detail: str = ""
    serving: int | None = None
    strategy: Strategy | None = None
    cancelled_by: str = ""
    revision: str = ""


def by_delivery(deployments: Iterable[Deployment]) -> dict[int, list[Deployment]]:
    """Deployments by the delivery that queued them, in their order."""
    found: dict[int, list[Deployment]] = {}
    for one in deployments:
        if one.delivery is not None:
            found.setdefault(one.delivery, []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a deployment's status or step: history, audit and outbox in one."""

    deployment: int
    at: float
    status: Status
    step: Step | None
    message: str


def advance(
    deployment: Deployment, status: Status, at: float, reason: str = "", detail: str = ""
) -> Deployment:
    """The deployment in its next status.

    Raises IllegalTransition where the diagram above has no such arrow.
    """
    if status not in ALLOWED.get(deployment.status, frozenset()):
        raise IllegalTransition(
            f"deployment {deployment.id} is {deployment.status} and cannot become {status}"
        )
    moved = replace(deployment, status=status, reason=reason, detail=detail)
    if status is Status.RUNNING:
        return replace(moved, started_at=at, attempt=deployment.attempt + 1)
    return replace(moved, ended_at=at)


def enter(deployment: Deployment, step: Step) -> Deployment:
    """The deployment at its next step.

    Raises IllegalTransition on a step back, a step of one that does not run, or clean-up
    (drain, retire) of one that has not succeeded.
    """
    cleaning = step in (Step.DRAIN, Step.RETIRE)
    expected = Status.SUCCEEDED if cleaning else Status.RUNNING
    behind = deployment.step is not None and _ORDER.index(step) < _ORDER.index(deployment.step)
    if deployment.status is not expected or (behind and not cleaning):
        raise IllegalTransition(
            f"deployment {deployment.id} ({deployment.status}, {deployment.step}) "
            f"cannot enter {step}"
        )
    return replace(deployment, step=step)


class Recovery(StrEnum):
    """What to do with a deployment that was running when its worker stopped."""

    AGAIN = "again"
    GIVE_UP = "give up"
    FINISH = "finish"


def recover(deployment: Deployment, active: int | None) -> Recovery:
    """What becomes of an interrupted deployment; `active` is the one whose replicas serve.

    A deployment is made active only after Nginx has confirmed it, so if that is this one
    the switch is behind us and the way is forward.
    """
    if deployment.id == active:
        return Recovery.FINISH
    return Recovery.AGAIN if deployment.attempt < MAX_ATTEMPTS else Recovery.GIVE_UP


def restart(deployment: Deployment) -> Deployment:
    """An interrupted deployment, ready to go through its steps once more."""
    return replace(deployment, step=None, attempt=deployment.attempt + 1)
