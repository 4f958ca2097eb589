"""Who comes when: what has to wait in the queue, and what is kept back for another app's sake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from deployer import order, policy
from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import Refused
from deployer.model import App
from deployer.ports import Store


def held_back(store: Store, apps: Mapping[str, App]) -> dict[int, str]:
    """Those that have to wait, by id, and why."""
    waiting = store.waiting()
    if not waiting:
        return {}
    paused = {name: one.by for name, one in store.paused().items()}
    held = policy.held_back(waiting, paused)
    ready = [one for one in waiting if one.id not in held]
    return held | order.held_back(ready, store.running(), store.active(), apps)


def waits(store: Store, apps: Mapping[str, App]) -> list[dict[str, Any]]:
    """Those that wait for other apps, as the snapshot shows them."""
    held, paused = held_back(store, apps), store.paused()
    return [
        {"app": one.app, "reason": f"deployment {one.id} {held[one.id]}", "since": one.queued_at}
        for one in store.waiting()
        if one.id in held and one.app not in paused
    ]


def bootstrap(
    store: Store, apps: Mapping[str, App], at: float, leaving: Collection[str] = ()
) -> None:
    """Queue a first deployment of each app that serves nothing and has none under way."""
    active = store.active()
    for name in order.in_order(apps):
        newest = store.deployments(name, limit=1)
        waiting = bool(newest) and newest[0].status in (Status.QUEUED, Status.RUNNING)
        if name not in active and not waiting and name not in leaving:
            store.enqueue(Wanted(name, Trigger.BOOTSTRAP), at)


def keep_order(store: Store, apps: Mapping[str, App], deployment: Deployment) -> None:
    """Raise Refused for an image that an app before this one was to run and did not take."""
    before = order.before_it(deployment.app, apps)
    newest = {name: store.deployments(name) for name in before}
    if why := order.kept_back(deployment, newest, apps):
        raise Refused(why)
