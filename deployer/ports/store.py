"""The contract with the store, and the rows that only it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.deployment import Deployment, Transition, Wanted
from deployer.model import Image, Release, ReleaseRow
from deployer.spec import Spec


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as received; `reason` says why it has this verdict.

    `verdict` is accepted, ignored, refused or duplicate; `sender_id` is the sender's own id of
    it, "" where it gives none.
    """

    hook: str
    received_at: float
    body: bytes = field(repr=False)
    verdict: str = "accepted"
    reason: str = ""
    id: int = 0
    sender_id: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a delivery: its id and the queued deployments, as (id, app).

    Where it is a duplicate, `duplicate_of` is the delivery that came first, and the deployments
    are those that this one queued.
    """

    delivery: int
    deployments: tuple[tuple[int, str], ...] = ()
    duplicate_of: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asked for: `deploy` or `rollback`, who asked, and what came of it.

    `result` is "" until the worker has acted; then "accepted" or "refused", with a reason, and
    with JSON as `detail` where it asked for something to be shown.
    """

    id: int
    kind: str
    app: str
    given_by: str
    given_at: float
    tag: str = ""
    digest: str = ""
    release: int | None = None
    result: str = ""
    reason: str = ""
    deployment: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """What there has been so far, for metrics.

    `ended` has for (app, status) how many deployments came to it and how many seconds they ran
    in all; `open` how many of (app, status) are queued or running, `waiting_since` when the oldest
    queued one was queued (seconds since 1970); `deliveries` how many of (hook, verdict) came.
    """

    ended: Mapping[tuple[str, str], tuple[int, float]]
    open: Mapping[tuple[str, str], int]
    waiting_since: float | None
    deliveries: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Active:
    """Which release of an app has the traffic, and the deployment whose replicas it is."""

    app: str
    release: int
    deployment: int


class Store(Protocol):
    """Deliveries, orders, releases, deployments and their history; each verb one transaction.

    A verb has returned only when its transaction is committed with `synchronous=FULL`.
    Every verb raises StoreUnavailable where the store is locked, full or missing.
    """

    # the receiver's side

    def record(
        self, delivery: Delivery, wanted: Sequence[Wanted], *, once: bool = False
    ) -> Recorded:
        """Write a delivery down and queue what it asks for.

        Per app at most one deployment is queued, the newest: an older queued one becomes
        superseded, with a reason that names the newer.

        The same hook, sender's id and body as of an accepted delivery whose deployments are all
        under way, succeeded or unchanged is a duplicate: it is written down as one and queues
        nothing. With `once` it is one however those ended.
        """
        ...

    def give(self, order: Order) -> int:
        """Write an operator's order down for the worker; its id."""
        ...

    # what anybody may read

    def order(self, order: int) -> Order | None:
        """An order by its id."""
        ...

    def delivery(self, delivery: int) -> Delivery | None:
        """A delivery by its id."""
        ...

    def deliveries(self, limit: int = 20, before: int | None = None) -> list[Delivery]:
        """The newest deliveries first, without their bodies; those older than `before`."""
        ...

    def deployments(
        self, app: str | None = None, limit: int = 20, before: int | None = None
    ) -> list[Deployment]:
        """The newest deployments first, of one app or of all; those older than `before`."""
        ...

    def last_deployments(self) -> dict[str, Deployment]:
        """The newest deployment of each app."""
        ...

    def queued_by(self, deliveries: Sequence[int]) -> list[Deployment]:
        """The deployments that these deliveries queued, oldest first."""
        ...

    def counts(self) -> Counts:
        """What there has been so far, of everything."""
        ...

    def deployment(self, deployment: int) -> Deployment | None:
        """A deployment by its id."""
        ...

    def transitions(self, deployment: int) -> list[Transition]:
        """What happened to a deployment, oldest first."""
        ...

    def releases(self, app: str) -> list[ReleaseRow]:
        """An app's releases, newest first."""
        ...

    def active(self) -> dict[str, Active]:
        """What each app serves; apps that serve nothing are left out."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """What the worker last saw of Docker and Nginx, with its time as `at`; {} at first."""
        ...

    # the worker's side

    def changed(self) -> bool:
        """Whether anything was committed since the last call; cheap enough for 20 ms."""
        ...

    def open_orders(self) -> list[Order]:
        """Orders without a result, oldest first."""
        ...

    def answer(self, order: Order) -> None:
        """Write an order's result, reason, deployment and detail."""
        ...

    def enqueue(self, wanted: Wanted, at: float) -> int:
        """Queue a deployment, superseding the app's older queued one; its id."""
        ...

    def enqueue_if_idle(self, wanted: Wanted, at: float) -> int | None:
        """Queue a deployment unless one of the app is queued or runs; its id, or None.

        What nobody asked for must not supersede what somebody did.
        """
        ...

    def claim(self, at: float) -> Deployment | None:
        """Take the oldest queued deployment of an app that has none running, now running.

        Two callers never get the same one, and an app never has two running.
        """
        ...

    def running(self) -> list[Deployment]:
        """Deployments with status running: after a restart, those that were interrupted."""
        ...

    def queued(self, app: str) -> bool:
        """Whether a deployment of the app is waiting."""
        ...

    def save(self, deployment: Deployment, at: float, message: str = "") -> None:
        """Write a deployment as it is now, and one transition with the message.

        Raises IllegalTransition where its status in the store does not lead to this one.
        """
        ...

    def add_release(self, app: str, image: Image, spec: Spec, at: float) -> Release:
        """A new release with the app's next number, sealed under the worker's key."""
        ...

    def open_release(self, app: str, number: int) -> Release:
        """A release whose seal fits its row.

        Raises Refused where there is none, or where the row was not written by the worker.
        """
        ...

    def drop_releases(self, app: str, keep: Sequence[int]) -> None:
        """Remove the app's releases except those to be kept."""
        ...

    def activate(self, active: Active) -> None:
        """Make this what the app serves."""
        ...

    def deactivate(self, app: str) -> None:
        """The app serves nothing any more; nothing happens where it did not."""
        ...

    def show(self, snapshot: Mapping[str, Any]) -> None:
        """Replace the snapshot."""
        ...
