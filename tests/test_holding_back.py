"""A release that failed after its switch is not tried again; operators pause and cancel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.deployment import Status, Step, Trigger, Wanted
from deployer.model import Limits, Running
from deployer.policy import held_back
from deployer.ports import Paused
from deployer.rollout import Rollout
from tests.world import World, must, small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app whose release 1 serves as deployment 1."""
    with small_world(tmp_path) as world:
        world.push()
        world.deploy()
        world.change(limits=Limits(watch=5.0))
        yield world


def die_in_watch(world: World) -> None:
    """Let the newest replica end when the watch begins."""
    world.store.at[Step.WATCH] = lambda: world.engine.change(
        world.replicas()[-1], Running.EXITED, exit_code=3
    )


def test_a_digest_that_fails_in_its_watch_is_refused_until_it_is_freed(world: World) -> None:
    image = world.push()
    die_in_watch(world)
    failed = world.deploy()
    assert failed.status is Status.FAILED
    assert f"{image.digest[:19]} is in quarantine; release 1 serves as before" in failed.reason
    refused = world.deploy()
    assert refused.status is Status.REFUSED
    assert f"in quarantine since deployment {failed.id}" in refused.reason
    assert f"deployer unquarantine web {image.digest}" in refused.reason
    assert world.store.lift_quarantine("web", image.digest)
    world.change(limits=Limits(watch=0.02))
    assert world.deploy().status is Status.SUCCEEDED


def test_a_digest_is_not_blamed_for_what_ended_the_old_release_too(world: World) -> None:
    """A restart of Docker ends all containers, those of a healthy release among them."""
    world.push()

    def end_all() -> None:
        for one in world.replicas():
            world.engine.change(one, Running.EXITED, exit_code=143)

    world.store.at[Step.WATCH] = end_all
    assert world.deploy().status is Status.FAILED
    assert world.store.quarantined() == []


def test_a_newer_digest_is_deployed_while_the_failed_one_stays_in_quarantine(world: World) -> None:
    world.push()
    die_in_watch(world)
    bad = world.deploy()
    world.push()
    world.change(limits=Limits(watch=0.02))
    assert world.deploy().status is Status.SUCCEEDED
    assert [one.digest for one in world.store.quarantined("web")] == [bad.digest]


def test_one_that_fails_before_its_switch_is_not_quarantined(world: World) -> None:
    world.push()
    world.store.at[Step.CHECK] = lambda: world.engine.change(
        world.replicas()[-1], Running.EXITED, exit_code=3
    )
    assert world.deploy().status is Status.FAILED
    assert world.store.quarantined() == []


def test_a_rollback_that_fails_in_its_watch_is_told_and_its_release_stays(world: World) -> None:
    world.push()
    world.change(limits=Limits(watch=0.02))
    world.deploy()
    world.change(limits=Limits(watch=5.0))
    die_in_watch(world)
    failed = world.deploy(Wanted("web", Trigger.ROLLBACK, release=1))
    assert (failed.status, failed.serving) == (Status.FAILED, 2)
    assert world.store.quarantined() == []
    assert world.releases() == [1, 2]


@pytest.mark.parametrize("step", [Step.RESOLVE, Step.PULL, Step.CHECK, Step.WATCH])
def test_a_running_deployment_that_is_cancelled_leaves_what_served_before(
    world: World, step: Step
) -> None:
    world.push()
    rollout = world.claim()
    world.store.at[step] = lambda: rollout.cancel("alice")
    ended = rollout.run()
    rollout.clean_up()
    assert (ended.status, ended.serving) == (Status.CANCELLED, 1)
    assert ended.reason == "cancelled by alice; release 1 serves as before"
    assert world.routed() == world.addresses(1)
    assert [one.deployment for one in world.replicas()] == [1]
    assert world.releases() == [1]
    assert world.store.quarantined() == []


def test_one_that_is_cancelled_while_no_worker_runs_is_not_tried_again(world: World) -> None:
    world.push()
    rollout = world.claim()
    world.store.cancel(rollout.deployment.id, "alice", 3.0)
    ended = Rollout(world.parts, must(world.store.deployment(rollout.deployment.id))).again()
    assert (ended.status, ended.reason) == (
        Status.CANCELLED,
        "cancelled by alice; release 1 serves as before",
    )


def test_a_paused_app_deploys_only_what_an_operator_asks_for(world: World) -> None:
    store = world.store
    store.pause(Paused("web", "alice", 1.0))
    paused = {name: one.by for name, one in store.paused().items()}
    for trigger in Trigger:
        number = store.enqueue(Wanted("web", trigger, release=1), 2.0)
        held = held_back(store.waiting(), paused)
        if trigger in (Trigger.OPERATOR, Trigger.ROLLBACK):
            assert held == {}
        else:
            assert held == {number: "web is paused by alice; deployer resume web"}


def test_what_waits_for_a_paused_app_does_not_end_a_watch(world: World) -> None:
    world.change(limits=Limits(watch=0.2))
    world.push()
    world.store.pause(Paused("web", "alice", 1.0))
    rollout = world.claim()

    def ask() -> None:
        world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
        world.engine.change(world.replicas()[-1], Running.EXITED, exit_code=3)

    world.store.at[Step.WATCH] = ask
    assert rollout.run().status is Status.FAILED
