"""What operators ask for becomes a deployment, or is refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.deployment import Status, Trigger, Wanted
from deployer.errors import StoreUnavailable
from deployer.orders import take
from deployer.ports import Order, Quarantine
from deployer.spec import Spec
from tests.world import World, must, small_world

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app `web` with release 1, which is sealed."""
    with small_world(tmp_path) as world:
        image = replace(world.parts.apps["web"].image, tag="next", digest=DIGEST)
        world.store.add_release("web", image, Spec(), 1.0)
        yield world


def given(world: World, kind: str = "deploy", app: str = "web", **asked: object) -> Order:
    """What the worker answers to an order that was written down."""
    order = replace(Order(0, kind, app, "alice", 1.0), **asked)  # type: ignore[arg-type]
    number = world.store.give(order)
    taken = take(must(world.store.order(number)), world.parts.apps.get(app), world.store, 2.0)
    assert world.store.order(number) == taken
    assert world.store.open_orders() == []
    return taken


@pytest.mark.parametrize(
    ("tag", "digest"), [("", ""), ("next", ""), ("", DIGEST), ("latest", DIGEST)]
)
def test_a_deploy_is_queued_as_it_was_asked_for(world: World, tag: str, digest: str) -> None:
    taken = given(world, tag=tag, digest=digest)
    assert (taken.result, taken.reason) == ("accepted", "")
    queued = world.stored(must(taken.deployment))
    assert (queued.trigger, queued.tag, queued.digest) == (Trigger.OPERATOR, tag, digest)


def test_a_rollback_is_queued_with_what_its_release_holds(world: World) -> None:
    taken = given(world, "rollback", release=1)
    queued = world.stored(must(taken.deployment))
    assert (queued.trigger, queued.release) == (Trigger.ROLLBACK, 1)
    assert (queued.tag, queued.digest) == ("next", DIGEST)


@pytest.mark.parametrize(
    ("kind", "app", "asked", "reason"),
    [
        ("deploy", "other", {}, "config.yml has no app other"),
        ("deploy", "web", {"tag": "evil"}, "config.yml allows latest, next"),
        ("deploy", "web", {"digest": "sha256:A"}, "the digest is not one"),
        ("deploy", "web", {"digest": DIGEST + "\n"}, "the digest is not one"),
        ("rollback", "web", {"release": 2}, "web has no release 2"),
        ("rollback", "web", {"release": -1}, "web has no release -1"),
        ("rollback", "web", {}, "names no release"),
        ("format", "web", {}, "Known are deploy, maintenance-off"),
    ],
)
def test_what_the_configuration_or_a_seal_does_not_allow_is_refused(
    world: World, kind: str, app: str, asked: dict[str, object], reason: str
) -> None:
    taken = given(world, kind, app, **asked)
    assert (taken.result, taken.deployment) == ("refused", None)
    assert reason in taken.reason
    assert world.store.deployments() == []


def test_an_order_whose_answer_could_not_be_written_is_taken_again(world: World) -> None:
    """Twice queued is once deployed: the newer one takes the older one's place."""
    number = world.store.give(Order(0, "deploy", "web", "alice", 1.0))
    world.store.fail("answer", StoreUnavailable("locked"))
    for attempt in range(2):
        (order,) = world.store.open_orders()
        try:
            take(order, world.parts.apps["web"], world.store, 2.0)
        except StoreUnavailable:
            assert attempt == 0
    assert must(world.store.order(number)).deployment == 2
    assert [one.status for one in world.store.deployments()] == ["queued", "superseded"]


def test_a_rollback_ends_what_is_on_its_way_of_the_same_app(world: World) -> None:
    world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
    running = must(world.store.claim(1.0))
    taken = given(world, "rollback", release=1)
    wanted_end = world.stored(running.id)
    assert wanted_end.cancelled_by == f"alice, for rollback {taken.deployment}"
    assert wanted_end.status is Status.RUNNING


def test_a_queued_deployment_is_cancelled_and_an_ended_one_is_refused(world: World) -> None:
    number = must(given(world).deployment)
    assert given(world, "cancel", deployment=number).result == "accepted"
    assert world.stored(number).status is Status.CANCELLED
    again = given(world, "cancel", deployment=number, given_by="bob")
    assert (again.result, again.reason) == (
        "refused",
        f"deployment {number} was cancelled by alice already: nothing is left to cancel",
    )


def test_an_app_is_paused_and_resumed_once(world: World) -> None:
    assert given(world, "pause").result == "accepted"
    assert world.store.paused()["web"].by == "alice"
    assert given(world, "resume").result == "accepted"
    assert given(world, "resume").reason == "web is not paused"


def test_an_app_with_a_route_is_in_maintenance_until_that_is_ended(world: World) -> None:
    assert given(world, "maintenance-on").result == "accepted"
    assert world.store.maintained()["web"].by == "alice"
    assert given(world, "maintenance-off").result == "accepted"
    assert given(world, "maintenance-off").reason == "web is not in maintenance"
    world.change(route=None)
    assert "has no route" in given(world, "maintenance-on").reason


def test_only_a_digest_in_quarantine_is_freed(world: World) -> None:
    assert "no digest" in given(world, "unquarantine", digest=DIGEST).reason
    number = must(given(world).deployment)
    world.store.set_quarantine(Quarantine("web", DIGEST, number, "exit code 1", 1.0))
    assert given(world, "unquarantine", digest=DIGEST).result == "accepted"
    assert world.store.quarantined() == []
