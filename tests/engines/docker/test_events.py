"""Events of a Docker that ends and is back at once, as one behind a systemd socket is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.events import Events
from deployer.engines.docker.labels import INSTANCE
from tests.contracts.engine import go_on

EVENT = {
    "Type": "container",
    "Action": "start",
    "Actor": {"ID": "c", "Attributes": {INSTANCE: "ours"}},
    "timeNano": 1_700_000_000_000_000_000,
}
BEFORE = "1699999999.5"


class FleetingDocker(ThreadingHTTPServer):
    """Tells the first who follows of one event, and others of nothing; `ended` ends the first."""

    daemon_threads = True

    def __init__(self) -> None:
        self.followed = 0
        self.info = {"SystemTime": "2023-11-14T23:13:20.123456789+01:00"}
        self.ended, self.over = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FleetingDocker

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.path == "/version":
            self._say({"ApiVersion": "1.41"})
        elif self.path.endswith("/info"):
            self._say(self.server.info)
        else:
            self.server.followed += 1
            if self.server.followed == 1:
                self._say(EVENT)
                self.server.ended.wait(30)
            else:
                self.server.over.wait(30)
        self.wfile.write(b"0\r\n\r\n")

    def _say(self, words: object) -> None:
        line = json.dumps(words).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def docker() -> Iterator[FleetingDocker]:
    with FleetingDocker() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.ended.set()
        server.over.set()
        server.shutdown()


@pytest.fixture
def events(docker: FleetingDocker) -> Iterator[Events]:
    clients = Clients(f"tcp://127.0.0.1:{docker.server_port}")
    yield Events(clients, "ours")
    clients.close()


def test_a_docker_that_ended_between_two_waits_is_noticed(
    docker: FleetingDocker, events: Events
) -> None:
    told = events.wait(BEFORE, timeout=10, stopping=go_on)
    assert told == "1700000000.000000001"
    docker.ended.set()
    assert events.wait(told, timeout=10, stopping=go_on) == told
    assert docker.followed == 1


def test_who_asks_from_another_moment_on_is_told_by_a_new_connection(
    docker: FleetingDocker, events: Events
) -> None:
    events.wait(BEFORE, timeout=10, stopping=go_on)
    assert events.wait("1.5", timeout=0.3, stopping=go_on) is None
    assert docker.followed == 2


def test_the_present_moment_is_what_docker_says_it_is_and_is_listened_from_then_on(
    docker: FleetingDocker, events: Events
) -> None:
    """Its clock may be another than ours."""
    assert events.wait("", timeout=10, stopping=go_on) == "1700000000.123456"
    assert events.wait("1700000000.123456", timeout=10, stopping=go_on) is not None
    assert docker.followed == 1


def test_a_docker_that_does_not_tell_its_time_is_listened_to_from_ours_on(
    docker: FleetingDocker, events: Events
) -> None:
    """Such as behind a proxy of its socket that lets through no more than is needed."""
    docker.info = {"message": "forbidden"}
    now = events.wait("", timeout=10, stopping=go_on) or ""
    assert abs(float(now) - time.time()) < 60
    assert events.wait(now, timeout=10, stopping=go_on) is not None
    assert docker.followed == 1
