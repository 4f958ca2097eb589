"""`serve` follows its configuration: what is sound goes to the receiver and to the worker."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

import structlog

from deployer.cli.handover import Handover
from deployer.cli.supervisor import Child
from deployer.config.sources import Sources
from deployer.config.values import Config, ReceiverPart
from deployer.errors import ConfigError

log = structlog.get_logger()

_WAITS = ("bind", "port", "store")
"""What the receiver cannot change while it runs; the worker names these settings."""


@dataclass(slots=True)
class Follower:
    """Reads the files when they have changed, or when it is asked to.

    The worker reads them by itself, as a whole too: both take a configuration or none does.
    """

    sources: Sources[tuple[Config, ReceiverPart]]
    part: ReceiverPart
    handover: Handover
    receiver: Child
    worker: Child

    def look(self, asked: bool) -> None:
        """Look at the files; `asked` is whether somebody wants them read at once."""
        if asked:
            self.worker.send(signal.SIGHUP)
        if not asked and not self.sources.changed(time.monotonic()):
            return
        try:
            _, part = self.sources.load()
        except ConfigError as error:
            # The worker says it at length, in the log and in the status.
            log.warning("the receiver keeps its configuration", reason=error.problems[0])
            return
        part = part.model_copy(update={name: getattr(self.part, name) for name in _WAITS})
        if part != self.part:
            self.part = part
            self._hand_over()

    def _hand_over(self) -> None:
        told = self.handover.renew(self.part)
        log.info("the receiver is told of its new configuration", at_once=told)
        # One that cannot be told is started again, and is given the new one then.
        self.receiver.send(signal.SIGHUP if told else signal.SIGTERM)
