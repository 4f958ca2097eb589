"""Whether what waits behind a deployment is newer, or only the echo of the same push."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deployer.deployment import Deployment, Trigger
from deployer.errors import DeployerError
from deployer.parts import Parts

EVERY = 2.0
"""Seconds between two looks at the registry: a push that joins what waits moves the tag unseen."""


@dataclass(slots=True)
class Newer:
    """Asked again and again while a release is watched: what waits for it to be over.

    A registry tells of one push several times, once a tag or a platform, and such an echo must not
    cut short the watch that guards the release. `deployment` is the one that is watched.
    """

    parts: Parts
    deployment: Deployment
    clock: Callable[[], float] = time.monotonic
    _asked: float | None = field(init=False, default=None)
    _same: bool = field(init=False, default=False)

    def waits(self) -> bool:
        """Whether something newer waits; False where the store or the registry cannot tell.

        That is no reason to leave a release unguarded, or to take a healthy one back.
        """
        app, store = self.deployment.app, self.parts.store
        try:
            if not store.queued(app) or app in store.paused():
                return False
            waiting = next((one for one in store.waiting() if one.app == app), None)
            return waiting is not None and not self._is_echo(waiting)
        except DeployerError:
            return False

    def _is_echo(self, waiting: Deployment) -> bool:
        told = waiting.trigger is Trigger.WEBHOOK and not waiting.digest
        if not told or waiting.release is not None:
            return False
        if self._asked is None or self.clock() - self._asked >= EVERY:
            self._asked = self.clock()
            image = self.parts.apps[waiting.app].image
            tag = waiting.tag or self.deployment.tag
            seen = self.parts.registry.glance(replace(image, tag=tag))
            self._same = seen == self.deployment.digest
        return self._same
