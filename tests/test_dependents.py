"""An app whose image is also that of an app before it: what becomes of it when that one fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.model import Image
from deployer.order import held_back
from deployer.reconcile import Reconciler
from deployer.settling import Settling
from deployer.spec import Spec
from tests.fakes.registry import Behaviour
from tests.world import World, app, small_world

IMAGE = Image("docker.io", "acme/shop")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """`web`, and `jobs` that depends on it, from one image; both serve."""
    apps = (app("web", image=IMAGE), app("jobs", image=IMAGE, depends_on=("web",)))
    with small_world(tmp_path, *apps) as world:
        world.push()
        assert [both.status for both in deploy(world)] == [Status.SUCCEEDED] * 2
        yield world


def deploy(world: World, trigger: Trigger = Trigger.WEBHOOK) -> list[Deployment]:
    """Deploy both, in their order."""
    return [world.deploy(Wanted(name, trigger)) for name in ("web", "jobs")]


def test_an_image_that_failed_before_it_is_not_deployed(world: World) -> None:
    world.push(Behaviour.EXITS)
    serving = world.replicas("jobs")
    _, jobs = deploy(world)
    assert jobs.status is Status.REFUSED
    assert jobs.reason == (
        "web, which jobs depends on, does not run this image: its deployment 3 failed. "
        "Deploy web, then `deployer deploy jobs`"
    )
    assert jobs.serving == 1
    assert world.replicas("jobs") == serving


def test_it_goes_on_with_an_image_that_went_well_before_it(world: World) -> None:
    world.push(Behaviour.EXITS)
    deploy(world)
    world.push()
    assert [one.status for one in deploy(world)] == [Status.SUCCEEDED] * 2


def test_an_operator_decides_otherwise(world: World) -> None:
    world.push(Behaviour.EXITS)
    deploy(world)
    jobs = world.deploy(Wanted("jobs", Trigger.OPERATOR))
    assert jobs.status is Status.FAILED
    assert "does not stay up" in jobs.reason


def test_a_push_that_no_webhook_told_of_goes_in_the_same_order(world: World) -> None:
    """Whichever tag is looked at first."""
    for name in ("web", "jobs"):
        world.change(name, reconcile=10.0)
    time = [100.0]
    tags = Reconciler(
        lambda: dict(sorted(world.parts.apps.items())),
        world.store,
        world.registry,
        now=lambda: time[0],
        clock=lambda: time[0],
        between=lambda low, high: low,
    )
    world.push()
    tags.turn()
    assert [one.app for one in world.store.waiting()] == ["web", "jobs"]
    held = held_back(world.store.waiting(), [], {"web", "jobs"}, world.parts.apps)
    assert list(held) == [world.store.waiting()[1].id]
    time[0] += 20.0
    tags.turn()
    assert len(world.store.waiting()) == 2


def test_a_change_of_the_configuration_of_several_goes_in_the_same_order(world: World) -> None:
    for name in ("web", "jobs"):
        world.change(name, spec=Spec(environment=(("LEVEL", "2"),)))
    settling = Settling(lambda: world.parts)
    settling.ask(["jobs", "gone", "web"], ordered=True)
    settling.turn()
    waiting = world.store.waiting()
    assert [one.app for one in waiting] == ["web", "jobs"]
    assert list(held_back(waiting, [], {"web", "jobs"}, world.parts.apps)) == [waiting[1].id]
