"""What an app has run around its deployments: when, in which image, and what its end changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.deployment import Recovery, Status, Step, Trigger, Wanted, recover
from deployer.errors import EngineUnavailable, Interrupted, StartFailed
from deployer.evidence import read
from deployer.model import AppHook, Finished, Limits, Moment
from deployer.rollout import Rollout
from deployer.spec import Spec
from tests.fakes.oneoff import LASTS
from tests.fakes.registry import Behaviour
from tests.world import World, app, small_world

MIGRATE, WARM, ALARM = ("migrate", "--all"), ("warm",), ("alarm",)
HOOKS = (
    AppHook(Moment.PRE_DEPLOY, MIGRATE, 60.0),
    AppHook(Moment.POST_DEPLOY, WARM, 60.0),
    AppHook(Moment.ON_FAILURE, ALARM, 60.0),
)
ROLLBACK = Wanted("web", Trigger.ROLLBACK, release=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An app with all three hooks, which has never run."""
    with small_world(tmp_path, app(hooks=HOOKS)) as world:
        yield world


def ran(world: World) -> list[tuple[str, int, int]]:
    """Which hooks were run so far: moment, deployment, release."""
    return [(one.hook.when, one.deployment, release.number) for release, one in world.engine.ran]


def told(world: World, number: int) -> dict[str, str]:
    """The environment that a hook of the last one was run with."""
    return dict(world.engine.ran[number][1].environment)


def test_before_anything_is_changed_and_after_the_old_one_is_gone(world: World) -> None:
    """A `post_deploy` may rely on no container of the old release being there any more."""
    world.push()
    world.deploy()
    world.push()
    world.effects()
    assert world.deploy().status is Status.SUCCEEDED
    effects = world.effects()
    order = [
        "pull: docker.io/acme/web@",
        "run: web-2.pre_deploy",
        "keep: web 2",
        "start: web 2",
        "proxy: web",
        "retire: web-1-1",
        "run: web-2.post_deploy",
    ]
    found = [next(at for at, one in enumerate(effects) if one.startswith(each)) for each in order]
    assert found == sorted(found)
    assert ran(world)[2:] == [("pre_deploy", 2, 2), ("post_deploy", 2, 2)]


def test_it_runs_in_the_new_image_and_knows_what_it_is_run_for(world: World) -> None:
    image = world.push()
    world.deploy(Wanted("web", Trigger.OPERATOR))
    release, asked = world.engine.ran[0]
    assert (release.image.digest, asked.hook) == (image.digest, HOOKS[0])
    assert told(world, 0) == {
        "DEPLOYER_APP": "web",
        "DEPLOYER_DEPLOYMENT": "1",
        "DEPLOYER_REASON": "",
        "DEPLOYER_RELEASE": "1",
        "DEPLOYER_STATUS": "running",
        "DEPLOYER_TRIGGER": "operator",
    }
    assert told(world, 1)["DEPLOYER_STATUS"] == "succeeded"
    assert told(world, 1)["DEPLOYER_REASON"] == "release 1 serves"


def test_what_ended_well_leaves_its_last_line_in_the_history(world: World) -> None:
    world.engine.commands[MIGRATE] = Finished(0, "one\n2 migrations applied\n\n", 1.0)
    world.push()
    world.deploy()
    messages = world.messages(1)
    at = messages.index("pre_deploy: migrate --all")
    assert messages[at + 1].startswith("pre_deploy ended well in ")
    assert messages[at + 1].endswith(" s: 2 migrations applied")
    steps = [one.step for one in world.store.transitions(1) if "pre_deploy" in one.message]
    assert steps == [Step.START, Step.START]


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (Finished(1, "no such table", 1.0), "pre_deploy failed: exit code 1: its main process"),
        (
            Finished(137, "no such table", 1.0, oom_killed=True),
            "pre_deploy failed: exit code 137: it ran out of memory and was killed. Raise its",
        ),
        (
            Finished(None, "no such table", 1.0),
            "pre_deploy did not end within 60 s and was stopped",
        ),
    ],
)
def test_a_failing_pre_deploy_fails_the_deployment_before_anything_changed(
    world: World, end: Finished, why: str
) -> None:
    world.push()
    world.deploy()
    serving, routed = world.replicas(), world.routed()
    world.engine.commands[MIGRATE] = end
    world.push()
    world.effects()
    failed = world.deploy()
    assert failed.status is Status.FAILED
    assert failed.reason.startswith(why)
    assert failed.reason.endswith("deploy again; release 1 serves as before")
    pieces = {one.title: one.text for one in read(failed.detail)}
    assert pieces == {"what pre_deploy wrote last": "no such table"}
    assert (world.replicas(), world.routed()) == (serving, routed)
    assert not [one for one in world.effects() if one.split(":")[0] in ("start", "keep", "proxy")]
    assert world.releases() == [1]


def test_one_that_cannot_be_started_fails_the_deployment_too(world: World) -> None:
    world.engine.commands[MIGRATE] = StartFailed("cannot start container x: no such program")
    world.push()
    failed = world.deploy()
    assert failed.reason == (
        "pre_deploy failed: cannot start container x: no such program; nothing serves"
    )


def test_secrets_are_masked_in_what_a_hook_says(world: World) -> None:
    secret = "postgres://canary-secret"
    world.change(spec=Spec(environment=(("DATABASE_URL", secret),)))
    world.engine.commands[MIGRATE] = Finished(1, f"cannot reach {secret}", 1.0)
    world.push()
    failed = world.deploy()
    assert "cannot reach ***" in failed.detail
    world.engine.commands[MIGRATE] = Finished(0, f"migrated {secret}", 1.0)
    world.engine.commands[WARM] = Finished(1, f"not warm: {secret}", 1.0)
    done = world.deploy()
    assert done.status is Status.SUCCEEDED
    everything = [failed.reason, failed.detail, done.detail, *world.messages(1), *world.messages(2)]
    assert not [text for text in everything if "canary" in text]


def test_nothing_is_run_where_nothing_is_deployed(world: World) -> None:
    world.push()
    world.deploy()
    before = ran(world)
    assert world.deploy().status is Status.UNCHANGED
    assert world.deploy(Wanted("web", Trigger.OPERATOR, tag="foreign")).status is Status.REFUSED
    assert ran(world) == before


def test_a_rollback_migrates_nothing(world: World) -> None:
    """The earlier release knows nothing of later migrations; it must be able to come back."""
    world.push()
    world.deploy()
    world.push()
    world.deploy()
    world.engine.commands[MIGRATE] = Finished(1, "unknown revision", 1.0)
    assert world.deploy(ROLLBACK).status is Status.SUCCEEDED
    assert ran(world)[4:] == [("post_deploy", 3, 1)]


def test_a_failing_post_deploy_is_told_and_changes_nothing(world: World) -> None:
    world.engine.commands[WARM] = Finished(2, "cache is down", 1.0)
    world.push()
    done = world.deploy()
    assert (done.status, done.serving) == (Status.SUCCEEDED, 1)
    assert done.reason == "release 1 serves"
    assert world.messages(1)[-1].startswith("post_deploy failed: exit code 2")
    assert [(one.title, one.text) for one in read(done.detail)] == [
        ("what post_deploy wrote last", "cache is down")
    ]
    assert len(world.routed()) == 1


def test_on_failure_runs_in_the_image_that_failed_and_knows_why(world: World) -> None:
    world.push()
    world.deploy()
    world.engine.commands[MIGRATE] = Finished(1, "no such table", 1.0)
    failing = world.push()
    failed = world.deploy()
    assert ran(world)[2:] == [("pre_deploy", 2, 2), ("on_failure", 2, 2)]
    assert world.engine.ran[-1][0].image.digest == failing.digest
    assert told(world, -1) == {
        "DEPLOYER_APP": "web",
        "DEPLOYER_DEPLOYMENT": "2",
        "DEPLOYER_REASON": failed.reason,
        "DEPLOYER_RELEASE": "2",
        "DEPLOYER_STATUS": "failed",
        "DEPLOYER_TRIGGER": "webhook",
    }
    assert world.messages(2)[-1].startswith("on_failure ended well in ")


def test_on_failure_runs_once_the_old_release_has_the_traffic_and_nothing_of_the_new_is_left(
    world: World,
) -> None:
    """An image that failed after its start is not kept: the hook runs in what serves."""
    world.push()
    world.deploy()
    world.push(Behaviour.EXITS)
    world.effects()
    world.deploy()
    effects = world.effects()
    assert effects.index("discard: web 2") < effects.index("run: web-2.on_failure")
    assert ran(world)[-1] == ("on_failure", 2, 1)
    assert told(world, -1)["DEPLOYER_RELEASE"] == "2"


def test_on_failure_runs_in_what_serves_where_the_image_is_not_here(world: World) -> None:
    world.push()
    world.deploy()
    world.engine.fail("pull", StartFailed("the disk is full"))
    world.push()
    assert world.deploy().status is Status.FAILED
    assert ran(world)[-1] == ("on_failure", 2, 1)
    assert told(world, -1)["DEPLOYER_RELEASE"] == ""


def test_on_failure_is_left_out_where_nothing_is_here_at_all(world: World) -> None:
    world.engine.fail("pull", StartFailed("the disk is full"))
    world.push()
    assert world.deploy().status is Status.FAILED
    assert ran(world) == []
    assert world.messages(1)[-1] == "on_failure was not run: no image of web is here"


def test_a_failing_on_failure_hides_no_reason(world: World) -> None:
    world.engine.commands[MIGRATE] = Finished(1, "no such table", 1.0)
    world.engine.commands[ALARM] = Finished(1, "no pager", 1.0)
    world.push()
    failed = world.deploy()
    assert failed.reason.startswith("pre_deploy failed")
    assert [one.text for one in read(failed.detail)] == ["no such table", "no pager"]
    world.engine.commands[ALARM] = StartFailed("cannot create container x: no")
    failed = world.deploy()
    assert failed.reason.startswith("pre_deploy failed")
    assert world.messages(2)[-1] == "on_failure failed: cannot create container x: no"


def test_the_deadline_of_the_deployment_ends_a_hook(world: World) -> None:
    world.change(limits=Limits(timeout=3.0, watch=0.0))
    world.engine.commands[MIGRATE] = LASTS
    world.push()
    failed = world.deploy()
    assert failed.status is Status.FAILED
    assert failed.reason.startswith("the deployment did not get past its step start within")
    assert world.engine.one_offs == {}


def test_an_operator_who_cancels_ends_a_hook(world: World) -> None:
    world.engine.commands[MIGRATE] = LASTS
    world.push()
    rollout = world.claim()
    world.store.at[Step.START] = lambda: rollout.cancel("alice")
    ended = rollout.run()
    rollout.clean_up()
    assert ended.status is Status.CANCELLED
    assert ended.reason.startswith("cancelled by alice")
    assert ran(world) == [("pre_deploy", 1, 1)]
    assert world.engine.one_offs == {}
    assert (world.replicas(), world.releases()) == ([], [])


def test_a_worker_that_is_stopped_leaves_no_hook_and_the_next_runs_it_again(world: World) -> None:
    world.engine.commands[MIGRATE] = LASTS
    world.push()
    rollout = world.claim()
    world.store.at[Step.START] = world.stop.set
    with pytest.raises(Interrupted):
        rollout.run()
    assert ran(world) == [("pre_deploy", 1, 1)]
    world.calm()
    again = world.stored(1)
    assert recover(again, None) is Recovery.AGAIN
    assert world.engine.one_offs == {}
    world.engine.commands.clear()
    assert Rollout(world.parts, again).again().status is Status.SUCCEEDED
    assert ran(world) == [("pre_deploy", 1, 1), ("pre_deploy", 1, 2)]


def test_what_a_killed_worker_left_running_is_removed_before_the_next_attempt(
    world: World,
) -> None:
    world.push()
    rollout = world.claim()
    world.engine.fail("run", EngineUnavailable("no answer"), after=True)
    world.engine.fail("discard", EngineUnavailable("no answer"))
    rollout.run()
    assert list(world.engine.one_offs) == ["web-1.pre_deploy"]
    world.calm()
    world.engine.discard("web", 1)
    assert world.engine.one_offs == {}


def test_a_hook_whose_end_docker_did_not_tell_is_removed_once_docker_answers(
    world: World,
) -> None:
    """A lost answer may mean a container that runs."""
    for verb in ("discard", "sweep"):
        world.engine.fail(verb, EngineUnavailable("no answer"))
    world.engine.fail("run", EngineUnavailable("no answer"), after=True)
    world.push()
    failed = world.deploy()
    assert failed.status is Status.FAILED
    assert failed.reason.startswith("no answer")
    assert world.engine.one_offs == {}


def test_a_post_deploy_whose_end_docker_did_not_tell_is_removed_too(world: World) -> None:
    world.push()
    rollout = world.claim()
    rollout.run()
    world.engine.fail("run", EngineUnavailable("no answer"), after=True)
    rollout.clean_up()
    assert world.messages(1)[-1] == "post_deploy failed: no answer"
    assert world.engine.one_offs == {}
    assert len(world.replicas()) == 1


def test_a_stopped_worker_does_not_make_up_for_a_post_deploy(world: World) -> None:
    world.engine.commands[WARM] = LASTS
    world.push()
    rollout = world.claim()
    assert rollout.run().status is Status.SUCCEEDED
    world.stop.set()
    with pytest.raises(Interrupted):
        rollout.clean_up()
    world.stop.clear()
    assert world.engine.one_offs == {}
    assert world.messages(1)[-1] == (
        "post_deploy was stopped with the worker, and is not run again"
    )


def test_a_deployment_that_was_finished_by_recovery_has_its_post_deploy(world: World) -> None:
    world.push()
    rollout = world.claim()
    world.store.at[Step.WATCH] = world.stop.set
    with pytest.raises(Interrupted):
        rollout.run()
    world.calm()
    finishing = Rollout(world.parts, world.stored(1))
    assert finishing.finish().status is Status.SUCCEEDED
    finishing.clean_up()
    assert ran(world) == [("pre_deploy", 1, 1), ("post_deploy", 1, 1)]


def test_a_post_deploy_whose_image_is_gone_is_told(world: World) -> None:
    world.change(limits=Limits(watch=0.0, keep=1))
    world.push()
    first = world.claim()
    first.run()
    world.push()
    second = world.claim()
    second.run()
    for one in world.replicas():
        if one.deployment == 1:
            world.engine.retire(one)
    world.engine.forget("web", [2])
    first.clean_up()
    assert world.messages(1)[-1] == "post_deploy was not run: no image of web is here"
