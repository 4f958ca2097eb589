"""Follows what changes in Docker: only a wake-up, what there is says the list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from deployer.errors import DeployerError, Interrupted
from deployer.ports import Engine

log = structlog.get_logger()

LONGEST = 60.0
# A restart is several events; one look is enough for all that come together.
TOGETHER = 0.1
RETRY = 2.0


@dataclass(slots=True)
class Watching:
    """Calls `changed` shortly after a container of ours changed by itself, or may have.

    Where Docker is away it asks again, quietly: the worker's own looks say so. Once it listens it
    calls as well, so that what came before is seen by the look that follows. `lost` is called
    when Docker has ended the connection or does not answer. Times in seconds.
    """

    engine: Engine
    changed: Callable[[], None]
    together: float = TOGETHER
    retry: float = RETRY
    lost: Callable[[], None] = lambda: None

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""

        def stopping() -> None:
            if stop.is_set():
                raise Interrupted("the worker is being stopped")

        after = ""
        while not stop.is_set():
            try:
                moment = self.engine.wait_for_change(after, timeout=LONGEST, stopping=stopping)
            except Interrupted:
                return
            except DeployerError as error:
                log.debug("events are not followed", reason=str(error))
                self.lost()
                after = ""
                stop.wait(self.retry)
                continue
            if moment == after:
                self.lost()
            if moment is not None:
                stop.wait(self.together)
                self.changed()
            after = moment or after
