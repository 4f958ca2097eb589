"""Running containers that become first releases: taken over as they are, then replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer import adoption
from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import EngineError, EngineUnavailable, StoreUnavailable
from deployer.model import Image, Replica, Running
from deployer.spec import Spec
from tests.fakes.registry import Behaviour
from tests.test_worker import ended, eventually, newest, serving, working
from tests.world import World, app, must, small_world

OLD = Spec(environment=(("OLD", "1"),), restart="always")
AWAY = EngineUnavailable("Docker is unavailable")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app that adopts the container `shop`; a newer image of it is in the registry."""
    with small_world(tmp_path, app("web", adopt="shop")) as world:
        yield world


def running(world: World, spec: Spec = OLD) -> Replica:
    """The container, which somebody has started with an older image."""
    stranger = world.engine.stranger("shop", world.push(tag="next"), spec)
    world.push()
    return stranger


def history(world: World) -> list[Deployment]:
    """The app's deployments, oldest first."""
    return world.store.deployments("web")[::-1]


def over(world: World, number: int) -> bool:
    """Whether there is such a deployment, it has ended, and what it replaced is gone."""
    return world.store.deployment(number) is not None and ended(world, number)


def looks(world: World) -> None:
    """Wait until the worker has had a look at what there is."""
    now = time.time()
    eventually(lambda: world.store.snapshot().get("at", 0.0) > now)


def test_it_serves_as_the_first_release_and_is_replaced_once_the_next_one_has_proven_well(
    world: World,
) -> None:
    old = running(world)
    with working(world):
        eventually(lambda: over(world, 2))
        assert serving(world, "web")
    first, second = history(world)
    assert (first.trigger, first.status, first.release) == (
        Trigger.BOOTSTRAP,
        Status.SUCCEEDED,
        1,
    )
    assert (second.trigger, second.status, second.release) == (
        Trigger.BOOTSTRAP,
        Status.SUCCEEDED,
        2,
    )
    done = world.effects()
    order = ["proxy: web", "start: web 2", "active: web 2", "retire: shop"]
    assert [one for one in done if one in order] == [
        "proxy: web",
        "start: web 2",
        "proxy: web",
        "active: web 2",
        "retire: shop",
    ]
    assert world.engine.look(old).state is Running.GONE


def test_until_then_its_requests_go_to_it_and_it_is_not_touched(world: World) -> None:
    old = running(world)
    gate = world.engine.close(world.parts.apps["web"])
    with working(world):
        eventually(lambda: world.routed() == [old.address])
        looks(world)
        (shown,) = world.store.snapshot()["apps"]["web"]
        assert (shown["name"], shown["release"], shown["deployment"]) == ("shop", 1, 1)
        assert world.routed() == [old.address]
        gate.set()
        eventually(lambda: over(world, 2))


def test_its_image_is_kept_and_its_history_says_what_was_taken_over(world: World) -> None:
    old = running(world)
    adoption.adopt(world.parts)
    assert "keep: web 1" in world.effects()
    release = world.store.open_release("web", 1)
    assert release.spec == OLD
    first = history(world)[0]
    assert first.digest == release.image.digest
    assert world.messages(1) == [
        f"container shop ({old.id[:12]}), {release.image.pinned}",
        "release 1 serves: the container was adopted as it is",
    ]


def test_a_new_release_that_fails_leaves_it_serving(world: World) -> None:
    old = running(world)
    world.push(Behaviour.EXITS)
    with working(world):
        eventually(lambda: len(history(world)) == 2 and history(world)[1].status is Status.FAILED)
        eventually(lambda: world.routed() == [old.address])
        looks(world)
    assert [one.id for one in world.replicas()] == [old.id]
    assert history(world)[1].serving == 1


def test_a_rollback_to_it_makes_a_container_of_the_spec_that_it_had(world: World) -> None:
    running(world)
    with working(world):
        eventually(lambda: over(world, 2))
        back = world.store.enqueue(Wanted("web", Trigger.ROLLBACK, release=1), 1.0)
        eventually(lambda: over(world, back))
        (one,) = world.replicas()
    assert (one.name, one.release) == ("web-3-1", 1)
    assert world.engine.examine(one.name, "web", world.parts.apps["web"].image).spec == OLD


def test_where_the_configuration_says_just_what_it_is_it_goes_on(world: World) -> None:
    """Same digest, same spec: there is nothing to replace it by."""
    image = world.push()
    world.change(spec=OLD)
    old = world.engine.stranger("shop", image, OLD)
    with working(world):
        eventually(lambda: len(history(world)) == 2 and history(world)[1].ended_at)
        looks(world)
    assert history(world)[1].status is Status.UNCHANGED
    assert [one.id for one in world.replicas()] == [old.id]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("verb", ["adopt", "keep"])
def test_a_start_that_breaks_off_in_the_middle_is_taken_up_again(
    world: World, verb: str, after: bool
) -> None:
    """Whether or not what was asked for has been done: one adoption comes of it."""
    running(world)
    if verb == "adopt":
        world.store.fail("adopt", StoreUnavailable("locked"), after=after)
    else:
        world.engine.fail("keep", AWAY, after=after)
    with pytest.raises((StoreUnavailable, EngineUnavailable)):
        adoption.adopt(world.parts)
    world.calm()
    assert adoption.adopt(world.parts) == set()
    assert world.effects()[-1] == "keep: web 1"
    assert len(world.store.adopted()) == len(world.store.releases("web")) == 1
    with working(world):
        eventually(lambda: over(world, 2))
    assert [one.status for one in history(world)] == [Status.SUCCEEDED] * 2


def test_while_docker_is_away_nothing_is_decided(world: World) -> None:
    running(world)
    world.engine.fail("examine", AWAY)
    with working(world):
        eventually(lambda: over(world, 2))
    assert [one.status for one in history(world)] == [Status.SUCCEEDED] * 2


def refused(world: World) -> str:
    """Why it was not adopted, as its history says, with a worker that ran twice."""
    for _ in range(2):
        with working(world):
            eventually(lambda: newest(world))
            looks(world)
    (failed,) = history(world)
    assert (failed.trigger, failed.status) == (Trigger.BOOTSTRAP, Status.FAILED)
    assert world.store.active() == {}
    return failed.reason


def test_a_container_that_does_not_exist_holds_the_bootstrap_and_is_told_once(
    world: World,
) -> None:
    """It may be there under another name: a second one beside it could do harm."""
    world.push()
    assert refused(world) == "cannot adopt shop: there is no container shop"


def test_a_container_that_does_not_run_is_not_adopted(world: World) -> None:
    world.engine.change(running(world), Running.EXITED, exit_code=0)
    assert refused(world).startswith("cannot adopt shop: it does not run. `docker start` it")


def test_a_container_that_is_gone_once_it_is_stopped_is_not_adopted(world: World) -> None:
    """It could not come back where the next release fails."""
    world.engine.pass_by(running(world))
    assert "it was started with --rm, so it is gone once it is stopped" in refused(world)


def test_a_container_that_nginx_cannot_reach_is_not_adopted(world: World) -> None:
    old = running(world)
    world.engine.move(old, "")
    assert "it has no address on the network where Nginx reaches the apps" in refused(world)


def test_what_docker_refuses_to_show_keeps_no_other_app_from_being_served(world: World) -> None:
    running(world)
    world.engine.fail("examine", EngineError("cannot look at container shop: input/output error"))
    assert adoption.adopt(world.parts) == {"web"}
    (failed,) = history(world)
    assert failed.reason.startswith("cannot adopt shop: cannot look at container shop")


def test_a_container_whose_image_no_registry_has_is_not_adopted(world: World) -> None:
    """Nothing could bring that back; what to do is said."""
    local = Image("docker.io", "library/here", "1")
    world.push()
    world.engine.stranger("shop", local, OLD)
    assert "`docker tag` it with a name on your registry, such as docker.io/acme/web" in refused(
        world
    )


def test_what_was_refused_is_adopted_once_it_can_be_without_a_restart(world: World) -> None:
    old = running(world)
    world.engine.change(old, Running.EXITED, exit_code=0)
    with working(world):
        eventually(lambda: newest(world))
        world.engine.change(old, Running.RUNNING)
        eventually(lambda: over(world, 3))
    assert [one.status for one in history(world)] == [
        Status.FAILED,
        Status.SUCCEEDED,
        Status.SUCCEEDED,
    ]


@pytest.mark.parametrize("trigger", [Trigger.WEBHOOK, Trigger.RECONCILE, Trigger.CONFIG])
def test_until_then_nothing_is_started_beside_it_but_by_an_operator(
    world: World, trigger: Trigger
) -> None:
    """What waits to be adopted may be serving; whoever orders a deployment knows what runs."""
    world.push()
    asked = world.store.enqueue(Wanted("web", trigger), 1.0)
    with working(world):
        eventually(lambda: world.stored(asked).ended_at)
        ordered = world.store.enqueue(Wanted("web", Trigger.OPERATOR), 2.0)
        eventually(lambda: over(world, ordered))
    assert world.stored(asked).status is Status.REFUSED
    assert "the container shop is to be adopted first, and was not" in world.stored(asked).reason
    assert world.stored(asked).digest
    assert world.stored(ordered).status is Status.SUCCEEDED
    cannot = [one for one in history(world) if one.reason.startswith("cannot adopt")]
    assert len(cannot) == 1


def test_an_app_that_has_served_before_adopts_nothing(world: World) -> None:
    plain = replace(world.parts.apps["web"], adopt="")
    world.parts = replace(world.parts, apps={"web": plain})
    world.push()
    world.deploy()
    world.change(adopt="shop")
    old = running(world)
    assert adoption.adopt(world.parts) == set()
    assert world.store.adopted() == []
    assert must(world.store.active().get("web")).release == 1
    assert world.engine.look(old).app == ""


def test_once_it_is_gone_its_image_is_no_more_held(world: World) -> None:
    running(world)
    with working(world):
        eventually(lambda: over(world, 2))
    world.effects()
    adoption.adopt(world.parts)
    assert world.effects() == []
