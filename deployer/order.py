"""Which apps come before others: who has to wait, and whom a failure keeps back; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from deployer.deployment import ENDED, Deployment, Status, Trigger
from deployer.model import App

_ASKED_FOR = (Trigger.OPERATOR, Trigger.ROLLBACK)
_NOT_TAKEN = (Status.FAILED, Status.REFUSED, Status.CANCELLED)


def held_back(
    queued: Sequence[Deployment],
    running: Sequence[Deployment],
    active: Collection[str],
    apps: Mapping[str, App],
) -> dict[int, str]:
    """Which queued deployments have to wait, by id, and why.

    One waits while an app that its own depends on has another under way that is older or was
    queued by the same delivery. A bootstrap waits until all of those serve, and for whatever
    they have under way: what is watched may still go back. A rollback waits for nobody.
    `queued` are those that may begin: what is paused keeps nobody waiting; `active` the apps
    that serve something.

    Nobody waits for ever: along `depends_on` there is no circle, and the first of those that
    are under way waits for nobody.
    """
    under_way = [*queued, *running]
    found = {}
    for one in queued:
        if one.app not in apps or one.trigger is Trigger.ROLLBACK:
            continue
        before = before_it(one.app, apps)
        ahead = [each for each in under_way if each.app in before and _is_ahead(each, one)]
        missing = [name for name in before if name not in active]
        if ahead:
            found[one.id] = f"waits for {_named(ahead)}, which {one.app} depends on"
        elif missing and one.trigger is Trigger.BOOTSTRAP:
            serve = "serves" if len(missing) == 1 else "serve"
            found[one.id] = f"waits until {' and '.join(missing)} {serve}, which it depends on"
    return found


def kept_back(
    wanted: Deployment,
    newest: Mapping[str, Sequence[Deployment]],
    serving: Mapping[str, str],
    apps: Mapping[str, App],
) -> str:
    """Why a deployment whose digest is known shall not go on; "" where it may.

    An app that this one depends on was to run the very same image and did not take it: its
    migration may have failed. Only what nobody asked for by hand is kept back. `newest` are
    the deployments of each app, newest first, `serving` the digests that they serve.
    """
    if wanted.trigger in _ASKED_FOR or not wanted.digest:
        return ""
    for name in before_it(wanted.app, apps):
        if serving.get(name) == wanted.digest:
            continue
        ended = (one for one in newest.get(name, ()) if one.status in ENDED and one.digest)
        last = next((one for one in ended if one.status is not Status.SUPERSEDED), None)
        if last and last.status in _NOT_TAKEN and last.digest == wanted.digest:
            return (
                f"{name}, which {wanted.app} depends on, does not run this image: its deployment "
                f"{last.id} {_ended(last.status)}. Deploy {name}, then `deployer deploy "
                f"{wanted.app}`"
            )
    return ""


def before_it(app: str, apps: Mapping[str, App]) -> list[str]:
    """The apps that come before one, those that they depend on included, nearest first."""
    found: list[str] = []
    waiting = list(apps[app].depends_on) if app in apps else []
    while waiting:
        name = waiting.pop(0)
        if name in found or name == app or name not in apps:
            continue
        found.append(name)
        waiting += apps[name].depends_on
    return found


def in_order(apps: Mapping[str, App]) -> list[str]:
    """All apps, each behind those that it depends on: how to queue several at once."""
    before = {name: [one for one in app.depends_on if one in apps] for name, app in apps.items()}
    return list(TopologicalSorter(before).static_order())


def _is_ahead(other: Deployment, one: Deployment) -> bool:
    together = one.delivery is not None and one.delivery == other.delivery
    return together or other.id < one.id or one.trigger is Trigger.BOOTSTRAP


def _named(deployments: Iterable[Deployment]) -> str:
    first = min(deployments, key=lambda one: one.id)
    return f"deployment {first.id} of {first.app}"


def _ended(status: Status) -> str:
    return {Status.FAILED: "failed", Status.REFUSED: "was refused"}.get(status, "was cancelled")
