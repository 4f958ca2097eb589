"""Orders for a plan: the worker finds out what is so, and answers; nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import structlog

from deployer.choosing import asked_for
from deployer.deployment import Deployment, Status
from deployer.errors import DeployerError, Refused
from deployer.model import App, Release
from deployer.parts import Parts
from deployer.plan import Facts, Plan, plan
from deployer.ports import Order
from deployer.sharing import joining

log = structlog.get_logger()

KIND = "plan"
MOST = 4


@dataclass(slots=True)
class Planner:
    """Answers orders for a plan, a few at once, each in a thread of the worker's.

    A registry may take its time, which the worker's loop does not have.
    """

    _busy: set[int] = field(init=False, default_factory=set)

    def takes(self, order: Order, parts: Parts, spawn: Callable[..., None]) -> bool:
        """Whether the order is for a plan; a thread is then at work on it, or will be.

        `spawn` starts a thread with a function and its arguments.
        """
        if order.kind != KIND:
            return False
        if order.id not in self._busy and len(self._busy) < MOST:
            self._busy.add(order.id)
            spawn(self._answer, parts, order)
        return True

    def _answer(self, parts: Parts, order: Order) -> None:
        try:
            told = answer(parts, order)
            log.info("plan", order=order.id, app=order.app, result=told.result, reason=told.reason)
        except DeployerError as error:
            log.warning("plan is left to the next look", order=order.id, reason=str(error))
        finally:
            self._busy.discard(order.id)


def answer(parts: Parts, order: Order) -> Order:
    """Write the plan that was asked for, or why there is none; the order as it is then.

    Raises StoreError where the answer cannot be written.
    """
    try:
        found = _plan(parts, order)
        answered = replace(order, result="accepted", detail=json.dumps(asdict(found)))
    except DeployerError as error:
        answered = replace(order, result="refused", reason=str(error))
    except Exception as error:
        log.exception("plan broke", order=order.id)
        reason = (
            f"a fault in deployer itself ({type(error).__name__}). "
            "The worker's log has the details; please report it"
        )
        answered = replace(order, result="refused", reason=reason)
    parts.store.answer(answered)
    return answered


def _plan(parts: Parts, order: Order) -> Plan:
    app = parts.apps.get(order.app)
    if app is None:
        raise Refused(
            f"the configuration in force has no app {order.app}. `deployer status` says where a "
            "changed one is not taken"
        )
    return plan(_facts(parts, app, order), parts.origins.get(app.name, {}))


def _facts(parts: Parts, app: App, order: Order) -> Facts:
    """All that the plan has to know; what is asked of store, engine and registry is only read."""
    store, engine = parts.store, parts.engine
    asked = asked_for(app, order.tag, order.digest, store, parts.registry)
    found = replace(parts.registry.resolve(asked, app.spec.platform), tag=asked.tag)
    active = store.active().get(app.name)
    live, unknown = _opened(parts, app.name, active.release if active else None)
    open_ones = _open(parts, app.name)
    needed = [one.release for one in open_ones if one.release is not None]
    paused = store.paused().get(app.name)
    host = parts.releases.host(app.spec.shares) if app.spec.shares else None
    bad = [one for one in store.quarantined(app.name) if one.digest == found.digest]
    return Facts(
        app=app,
        asked=asked,
        found=found,
        live=live,
        unknown=unknown,
        is_live=parts.releases.is_live(Release(app.name, 0, found, app.spec)),
        here=engine.has(found),
        replicas=engine.replicas(app.name),
        releases=[row.number for row in store.releases(app.name)],
        needed=needed,
        neighbours=_neighbours(parts.apps, app),
        sharers=[name for name, one in parts.apps.items() if one.spec.shares == app.name],
        running=parts.releases.running_spec(active, app) if host else None,
        ready=joining(app.spec, host.name) if host else None,
        hooks={one.when: one.command for one in app.hooks},
        under_way=open_ones,
        paused=paused.by if paused else "",
        quarantined=f"since deployment {bad[0].deployment}: {bad[0].reason}" if bad else "",
        taken=_taken(parts, app, live),
    )


def _opened(parts: Parts, app: str, number: int | None) -> tuple[Release | None, str]:
    """The release that serves, and why it cannot be read where that is so."""
    if number is None:
        return None, ""
    try:
        return parts.store.open_release(app, number), ""
    except Refused as error:
        return None, str(error)


def _open(parts: Parts, app: str) -> list[Deployment]:
    """The app's deployments that have not ended, oldest first."""
    newest = parts.store.deployments(app, limit=10)
    return [one for one in reversed(newest) if one.status in (Status.RUNNING, Status.QUEUED)]


def _neighbours(apps: Mapping[str, App], app: App) -> dict[str, tuple[str, ...]]:
    return {
        name: one.tags
        for name, one in apps.items()
        if name != app.name and one.image.name == app.image.name
    }


def _taken(parts: Parts, app: App, live: Release | None) -> dict[int, str]:
    """The ports of the host that the app wants, and that somebody else listens on."""
    held = {port.published for port in live.spec.ports} if live else set()
    wanted = {
        int(port.published)
        for port in app.spec.ports
        if port.protocol == "tcp" and port.published.isdigit() and port.published not in held
    }
    holders = {port: parts.listener(port) for port in wanted}
    return {port: holder for port, holder in holders.items() if holder}
