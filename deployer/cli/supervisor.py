"""A parent of few processes: starts them, restarts what dies, ends when all have ended."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
HEALTHY_AFTER = 60.0
_GLANCE = 0.5
_STOP = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Child:
    """A process that is to run, and how it is started; it leads a session of its own."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    delay: float = FIRST_DELAY

    def launch(self) -> None:
        """Start it; where that fails (no memory, no process left) it is tried again later."""
        self.started_at = time.monotonic()
        try:
            self.process = self.start()
        except OSError as error:
            delay = self.postpone()
            log.error("cannot start child", child=self.name, why=str(error), restart_in=delay)  # noqa: TRY400
        else:
            log.info("child started", child=self.name, pid=self.process.pid)

    def reap(self) -> str | None:
        """How it ended, if it has; what is left of its session is killed then.

        A gunicorn whose master was killed would else keep the port for a second.
        """
        if self.process is None:
            return None
        if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.send(signal.SIGKILL, group=True)
        code = self.process.wait()
        self.process = None
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def postpone(self) -> float:
        """When it died: the seconds until its restart, doubling unless it had lived well."""
        if time.monotonic() - self.started_at >= HEALTHY_AFTER:
            self.delay = FIRST_DELAY
        delay, self.delay = self.delay, min(self.delay * 2, LONGEST_DELAY)
        self.due_at = time.monotonic() + delay
        return delay

    def send(self, number: int, *, group: bool = False) -> None:
        """Send it, or all of its session, a signal; it may be gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.process.pid, number)


class Supervisor:
    """Runs the children until SIGTERM or SIGINT, which end them by SIGTERM; a second kills.

    `follow` is called now and then, with True at SIGHUP; without it SIGHUP is ignored. For the
    main thread: it takes the signals, and a child that is tied to its parent is tied to the
    thread that started it.
    """

    def __init__(
        self, children: Sequence[Child], follow: Callable[[bool], None] | None = None
    ) -> None:
        self.children = children
        self._follow = follow
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> None:
        """Return when the children were told to end, and have ended."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (*_STOP, signal.SIGCHLD):
            signal.signal(number, self._note)
        while (got := self._wait()) not in _STOP:
            self._reap_and_restart()
            if self._follow is not None:
                self._follow(got == signal.SIGHUP)
        self._stop()

    def _note(self, number: int, _: object) -> None:
        self._signals.put(number)

    def _wait(self) -> int | None:
        """Start what is due; the next signal, or None when something is due."""
        # A child is born with SIGHUP ignored: before it has a handler, it would die of one.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for child in self.children:
            if child.process is None and child.due_at <= time.monotonic():
                child.launch()
        if self._follow is not None:
            signal.signal(signal.SIGHUP, self._note)
        waiting = [child.due_at for child in self.children if child.process is None]
        timeout = max(0.0, min(waiting) - time.monotonic()) if waiting else None
        if self._follow is not None:
            timeout = _GLANCE if timeout is None else min(timeout, _GLANCE)
        with suppress(queue.Empty):
            return self._signals.get(timeout=timeout)
        return None

    def _reap_and_restart(self) -> None:
        for child in self.children:
            why = child.reap()
            if why:
                lived = round(time.monotonic() - child.started_at, 1)
                delay = child.postpone()
                log.error("child died", child=child.name, why=why, lived=lived, restart_in=delay)

    def _stop(self) -> None:
        log.info("stopping", children=[child.name for child in self.children if child.process])
        for child in self.children:
            child.send(signal.SIGTERM)
        while True:
            for child in self.children:
                why = child.reap()
                if why:
                    log.info("child ended", child=child.name, how=why)
            if not any(child.process for child in self.children):
                return
            if self._signals.get() in _STOP:
                log.warning("killing what has not ended")
                for child in self.children:
                    child.send(signal.SIGKILL, group=True)
