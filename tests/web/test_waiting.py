"""`?wait=`: who waits is told the outcome, never deploys twice, and never blocks the others."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

import pytest

from deployer.deployment import Deployment, Status, advance
from deployer.web.waiting import LONGEST
from tests.lab.wire import Answer
from tests.web.receiver import REPOSITORY, Running, push, wait_until
from tests.web.test_generic import BEARER, end_all, post, said

STABLE = {"image": "docker.io/acme/shop:stable"}
DIGEST, ANOTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def wait(receiver: Running, seconds: str = "10", content: Any = STABLE, run: str = "") -> Answer:
    headers = {**BEARER, "webhook-id": run or f"run-{time.time_ns()}"}
    return post(receiver, content, headers, f"/hooks/ci?wait={seconds}")


def queued(receiver: Running, before: int) -> None:
    wait_until(lambda: receiver.queued() > before, "a deployment in the queue")


def end(receiver: Running, app: str, status: Status, digest: str = DIGEST) -> Deployment:
    """Do the worker's part for an app: claim what is queued and end it."""
    claimed = receiver.store.claim(time.time())
    while claimed and claimed.app != app:
        receiver.store.save(advance(claimed, Status.SUCCEEDED, time.time()), time.time())
        claimed = receiver.store.claim(time.time())
    assert claimed is not None
    ended = advance(replace(claimed, digest=digest), status, time.time(), "because of it")
    receiver.store.save(ended, time.time())
    return ended


def test_who_waits_is_answered_as_soon_as_all_deployments_have_ended(
    receiver: Running, pool: ThreadPoolExecutor
) -> None:
    before, begun = receiver.queued(), time.monotonic()
    waiting = pool.submit(wait, receiver)
    queued(receiver, before + 1)
    assert not waiting.done()
    end_all(receiver, Status.SUCCEEDED)
    answer = waiting.result()
    assert answer.status == 200
    assert time.monotonic() - begun < 9
    shown = [(one["app"], one["status"]) for one in said(answer)["deployments"]]
    assert shown == [("shadow", "succeeded"), ("web", "succeeded")]


LATEST = {"image": "acme/shop", "tag": "latest"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.SUCCEEDED, 200),
        (Status.UNCHANGED, 200),
        (Status.FAILED, 422),
        (Status.REFUSED, 422),
        (Status.CANCELLED, 422),
    ],
)
def test_the_code_says_how_it_ended_and_asking_again_never_deploys_again(
    receiver: Running, status: Status, code: int
) -> None:
    run = f"run-{status}"
    assert wait(receiver, "0", LATEST, run).status == 202
    ended = end(receiver, "web", status)
    known = receiver.queued()
    for _ in range(2):
        answer = wait(receiver, "10", LATEST, run)
        assert answer.status == code
        (shown,) = said(answer)["deployments"]
        assert shown == {
            "id": ended.id,
            "app": "web",
            "status": status,
            "reason": "because of it",
            "digest": DIGEST,
        }
        assert said(answer)["result"] == "duplicate"
    assert receiver.queued() == known


def test_a_failure_is_a_problem_with_its_reason(receiver: Running) -> None:
    wait(receiver, "0", LATEST, "run-reason")
    ended = end(receiver, "web", Status.FAILED)
    answer = wait(receiver, "0", LATEST, "run-reason")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = said(answer)
    assert (problem["status"], problem["title"]) == (422, "Unprocessable Entity")
    assert problem["detail"] == f"deployment {ended.id} of web ended as failed: because of it"


def test_what_a_newer_push_overtook_is_a_409(receiver: Running) -> None:
    first = said(wait(receiver, "0", LATEST, "run-old"))["deployments"][0]["id"]
    newer = said(wait(receiver, "0", STABLE, "run-new"))["deployments"][-1]["id"]
    answer = wait(receiver, "0", LATEST, "run-old")
    assert answer.status == 409
    assert said(answer)["detail"] == (
        f"deployment {first} of web ended as superseded: superseded by deployment {newer}"
    )
    end_all(receiver, Status.SUCCEEDED)


def test_two_who_tell_of_one_push_wait_for_one_deployment(
    receiver: Running, pool: ThreadPoolExecutor
) -> None:
    """The registry and the CI job; also where one of them asks again after the end."""
    before = receiver.queued()
    waiting = pool.submit(wait, receiver, "10", LATEST, "run-shared-1")
    queued(receiver, before)
    assert receiver.post(push("latest")).status == 202
    again = wait(receiver, "0", LATEST, "run-shared-2")
    assert receiver.queued() == before + 1
    ended = end(receiver, "web", Status.SUCCEEDED)
    both = [waiting.result(), wait(receiver, "0", LATEST, "run-shared-2")]
    assert again.status == 202
    assert [answer.status for answer in both] == [200, 200]
    assert {said(answer)["deployments"][0]["id"] for answer in both} == {ended.id}
    assert receiver.queued() == before + 1


@pytest.mark.parametrize(("live", "code"), [(DIGEST, 200), (ANOTHER, 409)])
def test_who_says_what_it_pushed_is_told_of_what_took_its_place(
    receiver: Running, pool: ThreadPoolExecutor, live: str, code: int
) -> None:
    """The registry tells of the same digest under another tag; that deployment is the one."""
    content, run = {**LATEST, "digest": DIGEST}, f"run-again-{code}"
    before = receiver.queued()
    waiting = pool.submit(wait, receiver, "10", content, run)
    queued(receiver, before)
    assert receiver.post(push("stable")).status == 202
    ended = end(receiver, "web", Status.SUCCEEDED, live)
    answer = waiting.result()
    assert answer.status == code
    assert said(answer)["deployments"][0]["id"] == ended.id
    assert wait(receiver, "0", content, run).status == code
    end_all(receiver, Status.SUCCEEDED)


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.UNCHANGED])
def test_a_tag_that_moved_since_is_a_409_for_who_said_which_digest_it_pushed(
    receiver: Running, status: Status
) -> None:
    content, run = {**LATEST, "digest": DIGEST}, f"run-moved-{status}"
    wait(receiver, "0", content, run)
    ended = end(receiver, "web", status, ANOTHER)
    answer = wait(receiver, "0", content, run)
    assert answer.status == 409
    assert said(answer)["detail"] == (
        f"deployment {ended.id} of web put {ANOTHER} live and not {DIGEST}: the tag has moved since"
    )


def test_the_digest_that_was_pushed_is_a_200(receiver: Running) -> None:
    content = {**LATEST, "digest": DIGEST}
    wait(receiver, "0", content, "run-digest")
    end(receiver, "web", Status.SUCCEEDED)
    assert wait(receiver, "0", content, "run-digest").status == 200


def test_nothing_to_wait_for_is_a_422_with_the_reason(receiver: Running) -> None:
    answer = wait(receiver, "10", {"image": "acme/shop", "tag": "9.9"})
    assert answer.status == 422
    assert said(answer)["result"] == "ignored"
    assert "app web uses this image but not the tag 9.9" in said(answer)["detail"]


def test_what_has_not_ended_in_time_is_a_202_that_says_when_to_ask_again(
    receiver: Running,
) -> None:
    begun = time.monotonic()
    answer = wait(receiver, "1", LATEST)
    assert 1 <= time.monotonic() - begun < 5
    assert (answer.status, answer.headers["retry-after"]) == (202, "1")
    assert said(answer)["deployments"][0]["status"] == "queued"


def test_a_quarter_of_the_threads_may_wait_and_the_rest_go_on_taking_deliveries(
    receiver: Running, pool: ThreadPoolExecutor
) -> None:
    """Eight threads: two wait, who comes then is told when to ask again."""
    end_all(receiver, Status.SUCCEEDED)
    before = receiver.queued()
    begun = time.monotonic()
    asking = [pool.submit(wait, receiver, "10", LATEST, f"run-place-{before}") for _ in range(3)]
    # Which of them comes last is up to the machine, but only that one is answered before the end.
    last = next(as_completed(asking))
    turned_away, waiting = last.result(), [one for one in asking if one is not last]
    assert (turned_away.status, turned_away.headers["retry-after"]) == (202, "5")
    for _ in range(10):
        assert receiver.post(push("9.9")).status == 202
    assert time.monotonic() - begun < 9
    end_all(receiver, Status.SUCCEEDED)
    assert [one.result().status for one in waiting] == [200, 200]
    assert receiver.queued() == before + 1


@pytest.mark.parametrize("seconds", ["", "-1", "1.5", "x", "3601", "9" * 500, "%D9%A3", "%00"])
def test_a_wait_that_is_none_is_a_400_and_nothing_is_queued(
    receiver: Running, seconds: str
) -> None:
    known = receiver.queued()
    assert wait(receiver, seconds).status == 400
    assert receiver.get(f"/api/v1/deployments/1?wait={seconds}").status == 400
    assert receiver.queued() == known


def test_to_wait_a_delivery_needs_an_id(receiver: Running) -> None:
    known = receiver.queued()
    answer = post(receiver, path="/hooks/ci?wait=1")
    assert answer.status == 400
    assert "webhook-id" in said(answer)["detail"]
    assert receiver.queued() == known


def test_a_stranger_s_wait_is_a_401(receiver: Running) -> None:
    assert post(receiver, headers={}, path="/hooks/ci?wait=x").status == 401


def test_nginx_waits_longer_than_the_receiver_lets_anybody_wait() -> None:
    template = (REPOSITORY / "nginx_templates" / "receiver.conf.j2").read_text()
    found = re.search(r"proxy_read_timeout (\d+)s;", template)
    assert found is not None
    assert float(found[1]) >= LONGEST + 2


def test_an_operator_may_wait_for_a_deployment(receiver: Running, pool: ThreadPoolExecutor) -> None:
    end_all(receiver, Status.SUCCEEDED)
    number = said(post(receiver))["deployments"][0]["id"]
    path = f"/api/v1/deployments/{number}?wait="
    early = receiver.get(f"{path}0")
    assert (early.status, early.headers["retry-after"]) == (200, "1")
    assert json.loads(early.body)["status"] == "queued"
    waiting = pool.submit(receiver.get, f"{path}10")
    time.sleep(0.3)
    assert not waiting.done()
    end_all(receiver, Status.FAILED)
    late = waiting.result()
    assert (late.status, "retry-after" in late.headers) == (200, False)
    assert json.loads(late.body)["status"] == "failed"
    assert json.loads(late.body)["transitions"][-1]["status"] == "failed"
    assert receiver.get("/api/v1/deployments/999999?wait=10").status == 404
