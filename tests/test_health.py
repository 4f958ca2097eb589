"""Probing replicas over the network, and waiting for what they answer."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest

from deployer.errors import EngineUnavailable, Interrupted, Unhealthy
from deployer.evidence import Evidence, read
from deployer.health import Answer, Prober, Watcher
from deployer.model import HealthCheck, Image, Release, Replica, Running
from deployer.spec import Spec
from deployer.tls_probe import Doors
from tests.fakes.engine import FakeEngine
from tests.fakes.prober import FakeProber
from tests.fakes.proxy import FakeProxy
from tests.fakes.registry import Behaviour, FakeRegistry

PROBER = Prober(Doors(0))


@contextmanager
def server(
    answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A listener that hands each connection, its request read, to `answer`; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def work() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            with closing(connection), suppress(OSError):
                if context is None:
                    connection.recv(4096)
                    answer(connection)
                    continue
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(4096)
                    answer(secured)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        for one in (listener, *taken):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def says(status: int, headers: str = "", body: str = "") -> Callable[[socket.socket], None]:
    """An answer with this status."""
    text = f"HTTP/1.1 {status} Words\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}"
    return lambda connection: connection.sendall(text.encode())


def trickle(connection: socket.socket) -> None:
    """An answer that never ends: a byte of a header line at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"x")
        if threading.Event().wait(0.05):
            return


def flood(connection: socket.socket) -> None:
    """A body without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    ("status", "healthy"),
    [(200, True), (204, True), (302, True), (404, False), (500, False), (503, False)],
)
def test_success_and_redirects_are_healthy_and_nothing_else(status: int, healthy: bool) -> None:
    with server(says(status)) as port:
        answer = PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/healthz"))
    assert (answer.healthy, answer.words) == (healthy, f"HTTP {status}")


def test_a_redirect_is_not_followed() -> None:
    """Where it points to could be any address inside the network."""
    with server(says(302, "Location: http://127.0.0.1:1/\r\n")) as port:
        assert PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/")).words == "HTTP 302"


def test_an_answer_that_trickles_is_no_answer_within_the_timeout() -> None:
    with server(trickle) as port:
        started = time.monotonic()
        answer = PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/", timeout=0.3))
        assert time.monotonic() - started < 2.0
    assert answer == Answer(False, "no answer within 0.3 s", answer.seconds)


def test_a_body_without_an_end_is_read_only_so_far() -> None:
    with server(flood) as port:
        assert PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/")).healthy


def test_without_a_path_a_connection_is_enough() -> None:
    with server(lambda connection: None) as port:
        assert PROBER.ask("127.0.0.1", HealthCheck(port=port)).healthy
    refused = PROBER.ask("127.0.0.1", HealthCheck(port=port))
    assert (refused.healthy, refused.words) == (False, "Connection refused")


def test_a_refused_http_probe_says_so_in_plain_words() -> None:
    with server(says(200)) as port:
        pass
    answer = PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/"))
    assert not answer.healthy
    assert "Connection refused" in answer.words


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with server(says(200)) as port:
        assert PROBER.ask("127.0.0.1", HealthCheck(port=port, path="/")).healthy


@pytest.mark.parametrize(
    ("path", "status", "healthy"),
    [
        ("/healthz", 404, False),
        ("/healthz", 200, True),
        ("/other", 404, True),
        ("/other", 502, False),
        ("/other", 504, False),
    ],
)
def test_through_the_proxy_any_answer_of_the_app_will_do_except_at_the_health_path(
    path: str, status: int, healthy: bool
) -> None:
    with server(says(status)) as port:
        check = HealthCheck(port=1, path="/healthz")
        answer = Prober(Doors(port)).ask_through_proxy("web.example.com", path, check)
    assert answer.healthy is healthy


IMAGE = Image("docker.io", "acme/shop", "1")
CHECK = HealthCheck(port=8080, path="/healthz", interval=0.01, deadline=0.2)


def started(behaviour: Behaviour, replicas: int = 1) -> tuple[FakeEngine, list[Replica]]:
    """An engine in which a release of that behaviour has just been started."""
    registry = FakeRegistry()
    engine = FakeEngine(registry)
    image = registry.push(IMAGE, behaviour)
    engine.pull(image, stall=1, timeout=1, stopping=lambda: None)
    return engine, engine.start(Release("web", 1, image, Spec(replicas=replicas)), 1)


def watcher(engine: FakeEngine, check: HealthCheck = CHECK) -> Watcher:
    """A watcher of that engine that is never told to stop."""
    prober = FakeProber(engine, FakeProxy())
    return Watcher(engine, prober, check, lambda seconds: None, lambda: None)


def test_all_replicas_must_be_healthy() -> None:
    engine, replicas = started(Behaviour.ANSWERS, replicas=3)
    healthy = watcher(engine).until_healthy(replicas)
    assert [one.name for one in healthy] == ["web-1-1", "web-1-2", "web-1-3"]


def test_a_container_that_exits_fails_at_once_with_its_code_and_last_words() -> None:
    engine, replicas = started(Behaviour.EXITS)
    with pytest.raises(Unhealthy, match="web-1-1 does not stay up: exit code 3") as raised:
        watcher(engine, replace(CHECK, deadline=3600)).until_healthy(replicas)
    assert read(raised.value.detail) == (Evidence("last log lines of web-1-1", "broken"),)


def test_a_container_that_never_answers_fails_at_the_deadline_with_the_last_answer() -> None:
    engine, replicas = started(Behaviour.SILENT)
    with pytest.raises(
        Unhealthy, match=r"within 0.2 s: GET /healthz on port 8080: Connection"
    ) as raised:
        watcher(engine).until_healthy(replicas)
    heard, log = read(raised.value.detail)
    assert heard.title == "answers to GET /healthz on port 8080 of web-1-1"
    assert re.fullmatch(
        r"\+0\.\d s to \+0\.\d s, \d+ times: Connection refused \(\d+ ms\)", heard.text
    )
    assert log.title == "last log lines of web-1-1"


def test_a_container_that_somebody_removed_is_not_waited_for() -> None:
    engine, replicas = started(Behaviour.SILENT)
    engine.change(replicas[0], Running.GONE)
    with pytest.raises(Unhealthy, match="was removed by somebody else"):
        watcher(engine, replace(CHECK, deadline=3600)).until_healthy(replicas)


AWAY = EngineUnavailable("Docker is away")


def test_an_engine_that_does_not_answer_is_waited_for_until_the_deadline() -> None:
    engine, replicas = started(Behaviour.ANSWERS)
    for _ in range(3):
        engine.fail("look", AWAY)
    assert watcher(engine, replace(CHECK, deadline=3600)).until_healthy(replicas) == replicas
    for _ in range(9):
        engine.fail("look", AWAY)
    with pytest.raises(EngineUnavailable):
        watcher(engine, replace(CHECK, deadline=0)).until_healthy(replicas)


def test_while_the_engine_does_not_answer_the_probes_decide_in_the_watch_window() -> None:
    """Containers may outlive a restart of Docker: a healthy release is not taken back for it."""
    engine, replicas = started(Behaviour.ANSWERS)
    for _ in range(3):
        engine.fail("look", AWAY)
    watcher(engine).stays_healthy(replicas, 0.5, lambda: False)
    assert engine.calls.count(("look", replicas[0].name)) > 3
    for _ in range(1000):
        engine.fail("look", AWAY)
    engine.change(replicas[0], Running.EXITED, exit_code=1)
    with pytest.raises(Unhealthy, match="became unhealthy after the switch"):
        watcher(engine).stays_healthy(replicas, 5, lambda: False)


def test_an_exit_in_the_watch_window_is_noticed() -> None:
    engine, replicas = started(Behaviour.ANSWERS)
    engine.change(replicas[0], Running.EXITED, exit_code=1)
    with pytest.raises(Unhealthy, match="does not stay up: exit code 1"):
        watcher(engine).stays_healthy(replicas, 3600, over=lambda: False)


def test_a_container_that_docker_restarted_does_not_stay_up_though_it_runs() -> None:
    engine, replicas = started(Behaviour.ANSWERS)
    engine.change(replicas[0], Running.RESTARTING, exit_code=1)
    engine.change(replicas[0], Running.RUNNING)
    with pytest.raises(Unhealthy, match=r"does not stay up: .*, and Docker started it again"):
        watcher(engine).stays_healthy(replicas, 3600, over=lambda: False)


def test_the_watch_ends_sooner_when_something_newer_waits() -> None:
    engine, replicas = started(Behaviour.ANSWERS)
    watcher(engine).stays_healthy(replicas, 3600, over=lambda: True)
    assert ("look", "web-1-1") not in engine.calls


def test_waiting_ends_when_the_process_is_being_stopped() -> None:
    engine, replicas = started(Behaviour.SILENT)

    def stopping() -> None:
        raise Interrupted("the worker is being stopped")

    stopped = Watcher(
        engine, FakeProber(engine, FakeProxy()), CHECK, lambda seconds: None, stopping
    )
    with pytest.raises(Interrupted):
        stopped.until_healthy(replicas)
