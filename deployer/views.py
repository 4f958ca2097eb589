"""What a program reads of apps and deployments: the JSON of the API and of `--json`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deployer import condition, evidence
from deployer.deployment import Deployment, Transition
from deployer.ports import Delivery, Order, Store

View = dict[str, Any]


def moment(at: float | None) -> str | None:
    """A time (seconds since 1970) as ISO 8601 in UTC with milliseconds; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def deployment(one: Deployment, transitions: Sequence[Transition] | None = None) -> View:
    """A deployment; with its history, oldest first, where that is given."""
    view: View = {
        "id": one.id,
        "app": one.app,
        "trigger": one.trigger.value,
        "status": one.status.value,
        "step": one.step.value if one.step else None,
        "tag": one.tag or None,
        "digest": one.digest or None,
        "revision": one.revision or None,
        "release": one.release,
        "delivery": one.delivery,
        "attempt": one.attempt,
        "strategy": one.strategy.value if one.strategy else None,
        "cancelled_by": one.cancelled_by or None,
        "queued_at": moment(one.queued_at),
        "started_at": moment(one.started_at),
        "ended_at": moment(one.ended_at),
        "reason": one.reason or None,
        "detail": evidence.plain(one.detail) or None,
        "evidence": [
            {"title": piece.title, "text": piece.text} for piece in evidence.read(one.detail)
        ],
        "serving": one.serving,
    }
    if transitions is not None:
        view["transitions"] = [_transition(each) for each in transitions]
    return view


def _transition(one: Transition) -> View:
    return {
        "at": moment(one.at),
        "status": one.status.value,
        "step": one.step.value if one.step else None,
        "message": one.message,
    }


def order(one: Order, queued: Deployment | None) -> View:
    """An order, and the deployment that it became."""
    return {
        "order": {
            "id": one.id,
            "kind": one.kind,
            "app": one.app,
            "given_by": one.given_by,
            "given_at": moment(one.given_at),
            "tag": one.tag or None,
            "digest": one.digest or None,
            "release": one.release,
            "result": one.result or None,
            "reason": one.reason,
        },
        "deployment": deployment(queued) if queued else None,
    }


def delivery(one: Delivery, queued: Iterable[Deployment]) -> View:
    """A delivery without its body, and where the deployments that it queued are by now."""
    return {
        "id": one.id,
        "hook": one.hook,
        "received_at": moment(one.received_at),
        "sender_id": one.sender_id or None,
        "verdict": one.verdict,
        "reason": one.reason,
        "replay_of": one.replay_of,
        "given_by": one.given_by or None,
        "deployments": [
            {"id": each.id, "app": each.app, "status": each.status.value} for each in queued
        ],
    }


def body(raw: bytes) -> View:
    """A body as it came: as text where it is UTF-8, else in Base64; `size` in bytes."""
    try:
        encoding, text = "utf-8", raw.decode()
    except UnicodeDecodeError:
        encoding, text = "base64", b64encode(raw).decode()
    return {"size": len(raw), "encoding": encoding, "body": text}


def apps(configured: Mapping[str, tuple[str, Sequence[str]]], store: Store, now: float) -> View:
    """Every app (name -> image and tags): what it serves, its last deployment, its replicas, and
    when its tag was last compared with what serves, with what result.

    `snapshot` says when the worker saw the replicas and how old that is in seconds; an old one
    means that no worker runs. Raises StoreUnavailable.
    """
    snapshot = store.snapshot()
    return {
        "apps": [
            _app(name, image, tags, store, snapshot)
            for name, (image, tags) in sorted(configured.items())
        ],
        **status(configured, store, now),
    }


def app(name: str, image: str, tags: Sequence[str], store: Store, now: float) -> View:
    """One app as `apps` has it, with what holds it back. Raises StoreUnavailable."""
    snapshot = store.snapshot()
    return {
        **_app(name, image, tags, store, snapshot),
        "held_back": _held_back(store, [name]),
        "snapshot": _age(snapshot, now),
    }


def status(apps: Iterable[str], store: Store, now: float) -> View:
    """Whether all is well (`ok` or `degraded`), what is not, and how old that knowledge is.

    Raises StoreUnavailable.
    """
    snapshot = store.snapshot()
    apps = sorted(apps)
    found = condition.troubles(store, apps, now)
    return {
        "status": "degraded" if found else "ok",
        "troubles": [
            {"what": one.what, "reason": one.reason, "since": moment(one.since)} for one in found
        ],
        "held_back": _held_back(store, apps),
        "snapshot": _age(snapshot, now),
        "nginx": _nginx(snapshot),
        "certificates": [_certificate(one, now) for one in condition.certificates(snapshot, apps)],
    }


def _held_back(store: Store, apps: Sequence[str]) -> list[View]:
    return [
        {"app": one.app, "reason": one.reason, "since": moment(one.since)}
        for one in condition.holds(store, apps)
    ]


def _age(snapshot: View, now: float) -> View:
    at = snapshot.get("at")
    return {"at": moment(at), "age": None if at is None else round(max(0.0, now - at), 3)}


def _certificate(seen: Mapping[str, Any], now: float) -> View:
    ends = seen["ends"]
    return {
        "app": seen["app"],
        "hosts": list(seen["hosts"]),
        "expires_at": moment(ends),
        "days_left": None if ends is None else int((ends - now) // condition.DAY),
        "problem": seen["problem"] or None,
    }


def _nginx(snapshot: View) -> View | None:
    if (seen := snapshot.get("nginx")) is None:
        return None
    held = [{**one, "since": moment(one["since"])} for one in condition.held_sites(snapshot)]
    return {**seen, "held": held}


def _app(name: str, image: str, tags: Sequence[str], store: Store, snapshot: View) -> View:
    last = store.deployments(name, limit=1)
    return {
        "name": name,
        "image": image,
        "tags": list(tags),
        "active": _active(name, store),
        "last_deployment": deployment(last[0]) if last else None,
        "replicas": list(snapshot.get("apps", {}).get(name, [])),
        "compared": _compared(snapshot, name),
        "releases": _releases(name, store, snapshot),
    }


def _releases(name: str, store: Store, snapshot: View) -> list[View]:
    """Those that can be rolled back to; without its image that needs the registry."""
    rows = store.releases(name)
    gone = condition.without_image(snapshot, name, [row.number for row in rows])
    return [
        {
            "release": row.number,
            "tag": row.image.tag or None,
            "digest": row.image.digest or None,
            "created_at": moment(row.created_at),
            "image_is_here": row.number not in gone,
        }
        for row in rows
    ]


def _compared(snapshot: View, name: str) -> View | None:
    seen = condition.compared(snapshot, name)
    return None if seen is None else {**seen, "at": moment(seen["at"])}


def _active(name: str, store: Store) -> View | None:
    active = store.active().get(name)
    if active is None:
        return None
    digests = {row.number: row.image.digest for row in store.releases(name)}
    return {
        "release": active.release,
        "digest": digests.get(active.release) or None,
        "deployment": active.deployment,
    }
