"""The contract with the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from deployer.deployment import Deployment, Transition, Wanted
from deployer.model import Image, Release, ReleaseRow
from deployer.ports.rows import (
    Active,
    Adopted,
    Adoption,
    Change,
    Counts,
    Delivery,
    Maintained,
    Order,
    Paused,
    Quarantine,
    Recorded,
)
from deployer.spec import Spec


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

        Per app at most one deployment is queued, the newest. One that waits already because of a
        delivery of the same tag does for both; any other becomes superseded, with a reason that
        names the newer.

        The same hook, sender's id and body as of an accepted delivery whose deployments are all
        under way, succeeded or unchanged is a duplicate: it is written down as one and queues
        nothing. With `once` it is one however those ended. A replay is never one.
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
        """The newest deliveries first, those older than `before`.

        Without their bodies and what was heard of them.
        """
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
        """The deployments that these deliveries asked for, oldest first.

        Each as the one that this delivery queued, also where an earlier one had.
        """
        ...

    def counts(self) -> Counts:
        """What there has been so far, of everything."""
        ...

    def deployment(self, deployment: int) -> Deployment | None:
        """A deployment by its id."""
        ...

    def superseding(self, deployment: Deployment) -> Deployment | None:
        """The deployment that took the place of a superseded one; None where none did."""
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

    def quarantined(self, app: str | None = None) -> list[Quarantine]:
        """The digests of one or every app that are not to be tried again, newest first."""
        ...

    def paused(self) -> dict[str, Paused]:
        """The apps that are paused."""
        ...

    def maintained(self) -> dict[str, Maintained]:
        """The apps that are in maintenance."""
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

    def waiting(self) -> list[Deployment]:
        """Deployments with status queued, oldest first."""
        ...

    def enqueue_if_idle(self, wanted: Wanted, at: float) -> int | None:
        """Queue a deployment unless one of the app is queued or runs; its id, or None.

        What nobody asked for must not supersede what somebody did.
        """
        ...

    def claim(self, at: float, among: Collection[int] | None = None) -> Deployment | None:
        """Take the oldest queued deployment of an app that has none running, now running.

        Only one of those in `among`, where that is given: what has come since they were chosen
        has not been judged. Two callers never get the same one, and an app never has two running.
        """
        ...

    def cancel(self, deployment: int, by: str, at: float) -> Deployment | None:
        """End a queued deployment as cancelled, or write down who wants a running one to end.

        As it is then; one that has ended stays as it is, None where there is none.
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

    def add_release(
        self, app: str, image: Image, spec: Spec, at: float, deployment: int | None = None
    ) -> Release:
        """A new release with the app's next number, sealed under the worker's key.

        In the same transaction it becomes the release of the deployment that it is made for: what
        is interrupted then is found again.
        """
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

    def set_quarantine(self, quarantine: Quarantine) -> None:
        """Do not try this digest again; the newest reason counts."""
        ...

    def lift_quarantine(self, app: str, digest: str) -> bool:
        """Let it be tried again; whether it was in quarantine."""
        ...

    def pause(self, paused: Paused) -> None:
        """Let the app's deployments wait; who did so first stays written down."""
        ...

    def resume(self, app: str) -> bool:
        """Let the app's deployments go on; whether it was paused."""
        ...

    def begin_maintenance(self, one: Maintained) -> None:
        """Let the app's requests get 503; who did so first stays written down."""
        ...

    def end_maintenance(self, app: str) -> bool:
        """Let the app be served again; whether it was in maintenance."""
        ...

    def adopt(self, adoption: Adoption, at: float) -> Release:
        """Make a container the app's first release, and what it serves.

        In one transaction: the release, a bootstrap deployment that succeeded with it, what
        makes the container a replica of both, and, where none waits, a queued bootstrap
        deployment of the configured tag. Raises Refused where the app has a release already.
        """
        ...

    def not_adopted(self, app: str, at: float, reason: str) -> int:
        """Write down a bootstrap deployment that failed, as nothing could be adopted; its id."""
        ...

    def adopted(self) -> list[Adopted]:
        """All containers that were adopted, also those that are gone."""
        ...

    def begin_reports(self, apps: Collection[str]) -> dict[str, int]:
        """Report the deployments of these apps and of no others.

        For each the id of the change up to which that is done: where it was, if the app was
        among the last ones that this was called with, else the newest that there is.
        """
        ...

    def changes(self, after: int) -> list[Change]:
        """What began to change something, or ended, after this change; oldest first."""
        ...

    def reported(self, change: Change) -> None:
        """Nothing of its app is left to be reported up to this change."""
        ...

    def show(self, snapshot: Mapping[str, Any]) -> None:
        """Replace the snapshot."""
        ...
