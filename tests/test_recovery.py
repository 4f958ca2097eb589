"""A worker is killed in the middle; what the next one does must not harm who is being served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.deployment import Status
from deployer.releases import is_of
from deployer.rollout import Rollout
from deployer.traffic import route_of
from tests.fate import Fate, Killed, dress
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
