"""The worker keeps the order of apps: what waits for what, told while it waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.condition import holds
from deployer.deployment import Status, Trigger, Wanted
from deployer.model import AppHook, Image, Moment, OneOff
from deployer.ports import Delivery, Paused
from tests.fakes.registry import Behaviour
from tests.lab.shell import wait_until
from tests.test_worker import working
from tests.world import World, app, small_world

IMAGE = Image("docker.io", "acme/shop")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """`jobs`, which depends on `web`, and `web`, from one image; neither has ever run."""
    apps = (app("jobs", image=IMAGE, depends_on=("web",)), app("web", image=IMAGE))
    with small_world(tmp_path, *apps) as world:
        yield world


def wait_status(world: World, number: int, status: Status) -> None:
    """Wait until a deployment has this status."""

    def reached() -> bool:
        found = world.store.deployment(number)
        return found is not None and found.status is status

    wait_until(reached, f"{status} of deployment {number}")


def deliver(world: World) -> list[int]:
    """One push for both, the dependent one first; the deployments of it."""
    wanted = [Wanted(name, Trigger.WEBHOOK) for name in ("jobs", "web")]
    recorded = world.store.record(Delivery("hub", 1.0, b"{}"), wanted)
    return [number for number, _ in recorded.deployments]


def test_the_first_start_of_all_is_in_their_order(world: World) -> None:
    world.push()
    with working(world):
        for number in (1, 2):
            wait_status(world, number, Status.SUCCEEDED)
    web, jobs = world.stored(1), world.stored(2)
    assert (web.app, jobs.app) == ("web", "jobs")
    assert (jobs.started_at or 0) >= (web.ended_at or 0) > 0


def test_one_push_waits_for_the_app_before_it_and_says_so(world: World) -> None:
    world.push()
    with working(world):
        wait_status(world, 2, Status.SUCCEEDED)
        world.push()
        gate = world.engine.close(world.parts.apps["web"])
        jobs, web = deliver(world)
        why = f"deployment {jobs} waits for deployment {web} of web, which jobs depends on"
        wait_until(
            lambda: [one.reason for one in holds(world.store, ["jobs", "web"])] == [why],
            "the reason for the wait",
        )
        assert world.stored(jobs).status is Status.QUEUED
        gate.set()
        wait_status(world, jobs, Status.SUCCEEDED)
        wait_until(lambda: not holds(world.store, ["jobs", "web"]), "the end of the wait")
    assert world.stored(web).status is Status.SUCCEEDED


def test_a_first_start_waits_on_while_the_app_before_it_fails(world: World) -> None:
    world.push(Behaviour.EXITS)
    with working(world):
        wait_status(world, 1, Status.FAILED)
        reason = "deployment 2 waits until web serves, which it depends on"
        wait_until(
            lambda: reason in [one.reason for one in holds(world.store, ["jobs"])],
            "the reason for the wait",
        )
        assert world.stored(2).status is Status.QUEUED
        world.push()
        world.store.enqueue(Wanted("web", Trigger.OPERATOR), 1.0)
        wait_status(world, 2, Status.SUCCEEDED)


def test_nobody_waits_for_an_app_that_is_paused(world: World) -> None:
    world.push()
    with working(world):
        wait_status(world, 2, Status.SUCCEEDED)
        world.store.pause(Paused("web", "somebody", 1.0))
        world.push()
        jobs, web = deliver(world)
        wait_status(world, jobs, Status.SUCCEEDED)
        assert world.stored(web).status is Status.QUEUED


def test_what_an_earlier_worker_left_running_is_removed_at_the_start(world: World) -> None:
    hook = AppHook(Moment.POST_DEPLOY, ("warm",))
    world.engine.one_offs["web-1.post_deploy"] = OneOff(1, hook)
    world.push()
    with working(world):
        wait_status(world, 2, Status.SUCCEEDED)
        assert world.engine.one_offs == {}
