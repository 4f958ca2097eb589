"""The procedure as it should go: its effects in their order, and what is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployer.deployment import Status, Step, Trigger, Wanted
from deployer.errors import EngineUnavailable, Interrupted, RegistryUnavailable
from deployer.model import Limits, Running
from deployer.ports import Active
from deployer.rollout import Rollout
from deployer.routing import RouteRule
from deployer.spec import Spec
from deployer.stores.seal import Seal
from tests.fakes.registry import Behaviour
from tests.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One app, `web`, that has never run; Nginx serves nothing."""
    with small_world(tmp_path) as world:
        yield world


@pytest.fixture
def served(world: World) -> World:
    """The app serves release 1 of deployment 1."""
    world.push()
    assert world.deploy().status is Status.SUCCEEDED
    world.journal.clear()
    return world


def test_a_first_deployment_takes_its_steps_in_order(world: World) -> None:
    image = world.push()
    ended = world.deploy(Wanted("web", Trigger.BOOTSTRAP))
    assert (ended.status, ended.reason, ended.serving) == ("succeeded", "release 1 serves", 1)
    assert world.effects() == [
        "step: resolve",
        "step: pull",
        f"pull: {image.pinned}",
        "step: start",
        "keep: web 1",
        "start: web 1",
        "step: check",
        "step: switch",
        "proxy: web",
        "active: web 1",
        "step: watch",
        "forget: web",
        "status: succeeded",
        "step: drain",
        "step: retire",
        "step: retire",
    ]


def test_a_replacement_starts_the_new_before_it_stops_the_old(served: World) -> None:
    (old,) = served.replicas()
    image = served.push()
    ended = served.deploy()
    assert served.effects() == [
        "step: resolve",
        "step: pull",
        f"pull: {image.pinned}",
        "step: start",
        "keep: web 2",
        "start: web 2",
        "step: check",
        "step: switch",
        "proxy: web",
        "active: web 2",
        "step: watch",
        "forget: web",
        "status: succeeded",
        "step: drain",
        "step: retire",
        f"retire: {old.name}",
        "step: retire",
        "forget: web",
    ]
    assert (ended.release, ended.serving, ended.digest) == (2, 2, image.digest)
    assert served.routed() == served.addresses(ended.id)
    assert [one.deployment for one in served.replicas()] == [ended.id]


def test_all_replicas_of_a_release_are_routed(world: World) -> None:
    world.change(spec=Spec(replicas=3))
    world.push()
    ended = world.deploy()
    assert len(world.routed()) == 3
    assert sorted(world.routed()) == world.addresses(ended.id)


def test_what_is_live_already_is_unchanged_and_touches_nothing(served: World) -> None:
    before = (served.replicas(), served.proxy.history.copy(), served.releases())
    ended = served.deploy()
    assert ended.status is Status.UNCHANGED
    assert ended.serving == 1
    assert "is live already" in ended.reason
    assert served.effects() == ["step: resolve", "status: unchanged"]
    assert (served.replicas(), served.proxy.history, served.releases()) == before


def test_the_same_digest_with_another_spec_is_deployed(served: World) -> None:
    served.change(spec=Spec(environment=(("MODE", "other"),)))
    ended = served.deploy()
    assert (ended.status, ended.release) == (Status.SUCCEEDED, 2)
    assert not [one for one in served.effects() if one.startswith("pull")]


def test_what_should_be_live_but_does_not_run_is_deployed_again(served: World) -> None:
    (dead,) = served.replicas()
    served.engine.change(dead, Running.EXITED, exit_code=1)
    ended = served.deploy()
    assert (ended.status, ended.release) == (Status.SUCCEEDED, 2)
    assert served.routed() == served.addresses(ended.id)


def test_a_tag_that_the_configuration_does_not_name_is_refused(served: World) -> None:
    served.push(tag="evil")
    ended = served.deploy(Wanted("web", Trigger.WEBHOOK, tag="evil"))
    assert ended.status is Status.REFUSED
    assert "config.yml allows latest, next" in ended.reason
    assert served.registry.asked[-1].tag == "latest"


def test_what_is_no_digest_is_refused_before_anybody_is_asked(served: World) -> None:
    """A forged row must not choose what the worker asks Docker for."""
    asked = len(served.registry.asked)
    ended = served.deploy(Wanted("web", Trigger.OPERATOR, digest="x/../../containers"))
    assert ended.status is Status.REFUSED
    assert len(served.registry.asked) == asked


def test_an_app_that_the_configuration_does_not_name_is_refused(world: World) -> None:
    ended = world.deploy(Wanted("other", Trigger.WEBHOOK))
    assert (ended.status, ended.serving) == (Status.REFUSED, None)
    assert "config.yml has no app other" in ended.reason
    assert world.engine.replicas() == []


def test_a_release_that_the_worker_did_not_seal_is_refused(served: World) -> None:
    release = served.store.open_release("web", 1)
    forged = Seal(Fernet.generate_key()).seal(replace(release, number=1))
    with sqlite3.connect(served.path) as connection:
        connection.execute("UPDATE releases SET sealed = ?", (forged,))
    connection.close()
    before = served.replicas()
    ended = served.deploy(Wanted("web", Trigger.ROLLBACK, release=1))
    assert ended.status is Status.REFUSED
    assert served.replicas() == before
    assert served.effects() == ["step: resolve", "status: refused"]


def test_a_rollback_needs_no_registry_and_no_new_release(served: World) -> None:
    served.push()
    assert served.deploy().release == 2
    served.registry.error = RegistryUnavailable("the registry is away")
    ended = served.deploy(Wanted("web", Trigger.ROLLBACK, release=1))
    assert (ended.status, ended.release, ended.serving) == (Status.SUCCEEDED, 1, 1)
    assert served.store.active()["web"] == Active("web", 1, ended.id)
    assert served.releases() == [1, 2]
    assert served.routed() == served.addresses(ended.id)


def test_a_digest_that_was_asked_for_is_what_is_deployed(world: World) -> None:
    older = world.push()
    world.push()
    ended = world.deploy(Wanted("web", Trigger.OPERATOR, tag="latest", digest=older.digest))
    assert ended.digest == older.digest
    assert world.store.open_release("web", 1).image == older


def test_the_second_attempt_of_a_deployment_means_the_digest_and_tag_of_the_first(
    world: World,
) -> None:
    first = world.push(tag="next")
    rollout = world.claim(Wanted("web", Trigger.WEBHOOK, tag="next"))
    world.store.at[Step.CHECK] = world.stop.set
    with pytest.raises(Interrupted):
        rollout.run()
    world.stop.clear()
    world.push(tag="next")
    again = Rollout(world.parts, replace(world.stored(rollout.deployment.id), step=None))
    assert again.run().status is Status.SUCCEEDED
    assert world.store.open_release("web", 2).image == first


def test_an_app_without_a_route_never_touches_the_proxy(world: World) -> None:
    world.change(route=None)
    for _ in range(2):
        world.push()
        assert world.deploy().status is Status.SUCCEEDED
    assert world.proxy.history == [()]
    assert world.store.active()["web"] == Active("web", 2, 2)
    assert [one.deployment for one in world.replicas()] == [2]
    assert "this app has no route" in world.messages(2)


def test_the_health_path_is_asked_through_the_proxy_only_where_the_route_leads_to_it(
    world: World,
) -> None:
    """A route for /shop does not serve /healthz; asking there would fail every deployment."""
    world.change(route=RouteRule(("web.example.com",), 8080, "/shop"))
    world.push()
    assert world.deploy().status is Status.SUCCEEDED


def test_something_newer_ends_the_watch_early(world: World) -> None:
    world.change(limits=Limits(watch=3600))
    world.push()
    rollout = world.claim()

    def push_again() -> None:
        world.push()
        world.store.enqueue(Wanted("web", Trigger.WEBHOOK, tag="latest"), 1.0)

    world.store.at[Step.WATCH] = push_again
    assert rollout.run().status is Status.SUCCEEDED


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("web", Trigger.OPERATOR, tag="latest"),
        Wanted("web", Trigger.CONFIG, tag="latest"),
        Wanted("web", Trigger.ROLLBACK, release=1),
    ],
    ids=lambda one: one.trigger,
)
def test_what_no_sender_asked_for_ends_the_watch_whatever_it_deploys(
    world: World, wanted: Wanted
) -> None:
    world.change(limits=Limits(watch=3600))
    world.push()
    rollout = world.claim()
    world.store.at[Step.WATCH] = lambda: world.store.enqueue(wanted, 1.0)
    assert rollout.run().status is Status.SUCCEEDED


def test_the_echo_of_a_push_does_not_end_the_watch(served: World) -> None:
    """A registry tells of each tag of a push; what is watched can still fail, and goes back."""
    served.change(limits=Limits(watch=3600))
    image = served.push()
    rollout = served.claim()

    def tell_again() -> None:
        served.store.enqueue(Wanted("web", Trigger.WEBHOOK, tag=image.tag), 1.0)
        newest = served.replicas()[-1]
        served.meanwhile = lambda: served.engine.change(newest, Running.EXITED, exit_code=1)

    served.store.at[Step.WATCH] = tell_again
    ended = rollout.run()
    assert (ended.status, ended.serving) == (Status.FAILED, 1)
    assert "does not stay up" in ended.reason


class TestCleanUp:
    """Drain and retire come after the outcome, and can come again."""

    def test_old_replicas_stay_until_no_worker_knows_them(self, served: World) -> None:
        served.push()
        served.proxy.holding = True
        (old,) = served.replicas()
        rollout = served.claim()
        rollout.run()
        seen: list[Running] = []

        def look() -> None:
            seen.append(served.engine.look(old).state)
            if len(seen) == 3:
                served.proxy.let_go()

        served.meanwhile = look
        rollout.clean_up()
        assert seen == [Running.RUNNING] * 3
        assert old.name not in [one.name for one in served.replicas()]

    def test_how_each_old_replica_ended_is_told(self, world: World) -> None:
        world.push(Behaviour.STUBBORN)
        world.deploy()
        (old,) = world.replicas()
        world.push()
        told = world.messages(world.deploy().id)[-1]
        assert told == f"removed {old.name}, exit code 137: it was killed (SIGKILL)"

    def test_only_so_many_releases_and_their_images_are_kept(self, world: World) -> None:
        world.change(limits=Limits(watch=0.0, keep=2))
        images = []
        for _ in range(4):
            images.append(world.push())
            world.deploy()
        assert world.releases() == [3, 4]
        assert [world.engine.has(image) for image in images] == [False, False, True, True]

    def test_the_release_that_serves_is_kept_however_old_it_is(self, world: World) -> None:
        world.change(limits=Limits(watch=0.0, keep=2))
        for _ in range(2):
            world.push()
            world.deploy()
        world.change(limits=Limits(watch=0.0, keep=1))
        world.deploy(Wanted("web", Trigger.ROLLBACK, release=1))
        assert world.releases() == [1, 2]
        assert world.engine.has(world.store.open_release("web", 1).image)

    def test_a_release_that_a_queued_rollback_waits_for_is_kept(self, world: World) -> None:
        """The operator was told that it can be had; the clean-up must not be faster."""
        world.change(limits=Limits(watch=0.0, keep=1))
        world.push()
        world.deploy()
        world.push()
        first = world.claim()
        wanted = Wanted("web", Trigger.ROLLBACK, release=1)
        world.store.at[Step.SWITCH] = lambda: world.store.enqueue(wanted, 3.0)
        first.run()
        second = Rollout(world.parts, world.store.claim(4.0) or first.deployment)
        first.clean_up()
        second.run()
        assert (second.deployment.status, second.deployment.serving) == (Status.SUCCEEDED, 1)

    def test_the_clean_up_of_one_leaves_the_next_one_alone(self, world: World) -> None:
        """It holds no slot: the next deployment may be anywhere by then."""
        world.change(limits=Limits(watch=0.0, keep=1))
        world.push()
        first = world.claim()
        first.run()
        world.push()
        second = world.claim()
        world.store.at[Step.START] = first.clean_up
        second.run()
        second.clean_up()
        assert (second.deployment.status, second.deployment.reason) == (
            Status.SUCCEEDED,
            "release 2 serves",
        )
        assert world.routed() == world.addresses(second.deployment.id)

    def test_it_waits_while_docker_is_away(self, served: World) -> None:
        served.push()
        rollout = served.claim()
        rollout.run()
        for _ in range(3):
            served.engine.fail("retire", EngineUnavailable("Docker is away"))
        rollout.clean_up()
        assert [one.deployment for one in served.replicas()] == [rollout.deployment.id]

    def test_it_ends_when_the_process_is_being_stopped(self, served: World) -> None:
        served.push()
        served.proxy.holding = True
        rollout = served.claim()
        rollout.run()
        served.meanwhile = served.stop.set
        with pytest.raises(Interrupted):
            rollout.clean_up()
        assert len(served.replicas()) == 2

    def test_it_does_not_mind_that_the_app_has_left_the_configuration(self, served: World) -> None:
        served.push()
        rollout = served.claim()
        rollout.run()
        served.stop.clear()
        left = Rollout(replace(served.parts, apps={}), rollout.deployment)
        left.clean_up()
        assert served.stored(rollout.deployment.id).step is Step.RETIRE


class TestFinish:
    """A deployment whose worker was stopped after the switch goes forward."""

    def interrupted(self, world: World) -> Rollout:
        """A deployment of release 2 that was stopped while it was watched."""
        world.change(limits=Limits(watch=3600))
        world.push()
        rollout = world.claim()
        world.store.at[Step.WATCH] = world.stop.set
        with pytest.raises(Interrupted):
            rollout.run()
        world.stop.clear()
        return Rollout(world.parts, world.stored(rollout.deployment.id))

    def test_it_succeeds_and_the_old_replicas_go(self, served: World) -> None:
        rollout = self.interrupted(served)
        assert (rollout.finish().status, rollout.deployment.serving) == (Status.SUCCEEDED, 2)
        rollout.clean_up()
        assert [one.deployment for one in served.replicas()] == [rollout.deployment.id]
        assert served.routed() == served.addresses(rollout.deployment.id)

    def test_workers_that_know_the_old_replicas_are_still_waited_for(self, served: World) -> None:
        served.proxy.holding = True
        rollout = self.interrupted(served)
        rollout.finish()
        waited: list[int] = []

        def let_go_later() -> None:
            waited.append(len(served.replicas()))
            if len(waited) == 2:
                served.proxy.let_go()

        served.meanwhile = let_go_later
        rollout.clean_up()
        assert waited == [2, 2]

    def test_its_replicas_get_the_traffic_where_they_have_lost_it(self, served: World) -> None:
        rollout = self.interrupted(served)
        served.traffic.switch("web", None)
        rollout.finish()
        assert served.routed() == served.addresses(rollout.deployment.id)

    def test_it_ends_also_when_its_app_has_left_the_configuration(self, served: World) -> None:
        rollout = self.interrupted(served)
        left = Rollout(replace(served.parts, apps={}), rollout.deployment)
        left.finish()
        left.clean_up()
        assert served.stored(rollout.deployment.id).status is Status.SUCCEEDED


REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (REVISION, REVISION),
        (REVISION.upper(), REVISION),
        (REVISION + "0" * 24, REVISION + "0" * 24),
        ("v1.4", ""),
        (REVISION[:12], ""),
        (f"{REVISION}/../{REVISION}", ""),
        ("", ""),
    ],
)
def test_a_deployment_knows_the_commit_that_its_image_names(
    world: World, said: str, known: str
) -> None:
    world.push(revision=said)
    assert world.deploy().revision == known


def test_a_rollback_is_of_the_commit_of_its_own_image(world: World) -> None:
    for revision in (REVISION, "f" * 40):
        world.push(revision=revision)
        world.deploy()
    assert world.deploy(Wanted("web", Trigger.ROLLBACK, release=1)).revision == REVISION


def test_a_commit_that_cannot_be_read_makes_no_deployment_fail(world: World) -> None:
    world.push(revision=REVISION)
    world.engine.fail("labels", EngineUnavailable("Docker is away"))
    ended = world.deploy()
    assert (ended.status, ended.revision) == (Status.SUCCEEDED, "")
    assert "could not read which commit the image is of: Docker is away" in ended.reason
