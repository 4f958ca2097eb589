"""An app whose configuration is not what serves is deployed with it, once nothing is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer import adoption
from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.errors import RegistryUnavailable
from deployer.model import Limits, Running
from deployer.rollout import Rollout
from deployer.settling import Settling
from deployer.spec import Spec
from deployer.turns import waits
from tests.fakes.registry import Behaviour
from tests.world import World, app, must, small_world

OTHER = Spec(environment=(("PORT", "9090"),))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The app `web` serves what its tag means, as it is configured."""
    with small_world(tmp_path) as made:
        made.push()
        made.deploy()
        yield made


@pytest.fixture
def settling(world: World) -> Settling:
    return Settling(lambda: world.parts)


def newest(world: World) -> Deployment:
    return world.store.deployments("web", limit=1)[0]


def run(world: World) -> Deployment:
    """Take what is queued to its end."""
    rollout = Rollout(world.parts, must(world.store.claim(2.0)))
    rollout.run()
    rollout.clean_up()
    return world.stored(rollout.deployment.id)


@pytest.mark.parametrize("ordered", [True, False])
def test_another_spec_is_deployed_with_the_digest_that_serves(
    world: World, settling: Settling, ordered: bool
) -> None:
    """One change at a time: what the tag means by now is no part of it. At a start as well."""
    served = newest(world)
    world.push()
    world.change(spec=OTHER)
    settling.ask(["web"], ordered=ordered)
    settling.turn()
    ended = run(world)
    assert (ended.trigger, ended.status) == (Trigger.CONFIG, Status.SUCCEEDED)
    assert (ended.tag, ended.digest) == ("latest", served.digest)
    assert world.store.open_release("web", must(ended.release)).spec == OTHER


@pytest.mark.parametrize("ordered", [True, False])
def test_what_serves_already_is_left_alone(world: World, settling: Settling, ordered: bool) -> None:
    """A route, a probe or a limit is no matter of containers."""
    before = newest(world)
    world.change(limits=replace(world.parts.apps["web"].limits, keep=9))
    settling.ask(["web"], ordered=ordered)
    settling.turn()
    assert newest(world) == before


def test_while_one_runs_it_waits_and_looks_again_at_what_serves_then(
    world: World, settling: Settling
) -> None:
    image = world.push()
    running = world.claim()
    world.change(spec=OTHER)
    settling.ask(["web"], ordered=True)
    settling.turn()
    assert newest(world).id == running.deployment.id
    running.run()
    settling.turn()
    assert (newest(world).trigger, newest(world).digest) == (Trigger.CONFIG, image.digest)


def test_a_queued_one_is_not_superseded_and_takes_the_new_configuration_itself(
    world: World, settling: Settling
) -> None:
    queued = world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
    world.change(spec=OTHER)
    settling.ask(["web"], ordered=True)
    settling.turn()
    assert newest(world).id == queued
    assert run(world).status is Status.SUCCEEDED
    settling.turn()
    assert newest(world).id == queued


def test_at_a_start_what_is_under_way_is_enough_however_it_ends(
    world: World, settling: Settling
) -> None:
    world.change(spec=OTHER)
    world.push(Behaviour.EXITS)
    world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
    settling.ask(["web"], ordered=False)
    settling.turn()
    failed = run(world)
    assert failed.status is Status.FAILED
    settling.turn()
    assert newest(world).id == failed.id


def test_while_the_registry_is_down_a_changed_configuration_is_deployed(
    world: World, settling: Settling
) -> None:
    """The digest serves already, and its image is here."""
    world.registry.error = RegistryUnavailable("the registry is down")
    world.change(spec=OTHER)
    settling.ask(["web"], ordered=True)
    settling.turn()
    assert run(world).status is Status.SUCCEEDED


def test_a_digest_is_not_to_blame_for_a_configuration_that_fails_it(
    world: World, settling: Settling
) -> None:
    """It is not put in quarantine, so that the mended configuration can be deployed."""
    world.change(spec=OTHER, limits=Limits(watch=5.0))

    def end() -> None:
        for each in world.replicas():
            if each.deployment == newest(world).id:
                world.engine.change(each, Running.EXITED, exit_code=1)

    world.store.at[Step.WATCH] = end
    settling.ask(["web"], ordered=True)
    settling.turn()
    failed = run(world)
    assert (failed.status, failed.serving) == (Status.FAILED, 1)
    assert world.store.quarantined("web") == []
    world.change(spec=Spec(environment=(("PORT", "7070"),)), limits=Limits(watch=0.02))
    settling.ask(["web"], ordered=True)
    settling.turn()
    assert run(world).status is Status.SUCCEEDED


def test_one_that_fails_is_not_tried_again(world: World, settling: Settling) -> None:
    world.change(tags=("next",))
    world.push(Behaviour.EXITS, tag="next")
    settling.ask(["web"], ordered=True)
    settling.turn()
    failed = run(world)
    assert (failed.trigger, failed.tag, failed.status) == (Trigger.CONFIG, "next", Status.FAILED)
    for _ in range(3):
        settling.turn()
    assert newest(world).id == failed.id


def test_at_a_start_an_operator_s_rollback_stays_and_a_changed_key_moves_on_from_it(
    world: World, settling: Settling
) -> None:
    world.push()
    world.change(spec=OTHER)
    world.deploy()
    back = world.deploy(Wanted("web", Trigger.ROLLBACK, tag="latest", release=1))
    settling.ask(["web"], ordered=False)
    settling.turn()
    assert newest(world).id == back.id
    settling.ask(["web"], ordered=True)
    settling.turn()
    assert (newest(world).trigger, newest(world).digest) == (Trigger.CONFIG, back.digest)


def test_one_that_serves_nothing_and_one_that_is_gone_are_no_matter_of_this(
    world: World, settling: Settling
) -> None:
    world.parts = replace(world.parts, apps={**world.parts.apps, "api": app("api")})
    settling.ask(["api", "gone"], ordered=True)
    settling.turn()
    assert world.store.deployments("api") == []


def test_at_a_start_an_adopted_container_is_left_to_who_replaces_it(tmp_path: Path) -> None:
    """Its replacement may have failed: each start would try it once more."""
    with small_world(tmp_path, app(adopt="shop")) as world:
        world.engine.stranger("shop", world.push(tag="next"), OTHER)
        world.push(Behaviour.EXITS)
        adoption.adopt(world.parts)
        failed = run(world)
        assert failed.status is Status.FAILED
        settling = Settling(lambda: world.parts)
        settling.ask(["web"], ordered=False)
        settling.turn()
        assert newest(world).id == failed.id


def test_tags_that_say_nothing_of_which_comes_first_leave_what_serves_until_a_push(
    world: World, settling: Settling
) -> None:
    """At each start as well: nothing is queued that could only be refused."""
    world.change(tags=("glob:v*",))
    for ordered in (True, False):
        settling.ask(["web"], ordered=ordered)
        settling.turn()
    assert newest(world).status is Status.SUCCEEDED
    (waiting,) = waits(world.store, world.parts.apps)
    assert waiting["reason"].startswith("waits for its first push: glob:v*")


def test_a_tag_that_a_pattern_lets_in_goes_on_with_its_digest(
    world: World, settling: Settling
) -> None:
    served = newest(world)
    world.change(tags=("glob:l*",), spec=OTHER)
    settling.ask(["web"], ordered=True)
    settling.turn()
    ended = run(world)
    assert (ended.status, ended.tag, ended.digest) == (Status.SUCCEEDED, "latest", served.digest)


def test_a_range_that_does_not_let_in_what_serves_deploys_its_newest(
    world: World, settling: Settling
) -> None:
    pushed = world.push(tag="1.4.2")
    world.change(tags=("semver:^1.4",))
    settling.ask(["web"], ordered=True)
    settling.turn()
    ended = run(world)
    assert (ended.status, ended.tag, ended.digest) == (Status.SUCCEEDED, "1.4.2", pushed.digest)
