"""Reports deployments to where their code lives, from the outbox that their transitions are."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from deployer.config.values import Destination
from deployer.deployment import Deployment, Status
from deployer.errors import DeployerError, ReportError, ReportUnavailable
from deployer.ports import Change, Notifier, Report, Store
from deployer.telling import report_of

log = structlog.get_logger()

GLANCE = 0.1
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
LONGEST_WISH = 3600.0
ATTEMPTS = 12
LIMIT = 30.0

_State = tuple[int, Status]


@dataclass(slots=True)
class _Call:
    """A report on its way, in a thread that nobody waits for: a server may hang."""

    report: Report
    until: float
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def make(self, notifier: Notifier, to: Destination) -> None:
        """Tell, and keep what comes of it, whatever that is."""
        try:
            notifier.tell(to, self.report)
        except DeployerError as error:
            self.error = error
        except Exception as error:
            log.exception("a report broke")
            self.error = error
        self.over.set()


@dataclass(slots=True)
class _Queue:
    """What is left to be reported of one app, in its order.

    `to` is where, `read` the last change that was queued, `settled` the state of a deployment that
    needs no further report, `tried` the one that was to be reported last, and `attempts` how often;
    `due` (monotonic) is when the next attempt is.
    """

    to: Destination
    read: int
    changes: deque[Change] = field(default_factory=deque)
    settled: _State | None = None
    tried: _State | None = None
    attempts: int = 0
    due: float = 0.0
    call: _Call | None = None
    failing: dict[str, Any] | None = None


@dataclass(slots=True)
class Reports:
    """Tells of each app in `wanted`, one report after the other, and no app waits for another.

    At least once: what a worker did not come to tell, the next one does. What may pass is tried
    `attempts` times after ever longer pauses (seconds), then given up; no deployment knows of it.
    `pages` is what the address of a deployment's page begins with, "" for none; `limit` how long
    one report may take. `now` is in seconds since 1970.
    """

    notifier: Notifier
    store: Store
    wanted: Mapping[str, Destination]
    pages: str = ""
    now: Callable[[], float] = time.time
    first_pause: float = FIRST_PAUSE
    longest_pause: float = LONGEST_PAUSE
    attempts: int = ATTEMPTS
    limit: float = LIMIT
    _begun: Mapping[str, Destination] | None = field(init=False, default=None)
    _queues: dict[str, _Queue] = field(init=False, default_factory=dict)
    _cursor: int = field(init=False, default=0)
    _unread: bool = field(init=False, default=True)
    _changed: Callable[[], None] = field(init=False, default=lambda: None)

    def begin(self) -> None:
        """Go on where the last worker was, before anything is deployed. Raises StoreError."""
        self._take_up()

    def follow(self, wanted: Mapping[str, Destination]) -> None:
        """Tell of these apps from now on, and of no others."""
        self.wanted = wanted

    def runs(self, changed: Callable[[], None]) -> list[Callable[[threading.Event], None]]:
        """What runs in a thread of its own, until an event is set.

        `changed` is called when something begins to fail or works again, so that it is shown.
        """
        self._changed = changed
        return [self._report_on]

    def shown(self) -> dict[str, dict[str, Any]]:
        """What the snapshot says of each app: why it fails, "" where it does not, and since.

        An app is there once each change of its deployments is told of.
        """
        queues = self._queues.items()
        return {app: one.failing or {"reason": "", "since": None} for app, one in queues}

    # the thread

    def _report_on(self, stop: threading.Event) -> None:
        while not stop.wait(GLANCE):
            try:
                self._turn()
            except DeployerError as error:
                # The worker itself says that the store is away.
                log.debug("no reports", reason=str(error))

    def _turn(self) -> None:
        if self._begun is None:
            return
        self._take_up()
        if not self._queues:
            return
        self._unread = self.store.changed() or self._unread
        if self._unread:
            self._read()
            self._unread = False
        for queue in self._queues.values():
            self._go_on(queue)

    def _take_up(self) -> None:
        wanted = self.wanted
        if wanted is self._begun:
            return
        queues = {}
        for app, at in self.store.begin_reports(wanted.keys()).items():
            queues[app] = self._queues.get(app) or _Queue(wanted[app], at)
            queues[app].to = wanted[app]
        self._queues = queues
        self._cursor = min((one.read for one in self._queues.values()), default=0)
        self._begun, self._unread = wanted, True
        self._changed()

    def _read(self) -> None:
        for change in self.store.changes(self._cursor):
            queue = self._queues.get(change.app)
            if queue is not None and change.id > queue.read:
                queue.changes.append(change)
                queue.read = change.id
            self._cursor = change.id

    def _go_on(self, queue: _Queue) -> None:
        call = queue.call
        if call is not None:
            if not call.over.is_set() and time.monotonic() < call.until:
                return
            queue.call = None
            self._settle(queue, call)
        while queue.changes and queue.call is None and queue.due <= time.monotonic():
            self._begin(queue, queue.changes[0])

    def _begin(self, queue: _Queue, change: Change) -> None:
        """Report how the deployment stands now, which may be later than that change."""
        one = self.store.deployment(change.deployment)
        state = (one.id, one.status) if one else queue.settled
        report = report_of(one, self.pages) if one else None
        if one is None or report is None or state == queue.settled:
            if one is not None and state != queue.settled:
                _say_why_not(one)
            queue.settled = state
            self._done(queue, change)
            return
        if state != queue.tried:
            queue.tried, queue.attempts = state, 0
        queue.call = _Call(report, time.monotonic() + self.limit)
        about = (self.notifier, queue.to)
        threading.Thread(target=queue.call.make, args=about, name="report", daemon=True).start()

    def _done(self, queue: _Queue, change: Change) -> None:
        self.store.reported(change)
        queue.changes.popleft()
        queue.due = 0.0

    # what comes of a report

    def _settle(self, queue: _Queue, call: _Call) -> None:
        report = call.report
        error = call.error
        if not call.over.is_set():
            error = ReportUnavailable(f"it was not taken within {self.limit:g} s")
        if error is None:
            which = {"app": report.app, "deployment": report.deployment}
            log.info("reported", **which, status=report.status.value, revision=report.revision)
            if queue.failing:
                queue.failing = None
                self._changed()
        elif self._later(queue, error):
            self._fails(queue, f"{_which(report)}: {error}; it is tried again")
            return
        else:
            self._fails(queue, f"{_which(report)}: {_words(error)}")
        queue.settled = (report.deployment, report.status)
        self._done(queue, queue.changes[0])

    def _later(self, queue: _Queue, error: Exception) -> bool:
        """Whether it is tried again, and then when."""
        queue.attempts += 1
        helps = not isinstance(error, ReportError) or error.retry
        if not isinstance(error, DeployerError) or not helps or queue.attempts >= self.attempts:
            return False
        pause = min(self.first_pause * 2 ** (queue.attempts - 1), self.longest_pause)
        wish = error.after if isinstance(error, ReportUnavailable) else 0.0
        queue.due = time.monotonic() + max(pause, min(wish, LONGEST_WISH))
        return True

    def _fails(self, queue: _Queue, reason: str) -> None:
        known = queue.failing
        if known is None or known["reason"] != reason:
            log.warning("report fails", reason=reason)
        queue.failing = {"reason": reason, "since": known["since"] if known else self.now()}
        if known is None:
            self._changed()


def _which(report: Report) -> str:
    return f"deployment {report.deployment} ({report.status}) is not reported"


def _words(error: Exception) -> str:
    if isinstance(error, ReportUnavailable):
        return f"{error}; it was tried often enough, and given up"
    if isinstance(error, DeployerError):
        return str(error)
    return f"a fault in deployer itself ({type(error).__name__}). The worker's log has it"


def _say_why_not(one: Deployment) -> None:
    if one.status in (Status.SUCCEEDED, Status.FAILED) and not one.revision:
        why = "no commit is known: its image was not pulled, or has no such label"
        label = "org.opencontainers.image.revision"
        log.info("not reported", app=one.app, deployment=one.id, why=why, label=label)
