"""Deliveries by the API and on their page: what came, and letting it count once more."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deployer.config.values import AppPart, ReceiverPart
from deployer.deployment import Status, Trigger, advance
from tests.web.browsing import Browser
from tests.web.receiver import CI_TOKEN, Running, part_for, push, running

REPLAY = '<button type="submit">Replay'
HEADERS = f"Authorization: Bearer {CI_TOKEN}\r\n"


@pytest.fixture
def browser(receiver: Running) -> Iterator[Browser]:
    one = Browser(receiver)
    one.sign_in()
    yield one
    one.session.close()


def delivered(receiver: Running, body: bytes) -> int:
    """The delivery that this push becomes."""
    number = json.loads(receiver.post(body).body)["delivery"]
    assert isinstance(number, int)
    return number


def told(receiver: Running, path: str) -> dict[str, Any]:
    answer = receiver.get(f"/api/v1/{path}")
    assert answer.status == 200
    content: dict[str, Any] = json.loads(answer.body)
    return content


def replayed(receiver: Running, number: int) -> dict[str, Any]:
    answer = receiver.order(f"deliveries/{number}/replay")
    assert answer.status == 202, answer.body
    content: dict[str, Any] = json.loads(answer.body)
    return content


def test_deliveries_are_listed_newest_first_without_their_bodies(receiver: Running) -> None:
    first, second = delivered(receiver, push("latest")), delivered(receiver, push("unheard-of"))
    found = told(receiver, "deliveries?limit=2")["deliveries"]
    assert [one["id"] for one in found] == [second, first]
    assert [one["verdict"] for one in found] == ["ignored", "accepted"]
    assert [one["app"] for one in found[1]["deployments"]] == ["web"]
    assert found[1]["received_at"].endswith("Z")
    assert not any("body" in one for one in found)
    older = told(receiver, f"deliveries?limit=1&before={second}")["deliveries"]
    assert [one["id"] for one in older] == [first]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "before=x", "limit=1&limit=2", "before=-1", "before=" + "9" * 40],
)
def test_a_query_that_is_none_is_a_400(receiver: Running, query: str) -> None:
    for path in ("deliveries", "deployments"):
        assert receiver.get(f"/api/v1/{path}?{query}").status == 400


def test_a_body_comes_as_text_or_else_in_base64(receiver: Running) -> None:
    number = delivered(receiver, push("caf\u00e9"))
    text = told(receiver, f"deliveries/{number}")
    assert text["encoding"] == "utf-8"
    assert json.loads(text["body"])["push_data"]["tag"] == "caf\u00e9"
    assert receiver.post(b"\xff\xfe").status == 400
    other = told(receiver, f"deliveries/{receiver.store.deliveries(1)[0].id}")
    assert (other["verdict"], other["encoding"], other["size"]) == ("refused", "base64", 2)
    assert base64.b64decode(other["body"]) == b"\xff\xfe"


@pytest.mark.parametrize("path", ["deliveries/0", "deliveries/999999", f"deliveries/{'9' * 25}"])
def test_a_delivery_that_does_not_exist_is_a_404(
    receiver: Running, browser: Browser, path: str
) -> None:
    assert receiver.get(f"/api/v1/{path}").status == 404
    assert receiver.order(f"{path}/replay").status == 404
    assert browser.get(f"/{path}").status_code == 404
    assert browser.post(f"/{path}/replay", {}).status_code == 404


def test_a_replay_is_a_delivery_of_its_own_that_names_the_first_and_who_gave_it(
    receiver: Running,
) -> None:
    first = delivered(receiver, push("latest"))
    answer = replayed(receiver, first)
    assert (answer["replay_of"], answer["result"]) == (first, "accepted")
    again = told(receiver, f"deliveries/{answer['delivery']}")
    assert (again["replay_of"], again["given_by"]) == (first, "an operator at the API")
    assert again["body"] == told(receiver, f"deliveries/{first}")["body"]
    (queued,) = answer["deployments"]
    one = receiver.store.deployment(queued["id"])
    assert one is not None
    assert (one.app, one.tag, one.delivery) == ("web", "latest", again["id"])
    assert one.trigger is Trigger.OPERATOR


def test_a_replay_is_not_swallowed_as_a_duplicate(receiver: Running) -> None:
    """Neither one of a delivery that is under way, nor one whose deployment has failed."""
    body = json.dumps({"image": "acme/shop", "tag": "latest"}).encode()
    headers = f"{HEADERS}webhook-id: msg_replayed\r\n"
    first = json.loads(receiver.post(body, "/hooks/ci", headers).body)
    assert json.loads(receiver.post(body, "/hooks/ci", headers).body)["result"] == "duplicate"
    again = replayed(receiver, first["delivery"])
    assert again["deployments"] != first["deployments"]
    while (one := receiver.store.claim(20.0)) is not None:
        receiver.store.save(advance(one, Status.FAILED, 21.0, "it did not start"), 21.0)
    assert replayed(receiver, first["delivery"])["deployments"]


def test_what_was_ignored_before_its_app_was_configured_is_deployed_by_a_replay(
    tmp_path: Path,
) -> None:
    def later(store: Path, port: int) -> ReceiverPart:
        part = part_for(store, port)
        late = {"late": AppPart(image="docker.io/acme/late", tags=("v1",))}
        return part.model_copy(update={"apps": {**part.apps, **late}})

    with running(tmp_path) as receiver:
        first = delivered(receiver, push("v1", "acme/late"))
        assert replayed(receiver, first)["result"] == "ignored"
        receiver.renew(later)
        again = replayed(receiver, first)
        assert [one["app"] for one in again["deployments"]] == ["late"]


CHART = "application/vnd.cncf.helm.config.v1+json"


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"{", "it was refused"), (push(media_type=CHART), "a Helm chart was pushed, not an image")],
    ids=["refused", "ignored as no push"],
)
def test_what_says_nothing_cannot_be_replayed(
    receiver: Running, browser: Browser, body: bytes, why: str
) -> None:
    receiver.post(body)
    number = receiver.store.deliveries(1)[0].id
    answer = receiver.order(f"deliveries/{number}/replay")
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    assert why in json.loads(answer.body)["detail"]
    page = browser.get(f"/deliveries/{number}").text
    assert why in page
    assert REPLAY not in page
    refused = browser.post(f"/deliveries/{number}/replay", {})
    assert refused.status_code == 409
    assert why in refused.text
    assert receiver.store.deliveries(1)[0].id == number


def test_what_an_older_deployer_took_cannot_be_replayed(receiver: Running) -> None:
    """It did not keep what was said; nothing is guessed."""
    number = delivered(receiver, push("latest"))
    with closing(sqlite3.connect(receiver.path, isolation_level=None)) as database:
        database.execute("UPDATE deliveries SET heard = '' WHERE id = ?", (number,))
    answer = receiver.order(f"deliveries/{number}/replay")
    assert answer.status == 409
    assert "send it again" in json.loads(answer.body)["detail"]


def test_a_delivery_of_a_hook_that_is_gone_cannot_be_replayed(tmp_path: Path) -> None:
    def without(store: Path, port: int) -> ReceiverPart:
        return part_for(store, port).model_copy(update={"hooks": {}})

    with running(tmp_path) as receiver:
        number = delivered(receiver, push("latest"))
        receiver.renew(without)
        answer = receiver.order(f"deliveries/{number}/replay")
        assert answer.status == 409
        assert "not configured any more" in json.loads(answer.body)["detail"]


def test_the_page_of_a_delivery_replays_it_and_leads_to_what_that_became(
    receiver: Running, browser: Browser
) -> None:
    number = delivered(receiver, push("latest"))
    page = browser.get(f"/deliveries/{number}").text
    for said in ("accepted", "<code>dockerhub</code>", "callback_url", "/apps/web", REPLAY):
        assert said in page, said
    answer = browser.post(f"/deliveries/{number}/replay", {})
    newest = receiver.store.deliveries(1)[0]
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/deliveries/{newest.id}")
    page = browser.get(f"/deliveries/{newest.id}").text
    assert f'<a href="/deliveries/{number}">delivery {number}</a>' in page
    assert "an operator at the pages" in page
    assert f"replay of {number}" in browser.get("/deliveries").text


def test_nobody_but_an_operator_on_our_own_page_replays_anything(
    receiver: Running, browser: Browser
) -> None:
    number = delivered(receiver, push("latest"))
    stranger = Browser(receiver)
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert stranger.post(f"/deliveries/{number}/replay", {}).status_code == 303
    assert browser.post(f"/deliveries/{number}/replay", {}, elsewhere).status_code == 403
    assert browser.get(f"/deliveries/{number}/replay").status_code == 405
    assert receiver.get(f"/api/v1/deliveries/{number}/replay").status == 405
    assert receiver.post(b"", f"/api/v1/deliveries/{number}/replay").status == 401
    assert receiver.store.deliveries(1)[0].id == number
    stranger.session.close()


def test_a_long_body_is_cut_on_the_page_and_whole_by_the_api(
    receiver: Running, browser: Browser
) -> None:
    number = delivered(receiver, push("latest", comment="x" * 50_000 + "the end"))
    page = browser.get(f"/deliveries/{number}").text
    assert "the end" not in page
    assert f"GET /api/v1/deliveries/{number}" in page
    assert "the end" in told(receiver, f"deliveries/{number}")["body"]
