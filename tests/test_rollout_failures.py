"""How each failure of a deployment is undone, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.errors import (
    ConfigRejected,
    EngineError,
    EngineUnavailable,
    Interrupted,
    NotConfirmed,
    PullFailed,
    RegistryUnavailable,
    StartFailed,
    StoreError,
    StoreUnavailable,
)
from deployer.evidence import plain, read
from deployer.model import HealthCheck, Limits, Running
from deployer.ports import Active
from deployer.spec import Spec
from tests.fakes.registry import Behaviour
from tests.world import World, small_world

AWAY = EngineUnavailable("Docker is away")
LOCKED = StoreUnavailable("the store is locked")


@pytest.fixture
def new(tmp_path: Path) -> Iterator[World]:
    """The app has never run."""
    with small_world(tmp_path) as world:
        yield world


@pytest.fixture
def world(new: World) -> World:
    """The app serves release 1 of deployment 1, and is watched for an hour from now on."""
    new.push()
    assert new.deploy().status is Status.SUCCEEDED
    new.change(limits=Limits(watch=3600))
    new.journal.clear()
    return new


def exit_newest(world: World) -> None:
    """Let the newest replica exit."""
    world.engine.change(world.replicas()[-1], Running.EXITED, exit_code=1)


def at_resolve(world: World) -> None:
    world.registry.error = RegistryUnavailable("the registry is away")


def at_pull(world: World) -> None:
    world.push()
    world.engine.fail("pull", PullFailed("the pull broke off"))


def after_pull(world: World) -> None:
    world.push()
    world.engine.fail("pull", PullFailed("the pull broke off"), after=True)


def at_keep(world: World) -> None:
    world.push()
    world.engine.fail("keep", EngineError("cannot tag"))


def at_start(world: World) -> None:
    world.push()
    world.engine.fail("start", StartFailed("cannot start web"))


def after_start(world: World) -> None:
    world.push()
    world.engine.fail("start", StartFailed("cannot start web"), after=True)


def at_check_silent(world: World) -> None:
    world.push(Behaviour.SILENT)


def at_check_exit(world: World) -> None:
    world.push(Behaviour.EXITS)


def at_deadline(world: World) -> None:
    world.push(Behaviour.SILENT)
    world.change(
        limits=Limits(timeout=3.0), health=HealthCheck(8080, "/", interval=0.01, deadline=3600)
    )


def at_switch(world: World) -> None:
    world.push()
    world.proxy.fail(ConfigRejected("Nginx refused the new configuration"))


def at_confirm(world: World) -> None:
    world.push()
    world.proxy.fail(NotConfirmed("Nginx does not serve generation 3"), late=True)


def at_probe_through_proxy(world: World) -> None:
    world.push()
    world.prober.broken_through_proxy = True


def at_activate(world: World) -> None:
    world.push()
    world.store.fail("activate", StoreError("the store refused this"))


def after_activate(world: World) -> None:
    world.push()
    world.store.fail("activate", StoreError("the store refused this"), after=True)


def in_watch(world: World) -> None:
    world.push()
    world.store.at[Step.WATCH] = lambda: exit_newest(world)


POINTS: dict[Callable[[World], None], str] = {
    at_resolve: "the registry is away",
    at_pull: "the pull broke off",
    after_pull: "the pull broke off",
    at_keep: "cannot tag",
    at_start: "cannot start web",
    after_start: "cannot start web",
    at_check_silent: "web-2-1 was not healthy within 0.1 s: GET /healthz on port 8080: Connection",
    at_check_exit: "web-2-1 does not stay up: exit code 3",
    at_deadline: "did not get past its step check within 3 s (deploy.timeout)",
    at_switch: "Nginx refused the new configuration",
    at_confirm: "Nginx does not serve generation 3",
    at_probe_through_proxy: "web does not answer through Nginx: GET /healthz of web.example.com",
    at_activate: "the store refused this",
    after_activate: "the store refused this",
    in_watch: "web-2-1 does not stay up: exit code 1",
}
points = pytest.mark.parametrize("failing", POINTS, ids=lambda failing: failing.__name__)


@points
def test_a_failure_leaves_the_old_release_as_it_was(
    world: World, failing: Callable[[World], None]
) -> None:
    """Its replica untouched and routed, the new ones and their release gone, the reason told."""
    (old,) = world.replicas()
    failing(world)
    ended = world.deploy()
    assert POINTS[failing] in ended.reason
    assert "could not" not in ended.reason
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert world.replicas() == [old]
    assert world.routed() == [old.address]
    assert world.releases() == [1]
    assert world.store.active() == {"web": Active("web", 1, 1)}


@points
def test_a_first_deployment_that_fails_leaves_nothing(
    new: World, failing: Callable[[World], None]
) -> None:
    new.change(limits=Limits(watch=3600))
    failing(new)
    ended = new.deploy()
    assert (ended.status, ended.serving) == (Status.FAILED, None)
    assert "could not" not in ended.reason
    assert (new.replicas(), new.routed(), new.releases()) == ([], [], [])
    assert new.store.active() == {}


@points
def test_after_a_failure_the_next_one_succeeds(
    world: World, failing: Callable[[World], None]
) -> None:
    failing(world)
    world.deploy()
    world.registry.error = None
    world.prober.broken_through_proxy = False
    world.change(limits=Limits(watch=0.0))
    world.push()
    ended = world.deploy()
    assert ended.status is Status.SUCCEEDED
    assert world.routed() == world.addresses(ended.id)
    assert [one.deployment for one in world.replicas()] == [ended.id]


def test_the_last_words_of_a_container_that_exits_are_in_the_record(world: World) -> None:
    at_check_exit(world)
    assert plain(world.deploy().detail) == "last log lines of web-2-1:\nbroken"


def test_a_failed_rollback_keeps_its_release(world: World) -> None:
    world.change(limits=Limits(watch=0.0))
    world.push()
    assert world.deploy().serving == 2
    in_watch_of = Wanted("web", Trigger.ROLLBACK, release=1)
    world.change(limits=Limits(watch=3600))
    world.store.at[Step.WATCH] = lambda: exit_newest(world)
    ended = world.deploy(in_watch_of)
    assert (ended.status, ended.serving) == (Status.FAILED, 2)
    assert world.releases() == [1, 2]


def test_going_back_in_watch_is_one_change_of_the_proxy(world: World) -> None:
    before = world.proxy.routes
    in_watch(world)
    world.deploy()
    _, _, switched, back = world.proxy.history
    assert (back, switched == back) == (before, False)


@pytest.mark.parametrize("failing", [at_confirm, at_probe_through_proxy, in_watch])
def test_replicas_that_nginx_knew_go_only_after_the_drain_of_the_change_back(
    world: World, failing: Callable[[World], None]
) -> None:
    failing(world)
    world.proxy.holding = True
    rollout = world.claim()
    assert rollout.run().status is Status.FAILED
    there: list[int] = []

    def let_go_later() -> None:
        there.append(len(world.replicas()))
        if len(there) == 3:
            world.proxy.let_go()

    world.meanwhile = let_go_later
    rollout.clean_up()
    assert there == [2, 2, 2]
    assert [one.deployment for one in world.replicas()] == [1]


def test_going_back_follows_an_old_replica_that_has_a_new_address_by_now(world: World) -> None:
    (old,) = world.replicas()
    world.push()

    def fail_and_move() -> None:
        exit_newest(world)
        world.engine.change(old, Running.EXITED, exit_code=0)
        world.engine.change(old, Running.RUNNING)

    world.store.at[Step.WATCH] = fail_and_move
    world.deploy()
    assert world.routed() == world.addresses(1) != [old.address]


class TestTold:
    """What could not be undone is told beside the reason, and never instead of it."""

    def test_replicas_that_could_not_be_removed_go_with_the_clean_up(self, world: World) -> None:
        at_check_exit(world)
        world.engine.fail("discard", AWAY)
        ended = world.deploy()
        assert ended.reason == (
            "web-2-1 does not stay up: exit code 3. Its last log lines say more; "
            "could not remove the new replicas: Docker is away"
        )
        assert [one.deployment for one in world.replicas()] == [1]

    def test_a_release_that_could_not_be_dropped(self, world: World) -> None:
        at_check_exit(world)
        world.engine.fail("forget", AWAY)
        assert world.deploy().reason.endswith("could not drop the release: Docker is away")

    def test_replicas_that_are_still_routed_are_never_removed(self, world: World) -> None:
        """Where the way back failed the new replicas are all that clients have."""
        in_watch(world)
        rollout = world.claim()

        def fail_twice() -> None:
            exit_newest(world)
            world.proxy.fail(NotConfirmed("Nginx does not answer"))

        world.store.at[Step.WATCH] = fail_twice
        ended = rollout.run()
        rollout.clean_up()
        assert ended.reason.endswith("could not switch back: Nginx does not answer")
        assert ended.serving == 1
        assert [one.deployment for one in world.replicas()] == [1, 2]

    def test_releases_that_could_not_be_pruned_do_not_make_a_success_a_failure(
        self, world: World
    ) -> None:
        world.change(limits=Limits(watch=0.0))
        world.push()
        world.engine.fail("forget", AWAY)
        ended = world.deploy()
        assert ended.status is Status.SUCCEEDED
        assert ended.reason == ("release 2 serves; could not remove older releases: Docker is away")

    def test_log_lines_that_cannot_be_had_do_not_hide_what_happened(self, world: World) -> None:
        at_check_exit(world)
        world.engine.fail("logs", AWAY)
        ended = world.deploy()
        assert ended.reason.startswith("web-2-1 does not stay up")
        assert read(ended.detail)[-1].text == "(no log lines: Docker is away)"


class TestStoreAway:
    """A store that is away for a moment delays a deployment and decides nothing."""

    @pytest.mark.parametrize(
        ("verb", "step"),
        [("save", step) for step in Step]
        + [("active", Step.PULL), ("activate", Step.SWITCH), ("queued", Step.WATCH)],
    )
    def test_it_goes_on_when_the_store_is_back(self, world: World, verb: str, step: Step) -> None:
        world.change(limits=Limits(watch=0.02))
        world.push()
        world.store.at[step] = lambda: world.store.fail(verb, LOCKED)
        ended = world.deploy()
        assert (ended.status, ended.reason, ended.serving) == ("succeeded", "release 2 serves", 2)
        assert world.routed() == world.addresses(2)
        assert [one.deployment for one in world.replicas()] == [2]

    def test_the_outcome_waits_for_the_store(self, world: World) -> None:
        world.change(limits=Limits(watch=0.02))
        world.push()

        def lock() -> None:
            for _ in range(3):
                world.store.fail("active", LOCKED)

        world.store.at[Step.WATCH] = lock
        ended = world.deploy()
        assert (ended.status, ended.serving) == (Status.SUCCEEDED, 2)

    def test_the_traffic_goes_back_before_the_store_is_waited_for(self, world: World) -> None:
        in_watch(world)
        rollout = world.claim()
        (old,) = world.replicas()
        routed: list[list[str]] = []

        def lock() -> None:
            exit_newest(world)
            world.store.fail("activate", LOCKED)
            world.meanwhile = lambda: routed.append(world.routed())

        world.store.at[Step.WATCH] = lock
        assert rollout.run().serving == 1
        assert routed == [[old.address]]

    def test_the_end_of_a_success_is_never_turned_into_a_failure(self, world: World) -> None:
        """Else the clean-up would remove what serves."""
        world.change(limits=Limits(watch=0.02))
        world.push()
        rollout = world.claim()

        def refuse() -> None:
            for _ in range(2):
                world.store.fail("active", StoreError("the store refused this"))

        world.store.at[Step.WATCH] = refuse
        with pytest.raises(StoreError):
            rollout.run()
        rollout.clean_up()
        assert world.stored(2).status is Status.RUNNING
        assert world.routed() == world.addresses(2)


class TestInterrupted:
    """A worker that is being stopped leaves the row running, for the next start."""

    @pytest.mark.parametrize("step", [Step.RESOLVE, Step.PULL, Step.START, Step.CHECK])
    def test_before_the_switch_the_new_replicas_and_release_go(
        self, world: World, step: Step
    ) -> None:
        (old,) = world.replicas()
        world.push()
        rollout = world.claim()
        world.store.at[step] = world.stop.set
        with pytest.raises(Interrupted):
            rollout.run()
        assert world.stored(rollout.deployment.id).status is Status.RUNNING
        assert world.replicas() == [old]
        assert (world.releases(), world.routed()) == ([1], [old.address])

    def test_while_asking_through_nginx_the_traffic_goes_back(self, world: World) -> None:
        """Being stopped is no proof against the app."""
        at_probe_through_proxy(world)
        rollout = world.claim()
        world.store.at[Step.SWITCH] = world.stop.set
        with pytest.raises(Interrupted):
            rollout.run()
        assert world.stored(rollout.deployment.id).status is Status.RUNNING
        assert world.routed() == world.addresses(1)
        assert world.store.active()["web"].deployment == 1

    def test_in_watch_nothing_is_undone(self, world: World) -> None:
        world.push()
        rollout = world.claim()
        world.store.at[Step.WATCH] = world.stop.set
        with pytest.raises(Interrupted):
            rollout.run()
        assert world.stored(rollout.deployment.id).status is Status.RUNNING
        assert [one.deployment for one in world.replicas()] == [1, 2]
        assert world.routed() == world.addresses(2)
        assert world.store.active()["web"] == Active("web", 2, 2)

    def test_while_the_store_is_away_after_the_switch_nothing_is_undone(self, world: World) -> None:
        world.push()
        rollout = world.claim()

        def lock() -> None:
            world.store.fail("save", LOCKED)
            world.meanwhile = world.stop.set

        world.store.at[Step.SWITCH] = lock
        with pytest.raises(Interrupted):
            rollout.run()
        assert world.store.active()["web"].deployment == 2
        assert world.routed() == world.addresses(2)

    @pytest.mark.parametrize("step", [Step.START, Step.CHECK])
    def test_what_an_attempt_left_that_was_killed_can_be_taken_back(
        self, world: World, step: Step
    ) -> None:
        class Killed(BaseException):
            """Ends the worker without undoing anything."""

        world.push()
        rollout = world.claim()
        release = world.store.add_release("web", world.parts.apps["web"].image, Spec(), 1.0)
        killed = replace(rollout.deployment, release=release.number, step=step)
        world.store.save(killed, 1.0)
        ended = type(rollout)(world.parts, killed).give_up()
        assert (ended.status, world.releases()) == (Status.FAILED, [1])


SECRET = "postgres://web:hunter2hunter2@db/web"


class TestSecrets:
    """What a container says when it fails may be its own settings."""

    @pytest.fixture
    def secretive(self, world: World) -> World:
        """The app has a secret in its environment."""
        pem = "-----BEGIN-----\nline-of-the-key\nshort\n"
        secrets = (("URL", SECRET), ("KEY", pem), ("MODE", "fast"))
        world.change(spec=Spec(environment=secrets))
        return world

    def failed(self, world: World, reason: str, detail: str) -> Deployment:
        """A deployment that failed with these words."""
        world.push()
        world.engine.fail("start", StartFailed(reason, detail=detail))
        return world.deploy()

    def test_its_values_are_in_no_record(self, secretive: World) -> None:
        said = f"cannot reach {SECRET}\nline-of-the-key\nshort, in mode fast"
        ended = self.failed(secretive, f"bad URL={SECRET}", said)
        assert ended.reason == "bad URL=***; release 1 serves as before"
        assert ended.detail == "cannot reach ***\n***\nshort, in mode fast"
        assert secretive.messages(ended.id)[-1] == ended.reason

    def test_a_rollback_masks_what_its_own_release_holds(self, secretive: World) -> None:
        secretive.change(limits=Limits(watch=0.0))
        secretive.push()
        kept = secretive.deploy()
        secretive.change(spec=Spec())
        secretive.push()
        assert secretive.deploy().status is Status.SUCCEEDED
        secretive.engine.fail("start", StartFailed(f"bad URL={SECRET}"))
        ended = secretive.deploy(Wanted("web", Trigger.ROLLBACK, release=kept.release))
        assert ended.reason == "bad URL=***; release 3 serves as before"

    def test_what_could_not_be_undone_is_masked_too(self, secretive: World) -> None:
        secretive.push(Behaviour.EXITS)
        secretive.engine.fail("discard", EngineUnavailable(f"no answer about {SECRET}"))
        assert SECRET not in secretive.deploy().reason

    def test_they_are_nowhere_in_the_store(self, secretive: World) -> None:
        self.failed(secretive, f"bad URL={SECRET}", SECRET)
        secretive.close()
        for file in secretive.path.parent.iterdir():
            assert SECRET.encode() not in file.read_bytes()
