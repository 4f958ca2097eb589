"""`deploy` and `rollback`: checked first, ordered, and followed to the end if wanted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.model import Image
from deployer.ports import Active
from deployer.spec import Spec
from tests.cli.world import BEFORE_SWITCH, StandIn, World, digest


@pytest.fixture
def succeeding(world: World) -> StandIn:
    """A worker whose deployments succeed, each with a release of its own."""

    def act(taken: Deployment) -> None:
        image = Image("docker.io", "acme/web", "stable", digest(taken.id))
        release = world.store.add_release(taken.app, image, Spec(), time.time())
        taken = replace(taken, release=release.number, digest=image.digest)
        taken = world.through(taken, [*BEFORE_SWITCH, Step.SWITCH])
        world.store.activate(Active(taken.app, release.number, taken.id))
        world.end(taken, Status.SUCCEEDED, f"release {release.number} serves")

    return StandIn(world, act)


@pytest.fixture
def failing(world: World) -> StandIn:
    """A worker whose deployments fail in check."""

    def act(taken: Deployment) -> None:
        taken = world.through(taken, BEFORE_SWITCH)
        world.end(taken, Status.FAILED, "replica 1 exited with code 3", "KeyError: 'X'\n")

    return StandIn(world, act)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["deploy", "wep"], "did you mean web?"),
        (["deploy", "web", "--tag", "stabel"], "did you mean stable?"),
        (["deploy", "web", "--tag", "v9"], "known are edge, stable"),
        (["deploy", "web", "--digest", "sha256:12"], "64 digits"),
        (["deploy", "web", "--digest", "sha256:" + "A" * 64], "64 digits"),
        (["deploy", "web", "--tag", "edge", "--digest", digest(1)], "one of them"),
        (["rollback", "nope"], "known are api, web"),
        (["rollback", "web", "--to", "9"], "kept are 1"),
        (["rollback", "web", "--to", "0"], "--to"),
        (["rollback", "web", "--to", "x"], "--to"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_nothing_is_written(
    world: World, arguments: list[str], hint: str
) -> None:
    world.deploy()
    result = world.run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert hint in result.stderr
    assert world.store.open_orders() == []


def test_any_tag_that_a_pattern_lets_in_can_be_deployed_and_no_other(world: World) -> None:
    text = world.config.read_text().replace("[stable, edge]", "[stable, 'semver:^1.4']")
    world.config.write_text(text)
    result = world.run("deploy", "web", "--tag", "2.0.0")
    assert (result.exit_code, world.store.open_orders()) == (2, [])
    assert "known are stable, semver:^1.4, and 2.0.0 is not in that range" in result.stderr
    assert world.run("deploy", "web", "--tag", "v1.5.0").exit_code == 0
    assert [one.tag for one in world.store.open_orders()] == ["v1.5.0"]


def test_an_order_says_what_is_wanted_and_who_gave_it(world: World) -> None:
    assert world.run("deploy", "web", "--tag", "edge").exit_code == 0
    (order,) = world.store.open_orders()
    assert (order.kind, order.app, order.tag, order.digest) == ("deploy", "web", "edge", "")
    assert order.given_by.endswith(f"(uid {os.getuid()}) at the command line")
    assert abs(order.given_at - time.time()) < 60


def test_without_a_worker_the_order_stands_and_its_number_is_said(world: World) -> None:
    result = world.run("deploy", "web", "--digest", digest(5))
    assert result.exit_code == 0
    assert result.stdout.startswith("order 1: deploy web")
    assert "no worker has taken it yet" in result.stdout
    assert world.store.open_orders()[0].digest == digest(5)


def test_with_a_worker_the_deployment_is_said_and_not_waited_for(
    world: World, succeeding: StandIn
) -> None:
    with succeeding:
        result = world.run("deploy", "web")
    assert result.exit_code == 0
    assert "deployment 1 of web" in result.stdout
    assert "no worker" not in result.stdout


def test_waiting_tells_each_step_and_the_end(world: World, succeeding: StandIn) -> None:
    with succeeding:
        result = world.run("deploy", "web", "--wait")
    assert result.exit_code == 0
    steps = [line.split()[1] for line in result.stdout.splitlines()[2:-1]]
    assert steps == ["queued", *BEFORE_SWITCH, "switch"]
    assert result.stdout.splitlines()[-1].endswith("release 1 serves")


def test_a_failure_ends_with_1_reason_and_evidence(world: World, failing: StandIn) -> None:
    with failing:
        result = world.run("deploy", "web", "--wait")
    assert result.exit_code == 1
    assert "✗ check" in result.stdout
    assert result.stdout.endswith("replica 1 exited with code 3\nevidence\n  KeyError: 'X'\n")


@pytest.mark.parametrize(
    ("status", "code"),
    [(Status.UNCHANGED, 0), (Status.REFUSED, 1), (Status.CANCELLED, 1), (Status.FAILED, 1)],
)
def test_the_exit_code_follows_the_end(world: World, status: Status, code: int) -> None:
    def act(taken: Deployment) -> None:
        world.end(world.through(taken, [Step.RESOLVE]), status, "because")

    with StandIn(world, act):
        result = world.run("deploy", "web", "--wait")
    assert result.exit_code == code
    assert result.stdout.splitlines()[-1].endswith("because")


def test_a_superseded_deployment_ends_the_waiting_with_1(world: World) -> None:
    world.store.enqueue(Wanted("web", Trigger.OPERATOR), time.time())
    assert world.store.claim(time.time()) is not None

    class Newer(StandIn):
        def run(self) -> None:
            while not world.store.queued("web"):
                self.take_orders()
            world.store.enqueue(Wanted("web", Trigger.WEBHOOK), time.time())

    with Newer(world, lambda taken: None):
        result = world.run("deploy", "web", "--wait")
    assert result.exit_code == 1
    assert "superseded" in result.stdout.splitlines()[-1]


def test_a_refused_order_ends_with_1_and_the_reason(world: World, succeeding: StandIn) -> None:
    world.deploy()
    with closing(sqlite3.connect(world.folder / "state" / "deployer.db")) as connection:
        connection.execute("UPDATE releases SET digest = ?", (digest(2),))
        connection.commit()
    with succeeding:
        result = world.run("rollback", "web", "--to", "1")
    assert result.exit_code == 1
    assert "! refused: " in result.stdout


def test_rollback_goes_to_the_newest_release_below_the_one_that_serves(world: World) -> None:
    for number in (1, 2, 3):
        world.deploy(number=number, ago=100 - number)
    world.store.activate(Active("web", 2, 2))
    world.store.drop_releases("web", [1, 2, 3])
    assert world.run("rollback", "web").exit_code == 0
    assert [order.release for order in world.store.open_orders()] == [1]


@pytest.mark.parametrize("deployed", [False, True])
def test_rollback_with_nothing_to_go_back_to_ends_with_1(world: World, deployed: bool) -> None:
    if deployed:
        world.deploy()
    result = world.run("rollback", "web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "deployer deploy web" in result.stderr
    assert world.store.open_orders() == []


def test_a_rollback_can_be_followed(world: World, succeeding: StandIn) -> None:
    world.deploy(number=1, ago=100)
    world.deploy(number=2, ago=50)
    with succeeding:
        result = world.run("rollback", "web", "--to", "1", "--wait")
    assert result.exit_code == 0
    assert result.stdout.startswith("order 1: roll web back to release 1\n")


def test_json_is_one_document_with_the_order_and_the_deployment(
    world: World, failing: StandIn
) -> None:
    with failing:
        result = world.run("deploy", "web", "--wait", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["order"]["result"] == "accepted"
    assert document["deployment"]["status"] == "failed"
    assert document["deployment"]["reason"] == "replica 1 exited with code 3"


def test_json_of_an_order_that_nobody_took_has_no_deployment(world: World) -> None:
    document = json.loads(world.run("deploy", "web", "--json").stdout)
    assert (document["order"]["result"], document["deployment"]) == (None, None)


def test_ctrl_c_stops_the_waiting_and_not_the_order(world: World) -> None:
    command = [sys.executable, "-m", "deployer", "--config", str(world.config)]
    process = subprocess.Popen(
        [*command, "deploy", "web", "--wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "waiting for one" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "the order stands" in errors
    assert "Traceback" not in errors
    assert [order.app for order in world.store.open_orders()] == ["web"]
