"""What every Engine of ports.py does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import pytest

from deployer.errors import EngineError, ImageNotFound, Interrupted, Refused, StartFailed
from deployer.model import Image, Release, Replica, Running
from deployer.ports import Adopted, Engine
from deployer.sharing import has_network_of
from deployer.spec import Attachment, Spec
from tests.fakes.registry import Behaviour

SPEC = Spec(restart="no", stop_grace_period=1.0)


class EngineWorld(Protocol):
    """An engine to be driven, and what goes on around it."""

    @property
    def engine(self) -> Engine:
        """The engine under test."""
        ...

    @property
    def app(self) -> str:
        """A name that no other world has."""
        ...

    def push(self, behaviour: Behaviour, *, labels: Mapping[str, str] | None = None) -> Image:
        """An image in a registry, of which the engine knows nothing yet."""
        ...

    def network(self) -> str:
        """A network that exists."""
        ...

    def take(self, name: str) -> Callable[[], bool]:
        """Somebody else's container of this name; tells whether it is untouched."""
        ...

    def stranger(self, name: str, image: Image) -> str:
        """The id of a container of this image that runs and is not ours; the image is here."""
        ...

    def adopt(self, row: Adopted) -> None:
        """Let the store say that this container was adopted."""
        ...

    def vanish(self, replica: Replica) -> None:
        """Remove a container behind the engine's back."""
        ...


def must(moment: str | None) -> str:
    """The moment that has to be there."""
    assert moment is not None
    return moment


def go_on() -> None:
    """Never a reason to stop."""


def pull(world: EngineWorld, image: Image) -> Image:
    """Bring an image to the engine."""
    world.engine.pull(image, stall=30, timeout=60, stopping=go_on)
    return image


def release(
    world: EngineWorld,
    number: int = 1,
    spec: Spec = SPEC,
    *,
    behaviour: Behaviour = Behaviour.ANSWERS,
) -> Release:
    """A release of the world's app whose image is there."""
    return Release(world.app, number, pull(world, world.push(behaviour)), spec)


def settled(world: EngineWorld, replica: Replica, state: Running) -> Replica:
    """The replica once it has reached a state."""
    limit = time.monotonic() + 20
    while (found := world.engine.look(replica)).state is not state:
        assert time.monotonic() < limit, f"{found} did not become {state}"
        time.sleep(0.02)
    return found


def until_ready(world: EngineWorld, replica: Replica) -> None:
    """Wait for its signal handler: a container's first process gets no signal without one."""
    limit = time.monotonic() + 20
    while world.engine.logs(replica, 10) != "ready":
        assert time.monotonic() < limit, "the container's signal handler is not in place"
        time.sleep(0.02)


def next_change(world: EngineWorld, after: str = "") -> str:
    """The moment of the next change after another; without one the present moment."""
    return must(world.engine.wait_for_change(after, timeout=20, stopping=go_on))


def quiet_after(world: EngineWorld, told: str) -> str:
    """The last moment of a change, once nothing changes any more."""
    while (more := world.engine.wait_for_change(told, timeout=0.5, stopping=go_on)) is not None:
        told = more
    return told


def of_app(world: EngineWorld) -> set[int]:
    """The releases of the world's app whose image is kept."""
    return {number for app, number in world.engine.kept() if app == world.app}


class EngineContract:
    """Subclasses give the fixture `world`."""

    # images

    def test_an_image_is_there_once_it_was_pulled(self, world: EngineWorld) -> None:
        image = world.push(Behaviour.ANSWERS)
        assert not world.engine.has(image)
        pull(world, image)
        pull(world, image)
        assert world.engine.has(image)

    def test_an_image_that_is_here_shows_its_labels(self, world: EngineWorld) -> None:
        labelled = world.push(Behaviour.ANSWERS, labels={"org.example.one": "a 'b' é"})
        assert world.engine.labels(labelled) == {}
        pull(world, labelled)
        assert world.engine.labels(labelled)["org.example.one"] == "a 'b' é"

    def test_an_image_that_does_not_exist_is_not_found(self, world: EngineWorld) -> None:
        absent = replace(world.push(Behaviour.ANSWERS), digest=f"sha256:{1:064}")
        with pytest.raises(ImageNotFound):
            pull(world, absent)
        assert not world.engine.has(absent)

    def test_a_pull_ends_when_its_caller_is_to_stop(self, world: EngineWorld) -> None:
        def stop() -> None:
            raise Interrupted("the worker is being stopped")

        image = world.push(Behaviour.ANSWERS)
        with pytest.raises(Interrupted):
            world.engine.pull(image, stall=30, timeout=60, stopping=stop)

    def test_forgetting_removes_what_is_not_kept_and_nothing_else(self, world: EngineWorld) -> None:
        releases = [release(world, number) for number in (1, 2, 3)]
        for one in releases:
            world.engine.keep(one)
            world.engine.keep(one)
        assert of_app(world) == {1, 2, 3}
        running = world.engine.start(releases[0], 1)
        world.engine.forget(world.app, keep=[3])
        assert [world.engine.has(one.image) for one in releases] == [True, False, True]

        world.engine.retire(running[0])
        world.engine.forget("another", keep=[])
        world.engine.forget(world.app, keep=[3])
        assert [world.engine.has(one.image) for one in releases] == [False, False, True]
        assert of_app(world) == {3}

    def test_an_image_of_two_releases_stays_while_one_of_them_is_kept(
        self, world: EngineWorld
    ) -> None:
        first = release(world, 1)
        second = replace(first, number=2)
        world.engine.keep(first)
        world.engine.keep(second)
        world.engine.forget(world.app, keep=[2])
        assert world.engine.has(first.image)
        world.engine.forget(world.app, keep=[])
        assert not world.engine.has(first.image)

    # starting

    def test_replicas_start_in_order_each_with_an_address(self, world: EngineWorld) -> None:
        started = world.engine.start(release(world, spec=replace(SPEC, replicas=2)), 7)
        assert [one.name for one in started] == [f"{world.app}-7-1", f"{world.app}-7-2"]
        assert [(one.app, one.deployment, one.release, one.index) for one in started] == [
            (world.app, 7, 1, 1),
            (world.app, 7, 1, 2),
        ]
        assert {one.state for one in started} == {Running.RUNNING}
        assert len({one.address for one in started} - {""}) == 2
        assert all(one.started_at for one in started)
        assert [world.engine.look(one) for one in started] == started

    def test_a_half_done_start_is_completed(self, world: EngineWorld) -> None:
        half = release(world)
        whole = replace(half, spec=replace(SPEC, replicas=2))
        first = world.engine.start(half, 7)
        both = world.engine.start(whole, 7)
        assert both[0] == first[0]
        assert world.engine.start(whole, 7) == both

    def test_a_foreign_container_keeps_its_name_and_the_start_fails(
        self, world: EngineWorld
    ) -> None:
        ready = release(world)
        untouched = world.take(f"{world.app}-7-1")
        with pytest.raises(StartFailed, match=f"{world.app}-7-1.*another container"):
            world.engine.start(ready, 7)
        world.engine.discard(world.app, 7)
        assert untouched()
        assert world.engine.replicas(world.app) == []

    def test_who_joins_a_container_is_reached_where_that_is_and_says_whom_it_joined(
        self, world: EngineWorld
    ) -> None:
        ready = release(world)
        host = world.engine.start(ready, 7)[0]
        spec = replace(SPEC, network_mode=f"container:{host.name}")
        other = replace(ready, app=f"{world.app}-other", spec=spec)
        joined = world.engine.start(other, 8)[0]
        assert (host.joined, joined.joined, joined.address) == ("", host.id, host.address)
        assert has_network_of(joined, host)
        assert world.engine.look(joined) == joined
        assert world.engine.replicas(other.app) == [joined]

        world.engine.halt(host)
        again = world.engine.revive(host, "no")
        assert not has_network_of(world.engine.look(joined), again)
        world.engine.retire(joined)
        world.engine.retire(again)
        with pytest.raises(StartFailed, match=host.name):
            world.engine.start(other, 9)

    def test_a_network_that_does_not_exist_is_named(self, world: EngineWorld) -> None:
        spec = replace(SPEC, networks=(Attachment(world.network()), Attachment("no-such-network")))
        with pytest.raises(StartFailed, match="no-such-network"):
            world.engine.start(release(world, spec=spec), 7)

    @pytest.mark.parametrize("verb", ["keep", "prepare", "start"])
    def test_an_image_that_somebody_removed_since_its_pull_is_brought_again(
        self, world: EngineWorld, verb: str
    ) -> None:
        removed = Release(world.app, 1, world.push(Behaviour.ANSWERS), SPEC)
        if verb == "keep":
            world.engine.keep(removed)
        else:
            getattr(world.engine, verb)(removed, 7)
        assert world.engine.has(removed.image)
        world.engine.discard(world.app, 7)
        world.engine.forget(world.app, [])

    def test_a_release_whose_image_is_nowhere_does_not_start(self, world: EngineWorld) -> None:
        pushed = world.push(Behaviour.ANSWERS)
        nowhere = Release(world.app, 1, replace(pushed, digest=f"sha256:{1:064}"), SPEC)
        with pytest.raises(ImageNotFound):
            world.engine.start(nowhere, 7)
        assert world.engine.replicas(world.app) == []

    def test_prepared_replicas_are_created_and_do_not_run_until_they_are_started(
        self, world: EngineWorld
    ) -> None:
        ready = release(world, spec=replace(SPEC, replicas=2))
        prepared = world.engine.prepare(ready, 7)
        assert [one.name for one in prepared] == [f"{world.app}-7-1", f"{world.app}-7-2"]
        assert {(one.state, one.address) for one in prepared} == {(Running.CREATED, "")}
        started = world.engine.start(ready, 7)
        assert [one.id for one in started] == [one.id for one in prepared]
        assert {one.state for one in started} == {Running.RUNNING}

    def test_what_cannot_be_created_is_refused_before_anything_runs(
        self, world: EngineWorld
    ) -> None:
        world.take(f"{world.app}-7-1")
        with pytest.raises(StartFailed, match="another container"):
            world.engine.prepare(release(world), 7)

    # looking

    def test_a_container_that_exits_shows_its_code_and_last_words(self, world: EngineWorld) -> None:
        started = world.engine.start(release(world, behaviour=Behaviour.EXITS), 7)
        ended = settled(world, started[0], Running.EXITED)
        assert ended.exit_code == 3
        assert ended.address == ""
        assert world.engine.logs(ended, 10) == "broken"

    def test_a_container_that_exits_again_and_again_shows_it(self, world: EngineWorld) -> None:
        spec = replace(SPEC, restart="always")
        started = world.engine.start(release(world, spec=spec, behaviour=Behaviour.EXITS), 7)
        restarting = settled(world, started[0], Running.RESTARTING)
        assert restarting.exit_code == 3
        world.engine.retire(restarting)
        assert world.engine.look(restarting).state is Running.GONE

    def test_what_is_gone_is_told_and_already_done(self, world: EngineWorld) -> None:
        started = world.engine.start(release(world), 7)[0]
        world.vanish(started)
        assert world.engine.look(started).state is Running.GONE
        assert world.engine.logs(started, 10) == ""
        assert world.engine.retire(started).state is Running.GONE
        world.engine.discard(world.app, 7)
        assert world.engine.replicas(world.app) == []

    def test_replicas_are_listed_by_app_deployment_and_index(self, world: EngineWorld) -> None:
        one = release(world, spec=replace(SPEC, replicas=2))
        other = replace(one, app=f"{world.app}-other")
        for owner, deployment in ((one, 10), (other, 3), (one, 9)):
            world.engine.start(owner, deployment)
        listed = [(r.app, r.deployment, r.index) for r in world.engine.replicas()]
        ours = [(one.app, 9, 1), (one.app, 9, 2), (one.app, 10, 1), (one.app, 10, 2)]
        assert listed == [*ours, (other.app, 3, 1), (other.app, 3, 2)]
        assert [r.deployment for r in world.engine.replicas(world.app)] == [9, 9, 10, 10]

    # telling

    def test_a_signal_reaches_the_container_of_just_that_name(self, world: EngineWorld) -> None:
        one, other = world.engine.start(release(world, spec=replace(SPEC, replicas=2)), 7)
        until_ready(world, one)
        world.engine.signal(one.name, "TERM")
        settled(world, one, Running.EXITED)
        assert world.engine.look(other).state is Running.RUNNING

    def test_a_restarted_container_is_the_same_one_and_has_started_anew(
        self, world: EngineWorld
    ) -> None:
        (before,) = world.engine.start(release(world), 7)
        world.engine.restart(before.name)
        after = settled(world, before, Running.RUNNING)
        assert (after.id, after.started_at > before.started_at) == (before.id, True)

    def test_who_is_not_there_or_does_not_run_cannot_be_told(self, world: EngineWorld) -> None:
        (one,) = world.engine.start(release(world), 7)
        for name in (f"no-{world.app}", one.id[:12]):
            with pytest.raises(EngineError, match=name):
                world.engine.signal(name, "HUP")
            with pytest.raises(EngineError, match=name):
                world.engine.restart(name)
        world.engine.halt(one)
        with pytest.raises(EngineError, match=f"{one.name}.*does not run"):
            world.engine.signal(one.name, "HUP")
        with pytest.raises(EngineError, match=f"{one.name}.*does not run"):
            world.engine.restart(one.name)
        assert world.engine.look(one).state is Running.EXITED

    # changes

    def test_who_waits_learns_that_a_replica_started_or_vanished_also_between_two_waits(
        self, world: EngineWorld
    ) -> None:
        ready, told = release(world), next_change(world)
        world.engine.start(ready, 1)
        told = quiet_after(world, next_change(world, told))
        (started,) = world.engine.replicas(world.app)
        world.vanish(started)
        told = quiet_after(world, next_change(world, told))
        world.engine.start(ready, 2)
        assert next_change(world, told)

    def test_where_nothing_changes_the_wait_ends_by_itself(self, world: EngineWorld) -> None:
        now = next_change(world)
        assert world.engine.wait_for_change(now, timeout=0.3, stopping=go_on) is None

    def test_a_wait_ends_when_its_caller_is_to_stop(self, world: EngineWorld) -> None:
        def stop() -> None:
            raise Interrupted("the worker is being stopped")

        with pytest.raises(Interrupted):
            world.engine.wait_for_change(next_change(world), timeout=60, stopping=stop)

    # ending

    @pytest.mark.parametrize(
        ("behaviour", "code"), [(Behaviour.ANSWERS, 0), (Behaviour.STUBBORN, 137)]
    )
    def test_a_retired_replica_is_gone_and_told_how_it_ended(
        self, world: EngineWorld, behaviour: Behaviour, code: int
    ) -> None:
        started = world.engine.start(release(world, behaviour=behaviour), 7)[0]
        until_ready(world, started)
        ended = world.engine.retire(started)
        assert (ended.state, ended.exit_code) == (Running.EXITED, code)
        assert world.engine.look(started).state is Running.GONE
        assert world.engine.retire(started).state is Running.GONE

    def test_a_halted_replica_stays_and_can_be_revived(self, world: EngineWorld) -> None:
        started = world.engine.start(release(world, spec=replace(SPEC, restart="always")), 7)[0]
        for _ in range(2):
            halted = world.engine.halt(started)
            assert (halted.id, halted.state, halted.address) == (started.id, Running.EXITED, "")
        assert [one.state for one in world.engine.replicas(world.app)] == [Running.EXITED]
        for _ in range(2):
            revived = world.engine.revive(halted, "always")
            assert (revived.id, revived.state) == (started.id, Running.RUNNING)
            assert revived.address

    def test_a_replica_that_is_gone_is_halted_already_and_cannot_be_revived(
        self, world: EngineWorld
    ) -> None:
        started = world.engine.start(release(world), 7)[0]
        world.vanish(started)
        assert world.engine.halt(started).state is Running.GONE
        with pytest.raises(StartFailed, match="removed"):
            world.engine.revive(started, "no")

    def test_discarding_takes_one_deployment_and_leaves_the_others(
        self, world: EngineWorld
    ) -> None:
        ready = release(world, spec=replace(SPEC, replicas=2))
        world.engine.start(ready, 7)
        kept = world.engine.start(ready, 8)
        world.engine.discard(world.app, 7)
        world.engine.discard(world.app, 7)
        assert world.engine.replicas(world.app) == kept

    # what was there before

    def test_a_strangers_container_is_examined_and_stays_a_strangers(
        self, world: EngineWorld
    ) -> None:
        image = pull(world, world.push(Behaviour.ANSWERS))
        container = world.stranger(f"{world.app}-old", image)
        found = world.engine.examine(f"{world.app}-old", world.app, image)
        assert (found.container, found.name) == (container, f"{world.app}-old")
        assert found.image is not None
        assert found.image.pinned == image.pinned
        assert (found.running, found.left, found.refused) == (True, (), ())
        assert found.address
        assert world.engine.replicas() == []

    def test_a_container_that_is_not_there_cannot_be_examined(self, world: EngineWorld) -> None:
        with pytest.raises(Refused, match=f"there is no container {world.app}-gone"):
            world.engine.examine(f"{world.app}-gone", world.app, Image("", ""))

    def test_an_adopted_container_is_a_replica_until_it_is_retired(
        self, world: EngineWorld
    ) -> None:
        """Discarding its deployment, as after a failure, is not for what deployer did not make."""
        image = pull(world, world.push(Behaviour.ANSWERS))
        container = world.stranger(f"{world.app}-old", image)
        made = world.engine.start(Release(world.app, 2, image, SPEC), 9)
        world.adopt(Adopted(container, world.app, 1, 4))
        old, new = world.engine.replicas(world.app)
        assert [new] == made
        assert (old.id, old.name, old.state) == (container, f"{world.app}-old", Running.RUNNING)
        assert (old.app, old.release, old.deployment, old.index) == (world.app, 1, 4, 1)
        assert world.engine.look(old) == old
        world.engine.discard(world.app, 4)
        assert world.engine.look(old).state is Running.RUNNING
        assert world.engine.retire(old).state is Running.EXITED
        assert world.engine.look(old).state is Running.GONE
        assert world.engine.replicas(world.app) == made
