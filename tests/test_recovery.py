"""A worker is killed in the middle; what the next one does must not harm who is being served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.deployment import Status, Step
from deployer.model import Limits, Release, Running
from deployer.releases import is_of
from deployer.rollout import Rollout
from deployer.spec import Spec
from deployer.traffic import route_of
from tests.fakes.registry import Behaviour
from tests.fate import Fate, Killed, dress
from tests.test_worker import eventually, working
from tests.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The app serves release 1 of deployment 1."""
    with small_world(tmp_path) as world:
        world.push()
        assert world.deploy().status is Status.SUCCEEDED
        yield world


def killed_at(world: World, call: str) -> Rollout:
    """A deployment whose worker was killed after this call; the next worker has begun."""
    fate = Fate()
    dress(world, fate)
    world.push()
    rollout = world.claim()
    with pytest.raises(Killed), fate.of({call: "killed after"}):
        rollout.run()
    dress(world, fate)
    active = world.store.active()["web"]
    served = [one for one in world.replicas() if is_of(one, active)]
    world.traffic.begin({"web": route_of(world.parts.apps["web"], served)})
    return Rollout(world.parts, world.stored(rollout.deployment.id))


def test_replicas_that_nginx_was_sent_to_go_only_after_the_drain_of_the_way_back(
    world: World,
) -> None:
    """A connection that was kept, or a long request, is still with a worker that knows them."""
    world.proxy.holding = True
    rollout = killed_at(world, "Proxy.apply")
    (_, left) = world.replicas()
    there: list[bool] = []

    def let_go_later() -> None:
        there.append(left.id in [one.id for one in world.replicas()])
        if len(there) == 3:
            world.proxy.let_go()
            world.proxy.holding = False

    world.meanwhile = let_go_later
    assert rollout.again().status is Status.SUCCEEDED
    assert there[:3] == [True, True, True]
    assert left.id not in [one.id for one in world.replicas()]


def test_nothing_of_an_image_stays_whose_release_failed_after_its_switch(world: World) -> None:
    """Its containers went only after the drain, when its release was dropped already."""
    image = world.push()
    world.change(limits=Limits(watch=3600))
    world.store.at[Step.WATCH] = lambda: world.engine.change(
        world.replicas()[-1], Running.EXITED, exit_code=1
    )
    assert world.deploy().status is Status.FAILED
    assert not world.engine.has(image)


def test_nothing_of_an_image_stays_that_served_until_the_drain_was_over(world: World) -> None:
    """Where only the newest release is kept, the older one is dropped while it drains."""
    first = next(row.image for row in world.store.releases("web"))
    world.change(limits=Limits(watch=0.0, keep=1))
    world.push()
    assert world.deploy().status is Status.SUCCEEDED
    assert world.releases() == [2]
    assert not world.engine.has(first)


@pytest.mark.parametrize("jump", [86400.0, -86400.0])
@pytest.mark.parametrize("step", [Step.PULL, Step.CHECK, Step.WATCH])
def test_a_clock_that_jumps_by_a_day_changes_nothing(world: World, jump: float, step: Step) -> None:
    """Deadlines count with a clock that nobody sets; the other one is only written down."""
    clock = [1_000_000.0]
    world.parts = replace(world.parts, now=lambda: clock[0])
    world.push()
    world.store.at[step] = lambda: clock.append(clock.pop() + jump)
    ended = world.deploy()
    assert (ended.status, ended.attempt) == (Status.SUCCEEDED, 1)
    world.push(Behaviour.SILENT)
    world.store.at[step] = lambda: clock.append(clock.pop() - jump)
    failed = world.deploy()
    assert "was not healthy within 0.1 s" in failed.reason
    assert world.routed() == world.addresses(ended.id)


def test_a_worker_begins_with_removing_the_images_of_dropped_releases(world: World) -> None:
    """The one before was killed after it had removed the last container of such an image."""
    image = world.push()
    world.engine.pull(image, stall=1.0, timeout=1.0, stopping=lambda: None)
    world.engine.keep(Release("web", 2, image, Spec()))
    with working(world):
        eventually(lambda: not world.engine.has(image))
    assert world.engine.has(next(row.image for row in world.store.releases("web")))
