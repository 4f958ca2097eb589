"""Deliveries over HTTP, to a receiver that runs, on the real store."""

import json
from typing import Any

import pytest

from tests.lab.wire import Answer
from tests.test_strict_json import HOSTILE
from tests.web.receiver import MAX_BODY, SECOND_TOKEN, TOKEN, Running, push


def said(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content


def is_problem(answer: Answer, status: int) -> bool:
    problem = said(answer)
    return (
        answer.status == status == problem["status"]
        and answer.headers["content-type"] == "application/problem+json"
        and problem["type"] == "about:blank"
        and bool(problem["title"] and problem["detail"])
    )


def test_a_push_that_an_app_waits_for_is_recorded_and_queued(receiver: Running) -> None:
    answer = receiver.post(push("latest"))
    assert answer.status == 202
    content = said(answer)
    assert list(content) == ["delivery", "result", "reason", "deployments"]
    assert content["result"] == "accepted"
    (queued,) = content["deployments"]
    assert queued["app"] == "web"
    delivery = receiver.store.delivery(content["delivery"])
    assert delivery is not None
    assert (delivery.hook, delivery.verdict, delivery.body) == (
        "dockerhub",
        "accepted",
        push("latest"),
    )
    deployment = receiver.store.deployment(queued["id"])
    assert deployment is not None
    assert (deployment.app, deployment.tag, deployment.delivery) == (
        "web",
        "latest",
        content["delivery"],
    )


def test_every_app_that_follows_the_tag_is_queued(receiver: Running) -> None:
    content = said(receiver.post(push("stable")))
    assert [queued["app"] for queued in content["deployments"]] == ["shadow", "web"]


def test_two_tokens_are_good_at_once_so_that_one_can_be_replaced(receiver: Running) -> None:
    assert receiver.post(push(), f"/hooks/dockerhub/{TOKEN}").status == 202
    assert receiver.post(push(), f"/hooks/dockerhub/{SECOND_TOKEN}").status == 202


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (push("2.4.1"), "app web uses this image but not the tag 2.4.1; its tags are latest, st"),
        (push("latest", "acme/other"), "no app uses docker.io/acme/other"),
        (push("main", "acme/api"), "app api uses registry.example.com/acme/api"),
        (push("latest", "acme/sh\u043ep"), "not a well-formed image"),
        (push("latest", "Acme/other"), "no app uses docker.io/acme/other"),
        (push("latest", "docker.io:443/acme/shop"), "not a well-formed image"),
        (push("latest", "acme/shop@sha256:" + "0" * 64), "not a well-formed image"),
        (push("latest --privileged"), "not a well-formed image"),
        (push("../latest"), "not a well-formed image"),
        (push("latest\n"), "not a well-formed image"),
        (push(None), "the push names no tag"),
        (push(media_type="application/vnd.cncf.helm.config.v1+json"), "a Helm chart was pushed"),
    ],
)
def test_what_no_app_waits_for_is_recorded_as_ignored_with_the_reason(
    receiver: Running, body: bytes, reason: str
) -> None:
    queued = receiver.queued()
    answer = receiver.post(body)
    assert answer.status == 202
    content = said(answer)
    assert content["result"] == "ignored"
    assert content["deployments"] == []
    assert reason in content["reason"]
    delivery = receiver.store.delivery(content["delivery"])
    assert delivery is not None
    assert (delivery.verdict, delivery.reason) == ("ignored", content["reason"])
    assert receiver.queued() == queued


WRONG: tuple[Any, ...] = (1, [], {"a": "b"}, True)
WRONG_TYPES = {
    f"{key} is {value!r}": push(**{key: value}) for key in ("tag", "repository") for value in WRONG
}


@pytest.mark.parametrize(
    "body", [*HOSTILE.values(), *WRONG_TYPES.values()], ids=[*HOSTILE, *WRONG_TYPES]
)
def test_a_hostile_body_is_a_400_and_recorded_as_refused(receiver: Running, body: bytes) -> None:
    queued = receiver.queued()
    before = said(receiver.post(push("2.4.1")))["delivery"]
    assert is_problem(receiver.post(body), 400)
    delivery = receiver.store.delivery(before + 1)
    assert delivery is not None
    assert delivery.verdict == "refused"
    assert delivery.body == body[: 64 * 1024]
    assert receiver.queued() == queued


def test_of_a_refused_body_only_64_kib_are_kept(receiver: Running) -> None:
    before = said(receiver.post(push("2.4.1")))["delivery"]
    assert receiver.post(b" " * 200_000).status == 400
    delivery = receiver.store.delivery(before + 1)
    assert delivery is not None
    assert len(delivery.body) == 64 * 1024


def test_a_compressed_body_is_not_unpacked(receiver: Running) -> None:
    packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
    answer = receiver.post(packed, more="Content-Encoding: gzip\r\n")
    assert is_problem(answer, 415)
    assert answer.headers["accept-encoding"] == "identity"
    assert receiver.post(push("9.9"), more="Content-Encoding: identity\r\n").status == 202


WRONG_SECRETS = {
    "no slash": "/hooks/dockerhub",
    "empty": "/hooks/dockerhub/",
    "wrong": "/hooks/dockerhub/wrong",
    "a prefix": f"/hooks/dockerhub/{TOKEN[:-1]}",
    "more than it": f"/hooks/dockerhub/{TOKEN}x",
    "another case": f"/hooks/dockerhub/{TOKEN.upper()}",
    "with a slash after it": f"/hooks/dockerhub/{TOKEN}/",
    "with a slash before it": f"/hooks/dockerhub//{TOKEN}",
    "an encoded slash": f"/hooks/dockerhub/x%2F{TOKEN}",
    "not ASCII": "/hooks/dockerhub/caf%C3%A9",
    "not UTF-8": "/hooks/dockerhub/%FF%FE",
    "a lone surrogate": "/hooks/dockerhub/%ED%A0%80",
    "NUL": "/hooks/dockerhub/%00",
    "a newline": "/hooks/dockerhub/a%0Ab",
    "a bad escape": "/hooks/dockerhub/%zz",
    "dots": "/hooks/dockerhub/../dockerhub",
    "long": "/hooks/dockerhub/" + "x" * 3900,
    "in the query": f"/hooks/dockerhub?token={TOKEN}",
    "the hash": "/hooks/dockerhub/sha256:" + "0" * 64,
}


@pytest.mark.parametrize("path", WRONG_SECRETS.values(), ids=WRONG_SECRETS.keys())
def test_a_missing_or_wrong_secret_is_one_and_the_same_401(receiver: Running, path: str) -> None:
    usual = receiver.post(push(), "/hooks/dockerhub/usual")
    answer = receiver.post(push(), path)
    assert is_problem(answer, 401)
    assert answer.body == usual.body
    assert answer.headers.keys() == usual.headers.keys()


@pytest.mark.parametrize(
    "header",
    [
        f"Authorization: Bearer {TOKEN}",
        f"X-Gitlab-Token: {TOKEN}",
        "X-Hub-Signature-256: sha256=\xe9",
    ],
)
def test_a_secret_in_another_place_than_the_url_is_the_same_401(
    receiver: Running, header: str
) -> None:
    usual = receiver.post(push(), "/hooks/dockerhub/usual")
    assert receiver.post(push(), "/hooks/dockerhub/x", f"{header}\r\n").body == usual.body


def test_a_wrong_secret_leaves_nothing_behind(receiver: Running) -> None:
    queued, before = receiver.queued(), said(receiver.post(push("2.4.1")))["delivery"]
    for path in WRONG_SECRETS.values():
        receiver.post(push(), path)
    assert receiver.queued() == queued
    assert receiver.store.delivery(before + 1) is None


@pytest.mark.parametrize(
    "path", ["/hooks/github", f"/hooks/other/{TOKEN}", "/hooks/docker%68ub%00"]
)
def test_a_hook_that_is_not_configured_is_a_404(receiver: Running, path: str) -> None:
    assert is_problem(receiver.post(push(), path), 404)


def test_a_body_over_the_limit_is_a_413_before_the_secret_is_looked_at(receiver: Running) -> None:
    assert is_problem(receiver.post(b"x" * (MAX_BODY + 1)), 413)
    assert is_problem(receiver.post(b"x" * (MAX_BODY + 1), "/hooks/dockerhub/wrong"), 413)


def test_a_length_over_the_limit_is_a_413_without_reading_the_body(receiver: Running) -> None:
    head = f"POST /hooks/dockerhub/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n"
    assert is_problem(receiver.ask(f"{head}\r\n".encode()), 413)


def chunked(chunks: int, size: int = 65536) -> bytes:
    chunk = f"{size:x}\r\n".encode() + b" " * size + b"\r\n"
    head = f"POST /hooks/dockerhub/{TOKEN} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    return f"{head}\r\n".encode() + chunk * chunks


def test_a_chunked_body_over_the_limit_is_a_413_while_it_still_comes(receiver: Running) -> None:
    """No last chunk is ever sent, so the answer cannot have waited for it."""
    assert is_problem(receiver.ask(chunked(MAX_BODY // 65536 + 1)), 413)


def test_a_chunked_body_within_the_limit_is_taken(receiver: Running) -> None:
    body = push("2.4.1")
    answer = receiver.ask(chunked(2) + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    assert answer.status == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/hooks/dockerhub", f"/hooks/dockerhub/{TOKEN}"])
def test_a_hook_takes_only_post(receiver: Running, method: str, path: str) -> None:
    answer = receiver.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/x", "/hooks", "/hooks/", "//hooks//dockerhub//x"])
def test_any_other_path_is_a_404(receiver: Running, path: str) -> None:
    assert is_problem(receiver.post(push(), path), 404)
