"""What a plan says of a deployment, from all that can be so when it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.deployment import Deployment, Status, Step, Trigger
from deployer.model import HealthCheck, Image, Limits, Release, Replica
from deployer.plan import Effect, Facts, Outcome, Plan, plan, pruned
from deployer.routing import RouteRule
from deployer.spec import Spec, Volume
from tests.world import app, must

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
QUEUED = Deployment(9, "web", Trigger.WEBHOOK, 1.0)


def facts(**changes: Any) -> Facts:
    """Release 3 of an app serves, and its tag has a new digest."""
    known = app()
    asked = replace(known.image, tag="latest")
    plain = Facts(
        app=known,
        asked=asked,
        found=replace(asked, digest=NEW),
        live=Release("web", 3, replace(asked, digest=OLD), known.spec),
        replicas=[Replica("web", 7, 3, 1, "c1", "web-7-1")],
        releases=[3, 2, 1],
    )
    return replace(plain, **changes)


def step(found: Plan, name: str) -> str:
    """What a plan says of a step."""
    (does,) = [one.does for one in found.steps if one.step == name]
    return does


def test_a_plan_has_the_digests_the_strategy_and_every_step() -> None:
    found = plan(facts(), {})
    assert (found.digest_now, found.digest_then, found.release_now) == (OLD, NEW, 3)
    assert (found.strategy, found.why) == ("start-first", "old and new can run side by side")
    assert [one.step for one in found.steps] == list(Step)
    assert found.outcome is Outcome.DEPLOYED
    assert (found.difference, found.in_the_way, found.notes) == ([], [], [])


@pytest.mark.parametrize(
    ("changes", "name", "does"),
    [
        ({"here": True}, "pull", "is here already"),
        ({}, "pull", f"pull docker.io/acme/web@{NEW}"),
        ({"here": True, "app": app(pull_policy="always")}, "pull", "pull_policy: always"),
        ({}, "resolve", "ask the registry for docker.io/acme/web:latest"),
        ({"asked": replace(app().image, digest=NEW)}, "resolve", f"docker.io/acme/web@{NEW}"),
        ({}, "start", "start a new container beside web-7-1"),
        ({"replicas": []}, "start", "start a new container"),
        ({"app": app(spec=Spec(replicas=3))}, "start", "start 3 new containers beside web-7-1"),
        ({}, "check", "until /healthz on port 8080 answers 2xx or 3xx, at most 0.1 s"),
        ({"app": app(health=HealthCheck(80))}, "check", "until port 80 takes connections"),
        ({"app": app(health=HealthCheck())}, "check", "HEALTHCHECK"),
        ({}, "switch", "Nginx sends web.example.com to the new release; one reload"),
        ({"app": app(route=RouteRule(("a", "b"), 1, "/x"))}, "switch", "sends a/x, b/x to"),
        ({"app": app(route=None)}, "switch", "nothing changes in Nginx"),
        ({}, "watch", "the old release comes back"),
        ({"live": None, "replicas": []}, "watch", "it is taken away"),
        ({}, "drain", "until no Nginx worker knows the old containers"),
        ({"app": app(route=None)}, "drain", "nothing to wait for"),
        ({}, "retire", "stop and remove web-7-1; remove release 1 with its image: `keep` is 3"),
        ({"live": None, "replicas": [], "releases": []}, "retire", "nothing to remove"),
        ({"hooks": {"pre_deploy": ["./m", "a b"]}}, "pre_deploy", "run ./m 'a b'; nothing is"),
        ({"hooks": {"post_deploy": ["x"]}}, "post_deploy", "its failure is only told"),
        ({"hooks": {"on_failure": ["x"]}}, "on_failure", "only if the deployment fails"),
    ],
)
def test_each_step_says_what_it_would_do(changes: dict[str, Any], name: str, does: str) -> None:
    assert does in step(plan(facts(**changes), {}), name)


def test_where_two_cannot_run_side_by_side_the_old_one_is_stopped_first() -> None:
    spec = Spec(volumes=(Volume("data", "/data"),))
    live = Release("web", 3, replace(app().image, digest=OLD), spec)
    found = plan(facts(app=app(spec=spec), live=live), {})
    assert (found.strategy, found.why) == (
        "stop-first",
        "only one container at a time can have the volume data to write to",
    )
    assert step(found, "start") == (
        "create a new container, answer requests with 503, stop web-7-1 and keep it for return, "
        "start the new"
    )
    assert "this app's requests get 503" in found.touched[1]


def test_what_cannot_be_read_is_taken_to_claim_what_the_app_claims() -> None:
    spec = Spec(volumes=(Volume("data", "/data"),))
    found = plan(facts(app=app(spec=spec), live=None, unknown="its seal does not fit"), {})
    assert found.strategy == "stop-first"
    assert found.notes == ["what serves now cannot be compared: its seal does not fit"]


@pytest.mark.parametrize(
    ("changes", "outcome", "effect", "reason"),
    [
        (
            {"quarantined": "since deployment 9: it died in its watch"},
            Outcome.REFUSED,
            Effect.REFUSED,
            "quarantine since deployment 9: it died in its watch. Push a newer image, "
            f"or: deployer unquarantine web {NEW}",
        ),
        ({"paused": "alice"}, Outcome.DEPLOYED, Effect.WAITS, "paused by alice"),
        (
            {"under_way": [replace(QUEUED, status=Status.RUNNING, step=Step.CHECK)]},
            Outcome.DEPLOYED,
            Effect.WAITS,
            "deployment 9 is under way at its step check",
        ),
        (
            {"under_way": [QUEUED]},
            Outcome.DEPLOYED,
            Effect.WAITS,
            "deployment 9 is queued; a newer one takes its place",
        ),
        (
            {"app": app(pull_policy="never")},
            Outcome.FAILED,
            Effect.FAILS,
            "`pull_policy: never` forbids a pull",
        ),
        ({"taken": {80: "apache2"}}, Outcome.FAILED, Effect.FAILS, "port 80 of the host is taken"),
    ],
)
def test_what_is_in_the_way_is_told_with_its_effect(
    changes: dict[str, Any], outcome: Outcome, effect: Effect, reason: str
) -> None:
    found = plan(facts(**changes), {})
    (obstacle,) = found.in_the_way
    assert (found.outcome, obstacle.effect) == (outcome, effect)
    assert reason in obstacle.reason


def test_what_serves_already_is_unchanged_whatever_is_in_its_way() -> None:
    found = plan(facts(is_live=True, quarantined="x", taken={80: "y"}), {})
    assert (found.outcome, found.in_the_way, found.touched) == (Outcome.UNCHANGED, [], [])
    assert [one.step for one in found.steps] == ["resolve"]


def test_other_apps_of_the_same_image_are_named_with_what_deploys_them() -> None:
    neighbours = {"api": ("latest", "x"), "old": ("v1",)}
    assert plan(facts(neighbours=neighbours), {}).touched[1:] == [
        "app api has the same image and is not deployed by this order; "
        "a push of latest deploys both",
        "app old has the same image and is not deployed by this order; other tags deploy it",
    ]
    assert plan(facts(app=app(route=None)), {}).touched == []


def test_a_live_release_whose_replica_died_is_deployed_again_and_that_is_said() -> None:
    found = plan(facts(found=must(facts().live).image), {})
    assert found.outcome is Outcome.DEPLOYED
    assert found.notes == [
        "digest and spec are those of the release that serves, but not all its replicas run"
    ]


@pytest.mark.parametrize(
    ("keep", "releases", "needed", "gone"),
    [(1, [3, 2], [], [2, 3]), (3, [3, 2], [], []), (2, [5, 4, 1], [1], [4]), (1, [], [], [])],
)
def test_releases_beyond_those_that_are_kept_go(
    keep: int, releases: list[int], needed: list[int], gone: list[int]
) -> None:
    limited = app(limits=Limits(keep=keep))
    assert pruned(facts(app=limited, releases=releases, needed=needed)) == gone


def test_the_image_is_shown_as_it_was_asked_for() -> None:
    assert plan(facts(), {}).image == "docker.io/acme/web:latest"
    pinned = Image("docker.io", "acme/web", digest=NEW)
    assert plan(facts(asked=pinned, found=pinned), {}).image == f"docker.io/acme/web@{NEW}"
