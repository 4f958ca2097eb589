"""What an operator orders at the command line, and which of several orders wins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.world import HEALTH, World, serving
from tests.lab.registry import Registry
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

BUSY = {"health": {**HEALTH, "deadline": "10s"}}


@pytest.fixture(scope="module")
def one(private_registry: Registry) -> Iterator[World]:
    with serving("orders", web={"registry": private_registry}, busy=BUSY) as made:
        yield made


def test_a_rollback_needs_no_registry(one: World, private_registry: Registry) -> None:
    """The previous release serves again, from the image that was kept; a deploy fails meanwhile."""
    app, deployer = one.web, one.deployer
    first = app.only_container()
    app.push("v2")
    assert "succeeded" in deployer.run("deploy", app.name, "--wait")
    assert app.ask() == (200, "v2")
    app.only_container()
    private_registry.stop()
    try:
        refused = deployer.run("deploy", app.name, "--wait", expect=1)
        said = deployer.run("rollback", app.name, "--wait")
    finally:
        private_registry.start()
    assert "connection refused" in refused
    assert "release 1 serves" in said
    again = app.only_container()
    assert app.ask() == (200, "v1")
    assert again.image == first.image
    assert again.id != first.id
    assert "no release" in deployer.run("rollback", app.name, expect=1), "there is none before 1"


def test_the_exit_code_of_a_deploy_that_is_waited_for_is_its_outcome(one: World) -> None:
    """0 where it succeeded or nothing had to be done, 1 where it failed, 2 where it was misuse."""
    app, deployer = one.web, one.deployer
    app.push("v3", "ok", "next")
    assert "succeeded" in deployer.run("deploy", app.name, "--tag", "next", "--wait")
    assert "unchanged" in deployer.run("deploy", app.name, "--tag", "next", "--wait")
    app.push("bad", "exit", "latest")
    failed = deployer.run("deploy", app.name, "--wait", expect=1)
    assert "does not stay up" in " ".join(failed.split())
    assert "cannot reach the database" in failed
    assert "nightly" in deployer.run("deploy", app.name, "--tag", "nightly", expect=2)
    assert app.ask() == (200, "v3")


def test_of_pushes_during_a_deployment_only_the_newest_is_deployed(one: World) -> None:
    """At most one waits, for all of them: what the tag means is asked when it begins."""
    app, deployer = one.apps["busy"], one.deployer
    pushed = {version: app.push(version, "ok", "next") for version in ("v2", "v3", "v4")}
    app.push("silent", "silent")
    running = app.queue()
    wait_until(lambda: deployer.deployment(running)["step"] == "check", "its check")
    queued, digest = [], ""
    for digest in pushed.values():
        app.registry.point(app.repository, "latest", digest)
        queued.append(app.queue())
        newest = deployer.api(f"deployments?app={app.name}")["deployments"]
        assert [each["id"] for each in newest if each["status"] == "queued"] == queued[-1:]
    assert deployer.deployment(running)["status"] == "running", "all came while it ran"
    assert len(set(queued)) == 1
    assert deployer.wait_ended(running)["status"] == "failed"
    assert deployer.wait_ended(queued[-1])["status"] == "succeeded"
    assert app.only_container().image == f"{app.image}@{digest}"
    assert app.ask() == (200, "v4")
