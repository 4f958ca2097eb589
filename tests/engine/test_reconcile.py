"""What nobody ordered: lost webhooks heal, changed configuration is followed, so are containers."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.app import App, Container
from tests.engine.test_nginx import address_taken
from tests.engine.trouble import troubles
from tests.engine.world import World, world
from tests.lab.faults import FaultyRegistry
from tests.lab.images import build, push
from tests.lab.ports import free_port
from tests.lab.registry import shared_registry
from tests.lab.shell import run, wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]

AT_ONCE = 4.5
"""Well below the five seconds between two looks, on a machine that has other things to do."""


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyRegistry]:
    with folder("reconcile") as path, FaultyRegistry(free_port(), path) as registry:
        yield registry


@pytest.fixture(scope="module")
def one(faulty: FaultyRegistry) -> Iterator[World]:
    """Two replicas of an app whose tag is looked at every second."""
    web = {"registry": faulty, "replicas": 2, "deploy": {"watch": "500ms"}}
    with world("reconcile", web=web) as made:
        made.deployer.set("DEPLOYER_RECONCILE__INTERVAL", "1s")
        made.start()
        yield made


def newest(one: World) -> Any:
    """The newest deployment."""
    return one.deployer.api("deployments?limit=1")["deployments"][0]


def of(one: World, app: str) -> Any:
    """The deployments of an app, the newest first."""
    return one.deployer.api(f"deployments?limit=100&app={app}")["deployments"]


def at_rest(one: World) -> bool:
    """Whether no deployment is queued or runs."""
    found = one.deployer.api("deployments?limit=10")["deployments"]
    return all(each["status"] not in ("queued", "running") for each in found)


def compared(one: World) -> Any:
    """The last look at the app's tag."""
    (web,) = one.deployer.api("apps")["apps"]
    return web["compared"]


def until_compared(one: World, digest: str, result: str) -> None:
    """Wait until a look has seen this digest, with this result."""
    wait_until(
        lambda: (compared(one)["digest"], compared(one)["result"]) == (digest, result),
        f"a look that finds {digest} {result}",
    )


def events(one: World, event: str) -> list[Any]:
    """The lines of the log about this."""
    lines = map(json.loads, one.deployer.log.read_text().splitlines())
    return [line for line in lines if line["event"] == event]


def push_aside(app: App, version: str, mode: str = "ok") -> str:
    """Push past the app's registry, which may be down, and tell nobody; the digest."""
    return push(build(version, mode), app.repository, "latest", shared_registry())


class TestTags:
    """A push whose webhook nobody took."""

    def test_a_push_while_the_receiver_is_down_is_deployed(self, one: World) -> None:
        os.kill(one.deployer.child("receiver"), signal.SIGKILL)
        digest = push_aside(one.web, "v2")
        one.web.wait_serves("v2")
        wait_until(lambda: bool(one.deployer.api("apps")), "the receiver")
        until_compared(one, digest, "same")
        assert (newest(one)["trigger"], newest(one)["status"]) == ("reconcile", "succeeded")

    def test_a_digest_that_fails_is_tried_once(self, one: World) -> None:
        digest = push_aside(one.web, "broken", "exit")
        until_compared(one, digest, "held")
        failed, looked = newest(one), compared(one)["at"]
        wait_until(lambda: compared(one)["at"] > looked, "another look")
        assert (failed["trigger"], failed["status"]) == ("reconcile", "failed")
        assert newest(one)["id"] == failed["id"]
        assert f"was deployment {failed['id']}, which failed" in one.deployer.run("status")
        assert one.web.ask() == (200, "v2")

    def test_a_registry_that_is_down_is_told_and_when_it_is_back_the_tag_is_deployed(
        self, one: World, faulty: FaultyRegistry
    ) -> None:
        with faulty.failing("503"):
            push_aside(one.web, "v3")
            wait_until(lambda: "tags are not compared" in troubles(one), "the words")
            told = one.deployer.run("status", expect=1)
            assert f"registry {faulty.address}" in told
            assert re.search(r"does not serve it now: .*503.*\(since ", told)
        one.web.wait_serves("v3")
        wait_until(lambda: troubles(one) == "", "the end of the trouble")
        assert len(events(one, "cannot compare the tag")) == 1


class TestConfiguration:
    """config.yml is changed while all goes on."""

    def configure(self, one: World, **web: Any) -> None:
        """Say something more of the app."""
        one.configure(apps={one.web.name: {**one.web.config, **web}})

    def test_a_changed_environment_is_deployed_and_no_request_is_lost(self, one: World) -> None:
        before = newest(one)["id"]
        with one.web.load() as load:
            wait_until(lambda: load.least_sent() > 20, "the first requests")
            self.configure(one, environment={**one.web.config["environment"], "MORE": "1"})
            wait_until(lambda: newest(one)["id"] > before, "the deployment")
            ended = one.deployer.wait_ended(newest(one)["id"])
            report = load.stop()
        assert (ended["trigger"], ended["status"]) == ("config", "succeeded"), ended["reason"]
        assert report.failed == 0, str(report)
        shown = run(["docker", "inspect", "--format", "{{.Config.Env}}", *names(one)])
        assert shown.count("MORE=1") == 2

    def test_a_new_app_is_deployed_and_its_webhooks_are_taken(self, one: World) -> None:
        """The receiver learns of it too; SIGHUP has both look at once."""
        shop = f"{one.name}-shop"
        config = {**one.web.config, "replicas": 1, "route": {"host": "shop.test", "port": 8080}}
        one.configure(apps={one.web.name: one.web.config, shop: config})
        assert one.deployer.process is not None
        one.deployer.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(of(one, shop)), "the app's deployment")
        first = one.deployer.wait_ended(of(one, shop)[-1]["id"])
        assert (first["trigger"], first["status"]) == ("bootstrap", "succeeded")
        wait_until(lambda: shop in [each["app"] for each in told(one)], "the receiver")
        wait_until(lambda: at_rest(one), "the end of all deployments")

    def test_a_broken_one_changes_nothing_and_says_where_until_it_is_mended(
        self, one: World
    ) -> None:
        before, number = one.deployer.config.read_text(), newest(one)["id"]
        one.deployer.config.write_text(before.replace('"replicas"', '"replicsa"'))
        wait_until(lambda: "stays in force" in troubles(one), "the words")
        assert re.search(r"config\.yml:\d+: apps\.\S+replicsa: unknown key", troubles(one))
        assert one.web.ask()[0] == 200
        one.deployer.config.write_text(before)
        wait_until(lambda: "stays in force" not in troubles(one), "the end of the trouble")
        assert newest(one)["id"] == number

    def test_an_app_that_is_gone_loses_its_route_and_keeps_its_containers(self, one: World) -> None:
        shop = f"{one.name}-shop"
        one.configure()
        wait_until(lambda: "server_name shop.test" not in sites(one), "the end of its site")
        assert len(one.deployer.containers(shop)) == 1
        assert one.web.ask()[0] == 200


class TestContainers:
    """Containers that vanish and come back elsewhere."""

    def took(self, change: Callable[[], object], is_so: Callable[[], bool], what: str) -> float:
        """Seconds from the change to what follows from it."""
        change()
        begun = time.monotonic()
        wait_until(is_so, what, step=0.02)
        return time.monotonic() - begun

    def test_the_route_follows_a_container_that_is_stopped_and_comes_back_elsewhere(
        self, one: World
    ) -> None:
        wait_until(lambda: len(one.web.containers()) == 2, "two containers")
        first = one.web.containers()[0]
        assert f"{first.address}:8080" in sites(one)
        gone = self.took(
            lambda: run(["docker", "kill", first.id]),
            lambda: f"{first.address}:8080" not in sites(one),
            "the route without it",
        )
        now = started_elsewhere(one, first)
        wait_until(lambda: f"{now.address}:8080" in sites(one), "its new address")
        assert gone < AT_ONCE

    def test_the_route_leaves_out_a_container_that_is_removed(self, one: World) -> None:
        first = one.web.containers()[0]
        gone = self.took(
            lambda: run(["docker", "rm", "--force", first.id]),
            lambda: f"{first.address}:8080" not in sites(one),
            "the route without it",
        )
        assert gone < AT_ONCE
        assert one.web.ask()[0] == 200


def started_elsewhere(one: World, stopped: Container) -> Container:
    """Start a container that was stopped, and again until it has another address than before."""
    for _ in range(10):
        with address_taken(stopped.address):
            run(["docker", "start", stopped.id])
            (now,) = [each for each in one.web.containers() if each.id == stopped.id]
        if now.address != stopped.address:
            return now
        # One of another test had taken the address, and has gone since.
        run(["docker", "kill", stopped.id])
    raise AssertionError(f"it always got {stopped.address} again")


def names(one: World) -> list[str]:
    """The app's containers that run for what it serves."""
    newest_one = max(each.name for each in one.web.containers())
    prefix = newest_one.rpartition("-")[0]
    return [each.name for each in one.web.containers() if each.name.startswith(prefix)]


def told(one: World) -> Any:
    """The deployments that a webhook for the app's image queues."""
    return one.web.webhook()[1]["deployments"]


def sites(one: World) -> str:
    """What Nginx would start with."""
    # Of a generation that is complete: the next one may be half written at this moment.
    folder = one.path / "state" / "nginx" / "generations" / str(one.current())
    return "\n".join(file.read_text() for file in sorted(folder.rglob("*.conf")))
