"""The hook of source `generic` over HTTP: proof, duplicates, and never a 5xx."""

import json
import time
from typing import Any

import pytest

from deployer.deployment import Status, advance
from tests.lab.wire import Answer
from tests.sources.signing import signed
from tests.sources.test_generic import CHANGED, WRONG
from tests.test_strict_json import HOSTILE
from tests.web.receiver import CI_OLD_SECRET, CI_SECRET, CI_TOKEN, TOKEN, Running

BEARER = {"Authorization": f"Bearer {CI_TOKEN}"}
PUSH = {"image": "acme/shop", "tag": "latest"}


def post(
    receiver: Running, content: Any = PUSH, headers: Any = BEARER, path: str = "/hooks/ci"
) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return receiver.post(body, path, "".join(f"{name}: {headers[name]}\r\n" for name in headers))


def said(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content


def end_all(receiver: Running, status: Status) -> None:
    """Do the worker's part: bring all that is queued to its end."""
    while claimed := receiver.store.claim(time.time()):
        receiver.store.save(advance(claimed, status, time.time(), "because"), time.time())


def test_a_bearer_token_queues_what_the_body_says(receiver: Running) -> None:
    answer = post(receiver)
    assert answer.status == 202
    content = said(answer)
    assert list(content) == ["delivery", "result", "reason", "deployments"]
    assert [one["app"] for one in content["deployments"]] == ["web"]
    deployment = receiver.store.deployment(content["deployments"][0]["id"])
    assert deployment is not None
    assert (deployment.tag, deployment.digest) == ("latest", "")


@pytest.mark.parametrize("secret", [CI_OLD_SECRET, CI_SECRET])
def test_a_signature_by_either_secret_does_too(receiver: Running, secret: str) -> None:
    body = json.dumps(PUSH).encode()
    answer = post(receiver, body, signed(body, secret, f"msg-{time.time_ns()}"))
    assert (answer.status, said(answer)["result"]) == (202, "accepted")


def test_the_digest_is_a_hint_and_never_chooses_what_is_deployed(receiver: Running) -> None:
    content = said(post(receiver, {**PUSH, "digest": f"sha256:{'a' * 64}"}))
    deployment = receiver.store.deployment(content["deployments"][0]["id"])
    assert deployment is not None
    assert (deployment.tag, deployment.digest) == ("latest", "")


@pytest.mark.parametrize(
    "content",
    [
        {"image": "acme/shop", "tag": "2.4.1"},
        {"image": "evil.example/acme/shop", "tag": "latest"},
        {"image": "acme/other:latest"},
    ],
)
def test_what_the_config_does_not_name_is_ignored(receiver: Running, content: Any) -> None:
    queued = receiver.queued()
    answer = post(receiver, content)
    assert (answer.status, said(answer)["result"]) == (202, "ignored")
    assert receiver.queued() == queued


@pytest.mark.parametrize("path", [f"/hooks/ci/{CI_TOKEN}", f"/hooks/ci?token={CI_TOKEN}"])
def test_a_token_in_the_url_is_a_401(receiver: Running, path: str) -> None:
    usual = post(receiver, headers={})
    answer = post(receiver, headers={}, path=path)
    assert (answer.status, answer.body) == (401, usual.body)


def test_each_hook_has_its_own_token(receiver: Running) -> None:
    assert post(receiver, headers={"Authorization": f"Bearer {TOKEN}"}).status == 401
    assert receiver.post(b"{}", f"/hooks/dockerhub/{CI_TOKEN}").status == 401


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
def test_a_changed_signature_is_the_same_401(receiver: Running, changed: dict[str, str]) -> None:
    body = json.dumps(PUSH).encode()
    queued = receiver.queued()
    headers = {**signed(body, CI_SECRET), **changed}
    latin = {
        name: value.encode("latin-1", "replace").decode("latin-1")
        for name, value in headers.items()
    }
    answer = post(receiver, body, latin)
    assert (answer.status, answer.body) == (401, post(receiver, headers={}).body)
    assert receiver.queued() == queued


@pytest.mark.parametrize("content", [*(wrong for wrong, _ in WRONG), *HOSTILE.values()])
def test_a_hostile_body_is_a_400(receiver: Running, content: Any) -> None:
    queued = receiver.queued()
    answer = post(receiver, content)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert receiver.queued() == queued


def test_the_same_id_again_is_a_duplicate_that_names_the_first_deployments(
    receiver: Running,
) -> None:
    body = json.dumps(PUSH).encode()
    headers = signed(body, CI_SECRET, "msg-twice")
    first, again = said(post(receiver, body, headers)), said(post(receiver, body, headers))
    assert again["result"] == "duplicate"
    assert again["reason"] == f"delivery {first['delivery']} brought this already"
    assert again["deployments"] == first["deployments"]
    end_all(receiver, Status.SUCCEEDED)
    assert said(post(receiver, body, headers))["deployments"] == first["deployments"]


def test_after_a_failure_the_same_id_deploys_again(receiver: Running) -> None:
    headers = {**BEARER, "webhook-id": "run-1"}
    first = said(post(receiver, headers=headers))
    end_all(receiver, Status.FAILED)
    again = said(post(receiver, headers=headers))
    assert again["result"] == "accepted"
    assert again["deployments"] != first["deployments"]


@pytest.mark.parametrize("sender_id", ["a b", "\xe9", "x" * 256])
def test_an_id_that_is_none_is_a_400(receiver: Running, sender_id: str) -> None:
    assert post(receiver, headers={**BEARER, "webhook-id": sender_id}).status == 400
