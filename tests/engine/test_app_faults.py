"""What an image, a process or an operator does wrong in a deployment: told, and nobody notices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.app import App
from tests.engine.test_restarts import SLOWLY
from tests.engine.world import IMPATIENT, World, seconds, serving
from tests.lab.clients import check_ids
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]

STUBBORN = """CMD ["sh", "-c", "trap '' TERM; python3 -S -u /server.py & while :; do wait; done"]"""
GREEDY = """CMD ["python3", "-c", "print('reading', flush=True); b'x' * (1 << 30)"]"""
NEVER = "HEALTHCHECK --interval=1h --start-period=1h CMD true"
# How often the watch looks, and what it takes to send the traffic back once it has seen it.
INTERVAL, BACK = 0.2, 1.0


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    guarded = {"deploy": {"watch": "6s"}}
    small = {"mem_limit": "64m", "memswap_limit": "64m"}
    stubborn = {"stop_grace_period": "1s"}
    with serving("faulty", web=IMPATIENT, guarded=guarded, small=small, stubborn=stubborn) as made:
        yield made


def fails(one: World, app: App, version: str, *lines: str) -> Any:
    """A deployment that fails before its switch and leaves all as it was."""
    old, files = app.only_container(), one.on_disk()
    app.push(version, "ok", "latest", *lines)
    ended = one.deployer.wait_ended(app.queue())
    assert ended["status"] == "failed"
    assert app.only_container() == old
    assert one.on_disk() == files
    assert app.ask()[0] == 200
    return ended


@pytest.mark.parametrize(
    ("name", "command", "why"),
    [
        ("0", '["true"]', "does not stay up: (exit code 0|its exit code is not known)"),
        ("1", '["false"]', "does not stay up: exit code 1: its main process gave up"),
        ("126", '["sh", "-c", "/etc/passwd"]', "exit code 126: its command is not executable"),
        ("127", '["sh", "-c", "nosuch"]', "exit code 127: its command was not found in the image"),
        ("not-executable", '["/etc/passwd"]', "cannot start container .*permission denied"),
        ("not-there", '["/no/such"]', "cannot start container .*no such file or directory"),
        ("none", "[]", "cannot create container .*[Nn]o command specified"),
    ],
)
def test_what_ends_at_once_or_cannot_begin_fails_at_once_with_its_reason(
    one: World, name: str, command: str, why: str
) -> None:
    ended = fails(one, one.web, f"ends-{name}", f"CMD {command}")
    assert re.search(why, ended["reason"]), ended["reason"]
    assert "within" not in ended["reason"]


def test_a_healthcheck_that_never_gives_a_verdict_ends_at_the_deadline(one: World) -> None:
    ended = fails(one, one.web, "starting", NEVER)
    assert "was not healthy within 3 s" in ended["reason"]
    assert "its HEALTHCHECK says starting" in ended["reason"]


def test_what_runs_out_of_memory_at_its_start_is_told_as_that(one: World) -> None:
    ended = fails(one, one.apps["small"], "greedy", GREEDY)
    assert "it ran out of memory and was killed" in ended["reason"]


def test_a_crash_loop_that_starts_well_is_seen_in_the_watch(one: World) -> None:
    """Each life is healthy for a moment; that Docker had to start it again is what counts."""
    app = one.apps["guarded"]
    old = app.only_container()
    app.push("loops", "dies-later:1.5")
    ended = one.deployer.wait_ended(app.queue())
    assert ended["status"] == "failed"
    assert "does not stay up" in ended["reason"]
    assert app.only_container() == old
    assert app.ask() == (200, "v1")


def test_when_a_release_dies_after_the_switch_the_old_one_has_all_traffic_within_a_second(
    one: World,
) -> None:
    """From the death on: at most one look of the watch, then one switch."""
    app = one.apps["guarded"]
    old = app.only_container()
    app.push("dies", "dies-later:3")
    with app.load() as load:
        number = app.queue()
        wait_until(lambda: app.ask() == (200, "dies"), "the new release")
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        ended = one.deployer.wait_ended(number)
        app.only_container()
        report = load.stop()
    assert (ended["status"], ended["step"], ended["serving"]) == ("failed", "watch", 1)
    for seen in report.classes.values():
        versions = [version for _, version in seen.versions]
        assert versions[0] == versions[-1] == "v1"
        assert "dies" in versions
    begun, done = (at(ended, step) for step in ("switch", "watch"))
    # A machine that is busy with other things takes longer both ways.
    limit = INTERVAL + BACK + 2 * (done - begun)
    assert seconds(ended["ended_at"]) - app_died_at(one, ended["id"], app) < limit
    assert app.only_container() == old


def at(deployment: Any, step: str) -> float:
    """When a deployment entered a step."""
    return next(seconds(each["at"]) for each in deployment["transitions"] if each["step"] == step)


def app_died_at(one: World, number: int, app: App) -> float:
    """When the first replica of a deployment ended, as Docker's events tell."""
    shown = ["docker", "events", "--since", "5m", "--until", "0s", "--format", "{{.TimeNano}}"]
    chosen = ["--filter", f"container={app.name}-{number}-1", "--filter", "event=die"]
    return int(run([*shown, *chosen]).split()[0]) / 1e9


def test_an_old_release_that_ignores_its_signal_is_killed_and_the_deployment_succeeds(
    one: World,
) -> None:
    app = one.apps["stubborn"]
    app.push("stubborn", "ok", "latest", STUBBORN)
    assert one.deployer.wait_ended(app.queue())["status"] == "succeeded"
    stays = app.only_container()
    app.push("after it")
    number = app.queue()
    assert one.deployer.wait_ended(number)["status"] == "succeeded"
    assert app.only_container() != stays

    def told() -> bool:
        lines = [each["message"] for each in one.deployer.deployment(number)["transitions"]]
        return any(f"removed {stays.name}, exit code 137" in line for line in lines)

    wait_until(told, "the words about how it ended")


@pytest.mark.parametrize("step", ["check", "watch"])
def test_an_old_container_that_an_operator_removes_does_not_end_the_deployment(
    one: World, step: str
) -> None:
    app = one.apps["guarded"]
    app.push(f"without the old one in {step}", "ok", "latest", SLOWLY)
    old = app.only_container()
    number = app.queue()
    wait_until(lambda: one.deployer.deployment(number)["step"] == step, f"its {step}")
    run(["docker", "rm", "--force", old.name])
    assert one.deployer.wait_ended(number)["status"] == "succeeded"
    app.wait_serves(f"without the old one in {step}")
    assert app.only_container() != old


@pytest.mark.parametrize("step", ["check", "watch"])
def test_a_new_container_that_an_operator_removes_fails_and_the_old_one_serves(
    one: World, step: str
) -> None:
    app = one.apps["guarded"]
    old, before = app.only_container(), app.ask()
    app.push(f"removed in {step}", "ok", "latest", SLOWLY)
    number = app.queue()
    wait_until(lambda: one.deployer.deployment(number)["step"] == step, f"its {step}")
    run(["docker", "rm", "--force", f"{app.name}-{number}-1"])
    ended = one.deployer.wait_ended(number)
    assert ended["status"] == "failed"
    # Docker kills it first, and may be asked just then.
    assert re.search("was removed by somebody else|was killed", ended["reason"]), ended["reason"]
    wait_until(lambda: app.ask() == before, "the old one's answers")
    assert app.only_container() == old


def test_errors_to_requests_that_the_health_path_does_not_have_are_not_looked_at(
    one: World,
) -> None:
    """What the app answers to others is its own matter: only the probe's path counts."""
    app = one.apps["guarded"]
    app.push("breaks", "breaks-later:3")
    number = app.queue()
    wait_until(lambda: app.ask()[0] == 500, "errors to real requests")
    assert one.deployer.deployment(number)["step"] == "watch"
    assert one.deployer.wait_ended(number)["status"] == "succeeded"
    assert app.ask()[0] == 500
    assert app.deploy("mended")["status"] == "succeeded"


def test_errors_that_the_health_path_has_too_give_the_traffic_back(one: World) -> None:
    app = one.apps["guarded"]
    old, before = app.only_container(), app.ask()
    app.push("sickens", "sickens-later:3")
    number = app.queue()
    wait_until(lambda: app.ask()[0] == 500, "errors to real requests")
    ended = one.deployer.wait_ended(number)
    assert (ended["status"], ended["step"]) == ("failed", "watch")
    assert "became unhealthy after the switch" in ended["reason"]
    assert "GET /healthz on port 8080: HTTP 500" in ended["reason"]
    assert app.ask() == before
    assert app.only_container() == old


def test_requests_are_served_once_each_though_the_old_one_ignores_its_signal(one: World) -> None:
    app = one.apps["stubborn"]
    app.push("deaf", "ok", "latest", STUBBORN)
    assert one.deployer.wait_ended(app.queue())["status"] == "succeeded"
    app.only_container()
    with app.load() as load:
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        assert app.deploy("hears")["status"] == "succeeded"
        app.only_container()
        report = load.stop()
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
