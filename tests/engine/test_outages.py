"""Docker, the registry or the store is away: what is accepted waits, and goes on by itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.engine.trouble import Doorway, troubles
from tests.engine.world import World, world
from tests.lab.shell import wait_until

_GONE = "Docker is unavailable, its socket does not exist"
pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doorway]:
    with Doorway(tmp_path_factory.mktemp("door") / "docker.sock") as made:
        yield made


@pytest.fixture(scope="module")
def one(door: Doorway) -> Iterator[World]:
    with world("outages") as made:
        made.deployer.set("DOCKER_HOST", f"unix://{door.path}")
        made.start()
        yield made


def test_docker_that_hangs_is_told_within_seconds_and_what_came_meanwhile_is_deployed(
    one: World, door: Doorway
) -> None:
    app = one.web
    app.push("hung")
    door.hang()
    try:
        begun = time.monotonic()
        number = app.queue()
        wait_until(lambda: "Docker or Nginx does not answer" in troubles(one), "the words")
        assert time.monotonic() - begun < 25
        told = one.deployer.run("status", expect=1)
        assert "degraded\n  worker  Docker or Nginx does not answer." in told
        assert app.ask() == (200, "v1")
    finally:
        door.go_on()
    assert one.deployer.wait_ended(number)["status"] == "succeeded"
    app.wait_serves("hung")
    wait_until(lambda: troubles(one) == "", "the end of the trouble")


def test_docker_that_is_down_is_told_and_what_came_meanwhile_is_deployed(
    one: World, door: Doorway
) -> None:
    app = one.web
    before = app.ask()
    door.refuse()
    try:
        wait_until(lambda: _GONE in troubles(one), "the words")
        status, _ = app.webhook()
        assert status == 202
        assert app.ask() == before
    finally:
        door.listen()
    wait_until(lambda: troubles(one) == "", "the end of the trouble")
    assert app.deploy("after")["status"] == "succeeded"


def test_a_store_that_is_locked_takes_nothing_and_says_when_to_try_again(one: World) -> None:
    app, before = one.web, one.newest()
    with closing(sqlite3.connect(one.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        status, answer = app.webhook()
        holder.execute("ROLLBACK")
    assert status == 503
    assert answer["detail"] == "the store does not answer, so nothing was taken. Try again"
    assert one.newest() == before
    assert one.deployer.wait_ended(app.queue())["status"] == "unchanged"


def test_an_image_that_cannot_be_had_is_told_until_it_can(one: World) -> None:
    ended = one.deployer.wait_ended(one.web.queue("next"))
    assert ended["status"] == "failed"
    assert f"{one.web.name}: cannot get" in troubles(one)
    one.web.push("healed", "ok", "next")
    assert one.deployer.wait_ended(one.web.queue("next"))["status"] == "succeeded"
    wait_until(lambda: troubles(one) == "", "the end of the trouble")
