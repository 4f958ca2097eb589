"""The receiver's process: what is not HTTP, what every answer carries, what is never logged."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.lab.wire import Broken
from tests.sources.signing import signed
from tests.web.receiver import (
    CI_SECRET,
    CI_TOKEN,
    OPERATOR,
    SECOND_TOKEN,
    TOKEN,
    Running,
    push,
    running,
    wait_until,
)

HOOK = f"/hooks/dockerhub/{TOKEN}"
CHUNKED = f"POST {HOOK} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
LENGTH = "Content-Length: 2\r\n\r\n[]"
MALFORMED = {
    "a broken version": f"POST {HOOK} HTTQ/1.1\r\nHost: x\r\n{LENGTH}",
    "an unknown version": f"POST {HOOK} HTTP/9.9\r\nHost: x\r\n{LENGTH}",
    "no version": f"POST {HOOK}\r\n\r\n",
    "too many words": f"POST {HOOK} and more HTTP/1.1\r\n\r\n",
    "a method in small letters": f"post {HOOK} HTTP/1.1\r\nHost: x\r\n{LENGTH}",
    "a method that is none": f"P(ST {HOOK} HTTP/1.1\r\nHost: x\r\n{LENGTH}",
    "no method": f"{HOOK} HTTP/1.1\r\n\r\n",
    "bytes in the path": f"POST {HOOK}\xff\xfe HTTP/1.1\r\nHost: x\r\n{LENGTH}",
    "NUL in the path": f"POST {HOOK}\x00 HTTP/1.1\r\nHost: x\r\n{LENGTH}",
    "a header without a colon": f"POST {HOOK} HTTP/1.1\r\nReferer {HOOK}\r\n{LENGTH}",
    "a header that is none": f"POST {HOOK} HTTP/1.1\r\n{HOOK}: x\r\n{LENGTH}",
    "NUL in a header": f"POST {HOOK} HTTP/1.1\r\nX: {HOOK}\x00\r\n{LENGTH}",
    "a folded header": f"POST {HOOK} HTTP/1.1\r\nX: a\r\n {HOOK}\r\n{LENGTH}",
    "two hosts": f"POST {HOOK} HTTP/1.1\r\nHost: a\r\nHost: b\r\n{LENGTH}",
    "two lengths": f"POST {HOOK} HTTP/1.1\r\nContent-Length: 3\r\n{LENGTH}",
    "a negative length": f"POST {HOOK} HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length and chunks": f"{CHUNKED}{LENGTH}",
    "an unknown coding": f"POST {HOOK} HTTP/1.1\r\nTransfer-Encoding: {HOOK}\r\n\r\n",
    "gzip as coding": f"POST {HOOK} HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a bad chunk": f"{CHUNKED}\r\n{HOOK}\r\n",
    "a chunk too long": f"{CHUNKED}\r\n2\r\n{{}}}}\r\n0",
    "a bad trailer": f"{CHUNKED}\r\n0\r\n{HOOK}\r\n\r\n",
    "an expectation": f"POST {HOOK} HTTP/1.1\r\nExpect: {HOOK}\r\n{LENGTH}",
    "a long path": f"POST {HOOK}{'x' * 5000} HTTP/1.1\r\nHost: x\r\n{LENGTH}",
    "a long header": f"POST {HOOK} HTTP/1.1\r\nX: {HOOK}{'x' * 9000}\r\n{LENGTH}",
    "many headers": f"POST {HOOK} HTTP/1.1\r\n" + "X: y\r\n" * 60 + LENGTH,
    "bare line feeds": f"POST {HOOK} HTTP/1.1\nHost: x\n\n",
    "another scheme": f"POST ftp://x{HOOK} HTTP/1.1\r\nHost: \xff\r\n{LENGTH}",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a proxy's line": "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n\r\n",
    "a SCRIPT_NAME": f"POST {HOOK}x HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /other\r\n{LENGTH}",
    "a Host that is none": f"POST {HOOK}x HTTP/1.1\r\nHost: a b<>\\@:99999999\r\n{LENGTH}",
    "a Host in letters of others": f"POST {HOOK}x HTTP/1.1\r\nHost: \xe9..\xff\r\n{LENGTH}",
    "a long Host": f"POST {HOOK}x HTTP/1.1\r\nHost: {'a' * 300}.{'b' * 300}\r\n{LENGTH}",
    "a false X-Forwarded-Proto": f"POST {HOOK}x HTTP/1.1\r\nX-Forwarded-Proto: {HOOK}\r\n{LENGTH}",
    "a star": f"OPTIONS * HTTP/1.1\r\nHost: x\r\n{LENGTH}",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_http_is_a_4xx_like_every_other_problem(
    receiver: Running, request_: str
) -> None:
    queued = receiver.queued()
    answer = receiver.ask(request_.encode("latin-1"))
    assert 400 <= answer.status < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert json.loads(answer.body)["status"] == answer.status
    assert TOKEN not in answer.body.decode()
    assert receiver.queued() == queued


def test_a_body_that_breaks_off_is_no_delivery(receiver: Running) -> None:
    before = json.loads(receiver.post(push("2.4.1")).body)["delivery"]
    with socket.create_connection(("127.0.0.1", receiver.port), 10) as half:
        half.sendall(f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
    after = json.loads(receiver.post(push("2.4.1")).body)["delivery"]
    assert after == before + 1


ANSWERS = [
    ("POST", HOOK, 400),
    ("POST", "/hooks/dockerhub/x", 401),
    ("POST", "/hooks/x", 404),
    ("GET", HOOK, 405),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/api/v1/apps", 401),
    ("GET", "/", 303),
    ("GET", "/sign-in", 200),
    ("GET", "/metrics", 401),
    ("GET", "/x", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_headers_that_protect_a_browser(
    receiver: Running, method: str, path: str, status: int
) -> None:
    answer = receiver.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.status == status
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["server"] == "gunicorn"
    assert "set-cookie" not in answer.headers


def test_no_secret_is_in_any_line_of_the_log(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        receiver.post(push())
        receiver.post(push(), f"/hooks/dockerhub/{SECOND_TOKEN}")
        receiver.post(b"no json")
        body = b'{"image": "acme/shop", "tag": "latest"}'
        for headers in (
            {"Authorization": f"Bearer {CI_TOKEN}"},
            {"Authorization": f"Bearer {CI_TOKEN}x"},
            signed(body, CI_SECRET),
            {**signed(body, CI_SECRET), "webhook-signature": CI_SECRET},
        ):
            more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            receiver.post(body, "/hooks/ci", more)
            receiver.post(body, f"/hooks/ci/{CI_SECRET}", more)
        receiver.post(push(), f"//hooks//dockerhub//{TOKEN}")
        receiver.post(push(), f"/hooks/{TOKEN}")
        receiver.post(push(), f"%2Fhooks%2Fdockerhub%2F{TOKEN}")
        receiver.get(HOOK)
        receiver.get("/api/v1/apps")
        receiver.get("/api/v1/apps", f"{OPERATOR}x")
        for request in MALFORMED.values():
            receiver.ask(request.encode("latin-1"))
    log = receiver.log()
    lines = [json.loads(line) for line in log.splitlines()]
    assert sum(line["event"] == "delivery" for line in lines) > 3
    assert any(line["event"] == "request refused" for line in lines)
    assert "canary" not in log


def test_each_request_to_a_hook_is_one_line(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        receiver.post(push())
        receiver.post(push("2.4.1"))
        receiver.post(push(), "/hooks/dockerhub/x")
        receiver.post(push(), "/hooks/other")
        receiver.get("/healthz")
    lines = [json.loads(line) for line in receiver.log().splitlines()]
    said = [line for line in lines if line["event"] == "delivery"]
    shown = [(line["hook"], line["status"], line.get("result")) for line in said]
    assert shown == [
        ("dockerhub", 202, "accepted"),
        ("dockerhub", 202, "ignored"),
        ("dockerhub", 401, None),
        (None, 404, None),
    ]
    assert [line.get("delivery") for line in said] == [1, 2, None, None]
    assert all(0 <= line["seconds"] < 20 for line in said)


def test_what_was_accepted_is_in_the_store_even_if_the_receiver_is_killed_then(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as receiver:
        content = json.loads(receiver.post(push()).body)
        receiver.kill()
        delivery = receiver.store.delivery(content["delivery"])
        assert delivery is not None
        assert delivery.body == push()
        assert receiver.store.deployment(content["deployments"][0]["id"]) is not None


def test_sigterm_ends_it_in_peace(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        receiver.process.send_signal(signal.SIGTERM)
        assert receiver.process.wait(timeout=20) == 0
        with pytest.raises(Broken):
            receiver.ask(b"GET /healthz HTTP/1.1\r\n\r\n")


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        children = Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children")
        (worker,) = children.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        wait_until(lambda: children.read_text().split() not in ([worker], []), "a new worker")
        wait_until(receiver.answers, "its answer")
        assert receiver.post(push()).status == 202
