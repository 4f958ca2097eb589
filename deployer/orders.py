"""What operators ask for, checked against the configuration and turned into deployments."""

from __future__ import annotations

from dataclasses import replace

from deployer.deployment import Trigger, Wanted
from deployer.errors import Refused
from deployer.model import App
from deployer.ports import Order, Store
from deployer.releases import asked_for


def take(order: Order, app: App | None, store: Store, at: float) -> Order:
    """Act on an order: queue its deployment, or refuse it; the answer is in the store.

    The rows come from a process that faces the network, so nothing in them is believed:
    the app and tag must be configured, and a release must open under the worker's key.
    """
    try:
        wanted = _wanted(order, app, store)
    except Refused as error:
        answered = replace(order, result="refused", reason=str(error))
    else:
        deployment = store.enqueue(wanted, at)
        answered = replace(order, result="accepted", deployment=deployment)
    store.answer(answered)
    return answered


def _wanted(order: Order, app: App | None, store: Store) -> Wanted:
    if app is None:
        raise Refused(f"config.yml has no app {order.app}. Add it there and order again")
    if order.kind == "rollback":
        if order.release is None:
            raise Refused("the rollback names no release. Give the number of a kept one")
        release = store.open_release(app.name, order.release)
        return Wanted(
            app.name,
            Trigger.ROLLBACK,
            tag=release.image.tag,
            digest=release.image.digest,
            release=release.number,
        )
    if order.kind != "deploy":
        raise Refused(f"an order of kind {order.kind!r} is not known. Use deploy or rollback")
    asked_for(app, order.tag, order.digest)
    return Wanted(app.name, Trigger.OPERATOR, tag=order.tag, digest=order.digest)
