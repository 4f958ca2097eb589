"""What operators ask for, checked against the configuration and carried out or queued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from deployer.choosing import check_asked
from deployer.deployment import Status, Trigger, Wanted
from deployer.errors import Refused
from deployer.model import App
from deployer.ports import Maintained, Order, Paused, Store


def take(order: Order, app: App | None, store: Store, at: float) -> Order:
    """Act on an order, or refuse it; the answer is in the store.

    The rows come from a process that faces the network, so nothing in them is believed:
    the app and tag must be configured, and a release must open under the worker's key.
    """
    try:
        done = _act(order, app, store, at)
    except Refused as error:
        answered = replace(order, result="refused", reason=str(error))
    else:
        answered = replace(done, result="accepted")
    store.answer(answered)
    return answered


def _act(order: Order, app: App | None, store: Store, at: float) -> Order:
    """The order with what came of it. Raises Refused."""
    if order.kind == "cancel":
        return _cancel(order, store, at)
    if app is None:
        raise Refused(f"config.yml has no app {order.app}. Add it there and order again")
    act = _KINDS.get(order.kind)
    if act is None:
        known = ", ".join([*sorted(_KINDS), "cancel"])
        raise Refused(f"an order of kind {order.kind!r} is not known. Known are {known}")
    return act(order, app, store, at)


def _deploy(order: Order, app: App, store: Store, at: float) -> Order:
    check_asked(app, order.tag, order.digest)
    wanted = Wanted(app.name, Trigger.OPERATOR, tag=order.tag, digest=order.digest)
    return replace(order, deployment=store.enqueue(wanted, at))


def _rollback(order: Order, app: App, store: Store, at: float) -> Order:
    if order.release is None:
        raise Refused("the rollback names no release. Give the number of a kept one")
    release = store.open_release(app.name, order.release)
    wanted = Wanted(
        app.name,
        Trigger.ROLLBACK,
        tag=release.image.tag,
        digest=release.image.digest,
        release=release.number,
    )
    number = store.enqueue(wanted, at)
    for one in store.running():
        if one.app == app.name:
            # Who goes back does not want what is on its way either.
            store.cancel(one.id, f"{order.given_by}, for rollback {number}", at)
    return replace(order, deployment=number)


_ENDED = {
    Status.SUCCEEDED: "has succeeded",
    Status.UNCHANGED: "ended, and nothing was to be done,",
    Status.FAILED: "has failed",
    Status.REFUSED: "was refused",
    Status.SUPERSEDED: "was superseded",
}


def _cancel(order: Order, store: Store, at: float) -> Order:
    found = store.cancel(order.deployment, order.given_by, at) if order.deployment else None
    if found is None:
        raise Refused(f"there is no deployment {order.deployment} to cancel")
    if found.cancelled_by != order.given_by:
        ended = f"was {found.reason}" if found.status is Status.CANCELLED else _ENDED[found.status]
        raise Refused(f"deployment {found.id} {ended} already: nothing is left to cancel")
    return replace(
        order, reason="" if found.status is Status.CANCELLED else "it is on its way back"
    )


def _pause(order: Order, app: App, store: Store, at: float) -> Order:
    store.pause(Paused(app.name, order.given_by, at))
    return order


def _resume(order: Order, app: App, store: Store, at: float) -> Order:
    if not store.resume(app.name):
        raise Refused(f"{app.name} is not paused")
    return order


def _close(order: Order, app: App, store: Store, at: float) -> Order:
    if app.route is None:
        raise Refused(f"{app.name} has no route, so Nginx sends it no requests")
    store.begin_maintenance(Maintained(app.name, order.given_by, at))
    return order


def _open(order: Order, app: App, store: Store, at: float) -> Order:
    if not store.end_maintenance(app.name):
        raise Refused(f"{app.name} is not in maintenance")
    return order


def _unquarantine(order: Order, app: App, store: Store, at: float) -> Order:
    if not store.lift_quarantine(app.name, order.digest):
        raise Refused(f"{app.name} has no digest {order.digest} in quarantine")
    return order


OF_ROUTES = frozenset({"maintenance-on", "maintenance-off"})
"""The kinds of orders that change what Nginx serves."""

_KINDS: dict[str, Callable[[Order, App, Store, float], Order]] = {
    "deploy": _deploy,
    "rollback": _rollback,
    "pause": _pause,
    "resume": _resume,
    "maintenance-on": _close,
    "maintenance-off": _open,
    "unquarantine": _unquarantine,
}
