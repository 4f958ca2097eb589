"""An app that cannot run twice is stopped for its next release, and comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.world import IMPATIENT, World, world
from tests.lab.shell import run

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """An app whose single replica writes to a volume, and another app beside it."""
    with world("stopfirst", web=IMPATIENT, other={}) as made:
        volume = f"{made.web.name}-data"
        made.web.config["volumes"].append(f"{volume}:/data")
        made.configure()
        made.start()
        yield made
    run(["docker", "volume", "rm", "--force", volume])


def test_the_next_release_takes_over_after_the_old_one_was_stopped_and_nobody_else_is_touched(
    one: World,
) -> None:
    app, other = one.web, one.apps["other"]
    old = app.only_container()
    with other.load() as load:
        ended = app.deploy("v2")
        report = load.stop()
    assert (ended["status"], ended["strategy"]) == ("succeeded", "stop-first"), ended["reason"]
    assert app.ask() == (200, "v2")
    assert app.only_container().id != old.id
    told = [one["message"] for one in ended["transitions"]]
    why = f"only one container at a time can have the volume {app.name}-data to write to"
    assert any(why in message for message in told), told
    assert report.sent > 50
    assert report.failed == 0, str(report)


def test_one_that_never_gets_healthy_gives_its_place_back_to_the_same_container(
    one: World,
) -> None:
    app = one.web
    old = app.only_container()
    before = app.ask()
    app.push("bad", mode="unhealthy")
    ended = one.deployer.wait_ended(app.queue())
    assert (ended["status"], ended["serving"] is not None) == ("failed", True)
    assert ended["reason"].endswith("serves as before")
    assert app.ask() == before
    back = app.only_container()
    assert back.id == old.id
    policy = run(["docker", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", back.id])
    assert policy.strip() == "unless-stopped"


def test_who_asks_meanwhile_is_told_to_come_again(one: World) -> None:
    app = one.web
    app.push("slow", mode="silent")
    number = app.queue()
    seen = set()
    while one.deployer.api(f"deployments/{number}")["status"] in ("queued", "running"):
        seen.add(app.ask()[0])
    assert seen == {200, 503}
    assert app.ask()[0] == 200
