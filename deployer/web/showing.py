"""What the pages show of an app: what it serves, how that is, what happened last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer import condition
from deployer.config.values import AppPart
from deployer.deployment import ENDED, Deployment
from deployer.model import ReleaseRow
from deployer.ports import Active, Store


@dataclass(frozen=True, slots=True)
class Shown:
    """An app as a page shows it; `since` in seconds since 1970.

    `healthy` is None where nobody knows: nothing is served, or no worker has looked lately.
    """

    name: str
    part: AppPart
    release: ReleaseRow | None
    deployment: int | None
    since: float | None
    healthy: int | None
    replicas: int
    last: Deployment | None

    @property
    def state(self) -> tuple[str, str]:
        """A tone (good, warn, bad, busy, none), and the words for it."""
        if self.last is not None and self.last.status not in ENDED:
            return "busy", f"deploying: {self.last.step}" if self.last.step else "queued"
        if self.deployment is None:
            return "none", "serves nothing yet"
        if self.healthy is None:
            return "warn", "health not known"
        if self.healthy < self.replicas:
            return ("warn" if self.healthy else "bad"), f"{self.healthy} of {self.replicas} healthy"
        return "good", "healthy"


@dataclass(frozen=True, slots=True)
class Known:
    """What is read once for all apps of a page."""

    active: Mapping[str, Active]
    lasts: Mapping[str, Deployment]
    snapshot: Mapping[str, Any]


def known(store: Store, app: str | None = None) -> Known:
    """What is so now of all apps, or of one. Raises StoreUnavailable."""
    if app is None:
        lasts = store.last_deployments()
    else:
        lasts = {one.app: one for one in store.deployments(app, limit=1)}
    return Known(store.active(), lasts, store.snapshot())


def shown(name: str, part: AppPart, store: Store, known: Known, now: float) -> Shown:
    """An app as it is now. Raises StoreUnavailable."""
    active, last, snapshot = known.active.get(name), known.lasts.get(name), known.snapshot
    if active is None:
        return Shown(name, part, None, None, None, None, part.replicas, last)
    release = next((row for row in store.releases(name) if row.number == active.release), None)
    same = last is not None and last.id == active.deployment
    by = last if same else store.deployment(active.deployment)
    since = (by.ended_at or by.started_at) if by else None
    well, total = condition.healthy(snapshot, name, active.deployment, part.replicas)
    fresh = condition.is_fresh(snapshot, now)
    healthy = well if fresh else None
    return Shown(name, part, release, active.deployment, since, healthy, total, last)


def nginx_line(snapshot: Mapping[str, Any]) -> str:
    """What was last seen of Nginx, in a line; "" where nothing was."""
    nginx = snapshot.get("nginx")
    if nginx is None:
        return ""
    version = ".".join(map(str, nginx["version"]))
    if nginx["live"] is None:
        return f"Nginx {version} does not answer"
    draining = nginx["draining"]
    rest = f", {draining} old worker{'s' if draining > 1 else ''} draining" if draining else ""
    return f"Nginx {version} serves generation {nginx['live']}{rest}"
