"""A plan comes from the real worker, registry and Docker, and touches none of them."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.engine.world import World, world
from tests.lab.ports import free_port
from tests.lab.shell import run

pytestmark = [pytest.mark.lab, pytest.mark.root]

SECRET = "canary-5b8e20c9d1"
ASKED = {"orders", "snapshot", "sqlite_sequence"}
"""What asking writes, and what the worker writes all the time."""


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """`web` serves v1; of `later` the image came after the first try, so that nothing serves."""
    later = {
        "environment": {"APP": "later", "KEY": SECRET},
        "mem_limit": "64m",
        "ports": [f"{free_port()}:8080"],
    }
    with world("plan", web={}, later=later) as made:
        made.web.push("v1")
        made.deployer.start()
        ended = [made.deployer.wait_ended(number)["status"] for number in (1, 2)]
        assert sorted(ended) == ["failed", "succeeded"]
        made.web.wait_serves("v1")
        made.apps["later"].push("v1")
        yield made


def rows(one: World) -> dict[str, list[Any]]:
    """All that the store has, but for orders and the snapshot."""
    with closing(sqlite3.connect(one.database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
            for (name,) in tables.fetchall()
            if name not in ASKED
        }


def state(one: World) -> dict[str, Any]:
    """Everything that a deployment could have touched."""
    form = "{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}"
    return {
        "containers": [app.containers() for app in one.apps.values()],
        "images": [
            run(["docker", "images", "--digests", "--no-trunc", "--format", form, app.image])
            for app in one.apps.values()
        ],
        "kept": sorted(one.deployer.images()),
        "nginx": (one.live(), one.nginx_pid(), one.on_disk()),
        "files": sorted(str(path) for path in (one.path / "state" / "worker").rglob("*")),
        "store": rows(one),
    }


def planned(one: World, name: str, *more: str) -> dict[str, Any]:
    """The plan that the command prints for a program."""
    told = json.loads(one.deployer.run("plan", name, *more, "--json"))["plan"]
    assert isinstance(told, dict)
    return told


def does(told: dict[str, Any], step: str) -> str:
    """What a plan says of a step."""
    (found,) = [each["does"] for each in told["steps"] if each["step"] == step]
    return str(found)


def test_a_plan_says_what_the_deployment_then_does_and_touches_nothing(one: World) -> None:
    """The new image is not here: asking brings neither it nor anything else."""
    app = one.web
    (old,) = app.containers()
    digest = app.push_afresh(f"v2 of {one.name}")
    before = state(one)
    text = one.deployer.run("plan", app.name)
    told = planned(one, app.name)
    assert state(one) == before
    assert digest[7:19] in text
    assert (told["outcome"], told["strategy"]) == ("deployed", "start-first")
    assert (told["release_now"], told["digest_then"]) == (1, digest)
    assert told["difference"] == []
    assert does(told, "pull") == f"pull {app.image}@{digest}"
    assert does(told, "start") == f"start a new container beside {old.name}"
    assert does(told, "retire") == f"stop and remove {old.name}"
    assert "succeeded" in one.deployer.run("deploy", app.name, "--wait")
    assert app.ask() == (200, f"v2 of {one.name}")
    assert app.only_container().image == f"{app.image}@{digest}"
    assert planned(one, app.name)["outcome"] == "unchanged"


def test_each_setting_names_its_line_and_no_secret_is_shown_or_stored(one: World) -> None:
    name = one.apps["later"].name
    text = one.deployer.run("plan", name)
    told = planned(one, name)
    lines = one.deployer.config.read_text().splitlines()
    found = {each["key"]: each for each in told["difference"]}
    for key, word in (("environment.KEY", SECRET), ("mem_limit", '"mem_limit"')):
        origin, _, line = found[key]["origin"].rpartition(":")
        assert origin == "config.yml"
        assert word in lines[int(line) - 1]
    assert (found["mem_limit"]["new"], found["environment.KEY"]["masked"]) == ("64m", True)
    assert SECRET not in text + json.dumps(told)
    assert SECRET.encode() not in one.database.read_bytes()


def test_a_port_that_somebody_else_listens_on_is_in_the_way(one: World) -> None:
    name = one.apps["later"].name
    assert planned(one, name)["in_the_way"] == []
    port = int(one.apps["later"].config["ports"][0].partition(":")[0])
    with socket.create_server(("127.0.0.1", port)):
        said = one.deployer.run("plan", name, expect=1)
    assert f"fails  port {port} of the host is taken by " in said
    assert f"(process {os.getpid()})" in said


def test_what_the_registry_does_not_have_ends_with_1_and_the_reason(one: World) -> None:
    before = state(one)
    said = one.deployer.run("plan", one.web.name, "--tag", "next", expect=1)
    assert "! refused: " in said
    assert "does not have it" in said
    assert state(one) == before
