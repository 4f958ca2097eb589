"""The contracts between the procedure and the world: what each adapter promises.

Adapters translate their library's errors to those of `errors.py`, chained; nothing of a
library ever leaves them. `tests/contracts/` holds the suite that every implementation of a
contract passes, the fakes included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.deployment import Deployment, Transition, Wanted
from deployer.model import Image, Push, Release, ReleaseRow, Replica, Route, Spec

Stopping = Callable[[], None]
"""Called while waiting: raises DeadlinePassed or Interrupted when it is time to stop."""


@dataclass(frozen=True, slots=True)
class Login:
    """Username and password for a registry; the password shows in no repr."""

    username: str
    password: str = field(repr=False)


Logins = Callable[[str], Login | None]
"""The login for a registry's host, read at each use; None where it is asked without one."""


class Registry(Protocol):
    """Answers what a tag means now."""

    def resolve(self, image: Image) -> Image:
        """The image with the digest that its tag (or its own digest) has for this platform.

        The digest is the one that pulling by it gives and that pushing printed: of the index
        where there is one. Raises ImageNotFound, RegistryDenied, RegistryUnavailable, also
        ImageNotFound where the image exists but not for this platform.
        """
        ...


class Engine(Protocol):
    """Runs releases as containers, found again by their labels and never by memory.

    All calls are safe to repeat; what is gone already counts as done. Every call raises
    EngineUnavailable where Docker does not answer.
    """

    def has(self, image: Image) -> bool:
        """Whether the image of this digest is here, so that no registry is needed."""
        ...

    def pull(self, image: Image, *, stall: float, timeout: float, stopping: Stopping) -> None:
        """Bring the image of this very digest here.

        Raises PullFailed when nothing moved for `stall` seconds, after `timeout` seconds, on
        any error in the stream, or if the result has another digest; ImageNotFound,
        RegistryDenied and RegistryUnavailable as the registry's words say.
        """
        ...

    def keep(self, release: Release) -> None:
        """Tag the release's image so that pruning dangling images leaves it alone."""
        ...

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the images of the app's releases that are not to be kept, and only ours."""
        ...

    def start(self, release: Release, deployment: int) -> list[Replica]:
        """Create and start all replicas of a release for a deployment, in index order.

        Names and labels are decided by app, deployment and index, so that a half-done start
        is found and completed. Raises StartFailed (a foreign container has the name, a
        network or volume is missing, Docker refused it).
        """
        ...

    def look(self, replica: Replica) -> Replica:
        """The replica as it is now; its state is GONE where the container is no more."""
        ...

    def logs(self, replica: Replica, lines: int) -> str:
        """The last log lines, stdout and stderr in order, control characters made harmless.

        "" where the container is gone.
        """
        ...

    def replicas(self, app: str | None = None) -> list[Replica]:
        """All our replicas of one or every app, running or not, by app, deployment, index."""
        ...

    def retire(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, then remove it.

        Its restart policy is set to `no` first, so that no restart of Docker brings it back.
        The answer shows how it ended (exit code 137: it had to be killed).
        """
        ...

    def discard(self, app: str, deployment: int) -> None:
        """Remove the replicas of a deployment at once; they serve nobody."""
        ...


@dataclass(frozen=True, slots=True)
class NginxFacts:
    """What is known of the Nginx that will run: its version and the user of its workers."""

    version: tuple[int, int, int]
    user: str


@dataclass(frozen=True, slots=True)
class NginxWorker:
    """A worker process of Nginx; one that is shutting down takes no new connections."""

    pid: int
    shutting_down: bool


class NginxHost(Protocol):
    """Where Nginx lives: a container that deployer runs; its own view of files and network."""

    def facts(self) -> NginxFacts:
        """Version and user, detected. Raises ProxyError where they cannot be had."""
        ...

    def test(self, config: str) -> None:
        """Let Nginx test this file (an absolute path) in its own file system and network.

        Raises ConfigRejected with Nginx's words, file and line.
        """
        ...

    def ensure_running(self) -> bool:
        """Start Nginx on the current generation unless it runs; True where it was started."""
        ...

    def reload(self) -> None:
        """Send HUP to the master process. Raises ProxyError if Nginx does not run."""
        ...

    def workers(self) -> list[NginxWorker]:
        """The worker processes, old ones included; empty where Nginx does not run."""
        ...

    def errors(self, lines: int) -> str:
        """The last lines of Nginx's error log, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change of the proxy did: the live generation, and who still knows the old one.

    `old_workers` are the process ids that may still send requests to what was routed
    before; where nothing changed, those that are still shutting down.
    """

    generation: int
    old_workers: frozenset[int] = frozenset()


class Proxy(Protocol):
    """Makes Nginx serve exactly a set of routes: all of it, tested, or nothing."""

    def apply(self, routes: Sequence[Route]) -> Applied:
        """Make these the live routes, and return once new connections reach them.

        Render, parse back, test, replace, HUP, confirm, wait until every old worker is
        shutting down or gone. The same routes again are no reload. On any ProxyError the
        last good generation is on disk and live.
        """
        ...

    def facts(self) -> NginxFacts:
        """What is known of the Nginx that runs, or will. Raises ProxyError."""
        ...

    def live(self) -> int | None:
        """The generation that Nginx answers with; None where it does not answer."""
        ...

    def remaining(self, workers: frozenset[int]) -> frozenset[int]:
        """Those of these worker processes that still exist."""
        ...

    def draining(self) -> int:
        """How many workers are shutting down."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as received; `verdict` is accepted, ignored or refused, `reason` says why."""

    hook: str
    received_at: float
    body: bytes = field(repr=False)
    verdict: str = "accepted"
    reason: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a delivery: its id and the queued deployments, as (id, app)."""

    delivery: int
    deployments: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asked for: `deploy` or `rollback`, who asked, and what came of it.

    `result` is "" until the worker has acted; then "accepted" or "refused", with a reason.
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

    def record(self, delivery: Delivery, wanted: Sequence[Wanted]) -> Recorded:
        """Write a delivery down and queue what it asks for.

        Per app at most one deployment is queued, the newest: an older queued one becomes
        superseded, with a reason that names the newer.
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

    def deployments(self, app: str | None = None, limit: int = 20) -> list[Deployment]:
        """The newest deployments first, of one app or of all."""
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
        """Write an order's result, reason and deployment."""
        ...

    def enqueue(self, wanted: Wanted, at: float) -> int:
        """Queue a deployment, superseding the app's older queued one; its id."""
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

    def show(self, snapshot: Mapping[str, Any]) -> None:
        """Replace the snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request as it came: headers with lower-case names, the raw body, the URL's token."""

    headers: Mapping[str, str]
    body: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a sender said: pushes, or none and the reason why nothing is to be done."""

    pushes: tuple[Push, ...] = ()
    reason: str = ""


class Source(Protocol):
    """A kind of sender; pure: a request in, values out."""

    secret_kind: str
    """What the operator pastes at the sender, in a few words."""

    def verify(self, inbound: Inbound, secrets: Sequence[str]) -> None:
        """Raises BadCredential unless the request carries one of the secrets.

        In constant time over all secrets; `secrets` are `sha256:<hex>` of tokens.
        """
        ...

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """What was pushed; `registry` is the host that the sender's repositories stand for.

        Raises BadPayload where the body is not what this sender sends.
        """
        ...
