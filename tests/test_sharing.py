"""Apps that share another app's network: what they join, and that they follow where it moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.condition import troubles
from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.errors import EngineUnavailable
from deployer.model import AppHook, Limits, Moment, Replica, Running, Strategy
from deployer.moving import freed
from deployer.ports import Active, Order, Paused
from deployer.sharing import has_network_of
from deployer.spec import Spec
from deployer.worker import Worker
from tests.fakes.registry import Behaviour
from tests.test_planning import planned
from tests.test_worker import eventually, looks, newest, queue, working
from tests.world import World, app, must, small_world

SHARES = Spec(network_mode="service:web")
JOBS = app("jobs", spec=SHARES, route=None, depends_on=("web",))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """`web`, and `jobs`, which shares its network; both serve, no worker runs."""
    with small_world(tmp_path, app("web"), JOBS) as made:
        for name in ("web", "jobs"):
            made.push(name=name)
            made.deploy(Wanted(name, Trigger.BOOTSTRAP))
        yield made


def serving(world: World, name: str) -> Replica:
    """The one replica of what an app serves."""
    active = world.store.active()[name]
    (found,) = [one for one in world.replicas(name) if one.deployment == active.deployment]
    return found


def together(world: World) -> bool:
    """Whether both serve, `jobs` in the network of `web`, and nothing else is left."""
    if len(world.replicas("web")) != 1 or len(world.replicas("jobs")) != 1:
        return False
    return not world.store.running() and has_network_of(
        serving(world, "jobs"), serving(world, "web")
    )


def states(world: World, name: str = "jobs") -> list[tuple[Trigger, Status]]:
    """How an app's deployments came and went, oldest first."""
    return [(one.trigger, one.status) for one in reversed(world.store.deployments(name))]


def told(world: World) -> dict[str, str]:
    """What `status` says is not well, by app."""
    now = world.store.snapshot().get("at", 0.0)
    return {one.what: one.reason for one in troubles(world.store, world.parts.apps, now)}


FIRST = (Trigger.BOOTSTRAP, Status.SUCCEEDED)
MOVED = (Trigger.CONFIG, Status.SUCCEEDED)
FAILED = (Trigger.CONFIG, Status.FAILED)


def fails_to_move(world: World) -> Deployment:
    """Deploy `web` while `jobs` cannot start again; the deployment of `jobs` that failed."""
    world.engine.become(world.store.open_release("jobs", 1).image, Behaviour.EXITS)
    queue(world, "web")
    with working(world):
        eventually(lambda: states(world) == [FIRST, FAILED])
        looks(world)
    return must(newest(world, "jobs"))


class TestJoining:
    """What a release's replicas get is decided when they start, and is no part of it."""

    def test_the_network_is_that_of_the_replica_that_serves(self, world: World) -> None:
        assert together(world)
        assert world.store.open_release("jobs", 1).spec == SHARES

    def test_where_nothing_of_that_app_runs_it_is_told_what_to_do_first(self, world: World) -> None:
        world.engine.change(serving(world, "web"), Running.EXITED)
        world.push(name="jobs")
        failed = world.deploy(Wanted("jobs", Trigger.WEBHOOK))
        assert failed.status is Status.FAILED
        assert failed.reason.startswith(
            "cannot start jobs: nothing of web runs, whose network it shares. First: deployer "
            "deploy web; then: deployer deploy jobs"
        )

    def test_its_own_new_version_stops_the_old_one_first_where_both_have_a_port(
        self, world: World
    ) -> None:
        """Two in one network cannot both listen; without a port to probe nothing is known."""
        world.push(name="jobs")
        second = world.deploy(Wanted("jobs", Trigger.WEBHOOK))
        assert second.strategy is Strategy.STOP_FIRST
        assert together(world)
        world.change("jobs", health=replace(JOBS.health, port=None, path=None))
        world.push(name="jobs")
        assert world.deploy(Wanted("jobs", Trigger.WEBHOOK)).strategy is Strategy.START_FIRST

    def test_a_hook_runs_in_the_same_network(self, world: World) -> None:
        world.change("jobs", hooks=(AppHook(Moment.PRE_DEPLOY, ("migrate",)),))
        world.push(name="jobs")
        world.deploy(Wanted("jobs", Trigger.WEBHOOK))
        (ran, _) = world.engine.ran[0]
        assert ran.spec.network_mode == f"container:{serving(world, 'web').name}"

    def test_what_serves_is_not_unchanged_where_the_network_has_moved(self, world: World) -> None:
        again = Wanted("jobs", Trigger.WEBHOOK)
        assert world.deploy(again).status is Status.UNCHANGED
        web = serving(world, "web")
        world.engine.halt(web)
        world.engine.revive(web, "no")
        assert world.deploy(again).status is Status.SUCCEEDED
        assert world.deploy(again).status is Status.UNCHANGED


class TestFollowing:
    """Whatever gives the other app another network, who shares it is deployed again."""

    def test_after_a_deployment_it_moves_and_only_then_the_old_container_goes(
        self, world: World
    ) -> None:
        old, before = serving(world, "web"), serving(world, "jobs")
        world.journal.clear()
        queue(world, "web")
        with working(world):
            eventually(lambda: states(world) == [FIRST, MOVED] and together(world))
        done = [f"{verb} {about}" for verb, about in world.journal]
        assert done.index(f"retire {before.name}") < done.index(f"retire {old.name}")
        moved = must(newest(world, "jobs"))
        assert (moved.release, moved.strategy) == (1, Strategy.START_FIRST)
        assert "release 1, from the store: the network that it shares has moved" in world.messages(
            moved.id
        )
        assert world.releases("jobs") == [1]

    def test_the_slot_of_the_app_is_free_while_its_old_container_waits(self, world: World) -> None:
        old = serving(world, "web")
        gate = world.engine.close(JOBS)
        world.store.pause(Paused("jobs", "alice", 1.0))
        first = queue(world, "web")
        with working(world):
            eventually(lambda: world.stored(first).step is Step.RETIRE)
            second = queue(world, "web")
            eventually(lambda: world.stored(second).status is Status.SUCCEEDED)
            looks(world)
            assert world.engine.look(old).state is Running.RUNNING
            assert any("stays until jobs has moved" in one for one in world.messages(second))
            gate.set()
            world.store.resume("jobs")
            eventually(lambda: together(world))

    def test_after_a_rollback_it_moves(self, world: World) -> None:
        queue(world, "web")
        with working(world):
            eventually(lambda: together(world) and len(states(world)) == 2)
            world.store.give(Order(0, "rollback", "web", "alice", 1.0, release=1))
            eventually(lambda: together(world) and len(states(world)) == 3)
        assert states(world) == [FIRST, MOVED, MOVED]

    def test_a_failed_deployment_moves_nothing(self, world: World) -> None:
        world.push(Behaviour.EXITS)
        before = serving(world, "jobs")
        failed = world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
        with working(world):
            eventually(lambda: world.stored(failed).status is Status.FAILED)
            looks(world)
            looks(world)
        assert serving(world, "jobs") == before
        assert states(world) == [FIRST]

    def test_while_the_new_release_is_watched_nothing_moves(self, world: World) -> None:
        world.change("web", limits=Limits(watch=3600))
        number = queue(world, "web")
        with working(world):
            eventually(lambda: world.stored(number).step is Step.WATCH)
            looks(world)
            assert states(world) == [FIRST]

    def test_a_stop_first_deployment_that_goes_back_gives_it_the_network_again(
        self, world: World
    ) -> None:
        """The old container got a new network when it was started again."""
        world.change("web", strategy=Strategy.STOP_FIRST)
        world.push(Behaviour.EXITS)
        failed = world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
        with working(world):
            eventually(lambda: world.stored(failed).status is Status.FAILED)
            eventually(lambda: states(world) == [FIRST, MOVED] and together(world))

    def test_a_container_that_was_restarted_has_another_network(self, world: World) -> None:
        web = serving(world, "web")
        with working(world):
            world.engine.change(web, Running.EXITED)
            world.engine.change(web, Running.RUNNING)
            eventually(lambda: states(world) == [FIRST, MOVED] and together(world))

    def test_a_chosen_release_stays_chosen_when_it_moves(self, world: World) -> None:
        """An operator's rollback is not undone at the next start."""
        world.change("jobs", spec=replace(SHARES, environment=(("A", "2"),)))
        world.push(name="jobs")
        world.deploy(Wanted("jobs", Trigger.WEBHOOK))
        world.deploy(Wanted("jobs", Trigger.ROLLBACK, release=1))
        queue(world, "web")
        with working(world):
            eventually(lambda: states(world)[-1] == MOVED and together(world))
        with working(world):
            looks(world)
            looks(world)
        assert world.store.active()["jobs"].release == 1


class TestLeftBehind:
    """What cannot move keeps what it has, is told, and is not tried again and again."""

    def test_it_goes_on_in_the_old_container_which_stays(self, world: World) -> None:
        old, before = serving(world, "web"), serving(world, "jobs")
        failed = fails_to_move(world)
        assert failed.serving == 1
        assert {world.engine.look(one).state for one in (old, before)} == {Running.RUNNING}
        assert told(world)["jobs"] == (
            f"it still shares the network of {old.name}, which is kept for it. Deployment "
            f"{failed.id}, which was to give it that of {serving(world, 'web').name}, ended as "
            f"failed: correct what `deployer show {failed.id}` says, then: deployer deploy jobs"
        )

    def test_it_is_not_tried_again_for_the_same_network_not_even_by_the_next_worker(
        self, world: World
    ) -> None:
        old = serving(world, "web")
        fails_to_move(world)
        with working(world):
            looks(world)
            looks(world)
            assert states(world) == [FIRST, FAILED]
            assert world.engine.look(old).state is Running.RUNNING
            assert "jobs" in told(world)

    def test_an_order_moves_it_and_the_old_container_goes(self, world: World) -> None:
        fails_to_move(world)
        with working(world):
            world.push(name="jobs")
            world.store.give(Order(0, "deploy", "jobs", "alice", 1.0))
            eventually(lambda: together(world))
            looks(world)
            assert told(world) == {}

    def test_another_deployment_of_the_other_app_is_another_try(self, world: World) -> None:
        fails_to_move(world)
        world.engine.become(world.store.open_release("jobs", 1).image, Behaviour.ANSWERS)
        queue(world, "web")
        with working(world):
            eventually(lambda: together(world))
        assert states(world) == [FIRST, FAILED, MOVED]

    def test_what_the_configuration_has_no_more_is_told_with_how_to_remove_it(
        self, world: World
    ) -> None:
        old, left = serving(world, "web"), serving(world, "jobs")
        world.parts = replace(world.parts, apps={"web": world.parts.apps["web"]})
        queue(world, "web")
        with working(world):
            eventually(lambda: f"docker rm -f {left.name}" in told(world).get("web", ""))
            assert world.engine.look(old).state is Running.RUNNING
            world.engine.change(left, Running.GONE)
            eventually(lambda: len(world.replicas("web")) == 1)


class TestKills:
    """A worker that ends in between leaves nothing that the next one does not finish."""

    @pytest.mark.parametrize("step", [Step.RESOLVE, Step.START, Step.CHECK, Step.WATCH])
    def test_while_it_moves(self, world: World, step: Step) -> None:
        """The release that serves is not dropped with the attempt that was to start it again."""
        queue(world, "web")
        # The next one that comes to this step is that of `jobs`.
        world.store.at[Step.WATCH] = lambda: world.store.at.update({step: world.stop.set})
        parts = replace(world.parts, wait=world.stop.wait)
        Worker(parts, world.proxy, world.stop, resync=0.1).run()
        assert must(newest(world, "jobs")).status is Status.RUNNING
        world.calm()
        assert world.releases("jobs") == [1]
        with working(world):
            eventually(lambda: together(world))
        assert world.releases("jobs") == [1]

    def test_before_anything_was_queued(self, world: World) -> None:
        """What there is says it, not what somebody remembers."""
        world.push()
        rollout = world.claim(Wanted("web", Trigger.WEBHOOK))
        rollout.run()
        old = [one for one in world.replicas("web") if one.deployment != rollout.deployment.id]
        with working(world):
            eventually(lambda: together(world))
        assert states(world) == [FIRST, MOVED]
        assert world.engine.look(old[0]).state is Running.GONE

    def test_docker_that_is_away_is_no_reason_to_remove_what_is_used(self, world: World) -> None:
        """It is asked again, until it says that nobody uses the container."""
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                world.engine.retire(serving(world, "jobs"))

        web = serving(world, "web")
        world.engine.fail("replicas", EngineUnavailable("Docker does not answer"))
        assert list(freed(world.parts, [web], sleep)) == [web]
        assert len(slept) == 3


def test_a_stop_first_app_whose_container_was_stopped_comes_back_in_the_new_one(
    world: World,
) -> None:
    """What it shared is gone for good, so that its old replica cannot be started again."""
    world.change("jobs", strategy=Strategy.STOP_FIRST)
    web = serving(world, "web")
    world.change("web", strategy=Strategy.STOP_FIRST)
    world.push()
    rollout = world.claim(Wanted("web", Trigger.WEBHOOK))
    rollout.run()
    assert world.engine.look(web).state is Running.EXITED
    world.push(Behaviour.EXITS, name="jobs")
    failed = world.deploy(Wanted("jobs", Trigger.WEBHOOK))
    assert failed.status is Status.FAILED
    assert world.store.active()["jobs"] == Active("jobs", 1, 2)
    assert has_network_of(serving(world, "jobs"), serving(world, "web"))


class TestPlan:
    """A plan says who is taken along, and how, as it would be."""

    def test_who_shares_the_network_is_named(self, world: World) -> None:
        world.push()
        taken = "app jobs shares its network: it is deployed again after this one"
        assert taken in planned(world, name="web")["touched"]
        world.change("web", strategy=Strategy.STOP_FIRST)
        lost = f"{taken}, and has no network until then"
        assert lost in planned(world, name="web")["touched"]

    def test_who_was_left_behind_would_be_deployed_beside_its_old_container(
        self, world: World
    ) -> None:
        assert planned(world, name="jobs")["outcome"] == "unchanged"
        fails_to_move(world)
        found = planned(world, name="jobs")
        assert (found["outcome"], found["strategy"]) == ("deployed", "start-first")
        assert found["difference"] == []
        assert found["notes"] == [
            "digest and spec are those of the release that serves, but not all its replicas run in "
            "the network that web has now"
        ]

    def test_a_new_version_in_the_same_network_would_stop_the_old_one_first(
        self, world: World
    ) -> None:
        world.push(name="jobs")
        found = planned(world, name="jobs")
        assert found["strategy"] == "stop-first"
        assert found["why"] == (
            "only one container at a time can have port 8080/tcp in the network of web-1-1"
        )
