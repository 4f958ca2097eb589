"""Whether all is well, and what is not: read from the store, for `status` and the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.deployment import ENDED, Deployment, Status, Step
from deployer.ports import Active, Store
from deployer.words import ago

STALE = 15.0
"""Seconds after which a snapshot says that no worker writes it; one comes every five."""

_FROM_REGISTRY = (Step.RESOLVE, Step.PULL)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well: with what, why and what to do, since when (seconds, 1970)."""

    what: str
    reason: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something of an app is not deployed yet, and since when; seconds since 1970."""

    app: str
    reason: str
    since: float


def holds(store: Store, apps: Iterable[str]) -> list[Hold]:
    """Apps that are paused or wait for others, and digests in quarantine.

    Raises StoreUnavailable.
    """
    named = set(apps)
    found = [
        Hold(one.app, f"paused by {one.by}. To go on: deployer resume {one.app}", one.at)
        for one in store.paused().values()
    ]
    found += [
        Hold(
            one.app,
            f"{one.digest[:19]} is in quarantine since deployment {one.deployment}: {one.reason}. "
            f"To try it again: deployer unquarantine {one.app} {one.digest[:19]}",
            one.at,
        )
        for one in store.quarantined()
    ]
    found += [Hold(**one) for one in store.snapshot().get("waits", ())]
    return sorted((one for one in found if one.app in named), key=lambda one: (one.app, one.since))


def troubles(store: Store, apps: Iterable[str], now: float) -> list[Trouble]:
    """All that is not well; none of it keeps a delivery from being accepted.

    Raises StoreError where the store itself cannot be asked.
    """
    snapshot, lasts, apps = store.snapshot(), store.last_deployments(), list(apps)
    found = _of_worker(snapshot, now)
    if not found:
        found = _of_waits(snapshot) + _of_config(snapshot) + _of_nginx(snapshot)
        settled = [app for app in apps if app in lasts and lasts[app].status in ENDED]
        if is_fresh(snapshot, now):
            found += _of_replicas(snapshot, store.active(), settled)
            found += [Trouble(**one) for one in snapshot.get("left_behind", ())]
            found += _of_outputs(snapshot)
    for app in apps:
        last = lasts.get(app)
        if last is not None and _lacks_its_image(last):
            found.append(Trouble(app, last.reason, last.ended_at))
    known = {one.what for one in found}
    return found + [one for one in _of_tags(snapshot, now) if one.what not in known]


def beat_at(snapshot: Mapping[str, Any]) -> float | None:
    """When the worker was last known to live; None where it never was."""
    at: float | None = snapshot.get("worker", snapshot).get("at")
    return at


def is_fresh(snapshot: Mapping[str, Any], now: float) -> bool:
    """Whether what a snapshot says is still to be believed."""
    at = snapshot.get("at")
    return at is not None and now - at <= STALE


def healthy(snapshot: Mapping[str, Any], app: str, deployment: int, wanted: int) -> tuple[int, int]:
    """How many replicas of a deployment are well, and of how many.

    One that is gone is missing from the snapshot, and still belongs to the total.
    """
    replicas = [
        one for one in snapshot.get("apps", {}).get(app, []) if one["deployment"] == deployment
    ]
    well = sum(one["state"] == "running" and one["health"] in ("", "healthy") for one in replicas)
    return well, max(wanted, len(replicas))


def compared(snapshot: Mapping[str, Any], app: str) -> Mapping[str, Any] | None:
    """The last look at the app's tag: `tag`, `digest`, `at`, `result` (same, moved or held), why.

    None where there was none yet.
    """
    seen: Mapping[str, Any] | None = snapshot.get("reconcile", {}).get("apps", {}).get(app)
    return seen


def without_image(snapshot: Mapping[str, Any], app: str, kept: Iterable[int]) -> list[int]:
    """Of these kept releases, those whose image somebody removed: a rollback has to pull it.

    What no worker has looked at is not said to be gone.
    """
    here = snapshot.get("images", {}).get(app)
    return [] if here is None else [number for number in kept if number not in here]


def _of_worker(snapshot: Mapping[str, Any], now: float) -> list[Trouble]:
    at = beat_at(snapshot)
    if at is None:
        return [Trouble("worker", "it has not looked yet. Is it running? See: deployer work")]
    if now - at <= STALE:
        return []
    reason = (
        f"it seems not to run, or cannot write to the store: it last did {ago(at, now)}. "
        "Nothing is deployed until it does; look at its log, or start it with: deployer serve"
    )
    return [Trouble("worker", reason, at)]


def _of_waits(snapshot: Mapping[str, Any]) -> list[Trouble]:
    waits = snapshot.get("worker", {}).get("waits", [])
    return [Trouble("worker", one["reason"], one["since"]) for one in waits]


def _of_replicas(
    snapshot: Mapping[str, Any], active: Mapping[str, Active], settled: Iterable[str]
) -> list[Trouble]:
    """Apps that should serve, are not being deployed, and of which nothing runs."""
    reason = "nothing of it runs. Look at `docker ps -a`, then start it anew: deployer deploy {}"
    return [
        Trouble(app, reason.format(app))
        for app in settled
        if app in active
        and not any(
            one["deployment"] == active[app].deployment and one["state"] == "running"
            for one in snapshot.get("apps", {}).get(app, [])
        )
    ]


def _of_config(snapshot: Mapping[str, Any]) -> list[Trouble]:
    known = snapshot.get("config", {})
    problem, waiting = known.get("problem"), known.get("restart", [])
    found = []
    if problem is not None:
        reason = f"the one from before stays in force, this cannot be used: {problem['reason']}"
        found.append(Trouble("configuration", reason, problem["since"]))
    if waiting:
        reason = f"not in force before a restart of deployer: {', '.join(waiting)}"
        found.append(Trouble("configuration", reason))
    return found


def _of_tags(snapshot: Mapping[str, Any], now: float) -> list[Trouble]:
    """What keeps tags from being compared; an old snapshot says nothing of it."""
    if not is_fresh(snapshot, now):
        return []
    failing = snapshot.get("reconcile", {}).get("failing", [])
    return [
        Trouble(one["what"], f"tags are not compared: {one['reason']}", one["since"])
        for one in failing
    ]


def _of_nginx(snapshot: Mapping[str, Any]) -> list[Trouble]:
    nginx = snapshot.get("nginx")
    if nginx is None or nginx["live"] is not None:
        return []
    reason = "it does not answer. Read its log (`docker logs`, or the host's error log)"
    return [Trouble("Nginx", reason, snapshot["at"])]


def _of_outputs(snapshot: Mapping[str, Any]) -> list[Trouble]:
    return [
        Trouble(f"output {name}", one["reason"], one["since"])
        for name, one in sorted(snapshot.get("outputs", {}).items())
        if one["reason"]
    ]


def _lacks_its_image(last: Deployment) -> bool:
    return last.status is Status.FAILED and last.step in _FROM_REGISTRY
