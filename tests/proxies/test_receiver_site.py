"""The receiver's own site: buffering, limits, and no secret in any log, whatever is asked."""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
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


def everything(rig: NginxRig, requests: str) -> bytes:
    """All answers on one connection to requests that are sent without waiting for any."""
    found = []
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), 20) as client:
        sending = threading.Thread(target=client.sendall, args=(requests.encode(),))
        sending.start()
        while piece := client.recv(65536):
            found.append(piece)
        sending.join()
    return b"".join(found)


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
    log = log_with(alone, '"GET /hooks/*** HTTP/1.1" 503')
    assert CANARY not in log
    assert '"POST /*** HTTP/1.1" 502' in log


def problem_of(answer: bytes) -> tuple[int, dict[str, object]]:
    """The status and the members of a problem (RFC 9457)."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    return int(head.split()[1]), json.loads(body)


def test_a_body_that_is_too_large_is_a_problem_and_its_secret_is_not_logged(
    served: NginxRig,
) -> None:
    head = f"POST /hooks/dockerhub/{CANARY} HTTP/1.1\r\nHost: {RECEIVER}\r\n"
    answer = raw(served, f"{head}Content-Length: {MAX_BODY + 1}\r\n\r\n{'x' * (MAX_BODY + 1)}")
    status, problem = problem_of(answer)
    assert (status, problem["status"]) == (413, 413)
    assert CANARY not in log_with(served, '"POST /hooks/*** HTTP/1.1" 413')


def test_a_receiver_that_is_down_is_a_503_that_says_when_to_come_again(alone: NginxRig) -> None:
    answer = raw(alone, f"POST /hooks/x HTTP/1.1\r\nHost: {RECEIVER}\r\n\r\n")
    status, problem = problem_of(answer)
    assert (status, problem["status"]) == (503, 503)
    assert b"Retry-After: 5" in answer


def test_one_address_may_not_ask_without_end(alone: NginxRig) -> None:
    """A burst is let through, since a registry tells of many images at once."""
    path = f"/hooks/dockerhub/{CANARY}"
    one = f"GET {path} HTTP/1.1\r\nHost: {RECEIVER}\r\n"
    many = f"{one}\r\n" * 500 + f"{one}Connection: close\r\n\r\n"
    answers = b""
    # The burst fills up again all the while: how many it takes depends on the machine.
    for _ in range(400):
        part = everything(alone, many)
        answers += part
        if b"HTTP/1.1 429" in part:
            break
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answers)
    assert statuses[:9000] == [b"503"] * 9000
    assert b"429" in statuses
    problem = b'{"type": "about:blank", "title": "Too Many Requests", "status": 429'
    assert answers.count(problem) == statuses.count(b"429")
    assert CANARY not in log_with(alone, '"GET /hooks/*** HTTP/1.1" 429')


def test_the_signing_in_is_slow_for_who_tries_passwords(served: NginxRig) -> None:
    answers: list[int] = []
    while 429 not in answers and len(answers) < 400:
        answers.append(served.request(RECEIVER, "/sign-in")[0])
    assert answers[:10] == [200] * 10
    assert 429 in answers


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
