"""Keeps the files of `outputs:` as what serves, and tells containers when theirs has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from deployer.config.values import Output
from deployer.errors import DeployerError
from deployer.model import Replica
from deployer.parts import Parts
from deployer.ports import Active, Engine, OutputApp, OutputWriter
from deployer.published import published

log = structlog.get_logger()

GLANCE = 0.1
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0

_Look = tuple[Parts, Mapping[str, Active], Sequence[Replica]]
_WRITING, _TELLING = "writing", "telling"


@dataclass(slots=True)
class Outputs:
    """Writes after each look of the worker, in a thread of its own, and tells in another one.

    So neither a slow disk nor a container that takes its time holds up routes, and the container
    no other file. A file that cannot be written is tried again at the next look, a container that
    cannot be told after ever longer pauses (seconds), also by the next worker: it is told at least
    once of each change. `now` is in seconds since 1970.
    """

    writer: OutputWriter
    engine: Engine
    wanted: Mapping[str, Output]
    now: Callable[[], float] = time.time
    first_pause: float = FIRST_PAUSE
    longest_pause: float = LONGEST_PAUSE
    _changed: Callable[[], None] = field(init=False, default=lambda: None)
    _look: _Look | None = field(init=False, default=None)
    _due: dict[str, float] = field(init=False, default_factory=dict)
    _pauses: dict[str, float] = field(init=False, default_factory=dict)
    _failing: dict[tuple[str, str], dict[str, Any]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.follow(self.wanted)

    def follow(self, wanted: Mapping[str, Output]) -> None:
        """Have these outputs from now on; what the last worker did not tell is told."""
        self.wanted = wanted
        self._due.update(dict.fromkeys(wanted, 0.0))
        for key in [key for key in self._failing.copy() if key[0] not in wanted]:
            self._failing.pop(key, None)

    def look(self, parts: Parts, active: Mapping[str, Active], replicas: Sequence[Replica]) -> None:
        """The worker has just seen this; returns at once."""
        self._look = (parts, active, replicas)

    def runs(self, changed: Callable[[], None]) -> list[Callable[[threading.Event], None]]:
        """What runs in threads of its own, until an event is set.

        `changed` is called when something begins to fail or works again, so that it is shown.
        """
        self._changed = changed
        return [self._write_on, self._tell_on]

    def shown(self) -> dict[str, dict[str, Any]]:
        """What the snapshot says of each output: why it fails, "" where it does not, and since."""
        failing, shown = self._failing.copy(), {}
        for name in self.wanted:
            well = {"reason": "", "since": None}
            shown[name] = failing.get((name, _WRITING)) or failing.get((name, _TELLING)) or well
        return shown

    # the threads

    def _write_on(self, stop: threading.Event) -> None:
        while not stop.wait(GLANCE):
            look, self._look = self._look, None
            if look is not None and self.wanted:
                self._write_all(look)

    def _tell_on(self, stop: threading.Event) -> None:
        while not stop.wait(GLANCE):
            for name, due in sorted(self._due.copy().items()):
                if due <= time.monotonic() and not stop.is_set():
                    # Before the question: who changes the file meanwhile asks for another turn.
                    self._due.pop(name, None)
                    self._tell(name)

    def _write_all(self, look: _Look) -> None:
        wanted = self.wanted
        try:
            apps = published(*look)
        except DeployerError as error:
            # Where the store is away the worker itself says so.
            for name in wanted if not error.retry else ():
                self._fails(name, _WRITING, str(error))
            return
        for name, output in wanted.items():
            self._attempt(name, _WRITING, partial(self._write, output, apps))

    def _write(self, output: Output, apps: Sequence[OutputApp]) -> None:
        if self.writer.write(output, apps):
            log.info("output written", output=output.name, file=str(output.file))
            self._pauses.pop(output.name, None)
            self._due[output.name] = 0.0

    def _tell(self, name: str) -> None:
        output = self.wanted.get(name)
        if output is None or output.container is None:
            self._failing.pop((name, _TELLING), None)
        elif self._attempt(name, _TELLING, partial(self._tell_of, output)):
            self._pauses.pop(name, None)
        else:
            pause = self._pauses.get(name, self.first_pause)
            self._pauses[name] = min(2 * pause, self.longest_pause)
            self._due.setdefault(name, time.monotonic() + pause)

    def _tell_of(self, output: Output) -> None:
        mark = self.writer.untold(output)
        if not mark or output.container is None:
            return
        if output.restart:
            self.engine.restart(output.container)
        else:
            self.engine.signal(output.container, output.signal or "")
        self.writer.told(output, mark)
        told = {"container": output.container, "signal": output.signal}
        log.info("container told of its file", output=output.name, **told)

    # what fails

    def _attempt(self, name: str, doing: str, act: Callable[[], None]) -> bool:
        """Do it, whatever is raised; whether it was done."""
        try:
            act()
        except DeployerError as error:
            self._fails(name, doing, str(error))
            return False
        except Exception as error:
            log.exception("an output broke", output=name)
            fault = f"a fault in deployer itself ({type(error).__name__}). The worker's log has it"
            self._fails(name, doing, fault)
            return False
        if self._failing.pop((name, doing), None):
            log.info("output goes on", output=name, doing=doing)
            self._changed()
        return True

    def _fails(self, name: str, doing: str, reason: str) -> None:
        known = self._failing.get((name, doing))
        if known is None or known["reason"] != reason:
            log.warning("output fails", output=name, doing=doing, reason=reason)
        since = known["since"] if known else self.now()
        self._failing[name, doing] = {"reason": reason, "since": since}
        if known is None:
            # Not for another reason: one that is never the same twice would keep everybody awake.
            self._changed()
