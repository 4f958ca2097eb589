"""An adopted container that cannot run beside its successor: stopped first, and back if need be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.deployment import Status
from deployer.model import Running, Strategy
from deployer.spec import Port, Spec
from tests.fakes.registry import Behaviour
from tests.test_adoption import OLD, history, looks, over, running
from tests.test_worker import eventually, working
from tests.world import World, app, small_world

PORTS = (Port(80, published="8080"),)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app that adopts the container `shop`; both have the same port of the host."""
    with small_world(tmp_path, app("web", adopt="shop", spec=Spec(ports=PORTS))) as world:
        yield world


def test_it_is_replaced_after_it_was_stopped(world: World) -> None:
    running(world, replace(OLD, ports=PORTS))
    with working(world):
        eventually(lambda: over(world, 2))
    assert history(world)[1].strategy is Strategy.STOP_FIRST
    done = [one for one in world.effects() if one.split(":")[0] in ("halt", "start", "retire")]
    assert done == ["halt: shop", "start: web 2", "retire: shop"]


def test_it_comes_back_where_the_next_one_fails(world: World) -> None:
    """The same container, and it has the traffic again."""
    old = running(world, replace(OLD, ports=PORTS))
    world.push(Behaviour.EXITS)
    with working(world):
        eventually(lambda: over(world, 2))
        looks(world)
    failed = history(world)[1]
    assert (failed.status, failed.strategy) == (Status.FAILED, Strategy.STOP_FIRST)
    (one,) = world.replicas()
    assert (one.id, one.state, world.routed()) == (old.id, Running.RUNNING, [one.address])
