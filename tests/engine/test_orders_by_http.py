"""What an operator orders over HTTP, and a webhook that is replayed; on all that is real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.world import World, serving
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("by-http", web={}) as made:
        yield made


def deployed(one: World, path: str) -> Any:
    """The deployment that an order made, at its end; one request waits for 10 s at the longest."""
    status, answer = one.deployer.order(f"{path}?wait=10")
    assert status in (200, 202), answer
    number = answer["order"]["id"]
    wait_until(lambda: one.deployer.api(f"orders/{number}?wait=10")["deployment"], "its deployment")
    made = one.deployer.api(f"orders/{number}")["deployment"]
    return one.deployer.wait_ended(made["id"])


def test_a_deployment_and_the_way_back_are_waited_for(one: World) -> None:
    app = one.web
    app.push("v2")
    ended = deployed(one, f"apps/{app.name}/deploy")
    assert ended["status"] == "succeeded", ended
    assert app.ask() == (200, "v2")
    ended = deployed(one, f"apps/{app.name}/rollback")
    assert (ended["status"], ended["trigger"]) == ("succeeded", "rollback"), ended
    assert app.ask() == (200, "v1")


def test_what_the_configuration_does_not_allow_is_refused_by_the_worker(one: World) -> None:
    app, deployer = one.web, one.deployer
    status, answer = deployer.order(f"apps/{app.name}/deploy?wait=10", {"tag": "nightly"})
    assert (status, answer["order"]["result"]) == (422, "refused")
    assert "nightly" in answer["detail"]


def test_a_webhook_whose_deployment_failed_is_replayed_once_the_cause_is_gone(one: World) -> None:
    app, deployer = one.web, one.deployer
    app.push("bad", "exit")
    failed = deployer.wait_ended(app.queue())
    assert failed["status"] == "failed"
    app.push("v3")
    status, answer = deployer.order(f"deliveries/{failed['delivery']}/replay")
    assert (status, answer["result"]) == (202, "accepted"), answer
    ended = deployer.wait_ended(answer["deployments"][0]["id"])
    assert (ended["status"], ended["trigger"]) == ("succeeded", "operator")
    assert app.ask() == (200, "v3")
    kept = deployer.api(f"deliveries/{answer['delivery']}")
    assert (kept["replay_of"], kept["given_by"]) == (failed["delivery"], "an operator at the API")


def test_a_replay_goes_on_while_the_app_is_paused(one: World) -> None:
    """It is an operator who wants it; what senders want waits."""
    app, deployer = one.web, one.deployer
    assert deployer.order(f"apps/{app.name}/pause?wait=10")[0] == 200
    app.push("v4")
    waiting = app.queue()
    assert deployer.deployment(waiting)["status"] == "queued"
    number = deployer.deployment(waiting)["delivery"]
    _, answer = deployer.order(f"deliveries/{number}/replay")
    assert deployer.wait_ended(answer["deployments"][0]["id"])["status"] == "succeeded"
    assert app.ask() == (200, "v4")
    assert deployer.deployment(waiting)["status"] == "superseded"
    assert deployer.order(f"apps/{app.name}/resume?wait=10")[0] == 200
