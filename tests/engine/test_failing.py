"""A release that fails: the reason is told, the old one goes on, no client notices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.app import App
from tests.engine.world import IMPATIENT, World, serving
from tests.lab.clients import Report, check_ids
from tests.lab.registry import Registry
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

LISTENS = "version {mode} listens on port 8080"
# Well when it is asked first, and never again.
SICKENS = "HEALTHCHECK --interval=2s --retries=1 CMD test ! -e /tmp/asked && touch /tmp/asked"


@pytest.fixture(scope="module")
def one(private_registry: Registry) -> Iterator[World]:
    guarded = {"deploy": {"watch": "10s"}}
    own = {"registry": private_registry}
    with serving("failing", web=IMPATIENT, guarded=guarded, private=own) as made:
        yield made


def failing_under_load(app: App, number: Any) -> tuple[Any, Report]:
    """The failed deployment at its end, and what clients saw from before it until after it."""
    with app.load() as load:
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        ended = app.deployer.wait_ended(number())
        # New replicas that Nginx knew go after the drain.
        app.only_container()
        sent = load.least_sent()
        wait_until(lambda: load.least_sent() > sent + 20, "requests after the failure")
        return ended, load.stop()


@pytest.mark.parametrize(
    ("mode", "why", "evidence"),
    [
        (
            "exit",
            "does not stay up: (exit code 3|it ended, and Docker started it again)",
            "starting version exit\ncannot reach the database\ngiving up",
        ),
        (
            "silent",
            "was not healthy within 3 s: GET /healthz on port 8080: no answer within 1 s",
            LISTENS.format(mode="silent"),
        ),
        (
            "unhealthy",
            "was not healthy within 3 s: GET /healthz on port 8080: HTTP 500",
            LISTENS.format(mode="unhealthy"),
        ),
    ],
)
def test_an_image_that_never_gets_healthy_changes_nothing(
    one: World, mode: str, why: str, evidence: str
) -> None:
    """The reason names what and why, with the last log lines; nothing of it is left."""
    app, old, files = one.web, one.web.only_container(), one.on_disk()
    app.push(mode, mode)
    ended, report = failing_under_load(app, app.queue)
    assert ended["status"] == "failed"
    assert re.match(f"{app.name}-{ended['id']}-1 {why}", ended["reason"]), ended["reason"]
    # More than once where Docker has started it again by then.
    assert evidence in ended["detail"]
    assert ended["serving"] == 1
    assert report.failed == 0, str(report)
    assert app.containers() == [old]
    assert one.on_disk() == files
    assert app.kept() == [1]
    refused = one.deployer.run("rollback", app.name, "--to", str(ended["release"]), expect=2)
    assert "kept are 1" in refused


@pytest.mark.parametrize("what", ["tag", "registry"])
def test_an_image_that_cannot_be_had_changes_nothing(one: World, what: str) -> None:
    """A tag that does not exist, a registry that is stopped: the reason says which."""
    app = {"tag": one.web, "registry": one.apps["private"]}[what]
    tag = {"tag": "next", "registry": "latest"}[what]
    old, files = app.only_container(), one.on_disk()
    if what == "registry":
        app.registry.stop()
    try:
        ended, report = failing_under_load(app, lambda: app.queue(tag))
    finally:
        if what == "registry":
            app.registry.start()
    assert ended["status"] == "failed"
    assert f"cannot get {app.image}:{tag}: the registry {app.registry.address}" in ended["reason"]
    said = {"tag": "does not have it: manifest unknown", "registry": "connection refused"}
    assert said[what] in ended["reason"]
    assert report.failed == 0, str(report)
    assert app.containers() == [old]
    assert one.on_disk() == files


def test_a_release_that_dies_in_its_watch_gives_the_traffic_back(one: World) -> None:
    """Requests that were in the dead container are lost, and only those."""
    app = one.apps["guarded"]
    old = app.only_container()
    app.push("dies", "dies-later:6")
    ended, report = failing_under_load(app, app.queue)
    assert ended["status"] == "failed"
    assert (ended["step"], ended["serving"]) == ("watch", 1)
    assert "does not stay up" in ended["reason"]
    assert LISTENS.format(mode="dies") in ended["evidence"][-1]["text"]
    assert report.versions == ["v1", "dies"]
    assert app.ask() == (200, "v1")
    assert app.containers() == [old]


def test_a_release_that_sickens_in_its_watch_gives_the_traffic_back_without_a_loss(
    one: World,
) -> None:
    """The way back is a switch like any other: no request fails, each is served once."""
    app = one.apps["guarded"]
    old, generation = app.only_container(), one.live()
    app.push("sickens", "ok", "latest", SICKENS)
    ended, report = failing_under_load(app, app.queue)
    assert ended["status"] == "failed"
    assert (ended["step"], ended["serving"]) == ("watch", 1)
    assert "became unhealthy after the switch" in ended["reason"]
    assert "its HEALTHCHECK says unhealthy" in ended["reason"]
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
    assert report.versions == ["v1", "sickens"]
    assert app.ask() == (200, "v1")
    assert app.containers() == [old]
    assert one.live() == one.current() == generation + 2
