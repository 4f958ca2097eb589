"""The receiver's own site: buffering, limits, and no secret in any log, whatever is asked."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.contracts.proxy import until
from tests.proxies.rig import MAX_BODY, RECEIVER, NginxRig, Replica, docker

pytestmark = pytest.mark.lab

CANARY = secrets.token_urlsafe(24)
PATHS = [
    "/hooks/dockerhub/{}",
    "//hooks//dockerhub//{}",
    "/hooks/./dockerhub/../x/{}?token={}",
    "/%68ooks/dockerhub/{}",
    "/hooks%2Fdockerhub%2F{}",
    "/HOOKS/dockerhub/{}",
    "/hook/{}",
    "/{}",
    "/?{}",
    "/api/v1/hooks/{}",
    "/static/../hooks/x/{}",
    "/hooks/{}#x",
    "/hooks/\x01{}",
]


@pytest.fixture
def served(lab_nginx: None, tmp_path: Path) -> Iterator[NginxRig]:
    """Nginx with a receiver that answers."""
    with Replica("receiver") as receiver, NginxRig(tmp_path, receiver.server_port) as rig:
        rig.proxy.apply([])
        yield rig


@pytest.fixture
def alone(rig: NginxRig) -> NginxRig:
    """Nginx whose receiver is down."""
    rig.proxy.apply([])
    return rig


def raw(rig: NginxRig, request: str) -> bytes:
    """The first bytes of the answer to a request that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 10) as client:
        with suppress(ConnectionError):
            client.sendall(request.encode("latin-1"))
            return client.recv(1000)
        return b""


def log_with(rig: NginxRig, words: str) -> str:
    """All that the container printed, once these words are in it."""
    until(lambda: words in docker("logs", rig.settings.container))
    return docker("logs", rig.settings.container)


def test_the_receiver_is_reached_under_its_own_name(served: NginxRig) -> None:
    status, body = served.request(RECEIVER, "/hooks/dockerhub/x")
    assert status == 200
    assert b'"host": "hooks.example"' in body
    assert b'"x-forwarded-for": "127.0.0.1"' in body


def test_no_secret_is_logged_while_the_receiver_is_down(alone: NginxRig) -> None:
    for path in PATHS:
        for host in (RECEIVER, "HOOKS.EXAMPLE", "unknown.example", ""):
            line = f"POST {path.replace('{}', CANARY)} HTTP/1.1\r\nHost: {host}\r\n"
            raw(alone, f"{line}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}")
    assert raw(alone, f"GET /hooks/x/{CANARY} HTTP/1.1\r\nHost: {RECEIVER}\r\n\r\n")
    log = log_with(alone, '"GET /hooks/*** HTTP/1.1" 502')
    assert CANARY not in log
    assert '"POST /*** HTTP/1.1" 502' in log


def test_no_secret_is_logged_when_a_body_is_too_large(served: NginxRig) -> None:
    path = f"/hooks/dockerhub/{CANARY}"
    status, _ = served.request(RECEIVER, path, body=b"x" * (MAX_BODY + 1))
    assert status == 413
    assert CANARY not in log_with(served, '"POST /hooks/*** HTTP/1.1" 413')


def test_no_secret_is_logged_when_there_are_too_many_requests(served: NginxRig) -> None:
    path = f"/hooks/dockerhub/{CANARY}"
    answers = [served.request(RECEIVER, path)[0] for _ in range(80)]
    assert answers[:50] == [200] * 50
    assert 429 in answers
    assert CANARY not in log_with(served, '"GET /hooks/*** HTTP/1.1" 429')


def test_no_secret_is_logged_of_requests_that_are_not_http(served: NginxRig) -> None:
    path = f"/hooks/dockerhub/{CANARY}"
    host = f"Host: {RECEIVER}\r\n"
    bad = [
        f"GET {path}\r\n",
        f"GET {path} HTTP/9.9\r\n{host}\r\n",
        f"G\x00T {path} HTTP/1.1\r\n{host}\r\n",
        f"GET {path} HTTP/1.1\r\n{host}{host}\r\n",
        f"GET {path} HTTP/1.1\r\n{host}Bad Header\r\n\r\n",
        f"GET {path}{'x' * 40000} HTTP/1.1\r\n{host}\r\n",
        f"GET {path} HTTP/1.1\r\n{host}X: {'x' * 40000}\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"CONNECT {path} HTTP/1.1\r\n{host}\r\n",
        f"TRACE {path} HTTP/1.1\r\n{host}\r\n",
        f"GET http://{RECEIVER}{path} HTTP/1.1\r\n{host}\r\n",
        f"GET http://u:{CANARY}@{RECEIVER}{path} HTTP/1.1\r\n{host}\r\n",
    ]
    for request in bad:
        assert b" 500 " not in raw(served, request)
    served.request(RECEIVER, "/healthz")
    assert CANARY not in log_with(served, '"GET /healthz HTTP/1.1" 200')


def test_a_half_sent_body_is_given_up_after_five_seconds(served: NginxRig) -> None:
    head = f"POST /hooks/x/{CANARY} HTTP/1.1\r\nHost: {RECEIVER}\r\nContent-Length: 9\r\n\r\n{{"
    assert b" 200 " not in raw(served, head)
    assert CANARY not in log_with(served, '"POST /hooks/*** HTTP/1.1" 408')
