"""Proving that replicas work: the worker's own probes, and waiting for their answers."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import requests

from deployer.errors import DeployerError, EngineUnavailable, NotConfirmed, Unhealthy
from deployer.evidence import Answered, Evidence, answers, how_it_ended, written
from deployer.model import App, HealthCheck, Replica, Running
from deployer.ports import Engine, Stopping

MAX_BODY = 64 * 1024
LOG_LINES = 50
ANSWERS_KEPT = 200
# Most apps are up long before the first interval (seconds) is over.
FIRST_PAUSE = 0.05
# A probe can time out for reasons of its own (a busy host); two in a row are the app's doing.
FAILURES_IN_WATCH = 2
PROBES_THROUGH_PROXY = 3
BETWEEN_PROBES = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe got: whether that counts as healthy, in words, after how many seconds."""

    healthy: bool
    words: str
    seconds: float


def _http(url: str, host: str | None, timeout: float, accept: Callable[[int], bool]) -> Answer:
    started = time.monotonic()
    headers = {"User-Agent": "deployer-probe", "Connection": "close"} | (
        {"Host": host} if host else {}
    )
    with requests.Session() as session:
        # Proxies of the environment lie between us and nobody's containers.
        session.trust_env = False
        with session.get(
            url, headers=headers, timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            read = 0
            for chunk in response.iter_content(8192):
                read += len(chunk)
                if read >= MAX_BODY:
                    break
            status = response.status_code
    return Answer(accept(status), f"HTTP {status}", time.monotonic() - started)


def _tcp(address: str, port: int, timeout: float) -> Answer:
    started = time.monotonic()
    with socket.create_connection((address, port), timeout):
        return Answer(True, "accepts connections", time.monotonic() - started)


def _within(timeout: float, ask: Callable[[], Answer]) -> Answer:
    """The answer, or "no answer" after `timeout` seconds in all.

    A thread, because the time limits of requests and sockets start anew with every byte: a
    server that trickles would hold the deployment for ever.
    """
    answers: list[Answer] = []
    started = time.monotonic()

    def call() -> None:
        try:
            answers.append(ask())
        except requests.Timeout:
            return
        except (requests.RequestException, OSError) as error:
            answers.append(Answer(False, _cause(error), time.monotonic() - started))

    thread = threading.Thread(target=call, name="probe", daemon=True)
    thread.start()
    thread.join(timeout)
    if answers:
        return answers[0]
    return Answer(False, f"no answer within {timeout:g} s", time.monotonic() - started)


def _cause(error: BaseException) -> str:
    """The innermost cause in a few words, such as "Connection refused"."""
    while True:
        below = error.__cause__ or error.__context__
        if below is None:
            break
        error = below
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if not str(error) else str(error).splitlines()[0][:200]


def _answers_well(status: int) -> bool:
    return 200 <= status < 400


def _is_no_gateway_error(status: int) -> bool:
    return status not in (502, 503, 504)


class Prober:
    """Asks apps over the network; `http_port` of `address()` is where the proxy listens.

    `address` raises ProxyError where the proxy has none.
    """

    def __init__(self, http_port: int, address: Callable[[], str] = lambda: "127.0.0.1") -> None:
        self._http_port = http_port
        self._address = address

    def ask(self, address: str, check: HealthCheck) -> Answer:
        """One replica: HTTP GET (2xx and 3xx are healthy), or a TCP connect without a path."""
        port, path = check.port, check.path
        if port is None:
            return Answer(True, "no port to probe", 0.0)
        if path is None:
            return _within(check.timeout, lambda: _tcp(address, port, check.timeout))
        url = f"http://{address}:{port}{path}"
        return _within(check.timeout, lambda: _http(url, None, check.timeout, _answers_well))

    def ask_through_proxy(self, host: str, path: str, check: HealthCheck) -> Answer:
        """`path` of `host` through the proxy, on a fresh connection.

        At the health path the same answer is wanted as from the replica; at any other path
        all but 502, 503 and 504 proves that the proxy reached the app.
        """
        accept = _answers_well if path == check.path else _is_no_gateway_error
        url = f"http://{self._address()}:{self._http_port}{path}"
        return _within(check.timeout, lambda: _http(url, host, check.timeout, accept))


def prove_through_proxy(prober: Prober, app: App, sleep: Callable[[float], None]) -> None:
    """Ask an app through the proxy; one without a route needs no proof.

    Raises NotConfirmed when that fails a few times in a row.
    """
    rule, path = app.route, app.health.path
    if rule is None:
        return
    beneath = path is not None and (path + "/").startswith(rule.path.rstrip("/") + "/")
    asked = path if path is not None and beneath else rule.path
    for _ in range(PROBES_THROUGH_PROXY):
        answer = prober.ask_through_proxy(rule.hosts[0], asked, app.health)
        if answer.healthy:
            return
        sleep(BETWEEN_PROBES)
    raise NotConfirmed(
        f"{app.name} does not answer through Nginx: GET {asked} of {rule.hosts[0]}: "
        f"{answer.words}. Look at the app's `route:` and `health:` settings"
    )


@dataclass(slots=True)
class Watcher:
    """Looks at the replicas of one deployment again and again.

    `sleep` waits between looks (seconds), `stopping` raises when the deployment must end.
    """

    engine: Engine
    prober: Prober
    check: HealthCheck
    sleep: Callable[[float], None]
    stopping: Stopping
    _began: float = field(init=False, default_factory=time.monotonic)
    _heard: dict[str, deque[Answered]] = field(init=False, default_factory=dict)

    def until_healthy(self, replicas: Sequence[Replica]) -> list[Replica]:
        """Return all replicas once each is healthy.

        Raises Unhealthy at once when one exits or restarts, and after the check's deadline; until
        then an engine that does not answer is waited for.
        """
        deadline = time.monotonic() + self.check.deadline
        pause = FIRST_PAUSE
        while True:
            try:
                seen = [self._look(replica) for replica in replicas]
            except EngineUnavailable:
                if time.monotonic() >= deadline:
                    raise
                self.sleep(self.check.interval)
                continue
            waiting = [replica for replica in seen if not self._is_healthy(replica)]
            if not waiting:
                return seen
            if time.monotonic() >= deadline:
                raise self._unhealthy(
                    waiting[0],
                    f"was not healthy within {self.check.deadline:g} s: {self._words(waiting[0])}. "
                    "Look at its log lines and at the app's `health:` settings",
                )
            self.sleep(min(pause, self.check.interval))
            pause *= 2

    def stays_healthy(
        self, replicas: Sequence[Replica], seconds: float, over: Callable[[], bool]
    ) -> None:
        """Return after `seconds` in which all replicas stayed up and healthy.

        Returns sooner when `over` says so. Raises Unhealthy as soon as one does not. While the
        engine does not answer, the probes alone decide: containers can outlive its restart.
        """
        end = time.monotonic() + seconds
        failures = dict.fromkeys((replica.id for replica in replicas), 0)
        last = {replica.id: replica for replica in replicas}
        while time.monotonic() < end and not over():
            for replica in replicas:
                with suppress(EngineUnavailable):
                    last[replica.id] = self._look(replica)
                seen = last[replica.id]
                failures[seen.id] = 0 if self._is_healthy(seen) else failures[seen.id] + 1
                if seen.health == "unhealthy" or failures[seen.id] >= FAILURES_IN_WATCH:
                    raise self._unhealthy(
                        seen, f"became unhealthy after the switch: {self._words(seen)}"
                    )
            self.sleep(min(self.check.interval, max(0.0, end - time.monotonic())))

    def _look(self, replica: Replica) -> Replica:
        self.stopping()
        seen = self.engine.look(replica)
        if seen.state is Running.GONE:
            raise Unhealthy(
                f"{replica.name} was removed by somebody else while it was being deployed. "
                "Deploy again"
            )
        if seen.state in (Running.EXITED, Running.RESTARTING) or seen.restarts > 0:
            again = seen.state is Running.RUNNING
            ended = how_it_ended(seen) + (", and Docker started it again" if again else "")
            raise self._unhealthy(seen, f"does not stay up: {ended}. Its last log lines say more")
        return seen

    def _is_healthy(self, replica: Replica) -> bool:
        unreachable = self.check.port is not None and not replica.address
        if replica.state is not Running.RUNNING or unreachable:
            return False
        answer = self.prober.ask(replica.address, self.check)
        heard = self._heard.setdefault(replica.id, deque(maxlen=ANSWERS_KEPT))
        at = max(0.0, time.monotonic() - self._began - answer.seconds)
        heard.append(Answered(at, answer.words, answer.seconds))
        return answer.healthy and replica.health in ("", "healthy")

    def _words(self, replica: Replica) -> str:
        heard = self._heard.get(replica.id)
        said = f"{self._asked()}: {heard[-1].words}" if heard else str(replica.state)
        if replica.health not in ("", "healthy"):
            said += f"; its HEALTHCHECK says {replica.health}"
        return said

    def _asked(self) -> str:
        asked = f"GET {self.check.path}" if self.check.path else "a connection"
        return f"{asked} on port {self.check.port}"

    def _unhealthy(self, replica: Replica, what: str) -> Unhealthy:
        try:
            words = self.engine.logs(replica, LOG_LINES) or "(it wrote nothing)"
        except DeployerError as error:
            # What the replica did is the reason, also where its evidence cannot be had.
            words = f"(no log lines: {error})"
        heard = self._heard.get(replica.id, ()) if self.check.port else ()
        pieces = [
            Evidence(f"answers to {self._asked()} of {replica.name}", answers(list(heard))),
            Evidence("what its HEALTHCHECK said", replica.checked),
            Evidence(f"last log lines of {replica.name}", words),
        ]
        return Unhealthy(f"{replica.name} {what}", detail=written(pieces))
