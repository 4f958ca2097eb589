"""`status`: what serves, how it is, and whether anybody looks."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest

from deployer.deployment import Status, Step
from deployer.model import Running
from tests.cli.world import BEFORE_SWITCH, World, digest, replica


def line_of(output: str, app: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(app))


def test_an_app_shows_its_release_image_replicas_and_last_deployment(world: World) -> None:
    done = world.deploy(number=0xABC, ago=180.5)
    world.see(replica(done, 1), replica(done, 2))
    result = world.run("status")
    assert result.exit_code == 0
    assert line_of(result.stdout, "web").split() == [
        *("web", "1", "stable", digest(0xABC)[7:19], "2/2", "3", "min", "ago"),
        *("✓", "succeeded", "3", "min", "ago"),
    ]


def test_an_app_that_was_never_deployed_says_so(world: World) -> None:
    world.see()
    assert "never deployed" in line_of(world.run("status").stdout, "api")


@pytest.mark.parametrize(
    ("changes", "healthy"),
    [
        ({}, "2/2"),
        ({"health": "healthy"}, "2/2"),
        ({"health": "unhealthy"}, "1/2"),
        ({"health": "starting"}, "1/2"),
        ({"state": Running.RESTARTING}, "1/2"),
        ({"deployment": 99}, "1/2"),
    ],
)
def test_a_replica_is_healthy_if_it_runs_for_what_serves_and_nothing_says_otherwise(
    world: World, changes: dict[str, object], healthy: str
) -> None:
    done = world.deploy()
    world.see(replica(done, 1), replica(done, 2, **changes))
    assert f" {healthy} " in line_of(world.run("status").stdout, "web")


def test_a_replica_that_is_gone_is_missed(world: World) -> None:
    done = world.deploy()
    world.see(replica(done, 1))
    assert " 1/2 " in line_of(world.run("status").stdout, "web")


def test_a_failed_deployment_shows_its_reason_and_what_still_serves(world: World) -> None:
    world.deploy()
    failing = world.through(world.begin(ago=10), BEFORE_SWITCH)
    world.end(failing, Status.FAILED, "replica 1 exited with code 3")
    world.see()
    output = world.run("status").stdout
    assert line_of(output, "web").split()[1] == "1"
    assert "✗ failed" in line_of(output, "web")
    assert "replica 1 exited with code 3" in output


def test_a_running_deployment_shows_its_step(world: World) -> None:
    world.through(world.begin(), [Step.RESOLVE, Step.PULL])
    world.see()
    assert "running, pull" in world.run("status").stdout


def test_an_old_snapshot_means_that_no_worker_runs_and_says_nothing_of_replicas(
    world: World,
) -> None:
    done = world.deploy()
    world.see(replica(done, 1), replica(done, 2), age=16)
    result = world.run("status")
    assert result.exit_code == 1
    assert "degraded\n  worker  it seems not to run" in result.stdout
    assert " ?/2 " in line_of(result.stdout, "web")


def test_a_fresh_snapshot_shows_nginx_and_its_age_and_no_warning(world: World) -> None:
    world.see(age=2, live=12)
    last = world.run("status").stdout.splitlines()[-1]
    assert re.match(r"Nginx generation 12, seen [2-9]\.\d s ago", last)
    assert "seems not" not in world.run("status").stdout


def test_nginx_that_does_not_answer_is_named(world: World) -> None:
    world.see(live=None)
    result = world.run("status")
    assert result.exit_code == 1
    assert "Nginx does not answer" in result.stdout
    assert "  Nginx  it does not answer" in result.stdout


def test_without_a_snapshot_the_worker_has_not_looked_yet(world: World) -> None:
    result = world.run("status")
    assert result.exit_code == 1
    assert "it has not looked yet" in result.stdout


def test_what_the_worker_waits_for_is_told_with_its_reason(world: World) -> None:
    world.see(waits=[{"doing": "look", "reason": "Docker is away. Start it", "since": 1.0}])
    result = world.run("status")
    assert result.exit_code == 1
    assert "degraded\n  worker  Docker is away. Start it (since 1970-" in result.stdout
    document = json.loads(world.run("status", "--json").stdout)
    assert document["status"] == "degraded"
    assert document["troubles"][0]["since"] == "1970-01-01T00:00:01.000Z"


def test_an_app_whose_image_could_not_be_had_is_degraded_and_others_are_not(world: World) -> None:
    world.see()
    failing = world.through(world.begin(), [Step.RESOLVE])
    world.end(failing, Status.FAILED, "cannot get it: the registry is down")
    result = world.run("status")
    assert result.exit_code == 1
    assert "  web  cannot get it: the registry is down" in result.stdout
    assert world.run("status", "api").exit_code == 0


def test_when_a_tag_was_compared_and_what_came_of_it_is_told(world: World) -> None:
    look: dict[str, object] = {"tag": "stable", "digest": digest(7), "result": "held"}
    look |= {"at": time.time() - 130, "reason": "it was deployment 2, which failed"}
    world.see(reconcile={"apps": {"web": look}, "failing": []})
    result = world.run("status")
    assert "\n  web  it was deployment 2, which failed, 2 min ago\n" in result.stdout
    (web,) = json.loads(world.run("status", "web", "--json").stdout)["apps"]
    assert (web["compared"]["result"], web["compared"]["digest"]) == ("held", digest(7))
    assert web["compared"]["at"].endswith("Z")


def test_kept_releases_that_pruning_took_the_image_of_are_named(world: World) -> None:
    world.deploy()
    runs = replica(world.deploy(), 1)
    world.see(runs, images={"web": [2]})
    result = world.run("status")
    assert result.exit_code == 0
    assert "\n  web  release 1: a rollback has to pull it from the registry\n" in result.stdout
    (web,) = json.loads(world.run("status", "web", "--json").stdout)["apps"]
    assert [(one["release"], one["image_is_here"]) for one in web["releases"]] == [
        (2, True),
        (1, False),
    ]
    world.see(runs, images={"web": [1, 2]})
    assert "has to pull" not in world.run("status").stdout


def test_an_app_of_which_nothing_runs_is_degraded_unless_it_is_being_deployed(
    world: World,
) -> None:
    done = world.deploy()
    world.see(replica(done, 1), replace(replica(done, 2), state=Running.EXITED))
    assert world.run("status").exit_code == 0
    world.see(replace(replica(done, 1), state=Running.EXITED))
    result = world.run("status")
    assert result.exit_code == 1
    assert "nothing of it runs" in result.stdout
    assert "deployer deploy web" in result.stdout
    world.begin()
    assert world.run("status").exit_code == 0


def test_an_unhealthy_replica_is_named_and_the_last_one_is_warned_of(world: World) -> None:
    done = world.deploy()
    first, second = (replica(done, number, health="unhealthy") for number in (1, 2))
    world.see(first, replace(second, health="healthy"))
    result = world.run("status")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert f"unhealthy of {first.name}: no requests go there until it is well" in said
    world.see(first, second)
    said = " ".join(world.run("status").stdout.split())
    assert f"unhealthy of {first.name}, {second.name}, and there is no other" in said


def test_old_workers_and_what_waits_for_them_are_told(world: World) -> None:
    nginx = {"draining": 18, "draining_generations": 9, "put_off": ["web"], "reloads": 12}
    seen = {"version": [1, 30, 0], "user": "nginx", "live": 7, **nginx}
    world.see(nginx=seen)
    said = " ".join(world.run("status").stdout.split())
    assert "18 old workers draining in 9 generations, changes of web wait for them" in said


def test_a_registry_that_keeps_tags_from_being_compared_is_degraded(world: World) -> None:
    down = {"what": "registry docker.io", "reason": "it does not answer. Look", "since": 1.0}
    world.see(reconcile={"apps": {}, "failing": [down]})
    result = world.run("status")
    assert result.exit_code == 1
    expected = "  registry docker.io  tags are not compared: it does not answer. Look (since 1970-"
    assert expected in result.stdout


def test_one_app_can_be_asked_for_and_an_unknown_one_gets_the_nearest_name(world: World) -> None:
    assert "api" not in world.run("status", "web").stdout
    result = world.run("status", "wep")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean web?" in result.stderr


def test_json_is_one_document_with_apps_snapshot_and_nginx(world: World) -> None:
    done = world.deploy(ago=10)
    world.see(replica(done, 1))
    document = json.loads(world.run("status", "web", "--json").stdout)
    (app,) = document["apps"]
    assert app["name"] == "web"
    assert app["active"] == {"release": 1, "digest": digest(1), "deployment": done.id}
    assert app["last_deployment"]["ended_at"].endswith("Z")
    assert app["replicas"][0]["address"] == "172.18.0.11"
    assert document["nginx"]["live"] == 7
    assert document["snapshot"]["age"] < 15


@pytest.mark.parametrize("width", [80, 200])
def test_it_fits_the_terminal(world: World, width: int) -> None:
    failing = world.begin("api")
    world.end(failing, Status.FAILED, "no such image: " + "very " * 100)
    output = world.run("status", width=width).stdout
    assert "no such image" in output
    assert max(map(len, output.splitlines())) <= width


DAY = 86400.0


@pytest.mark.parametrize(
    ("left", "problem", "shown", "words"),
    [
        (15 * DAY, "", "15 days left", ""),
        (1.5 * DAY, "", "1 day left", "the certificate of a.example expires in 1 day."),
        (0.5 * DAY, "", "0 days left", "the certificate of a.example expires today"),
        (13.5 * DAY, "", "13 days left", "expires in 13 days. Put a new one in its place"),
        (-DAY, "it has expired", "expired ", "TLS of a.example: it has expired"),
        (None, "there is no file", "no TLS", "TLS of a.example: there is no file"),
    ],
)
def test_the_end_of_a_certificate_is_shown_and_told_two_weeks_before(
    world: World, left: float | None, problem: str, shown: str, words: str
) -> None:
    ends = None if left is None else time.time() + left + 60
    seen = {"app": "web", "hosts": ["a.example"], "ends": ends, "problem": problem}
    world.see(certificates=[seen])
    result = world.run("status")
    assert shown in result.stdout
    assert words in result.stdout
    assert result.exit_code == (1 if words else 0)
    (told,) = json.loads(world.run("status", "--json").stdout)["certificates"]
    assert told["days_left"] == (None if left is None else int(left // DAY))
    assert (told["app"], told["hosts"], told["problem"]) == ("web", ["a.example"], problem or None)


def test_a_site_that_is_held_back_is_named_with_its_reason(world: World) -> None:
    done = world.deploy()
    world.see(replica(done, 1), replica(done, 2), held=[("web", "unknown directive in web.conf:2")])
    result = world.run("status")
    assert result.exit_code == 1
    assert "web  its site is held back: unknown directive in web.conf:2" in result.stdout
    document = json.loads(world.run("status", "--json").stdout)
    (held,) = document["nginx"]["held"]
    assert (held["app"], held["reason"]) == ("web", "unknown directive in web.conf:2")
    assert held["since"].endswith("Z")
    assert [one["what"] for one in document["troubles"]] == ["web"]
    world.see(replica(done, 1), replica(done, 2))
    assert world.run("status").exit_code == 0
