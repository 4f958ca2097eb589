"""The rows that only the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.model import Image
from deployer.spec import Spec


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook as received; `reason` says why it has this verdict.

    `verdict` is accepted, ignored, refused or duplicate; `sender_id` is the sender's own id of
    it, "" where it gives none. `heard` is what the sender said, as JSON that the receiver alone
    reads; "" where it was not understood. `replay_of` is the delivery whose words an operator
    (`given_by`) let count once more.
    """

    hook: str
    received_at: float
    body: bytes = field(repr=False)
    verdict: str = "accepted"
    reason: str = ""
    id: int = 0
    sender_id: str = ""
    heard: str = field(default="", repr=False)
    replay_of: int | None = None
    given_by: str = ""


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
    """What an operator asked for, who asked, and what came of it.

    `kind` is `deploy`, `rollback`, `cancel` (of `deployment`), `pause`, `resume`,
    `unquarantine` (of `digest`), `maintenance-on` or `maintenance-off`.

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


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A digest of an app that failed after its switch, and why; nobody tries it again."""

    app: str
    digest: str
    deployment: int
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Paused:
    """An app whose deployments wait until an operator resumes it, but for those of operators."""

    app: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Maintained:
    """An app whose requests all get 503 until an operator ends its maintenance."""

    app: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Change:
    """A transition by which a deployment began to change something, or ended."""

    id: int
    deployment: int
    app: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """A container that was there before deployer, and the release and deployment it counts as."""

    container: str
    app: str
    release: int
    deployment: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """A container that is to become an app's first release; `told` are lines of its history."""

    app: str
    container: str
    image: Image
    spec: Spec
    told: tuple[str, ...] = ()
