"""Brings apps to their configuration: what serves with another spec is deployed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import structlog

from deployer import tags
from deployer.choosing import waits_for_push
from deployer.deployment import Status, Trigger, Wanted
from deployer.drift import DEPTH
from deployer.errors import Refused
from deployer.model import App, Release
from deployer.order import in_order
from deployer.parts import Parts
from deployer.ports import Active

log = structlog.get_logger()


@dataclass(slots=True)
class Settling:
    """The apps whose configuration may be another than what serves, until that is settled.

    A changed app of which a deployment is queued or runs waits for its end: the queued one takes
    the new configuration by itself, and the running one may change what serves. At a start both
    have the configuration of now.
    """

    parts: Callable[[], Parts]
    _open: dict[str, bool] = field(init=False, default_factory=dict)

    def ask(self, names: Iterable[str], *, ordered: bool) -> None:
        """Look at these apps; `ordered` is whether somebody has changed just their keys.

        Else (at a start) an app that an operator took back to an earlier release, or whose
        adopted container serves, stays there. What serves nothing is no matter of this.
        """
        for name in names:
            self._open[name] = ordered or self._open.get(name, False)

    def turn(self) -> None:
        """Queue what is needed of what can be settled now. Raises StoreError."""
        if not self._open:
            return
        parts = self.parts()
        active = parts.store.active()
        line = in_order(parts.apps)
        for name in sorted(self._open, key=lambda one: line.index(one) if one in line else -1):
            app, ordered = parts.apps.get(name), self._open[name]
            wanted = app and self._wanted(app, active.get(name), ordered=ordered)
            if not wanted:
                del self._open[name]
                continue
            queued = parts.store.enqueue_if_idle(wanted, parts.now())
            if queued is not None:
                log.info("configuration is deployed", app=name, deployment=queued)
            if queued is not None or not ordered:
                del self._open[name]

    def _wanted(self, app: App, active: Active | None, *, ordered: bool) -> Wanted | None:
        """What deploys the app's configuration; None where it serves, or is not to."""
        store = self.parts().store
        if active is None:
            return None
        try:
            release = store.open_release(app.name, active.release)
        except Refused as error:
            log.warning("cannot tell what serves", app=app.name, reason=str(error))
            return None
        if _serves(app, release):
            return None
        if not ordered and self._is_chosen(active):
            log.info("another release serves, by order", app=app.name, release=release.number)
            return None
        wanted = _same_image(app, release)
        if not (wanted.tag or wanted.digest) and waits_for_push(app, store):
            log.info("what serves stays until one of its tags is pushed", app=app.name)
            return None
        return wanted

    def _is_chosen(self, active: Active) -> bool:
        """Whether an operator took the app back to what serves, or gave a container for it."""
        store = self.parts().store
        adopted = {one.deployment for one in store.adopted()}
        # What serves may have been deployed again since, to follow the network that it shares.
        back = any(
            one.trigger is Trigger.ROLLBACK
            and (one.release, one.status) == (active.release, Status.SUCCEEDED)
            for one in store.deployments(active.app, DEPTH)
        )
        return back or active.deployment in adopted


def _serves(app: App, release: Release) -> bool:
    named = replace(release.image, tag="", digest="") == app.image
    return named and release.spec == app.spec and _is_allowed(app, release.image.tag)


def _same_image(app: App, release: Release) -> Wanted:
    """The digest that serves with the app's spec of now: one change at a time.

    Where the app has another image or other tags the digest says nothing, and what its tags say
    to start from does.
    """
    wanted = Wanted(app.name, Trigger.CONFIG)
    same = replace(release.image, tag="", digest="") == app.image
    if same and _is_allowed(app, release.image.tag):
        return replace(wanted, tag=release.image.tag, digest=release.image.digest)
    return wanted


def _is_allowed(app: App, tag: str) -> bool:
    """Whether the app may serve what has this tag; "" is what was deployed by its digest."""
    return not tag or tags.allows(app.tags, tag)
