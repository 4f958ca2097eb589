"""An app's own commands around its deployments, on a real deployer: what users see of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.world import World, world
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

SCRIPTS = ("pre_deploy", "post_deploy", "on_failure")
HOOKS = {when: {"command": f"sh /ids/{when}.sh", "timeout": "20s"} for when in SCRIPTS}
HASTY = {"pre_deploy": {"command": "sh /ids/hasty.sh", "timeout": "5s"}}


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """An app whose hooks are scripts in a folder that it mounts, and one in a hurry."""
    with world("hooks", web={"deploy": HOOKS}, hasty={"deploy": HASTY}) as made:
        for when in (*SCRIPTS, "hasty"):
            script(made, when, f"echo {when} did nothing")
        made.start()
        yield made


def script(one: World, when: str, text: str) -> None:
    """Let the app's command for this moment do that from now on."""
    (one.ids / f"{when}.sh").write_text(f"{text}\n")


def said(deployment: Any) -> list[str]:
    """What its history says of the app's own commands."""
    words = [each["message"] for each in deployment["transitions"]]
    return [one for one in words if one.startswith(SCRIPTS)]


def wait_said(one: World, number: int, words: str) -> None:
    """Wait until the history of a deployment says this of a command."""
    wait_until(
        lambda: any(words in line for line in said(one.deployer.deployment(number))),
        f"{words!r} in the history of deployment {number}",
        hint=lambda: str(said(one.deployer.deployment(number))),
    )


def test_a_migration_is_run_in_the_new_image_while_the_old_release_serves(one: World) -> None:
    """It sees the app's volume, and is neither a replica nor routed to; then it is gone."""
    app, old = one.web, one.web.only_container()
    write = "echo $VERSION in release $DEPLOYER_RELEASE of $DEPLOYER_APP > /ids/schema"
    script(one, "pre_deploy", f"{write}; until test -e /ids/go; do sleep 0.1; done; echo migrated")
    app.push("v2")
    number = app.queue()
    wait_until((one.ids / "schema").exists, "the start of the migration")
    assert (one.ids / "schema").read_text() == f"v2 in release 2 of {app.name}\n"
    names = {each.name: each for each in app.containers()}
    assert names.keys() == {old.name, f"{app.name}-{number}.pre_deploy"}
    assert app.ask() == (200, "v1")
    migrating = names[f"{app.name}-{number}.pre_deploy"].address
    assert migrating not in one.on_disk()[f"generations/{one.current()}/upstreams/{app.name}.conf"]
    (seen,) = (each for each in one.deployer.api("apps")["apps"] if each["name"] == app.name)
    assert [each["name"] for each in seen["replicas"]] == [old.name]

    (one.ids / "go").touch()
    ended = one.deployer.wait_ended(number)
    assert ended["status"] == "succeeded", ended["reason"]
    assert app.ask() == (200, "v2")
    wait_said(one, number, "post_deploy ended well")
    assert any(line.endswith(" s: migrated") for line in said(one.deployer.deployment(number)))
    assert [each.name for each in app.containers()] == [f"{app.name}-{number}-1"]
    shown = one.deployer.run("show", str(number))
    assert "pre_deploy" in shown
    assert "post_deploy" in shown


def test_a_failing_migration_changes_nothing_and_shows_what_it_wrote(one: World) -> None:
    """Nothing is started; the app's command for failures learns why."""
    app = one.web
    script(one, "pre_deploy", "echo 'column \033[31mprice\033[0m is missing'; exit 3")
    script(one, "on_failure", 'echo "$DEPLOYER_STATUS: $DEPLOYER_REASON" > /ids/why; echo told')
    old, files = app.only_container(), one.on_disk()
    ended = app.deploy("v3")
    assert ended["status"] == "failed"
    assert ended["reason"].startswith("pre_deploy failed: exit code 3")
    assert ended["reason"].endswith("release 2 serves as before")
    wait_said(one, ended["id"], "on_failure ended well")
    assert (one.ids / "why").read_text() == f"failed: {ended['reason']}\n"
    assert "column \\x1b[31mprice\\x1b[0m is missing" in one.deployer.run("show", str(ended["id"]))
    assert (app.containers(), one.on_disk()) == ([old], files)
    assert app.kept() == [1, 2]


@pytest.mark.long
def test_a_post_deploy_that_fails_is_told_and_changes_nothing(one: World) -> None:
    app = one.web
    script(one, "pre_deploy", "echo nothing to do")
    script(one, "post_deploy", "echo the cache is down; exit 1")
    ended = app.deploy("v4")
    assert ended["status"] == "succeeded", ended["reason"]
    wait_said(one, ended["id"], "post_deploy failed: exit code 1")
    assert "the cache is down" in one.deployer.run("show", str(ended["id"]))
    assert one.deployer.deployment(ended["id"])["status"] == "succeeded"
    assert app.ask() == (200, "v4")


@pytest.mark.long
def test_a_migration_that_its_worker_did_not_survive_is_run_again(one: World) -> None:
    """The container that was left is removed, and the deployment goes on by itself."""
    app, runs = one.web, one.ids / "runs"
    script(one, "post_deploy", "true")
    script(
        one,
        "pre_deploy",
        "hostname >> /ids/runs; until test -e /ids/again; do sleep 0.1; done; echo migrated",
    )
    app.push("v5")
    number = app.queue()
    wait_until(runs.exists, "the migration")
    os.kill(one.deployer.child("worker"), signal.SIGKILL)
    wait_until(lambda: len(runs.read_text().split()) == 2, "the next attempt")
    first, second = runs.read_text().split()
    present = [each.id[:12] for each in app.containers()]
    assert second in present
    assert first not in present
    (one.ids / "again").touch()
    ended = one.deployer.wait_ended(number)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended["reason"]
    assert app.ask() == (200, "v5")
    wait_said(one, number, "post_deploy ended well")
    assert [each.name for each in app.containers()] == [f"{app.name}-{number}-1"]


def test_a_migration_that_takes_too_long_is_stopped_and_fails(one: World) -> None:
    """It gets its signal and may tidy up; what it wrote is kept."""
    app = one.apps["hasty"]
    old = app.only_container()
    script(one, "hasty", "trap 'echo stopped; exit 0' TERM; while :; do sleep 0.1; done")
    ended = app.deploy("v2")
    assert ended["status"] == "failed"
    assert ended["reason"].startswith("pre_deploy did not end within 5 s and was stopped")
    assert [piece["text"] for piece in ended["evidence"]] == ["stopped"]
    assert app.containers() == [old]
    assert app.ask() == (200, "v1")
