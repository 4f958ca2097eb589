"""Orders over HTTP: the same that commands give, taken by the same worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from deployer.deployment import Status, Trigger, Wanted
from deployer.model import Image
from deployer.ports import Active, Order
from deployer.spec import Spec
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore
from tests.lab.wire import Answer
from tests.web.receiver import Running, running
from tests.web.worker import working

DIGEST = f"sha256:{'a' * 64}"


def said(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content


def given(receiver: Running, path: str, body: Any = None) -> Order:
    """The order in the store that this request became."""
    answer = receiver.order(path, b"" if body is None else json.dumps(body).encode())
    assert answer.status == 202, answer.body
    number = said(answer)["order"]["id"]
    assert answer.headers["location"] == f"/api/v1/orders/{number}"
    order = receiver.store.order(number)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("path", "body", "kind", "tag", "digest"),
    [
        ("deploy", None, "deploy", "", ""),
        ("deploy", {}, "deploy", "", ""),
        ("deploy", {"tag": "stable"}, "deploy", "stable", ""),
        ("deploy", {"digest": DIGEST}, "deploy", "", DIGEST),
        ("pause", None, "pause", "", ""),
        ("resume", {}, "resume", "", ""),
    ],
)
def test_an_order_is_written_down_with_who_gave_it(
    receiver: Running, path: str, body: Any, kind: str, tag: str, digest: str
) -> None:
    order = given(receiver, f"apps/web/{path}", body)
    assert (order.kind, order.app, order.tag, order.digest) == (kind, "web", tag, digest)
    assert (order.given_by, order.result) == ("an operator at the API", "")


def test_a_rollback_is_to_the_release_before_or_to_one_that_is_kept(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        none = receiver.order("apps/web/rollback")
        assert none.status == 409
        assert "serves no release" in said(none)["detail"]
        store = SQLiteStore(receiver.path, seal=Seal(Fernet.generate_key()))
        image = Image("docker.io", "acme/shop", "latest", DIGEST)
        numbers = [store.add_release("web", image, Spec(), float(at)).number for at in range(3)]
        number = store.enqueue(Wanted("web", Trigger.OPERATOR), 5.0)
        store.activate(Active("web", numbers[2], number))
        store.close()
        assert given(receiver, "apps/web/rollback").release == numbers[1]
        assert given(receiver, "apps/web/rollback", {"release": numbers[0]}).release == numbers[0]
        unknown = receiver.order("apps/web/rollback", b'{"release": 99}')
        assert unknown.status == 409
        assert "kept are 3, 2, 1" in said(unknown)["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deploy", b"["),
        ("deploy", b"[]"),
        ("deploy", b'{"tag": "latest", "tag": "stable"}'),
        ("deploy", b'{"tag": 1}'),
        ("deploy", b'{"tag": ""}'),
        ("deploy", b'{"tag": "a/b"}'),
        ("deploy", b'{"tag": null}'),
        ("deploy", b'{"digest": "sha256:12"}'),
        ("deploy", b'{"tag": "stable", "digest": "sha256:' + b"a" * 64 + b'"}'),
        ("deploy", b'{"image": "evil"}'),
        ("rollback", b'{"release": 0}'),
        ("rollback", b'{"release": true}'),
        ("rollback", b'{"release": "1"}'),
        ("rollback", b'{"release": 99999999999999999999}'),
        ("pause", b'{"tag": "latest"}'),
        ("deploy?wait=soon", b""),
        ("deploy", b"\xff"),
    ],
)
def test_a_body_that_is_none_is_a_400_and_nothing_is_written(
    receiver: Running, path: str, body: bytes
) -> None:
    before = receiver.store.open_orders()
    answer = receiver.order(f"apps/web/{path}", body)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert receiver.store.open_orders() == before


@pytest.mark.parametrize("kind", ["deploy", "rollback", "pause", "resume"])
def test_an_app_that_is_not_configured_is_a_404(receiver: Running, kind: str) -> None:
    for name in ("none", "%00", "WEB"):
        answer = receiver.order(f"apps/{name}/{kind}", b"{}")
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_is_no_json_by_its_own_word_is_a_415(receiver: Running) -> None:
    """A page of another site can send a form, and no JSON, without the browser asking first."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        answer = receiver.order("apps/web/deploy", b'{"tag": "latest"}', kind)
        assert (answer.status, answer.headers["content-type"]) == (415, "application/problem+json")


def test_a_body_that_is_too_large_is_a_413(receiver: Running) -> None:
    answer = receiver.order("apps/web/deploy", b" " * 5000)
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")


def test_who_waits_is_told_how_it_ended(receiver: Running) -> None:
    with working(receiver):
        answer = receiver.order("apps/web/deploy?wait=10", b'{"tag": "stable"}')
    assert answer.status == 200
    content = said(answer)
    assert content["order"]["result"] == "accepted"
    assert (content["deployment"]["tag"], content["deployment"]["status"]) == (
        "stable",
        "succeeded",
    )
    again = receiver.get(answer.headers["location"])
    assert (again.status, said(again)) == (200, content)


@pytest.mark.parametrize("end", [Status.FAILED, Status.REFUSED, Status.CANCELLED])
def test_a_deployment_that_does_not_go_live_is_a_422(receiver: Running, end: Status) -> None:
    with working(receiver, end):
        answer = receiver.order("apps/web/deploy?wait=10")
    assert answer.status == 422
    assert said(answer)["deployment"]["status"] == end
    assert "because of it" in said(answer)["detail"]


def test_an_order_that_the_worker_refuses_is_a_422(receiver: Running) -> None:
    """The worker alone knows which tags an app may have; the receiver's word is not taken."""
    with working(receiver):
        answer = receiver.order("apps/web/deploy?wait=10", b'{"tag": "v9"}')
    assert answer.status == 422
    assert "not deployed from the tag v9" in said(answer)["detail"]
    assert said(answer)["order"]["result"] == "refused"


def test_pausing_twice_and_resuming_can_be_waited_for(receiver: Running) -> None:
    with working(receiver):
        for path, status in (("pause", 200), ("resume", 200), ("resume", 422)):
            answer = receiver.order(f"apps/web/{path}?wait=10")
            assert answer.status == status
            assert said(answer)["deployment"] is None
        receiver.order("apps/web/pause?wait=10")
        held = said(receiver.get("/api/v1/apps/web"))["held_back"]
        assert "an operator at the API" in held[0]["reason"]
        receiver.order("apps/web/resume?wait=10")


def test_without_a_worker_who_waits_is_told_to_ask_again(receiver: Running) -> None:
    answer = receiver.order("apps/web/pause?wait=1")
    assert answer.status == 202
    assert int(answer.headers["retry-after"]) > 0
    assert said(answer)["order"]["result"] is None
    again = receiver.get(answer.headers["location"] + "?wait=0")
    assert (again.status, int(again.headers["retry-after"]) > 0) == (200, True)


@pytest.mark.parametrize("number", ["0", "999999", "9" * 19, "x"])
def test_an_order_that_does_not_exist_is_a_404(receiver: Running, number: str) -> None:
    assert receiver.get(f"/api/v1/orders/{number}").status == 404


def test_without_an_operators_token_nothing_is_ordered(receiver: Running) -> None:
    before = receiver.store.open_orders()
    for kind in ("deploy", "rollback", "pause", "resume"):
        assert receiver.post(b"{}", f"/api/v1/apps/web/{kind}").status == 401
    assert receiver.store.open_orders() == before


def test_one_app_is_shown_as_the_list_shows_it(receiver: Running) -> None:
    one = said(receiver.get("/api/v1/apps/web"))
    listed = said(receiver.get("/api/v1/apps"))["apps"]
    more = {key: one.pop(key) for key in ("held_back", "snapshot")}
    assert one in listed
    assert more["snapshot"] == {"at": None, "age": None}
    assert receiver.get("/api/v1/apps/none").status == 404
