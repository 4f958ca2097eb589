"""Who comes when: what has to wait in the queue, and what is kept back for another app's sake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from deployer import order, policy
from deployer.choosing import waits_for_push
from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import Refused
from deployer.model import App
from deployer.ports import Store


def may_begin(store: Store, apps: Mapping[str, App]) -> list[int]:
    """Those that need not wait, oldest first, by id."""
    return [one.id for one, why, _ in _judged(store, apps) if not why]


def waits(store: Store, apps: Mapping[str, App]) -> list[dict[str, Any]]:
    """Those that wait for other apps, or for their first push, as the snapshot shows them."""
    found: list[dict[str, Any]] = [
        {"app": one.app, "reason": f"deployment {one.id} {why}", "since": one.queued_at}
        for one, why, paused in _judged(store, apps)
        if why and not paused
    ]
    return found + [
        {"app": name, "reason": _first_push(app), "since": None}
        for name, app in apps.items()
        if waits_for_push(app, store)
    ]


def _first_push(app: App) -> str:
    return (
        f"waits for its first push: {', '.join(app.tags)} can be any of many tags. To deploy one "
        f"that is there already: deployer deploy {app.name} --tag TAG"
    )


def _judged(store: Store, apps: Mapping[str, App]) -> list[tuple[Deployment, str, bool]]:
    """What is queued, each with why it has to wait, and whether that is because of a pause."""
    waiting = store.waiting()
    if not waiting:
        return []
    paused = policy.held_back(waiting, {name: one.by for name, one in store.paused().items()})
    ready = [one for one in waiting if one.id not in paused]
    held = paused | order.held_back(ready, store.running(), store.active(), apps)
    return [(one, held.get(one.id, ""), one.id in paused) for one in waiting]


def bootstrap(
    store: Store, apps: Mapping[str, App], at: float, leaving: Collection[str] = ()
) -> None:
    """Queue a first deployment of each app that serves nothing and has none under way.

    One whose tags are only patterns that say nothing of which comes first waits for its push.
    """
    active = store.active()
    for name in order.in_order(apps):
        newest = store.deployments(name, limit=1)
        waiting = bool(newest) and newest[0].status in (Status.QUEUED, Status.RUNNING)
        begins = name not in leaving and not waits_for_push(apps[name], store)
        if name not in active and not waiting and begins:
            store.enqueue(Wanted(name, Trigger.BOOTSTRAP), at)


def keep_order(store: Store, apps: Mapping[str, App], deployment: Deployment) -> None:
    """Raise Refused for an image that an app before this one was to run and did not take."""
    before, active = order.before_it(deployment.app, apps), store.active()
    newest = {name: store.deployments(name) for name in before}
    serving = {
        row.app: row.image.digest
        for name in before
        if name in active
        for row in store.releases(name)
        if row.number == active[name].release
    }
    if why := order.kept_back(deployment, newest, serving, apps):
        raise Refused(why)
