"""Where two cannot run side by side, the old one is stopped first and comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.deployment import Status, Step
from deployer.errors import ConfigRejected, EngineUnavailable, StartFailed
from deployer.model import Limits, Running, Strategy
from deployer.ports import Active
from deployer.rollout import Rollout
from deployer.spec import Port, Spec
from tests.fakes.registry import Behaviour
from tests.world import World, app, must, small_world

SPEC = Spec(ports=(Port(80, published="8080"),))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app that publishes a port of the host, whose release 1 serves as deployment 1."""
    with small_world(tmp_path, app(spec=SPEC)) as world:
        world.push()
        world.deploy()
        world.journal.clear()
        yield world


def serves(world: World, deployment: int) -> bool:
    """Whether the app's requests go to this deployment's replicas, and only these run."""
    running = [one for one in world.replicas() if one.state is Running.RUNNING]
    return (
        world.routed() == world.addresses(deployment) == [one.address for one in running]
        and world.routed() != []
        and world.store.active()["web"].deployment == deployment
    )


def test_the_old_one_is_stopped_once_the_new_one_can_be_created(world: World) -> None:
    world.push()
    ended = world.deploy()
    assert (ended.status, ended.strategy) == (Status.SUCCEEDED, Strategy.STOP_FIRST)
    assert [one for one in world.effects() if not one.startswith(("step", "status"))] == [
        *("pull: " + must(world.registry.asked[-1]).name + f"@{ended.digest}", "keep: web 2"),
        *("prepare: web 2", "proxy: web", "halt: web-1-1", "start: web 2", "proxy: web"),
        *("active: web 2", "forget: web", "retire: web-1-1", "forget: web"),
    ]
    assert serves(world, 2)


def test_the_rule_that_chose_is_told(world: World) -> None:
    world.push()
    told = world.messages(world.deploy().id)
    assert (
        "release 2, 1 replica(s), stop-first: only one container at a time can have port 8080/tcp "
        "of the host"
    ) in told
    assert "stopped web-1-1 (exit code 0); the new one is next" in told


def test_nothing_is_stopped_for_the_first_release(tmp_path: Path) -> None:
    with small_world(tmp_path, app(spec=SPEC)) as world:
        world.push()
        assert world.deploy().strategy is Strategy.START_FIRST


def test_the_configuration_can_say_otherwise(world: World) -> None:
    world.change(strategy=Strategy.START_FIRST)
    world.push()
    ended = world.deploy()
    assert (ended.strategy, ended.status) == (Strategy.START_FIRST, Status.SUCCEEDED)
    assert "halt: web-1-1" not in world.effects()


def test_no_nginx_worker_knows_the_old_address_when_it_is_given_up(world: World) -> None:
    """Docker gives a freed address to the very next container, which may be another app's."""
    world.proxy.holding = True
    told: list[str] = []

    def look() -> None:
        if world.proxy.routes[0].targets == ():
            told.extend(verb for verb, _ in world.journal if verb == "halt")
            world.proxy.holding = False
            world.proxy.let_go()

    world.meanwhile = look
    world.push()
    assert world.deploy().status is Status.SUCCEEDED
    assert told == []


@pytest.mark.parametrize("behaviour", [Behaviour.SILENT, Behaviour.EXITS])
def test_a_new_one_that_never_gets_healthy_gives_its_place_back(
    world: World, behaviour: Behaviour
) -> None:
    world.push(behaviour)
    ended = world.deploy()
    assert ended.status is Status.FAILED
    assert ended.reason.endswith("release 1 serves as before")
    assert "revive: web-1-1 unless-stopped" in world.effects()
    assert serves(world, 1)
    assert [one.deployment for one in world.replicas()] == [1]
    assert world.releases() == [1]


def test_one_that_fails_in_its_watch_gives_its_place_back(world: World) -> None:
    world.change(limits=Limits(watch=5.0))
    world.push()
    world.store.at[Step.WATCH] = lambda: world.engine.change(
        world.replicas()[-1], Running.EXITED, exit_code=1
    )
    ended = world.deploy()
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert serves(world, 1)


def test_an_nginx_that_refuses_on_the_way_back_does_not_keep_the_old_one_down(
    world: World,
) -> None:
    world.change(limits=Limits(watch=5.0))
    world.push()

    def break_both() -> None:
        world.engine.change(world.replicas()[-1], Running.EXITED, exit_code=1)
        world.proxy.fail(ConfigRejected("no"))

    world.store.at[Step.WATCH] = break_both
    ended = world.deploy()
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert "could not close the route meanwhile: no" in ended.reason
    assert serves(world, 1)


def test_what_docker_refuses_of_the_new_one_is_refused_while_the_old_one_serves(
    world: World,
) -> None:
    world.engine.foreign.add("web-2-1")
    world.push()
    ended = world.deploy()
    assert ended.status is Status.FAILED
    assert "another container has this name" in ended.reason
    assert [one for one in world.effects() if one.startswith(("halt", "revive"))] == []
    assert serves(world, 1)


def test_an_nginx_that_does_not_close_the_route_stops_nothing(world: World) -> None:
    world.proxy.fail(ConfigRejected("no"))
    world.push()
    ended = world.deploy()
    assert (ended.status, ended.reason) == (Status.FAILED, "no; release 1 serves as before")
    assert [one for one in world.effects() if one.startswith("halt")] == []
    assert serves(world, 1)


def test_the_old_one_comes_back_once_docker_is_back(world: World) -> None:
    world.push(Behaviour.SILENT)
    for verb in ("discard", "revive"):
        world.engine.fail(verb, EngineUnavailable("Docker is away"))
    ended = world.deploy()
    assert ended.reason.endswith("release 1 serves as before")
    assert serves(world, 1)


def test_one_that_was_removed_meanwhile_is_made_anew_from_its_release(world: World) -> None:
    """Pruning takes stopped containers."""
    world.push(Behaviour.SILENT)
    world.store.at[Step.CHECK] = lambda: world.engine.change(world.replicas()[0], Running.GONE)
    ended = world.deploy()
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert ended.reason.endswith("release 1 serves as before")
    assert serves(world, 1)


def test_one_that_cannot_come_back_is_told_and_the_app_stays_closed(world: World) -> None:
    world.push(Behaviour.SILENT)
    world.store.at[Step.CHECK] = lambda: world.engine.fail("revive", StartFailed("port taken"))
    ended = world.deploy()
    assert ended.status is Status.FAILED
    assert "could not start the old release again: port taken" in ended.reason
    assert world.routed() == []


@pytest.mark.parametrize("step", [Step.START, Step.CHECK, Step.SWITCH])
def test_a_worker_that_is_stopped_meanwhile_leaves_one_of_both_serving(
    world: World, step: Step
) -> None:
    world.push()
    world.store.at[step] = world.stop.set
    rollout = world.claim()
    with pytest.raises(Exception, match="being stopped"):
        rollout.run()
    switched = step is Step.SWITCH
    assert serves(world, 2) if switched else serves(world, 1)
    world.calm()
    later = Rollout(world.parts, world.stored(rollout.deployment.id))
    ended = later.finish() if switched else later.again()
    assert ended.status is Status.SUCCEEDED
    later.clean_up()
    assert serves(world, 2)


class Killed(BaseException):
    """Ends the worker without undoing anything."""


def test_what_was_stopped_before_a_kill_serves_again_before_the_next_attempt(
    world: World,
) -> None:
    image = world.push()
    rollout = world.claim()
    world.engine.pull(image, stall=1, timeout=1, stopping=lambda: None)
    spec = world.parts.apps["web"].spec
    release = world.store.add_release("web", image, spec, 1.0)
    killed = replace(
        rollout.deployment, release=release.number, step=Step.START, strategy=Strategy.STOP_FIRST
    )
    world.store.save(killed, 1.0)
    world.engine.prepare(release, killed.id)
    world.engine.halt(world.replicas()[0])
    ended = Rollout(world.parts, replace(killed, attempt=3)).give_up()
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert serves(world, 1)
    assert world.store.active()["web"] == Active("web", 1, 1)
    assert [one.deployment for one in world.replicas()] == [1]
