"""A container that was started by hand: printed, adopted, replaced under load, gone back to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.world import World, world
from tests.lab.clients import check_ids
from tests.lab.errors import LabError
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def by_hand() -> Iterator[World]:
    """A deployer that is not started yet, and a container of its app that somebody started."""
    with world("adopting") as made:
        web = made.web
        web.push("v1")
        environment = [f"--env={key}={one}" for key, one in web.config["environment"].items()]
        mount = f"--mount=type=bind,source={made.ids},target=/ids"
        options = ["--restart=unless-stopped", "--label=team=web", mount, *environment]
        run(["docker", "run", "--detach", "--name", name(made), *options, f"{web.image}:latest"])
        try:
            yield made
        finally:
            if not gone(made):
                run(["docker", "rm", "--force", name(made)])
            # The next push of the lab's takes the tag away.
            if run(["docker", "images", "--quiet", f"{web.image}:latest"]).strip():
                run(["docker", "rmi", f"{web.image}:latest"])


def name(made: World) -> str:
    """What the container is called."""
    return f"{made.web.name}-by-hand"


def inspected(made: World) -> Any:
    """What Docker shows of the container."""
    (shown,) = json.loads(run(["docker", "inspect", name(made)]))
    return shown


def untouched(shown: Any) -> Any:
    """What would be different, had somebody touched it."""
    state = shown["State"]
    return (shown["HostConfig"], shown["Config"], state["StartedAt"], state["Pid"], shown["Name"])


@pytest.fixture(scope="module")
def adopted(by_hand: World) -> World:
    """The deployer, started with just what `deployer adopt` printed, and a route."""
    printed = by_hand.deployer.run("adopt", name(by_hand), "--json")
    document, _ = json.JSONDecoder().raw_decode(printed)
    (keys,) = document["config"]["apps"].values()
    usual = {key: by_hand.web.config[key] for key in ("route", "health", "tags")}
    by_hand.configure(apps={by_hand.web.name: {**keys, **usual}})
    by_hand.deployer.start()
    by_hand.web.wait_serves("v1")
    return by_hand


def test_with_what_adopt_printed_the_container_is_taken_over_and_goes_on_untouched(
    by_hand: World, request: pytest.FixtureRequest
) -> None:
    """It serves through Nginx as release 1; as nothing differs, nothing is deployed."""
    before = untouched(inspected(by_hand))
    made: World = request.getfixturevalue("adopted")
    first, second = (made.deployer.wait_ended(number) for number in (1, 2))
    assert (first["trigger"], first["status"], first["release"]) == ("bootstrap", "succeeded", 1)
    assert f"container {name(made)}" in first["transitions"][0]["message"]
    assert (second["trigger"], second["status"]) == ("bootstrap", "unchanged")
    assert untouched(inspected(made)) == before
    assert made.web.containers() == []
    assert f"{made.web.name}  " in made.deployer.run("status")


def test_it_is_replaced_under_load_without_a_lost_request(adopted: World) -> None:
    """From before the push until after it is gone: all answered, each once."""
    web = adopted.web
    with web.load() as load:
        wait_until(lambda: load.least_sent() > 50, "the first requests")
        web.push_afresh(f"v2 of {adopted.name}")
        ended = adopted.deployer.wait_ended(web.queue())
        wait_until(lambda: gone(adopted), "the end of the adopted container", limit=60)
        sent = load.least_sent()
        wait_until(lambda: load.least_sent() > sent + 50, "requests after it is gone")
        report = load.stop()
    assert (ended["status"], ended["release"]) == ("succeeded", 2), ended["reason"]
    assert report.failed == 0, str(report)
    assert check_ids(report, adopted.ids)
    assert report.versions == ["v1", f"v2 of {adopted.name}"]


def gone(made: World) -> bool:
    """Whether Docker has no such container."""
    try:
        inspected(made)
    except LabError:
        return True
    return False


def test_a_rollback_to_it_makes_a_container_like_it(adopted: World) -> None:
    """From the store and the image that was kept: labels, mount and restart policy as they were."""
    web = adopted.web
    adopted.deployer.run("rollback", web.name, "--to", "1", "--wait")
    web.wait_serves("v1")
    container = web.only_container(limit=60)
    (shown,) = json.loads(run(["docker", "inspect", container.id]))
    assert shown["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert shown["Config"]["Labels"]["team"] == "web"
    assert [one["Source"] for one in shown["Mounts"]] == [str(adopted.ids)]
