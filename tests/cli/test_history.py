"""`history` and `show`: what was deployed, and how it went."""

from __future__ import annotations

import json

import pytest

from deployer.deployment import Status, Step
from tests.cli.world import BEFORE_SWITCH, World, digest


def test_the_newest_deployment_stands_first_with_its_numbers(world: World) -> None:
    world.deploy(number=0xA, ago=7300)
    world.deploy(number=0xB, ago=65)
    result = world.run("history", "web")
    assert result.exit_code == 0
    first, second = (line.split() for line in result.stdout.splitlines()[1:])
    assert first[:7] == ["2", "✓", "succeeded", "operator", "stable", digest(0xB)[7:19], "2"]
    assert first[7:] == ["3.8", "s", "1", "min", "ago"]
    assert second[0] == "1"


def test_the_limit_keeps_the_newest(world: World) -> None:
    for ago in (30, 20, 10):
        world.end(world.begin(ago=ago), Status.UNCHANGED, "live already")
    document = json.loads(world.run("history", "web", "--limit", "2", "--json").stdout)
    assert [one["id"] for one in document["deployments"]] == [3, 2]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_reasons_fit_the_terminal_and_are_whole_in_a_pipe(world: World, width: int) -> None:
    reason = "the registry does not know the tag. " * 12 + "the end"
    world.end(world.begin(), Status.FAILED, reason)
    narrow = world.run("history", "web", width=width).stdout
    assert "the registry does not know" in narrow
    assert max(map(len, narrow.splitlines())) <= width
    assert reason in world.run("history", "web").stdout


def test_an_app_without_deployments_says_how_to_begin(world: World) -> None:
    result = world.run("history", "web")
    assert result.exit_code == 0
    assert "deployer deploy web" in result.stdout


def test_history_of_an_unknown_app_is_a_misuse(world: World) -> None:
    assert world.run("history", "nope").exit_code == 2


def test_a_deployment_is_shown_with_its_steps_and_times(world: World) -> None:
    world.deploy()
    result = world.run("show", "1")
    assert result.exit_code == 0
    assert result.stdout.startswith("deployment 1 of web  ✓ succeeded\n")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["pull", "+700", "ms", "500", "ms", "message", "of", "pull"] in rows
    assert ["watch", "+2.7", "s", "1.3", "s", "message", "of", "watch"] in rows


def test_it_says_which_release_serves_now(world: World) -> None:
    world.deploy(number=1, ago=100)
    world.deploy(number=2, ago=50)
    assert "1 (release 2 serves now)" in world.run("show", "1").stdout
    assert "2 (serves now)" in world.run("show", "2").stdout


def test_a_failure_shows_reason_and_evidence_and_obeys_no_escape_in_them(world: World) -> None:
    failing = world.through(world.begin(), BEFORE_SWITCH)
    world.end(failing, Status.FAILED, "exited\x1b[2J", "line one\nline [two]\x1b]0;x\x07\n")
    output = world.run("show", "1").stdout
    assert "\x1b" not in output
    assert "exited\\x1b[2J" in output
    assert "\n  line one\n  line [two]\\x1b]0;x\\x07\n" in output
    assert [line.split()[0] for line in output.splitlines() if "✗" in line][1:] == ["check"]


def test_a_running_deployment_shows_how_far_it_is(world: World) -> None:
    world.through(world.begin(ago=0), [Step.RESOLVE, Step.PULL])
    output = world.run("show", "1").stdout
    assert output.startswith("deployment 1 of web  ● running\n")
    assert "digest   not yet\n" in output


@pytest.mark.parametrize("width", [80, 200])
def test_show_fits_the_terminal(world: World, width: int) -> None:
    failing = world.through(world.begin(), BEFORE_SWITCH)
    world.end(failing, Status.FAILED, "long " * 60, "one log line\n")
    world.deploy(number=2, ago=10)
    for number in ("1", "2"):
        output = world.run("show", number, width=width).stdout
        assert max(map(len, output.splitlines())) <= width


def test_a_deployment_as_json_has_its_transitions_in_order(world: World) -> None:
    world.deploy()
    document = json.loads(world.run("show", "1", "--json").stdout)
    assert (document["id"], document["status"]) == (1, "succeeded")
    steps = [one["step"] for one in document["transitions"] if one["status"] == "running"]
    assert [step for step in steps if step] == [*BEFORE_SWITCH, "switch", "watch"]


@pytest.mark.parametrize("number", ["7", "9" * 30])
def test_an_unknown_deployment_ends_with_1_and_what_to_do(world: World, number: str) -> None:
    result = world.run("show", number)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "deployer history APP" in result.stderr


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_what_can_be_no_id_is_a_misuse(world: World, number: str) -> None:
    assert world.run("show", "--", number).exit_code == 2
