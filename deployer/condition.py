"""Whether all is well, and what is not: read from the store, for `status` and the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.deployment import ENDED, Deployment, Status, Step
from deployer.ports import Active, Store
from deployer.words import ago

STALE = 15.0
"""Seconds after which a snapshot says that no worker writes it; one comes every five."""

DAY = 86400.0
ENDS_SOON = 14 * DAY
"""Seconds before a certificate expires from which on that is told as a trouble."""

RECEIVER = "receiver.host"
"""Whose the certificate of the receiver's own host is said to be."""

_FROM_REGISTRY = (Step.RESOLVE, Step.PULL)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well: with what, why and what to do, since when (seconds, 1970)."""

    what: str
    reason: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something of an app is not deployed yet, and since when; seconds since 1970.

    None for what was never otherwise.
    """

    app: str
    reason: str
    since: float | None


def holds(store: Store, apps: Iterable[str]) -> list[Hold]:
    """Apps that are paused, in maintenance or wait for others or a push; digests in quarantine.

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
            f"in maintenance by {one.by}: requests get 503. "
            f"To serve it again: deployer maintenance {one.app} off",
            one.at,
        )
        for one in store.maintained().values()
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
    mine = [one for one in found if one.app in named]
    return sorted(mine, key=lambda one: (one.app, one.since or 0.0))


def troubles(store: Store, apps: Iterable[str], now: float) -> list[Trouble]:
    """All that is not well; none of it keeps a delivery from being accepted.

    Raises StoreError where the store itself cannot be asked.
    """
    snapshot, lasts, apps = store.snapshot(), store.last_deployments(), list(apps)
    found = _of_worker(snapshot, now)
    if not found:
        found = _of_waits(snapshot) + _of_config(snapshot) + _of_nginx(snapshot)
        found += _of_certificates(snapshot, now)
        settled = [app for app in apps if app in lasts and lasts[app].status in ENDED]
        if is_fresh(snapshot, now):
            found += _of_replicas(snapshot, store.active(), settled)
            found += [Trouble(**one) for one in snapshot.get("left_behind", ())]
            found += _of_what_fails(snapshot)
    for app in apps:
        last = lasts.get(app)
        if last is not None and _lacks_its_image(last):
            found.append(Trouble(app, last.reason, last.ended_at))
    known = {one.what for one in found}
    return found + [one for one in _of_tags(snapshot, now) if one.what not in known]


def certificates(snapshot: Mapping[str, Any], apps: Iterable[str]) -> list[Mapping[str, Any]]:
    """What hosts of these apps, and the receiver's, are served with by TLS, as the worker saw it.

    Each has `app`, `hosts`, `ends` (seconds since 1970, None for no TLS) and `problem`.
    """
    named = {*apps, RECEIVER}
    return [one for one in snapshot.get("certificates", ()) if one["app"] in named]


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
    """Apps that should serve, are not being deployed, and of which nothing runs, or runs well."""
    found = []
    for app in settled:
        if app in active:
            mine = snapshot.get("apps", {}).get(app, [])
            serving = [one for one in mine if one["deployment"] == active[app].deployment]
            reason = _why_unwell(app, [one for one in serving if one["state"] == "running"])
            found += [Trouble(app, reason)] if reason else []
    return found


def _why_unwell(app: str, running: Sequence[Mapping[str, Any]]) -> str:
    """What is not well with the replicas that run; "" where all are."""
    if not running:
        return (
            f"nothing of it runs. Look at `docker ps -a`, then start it anew: deployer deploy {app}"
        )
    unwell = [one["name"] for one in running if one["health"] == "unhealthy"]
    if not unwell:
        return ""
    said = f"its HEALTHCHECK says unhealthy of {', '.join(unwell)}"
    if len(unwell) < len(running):
        return f"{said}: no requests go there until it is well. Look at: docker logs {unwell[0]}"
    return (
        f"{said}, and there is no other: requests go on to the last one that was well. Look at "
        f"`docker logs {unwell[0]}`, or take it back: deployer rollback {app}"
    )


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


def held_sites(snapshot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The apps whose site Nginx was not given as it should be: `app`, `reason`, `since`."""
    return list((snapshot.get("nginx") or {}).get("held", ()))


def _of_nginx(snapshot: Mapping[str, Any]) -> list[Trouble]:
    nginx = snapshot.get("nginx")
    found = [
        Trouble(one["app"], f"its site is held back: {one['reason']}", one["since"])
        for one in held_sites(snapshot)
    ]
    if nginx is not None and nginx["live"] is None:
        reason = "it does not answer. Read its log (`docker logs`, or the host's error log)"
        found.append(Trouble("Nginx", reason, snapshot["at"]))
    return found


def _of_certificates(snapshot: Mapping[str, Any], now: float) -> list[Trouble]:
    """Certificates that cannot be used, and those that end soon."""
    found = []
    for one in snapshot.get("certificates", ()):
        hosts, ends = ", ".join(one["hosts"]), one["ends"]
        if one["problem"]:
            found.append(Trouble(one["app"], f"TLS of {hosts}: {one['problem']}"))
        elif ends is not None and ends - now < ENDS_SOON:
            days = int((ends - now) // DAY)
            left = f"in {days} day{'' if days == 1 else 's'}" if days else "today"
            reason = f"the certificate of {hosts} expires {left}. Put a new one in its place"
            found.append(Trouble(one["app"], reason))
    return found


def _of_what_fails(snapshot: Mapping[str, Any]) -> list[Trouble]:
    """Files of `outputs`, and reports of apps; what serves is as it should be."""
    return [
        Trouble(f"{what} {name}", one["reason"], one["since"])
        for what in ("output", "report")
        for name, one in sorted(snapshot.get(f"{what}s", {}).items())
        if one["reason"]
    ]


def _lacks_its_image(last: Deployment) -> bool:
    return last.status is Status.FAILED and last.step in _FROM_REGISTRY
