"""An order for a plan is answered by what the worker sees, and nothing is touched by asking."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.deployment import Trigger, Wanted
from deployer.errors import RegistryUnavailable, StoreUnavailable
from deployer.model import Image, Limits
from deployer.planning import Planner, answer
from deployer.ports import Order
from deployer.spec import Port, Spec
from deployer.worker import Worker
from tests.fakes.registry import FakeRegistry
from tests.world import LOOKS, World, app, must, small_world

NEW = f"sha256:{'b' * 64}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app whose image is in the registry, and which keeps two releases."""
    with small_world(tmp_path, app(limits=Limits(watch=0.02, keep=2)), app("api")) as made:
        made.push()
        yield made


def ask(world: World, name: str = "web", **asked: Any) -> Order:
    """What the worker answers to an order for a plan."""
    number = world.store.give(replace(Order(0, "plan", name, "alice", 1.0), **asked))
    answer(world.parts, must(world.store.order(number)))
    assert world.store.open_orders() == []
    return must(world.store.order(number))


def planned(world: World, **asked: Any) -> dict[str, Any]:
    """The plan that was answered."""
    order = ask(world, **asked)
    assert (order.result, order.reason) == ("accepted", "")
    found = json.loads(order.detail)
    assert isinstance(found, dict)
    return found


def test_what_was_planned_is_what_the_deployment_then_does(world: World) -> None:
    for _ in range(3):
        world.push()
        before = set(world.releases())
        said = planned(world)
        ended = world.deploy(Wanted("web", Trigger.OPERATOR))
        assert (said["outcome"], ended.status) == ("deployed", "succeeded")
        assert ended.digest == said["digest_then"]
        gone = before - set(world.releases())
        named = " ".join(one["does"] for one in said["steps"] if one["step"] == "retire")
        assert [f"remove release {number} " in named for number in gone] == [True] * len(gone)
        assert ("remove release" in named) == bool(gone)
        assert planned(world)["outcome"] == "unchanged"
        assert world.deploy(Wanted("web", Trigger.OPERATOR)).status == "unchanged"


def test_a_change_of_the_configuration_alone_is_planned(world: World) -> None:
    world.deploy()
    world.change(spec=Spec(environment=(("PORT", "8080"), ("NEW", "canary"))))
    parts = replace(world.parts, origins={"web": {("environment", "NEW"): "config.yml:12"}})
    world.parts = parts
    said = planned(world)
    assert said["digest_now"] == said["digest_then"]
    assert said["difference"] == [
        {
            "key": "environment.NEW",
            "kind": "added",
            "old": None,
            "new": None,
            "masked": True,
            "origin": "config.yml:12",
        }
    ]
    assert "canary" not in json.dumps(said)


def test_a_plan_only_looks(world: World) -> None:
    world.deploy()
    world.push()
    world.journal.clear()
    seen = (world.store.active(), world.releases(), world.replicas(), world.proxy.routes)
    planned(world)
    assert {verb for verb, _ in world.journal} <= set(LOOKS)
    assert seen == (world.store.active(), world.releases(), world.replicas(), world.proxy.routes)
    assert [one.id for one in world.store.deployments()] == [1]


def test_deployments_under_way_and_queued_are_in_the_way_and_what_they_need_is_kept(
    world: World,
) -> None:
    world.deploy()
    world.claim()
    world.store.enqueue(Wanted("web", Trigger.ROLLBACK, release=1), 3.0)
    assert [one["reason"].split(" is ")[0] for one in planned(world)["in_the_way"]] == [
        "deployment 2",
        "deployment 3",
    ]


def test_a_port_that_a_stranger_has_is_in_the_way_and_ones_own_is_not(world: World) -> None:
    world.change(spec=Spec(ports=(Port(80, published="8080"), Port(81, "udp", "8081"))))
    world.parts = replace(world.parts, listener=lambda port: f"somebody on {port}")
    (taken,) = planned(world)["in_the_way"]
    assert taken["reason"] == "port 8080 of the host is taken by somebody on 8080"
    world.deploy()
    world.push()
    assert planned(world)["in_the_way"] == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"name": "other"}, "the configuration in force has no app other"),
        ({"tag": "evil"}, "config.yml allows latest, next"),
        ({"tag": "next"}, "does not have it"),
        ({"digest": "sha256:1"}, "the digest is not one"),
    ],
)
def test_what_cannot_be_resolved_is_refused_with_the_reason(
    world: World, asked: dict[str, Any], reason: str
) -> None:
    order = ask(world, **asked)
    assert (order.result, order.detail, order.deployment) == ("refused", "", None)
    assert reason in order.reason


def test_a_registry_that_is_away_is_said_and_not_taken_for_up_to_date(world: World) -> None:
    world.deploy()
    world.registry.error = RegistryUnavailable("the registry does not answer")
    assert ask(world).reason == "the registry does not answer"


def test_a_fault_of_our_own_answers_the_order_too(world: World) -> None:
    def broken(_: int) -> str:
        raise RuntimeError("canary")

    world.change(spec=Spec(ports=(Port(80, published="8080"),)))
    world.parts = replace(world.parts, listener=broken)
    order = ask(world)
    assert order.result == "refused"
    assert "a fault in deployer itself (RuntimeError)" in order.reason


def test_a_release_that_cannot_be_opened_is_said(world: World) -> None:
    world.deploy()
    with closing(sqlite3.connect(world.path)) as connection:
        connection.execute("UPDATE releases SET digest = ?", (NEW,))
        connection.commit()
    said = planned(world)
    assert (said["digest_now"], said["outcome"]) == (None, "deployed")
    assert "its seal does not fit" in said["notes"][0]


def test_each_order_for_a_plan_is_answered_once_and_others_are_left_to_others(
    world: World,
) -> None:
    planner, threads = Planner(), []
    orders = [replace(Order(0, "plan", "web", "alice", 1.0), id=number) for number in range(6)]

    def spawn(*work: Any) -> None:
        threads.append(work)

    assert all(planner.takes(one, world.parts, spawn) for one in [*orders, *orders])
    assert [order.id for _, _, order in threads] == [0, 1, 2, 3], "a few at once"
    assert not planner.takes(Order(9, "deploy", "web", "alice", 1.0), world.parts, spawn)


def test_an_answer_that_cannot_be_written_is_left_to_the_next_look(world: World) -> None:
    planner, number = Planner(), world.store.give(Order(0, "plan", "web", "alice", 1.0))
    world.store.fail("answer", StoreUnavailable("locked"))
    for _ in range(2):
        for order in world.store.open_orders():
            planner.takes(order, world.parts, lambda work, *about: work(*about))
    assert must(world.store.order(number)).result == "accepted"


class SlowRegistry:
    """Implements ports.Registry; what is asked of `slow` waits until it is told to go on."""

    def __init__(self, registry: FakeRegistry, slow: Image) -> None:
        self._registry, self._slow = registry, slow
        self.goes_on = threading.Event()

    def resolve(self, image: Image, platform: str = "") -> Image:
        """See ports.Registry."""
        if image.name == self._slow.name:
            self.goes_on.wait(30)
        return self._registry.resolve(image, platform)

    def glance(self, image: Image) -> str:
        """See ports.Registry."""
        return self._registry.glance(image)

    def tags(self, image: Image) -> list[str]:
        """See ports.Registry."""
        return self._registry.tags(image)


def eventually(is_true: Callable[[], object]) -> None:
    """Wait until it is true."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_plan_that_waits_for_its_registry_holds_nobody_up(world: World) -> None:
    """The worker deploys another app meanwhile, and answers then."""
    world.push(name="api")
    slow = SlowRegistry(world.registry, world.parts.apps["web"].image)
    number = world.store.give(Order(0, "plan", "web", "alice", 1.0))
    parts = replace(world.parts, registry=slow, wait=world.stop.wait)
    worker = Worker(parts, world.proxy, world.stop, resync=0.1, retry=0.02)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        eventually(lambda: "api" in world.store.active())
        assert must(world.store.order(number)).result == ""
        slow.goes_on.set()
        eventually(lambda: must(world.store.order(number)).result == "accepted")
    finally:
        slow.goes_on.set()
        world.stop.set()
        thread.join(10)
