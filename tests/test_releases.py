"""Which release is wanted, which is live, which are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.deployment import Status, Trigger, Wanted
from deployer.model import Limits, Release, Replica, Running
from deployer.ports import Active
from deployer.releases import is_of
from deployer.spec import Spec
from tests.world import World, small_world

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The app `web` serves release 1 with two replicas."""
    with small_world(tmp_path) as world:
        world.change(spec=Spec(replicas=2), limits=Limits(watch=0.0))
        world.push()
        assert world.deploy().status is Status.SUCCEEDED
        yield world


def wanted(world: World, **changes: Any) -> Release:
    """What serves, as it is asked for: without a number."""
    release = replace(world.store.open_release("web", 1), number=0)
    return replace(release, **changes)


@pytest.mark.parametrize(
    ("name", "deployment", "belongs"), [("web", 7, True), ("web", 8, False), ("api", 7, False)]
)
def test_a_replica_belongs_to_what_serves_by_app_and_deployment(
    name: str, deployment: int, belongs: bool
) -> None:
    replica = Replica(name, deployment, 1, 1, "id", "name")
    assert is_of(replica, Active("web", 1, 7)) is belongs
    assert not is_of(replica, None)


def test_the_same_digest_and_spec_with_all_replicas_up_is_live(world: World) -> None:
    assert world.parts.releases.is_live(wanted(world))
    assert world.parts.releases.is_live(world.store.open_release("web", 1))


@pytest.mark.parametrize("state", [Running.EXITED, Running.RESTARTING, Running.GONE])
def test_with_a_replica_down_it_is_not_live(world: World, state: Running) -> None:
    world.engine.change(world.replicas()[0], state)
    assert not world.parts.releases.is_live(wanted(world))


def test_another_spec_digest_or_number_is_not_live(world: World) -> None:
    releases = world.parts.releases
    other = replace(wanted(world).image, digest=DIGEST)
    assert not releases.is_live(wanted(world, spec=Spec(replicas=3)))
    assert not releases.is_live(wanted(world, image=other))
    assert not releases.is_live(wanted(world, number=2))
    assert not releases.is_live(wanted(world, app="api"))


def test_dropping_a_release_forgets_its_row_and_image_and_no_other(world: World) -> None:
    image = world.push()
    world.engine.pull(image, stall=1, timeout=1, stopping=lambda: None)
    release = world.parts.releases.make(wanted(world, image=image), 1.0)
    world.engine.keep(release)
    world.parts.releases.drop("web", release.number)
    assert world.releases() == [1]
    assert not world.engine.has(image)
    assert world.engine.has(wanted(world).image)


@pytest.mark.parametrize(("keep", "kept"), [(1, [1, 5]), (2, [1, 4, 5]), (9, [1, 2, 3, 4, 5])])
def test_pruning_keeps_the_newest_and_the_one_that_serves(
    world: World, keep: int, kept: list[int]
) -> None:
    for _ in range(4):
        world.parts.releases.make(wanted(world), 1.0)
    world.parts.releases.prune("web", keep)
    assert world.releases() == kept


def test_pruning_keeps_what_a_queued_rollback_waits_for(world: World) -> None:
    for _ in range(4):
        world.parts.releases.make(wanted(world), 1.0)
    world.store.enqueue(Wanted("web", Trigger.ROLLBACK, release=3), 1.0)
    world.parts.releases.prune("web", 1)
    assert world.releases() == [1, 3, 5]
