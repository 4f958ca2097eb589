"""Clients that judge lost requests: each sends unique ids and counts what was not answered."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .errors import LabError
from .wire import Address, Answer, Broken, NotTaken, Wire

if TYPE_CHECKING:
    from .http2 import Http2Wire

CLOSING = "closing"
SATURATING = "saturating"
THINKING = "thinking"
HTTP2 = "http2"
DEFAULT_CLASSES: Mapping[str, int] = {CLOSING: 2, SATURATING: 2}
_KEPT_FAILURES = 5
_REST_AFTER_FAILURE = 0.01


@dataclass
class ClassReport:
    """What one class of clients saw; times are seconds since the start of the load.

    `answers` has when each request began that was answered, in seconds since 1970, and by which
    version. `resent` counts what a server that went away had not taken (HTTP/2).
    """

    sent: int = 0
    failed: int = 0
    resent: int = 0
    failures: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    versions: list[tuple[float, str]] = field(default_factory=list)
    answers: list[tuple[float, str]] = field(default_factory=list)
    slowest: float = 0.0
    slowest_at: float = 0.0

    def add(self, other: "ClassReport") -> None:
        """Take in what another thread of the class saw."""
        self.sent += other.sent
        self.failed += other.failed
        self.resent += other.resent
        self.answers += other.answers
        self.failures = sorted(self.failures + other.failures)[:_KEPT_FAILURES]
        self.ids += other.ids
        if other.slowest > self.slowest:
            self.slowest, self.slowest_at = other.slowest, other.slowest_at
        seen = sorted(self.versions + other.versions)
        self.versions = [one for i, one in enumerate(seen) if i == 0 or one[1] != seen[i - 1][1]]


@dataclass
class Report:
    """What all clients saw, per class."""

    seconds: float
    classes: dict[str, ClassReport]

    @property
    def sent(self) -> int:
        """Return how many requests were sent."""
        return sum(one.sent for one in self.classes.values())

    @property
    def failed(self) -> int:
        """Return how many of them got no answer, or another one than 200."""
        return sum(one.failed for one in self.classes.values())

    @property
    def versions(self) -> list[str]:
        """Return the versions that answered, each once, in the order of appearance."""
        seen = sorted(pair for one in self.classes.values() for pair in one.versions)
        return list(dict.fromkeys(version for _, version in seen))

    def __str__(self) -> str:
        return "\n".join(
            f"{name}: {one.sent} sent, {one.failed} failed, slowest {one.slowest * 1000:.0f} ms"
            + "".join(f"\n  {failure}" for failure in one.failures)
            for name, one in self.classes.items()
        )


@dataclass(frozen=True)
class Post:
    """How an app takes an id: where, as which type, and what is around it; the lab's app's way."""

    path: str = "/ids"
    kind: str = "text/plain"
    body: Callable[[str], str] = str


class Load:
    """Threads that post ids to host (a name for the Host header) at target until stopped."""

    def __init__(
        self,
        target: Address,
        host: str,
        classes: Mapping[str, int] = DEFAULT_CLASSES,
        *,
        post: Post = Post(),
        pace: float = 0.002,
        think: float = 0.3,
        timeout: float = 10,
        http2: Address | None = None,
    ) -> None:
        """`pace` is the closing clients' pause between requests, `think` the thinking ones'.

        HTTP/2 is spoken without TLS, at `http2` where that is not the target.
        """
        unknown = set(classes) - {CLOSING, SATURATING, THINKING, HTTP2}
        if unknown:
            raise LabError(f"there are no clients of the class {', '.join(sorted(unknown))}")
        self._pauses = {CLOSING: pace, SATURATING: 0.0, THINKING: think, HTTP2: pace}
        self._target = target
        self._http2 = http2 or target
        self._host = host
        self._post = post
        self._timeout = timeout
        self._stopping = threading.Event()
        # Two loads of one test must not share ids.
        self._run = secrets.token_hex(4)
        self._clients = [
            (name, ClassReport(), number)
            for name, count in classes.items()
            for number in range(count)
        ]
        self._threads: list[threading.Thread] = []
        self._started = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start sending."""
        self._started = time.monotonic()
        self._threads = [
            threading.Thread(target=self._work, args=client, daemon=True)
            for client in self._clients
        ]
        for thread in self._threads:
            thread.start()

    def least_sent(self) -> int:
        """Return how many requests the slowest class has sent so far."""
        sent: Counter[str] = Counter()
        for name, seen, _ in self._clients:
            sent[name] += seen.sent
        return min(sent.values())

    def stop(self) -> Report:
        """Let each client finish its request, and return what they saw; may be called again."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(self._timeout + 5)
        classes: dict[str, ClassReport] = {}
        for name, seen, _ in self._clients:
            classes.setdefault(name, ClassReport()).add(seen)
        return Report(time.monotonic() - self._started, classes)

    def _work(self, name: str, report: ClassReport, number: int) -> None:
        keeps = name != CLOSING
        wire: Wire | Http2Wire | None = None
        while not self._stopping.is_set():
            identity = f"{name}-{self._run}-{number}-{report.sent}"
            request = self._request(identity, keeps)
            report.sent += 1
            report.ids.append(identity)
            begun = time.monotonic()
            try:
                wire = wire or self._open(name)
                try:
                    answer = wire.ask(request)
                except NotTaken:
                    report.resent += 1
                    wire.close()
                    wire = self._open(name)
                    answer = wire.ask(request)
                self._note(report, begun, answer)
                stays = keeps and not answer.closes
            except Broken as error:
                self._fail(report, begun, str(error))
                stays = False
                # A refused connection costs nothing: without a rest one gap is thousands.
                self._stopping.wait(_REST_AFTER_FAILURE)
            if wire is not None and not stays:
                wire.close()
                wire = None
            if self._pauses[name]:
                self._stopping.wait(self._pauses[name])
        if wire is not None:
            wire.close()

    def _open(self, name: str) -> "Wire | Http2Wire":
        if name != HTTP2:
            return Wire(self._target, self._timeout)
        # Its library is wanted by few.
        from .http2 import Http2Wire

        return Http2Wire(self._http2, self._timeout)

    def _request(self, identity: str, keeps: bool) -> bytes:
        body = self._post.body(identity)
        return (
            f"POST {self._post.path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Connection: {'keep-alive' if keeps else 'close'}\r\n"
            f"Content-Type: {self._post.kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _note(self, report: ClassReport, begun: float, answer: Answer) -> None:
        now = time.monotonic()
        if now - begun > report.slowest:
            report.slowest, report.slowest_at = now - begun, begun - self._started
        if answer.status != 200:
            self._fail(report, begun, f"answered {answer.status}")
            return
        version = answer.headers.get("x-version", "")
        report.answers.append((time.time() - (now - begun), version))
        if not report.versions or report.versions[-1][1] != version:
            report.versions.append((now - self._started, version))

    def _fail(self, report: ClassReport, begun: float, why: str) -> None:
        report.failed += 1
        if len(report.failures) < _KEPT_FAILURES:
            report.failures.append(f"{begun - self._started:8.3f} s: {why}")


@dataclass(frozen=True)
class IdCheck:
    """Ids that were sent and never logged, and such that were logged more than once."""

    missing: list[str]
    duplicated: list[str]

    def __bool__(self) -> bool:
        """Be true when each id was logged exactly once."""
        return not self.missing and not self.duplicated


def check_ids(report: Report, id_log_folder: Path) -> IdCheck:
    """Compare what the clients sent with what the apps of all versions logged."""
    logged: Counter[str] = Counter()
    for file in sorted(id_log_folder.rglob("*.log")):
        logged.update(line.split(" ", 1)[0] for line in file.read_text().splitlines())
    sent = [identity for one in report.classes.values() for identity in one.ids]
    return IdCheck(
        missing=[identity for identity in sent if not logged[identity]],
        duplicated=[identity for identity in sent if logged[identity] > 1],
    )
