"""Apps that need each other, on a real deployer: which goes first, and which is taken along."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.app import App, Container
from tests.engine.world import World, seconds, world
from tests.lab.clients import check_ids
from tests.lab.errors import LabError
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

ASK = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/version').read().decode())"
)


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """`web` and `jobs`, which depends on it, both from the image of `web`.

    In config.yml `jobs` comes first, so only `depends_on` can be what decides. `side` shares the
    network of `web`, and is asked for its health there.
    """
    web = f"order-{secrets.token_hex(3)}-web"
    migrate = {"pre_deploy": {"command": "sh /ids/migrate.sh", "timeout": "30s"}}
    jobs = {"depends_on": [web], "health": {"port": 8080, "interval": "200ms"}}
    side = {
        "route": None,
        "network_mode": f"service:{web}",
        "environment": {"PORT": "9000"},
        "health": {"port": 9000, "path": "/healthz", "interval": "200ms"},
    }
    apps: dict[str, dict[str, Any]] = {
        "jobs": jobs,
        "side": side,
        "web": {"name": web, "deploy": migrate},
    }
    with world("order", **apps) as made:
        app, other = made.web, made.apps["jobs"]
        written = made.deployer.config.read_text()
        made.deployer.config.write_text(written.replace(f'"{other.image}"', f'"{app.image}"'))
        (made.ids / "migrate.sh").write_text("test -e /ids/go\n")
        app.push("v1")
        made.apps["side"].push("v1")
        made.deployer.start()
        yield made


def newest(one: World) -> dict[str, Any]:
    """The last deployment of each app, by its short name."""
    shown = {each["name"]: each["last_deployment"] for each in one.deployer.api("apps")["apps"]}
    return {short: shown.get(app.name) or {"status": ""} for short, app in one.apps.items()}


def test_the_first_start_waits_until_the_app_before_it_serves(one: World) -> None:
    """What it waits for is told, for as long as it does; ordering the app before it is enough."""
    wait_until(lambda: newest(one)["web"]["status"] == "failed", "the failing migration")
    why = f"waits until {one.web.name} serves, which it depends on"
    jobs = newest(one)["jobs"]
    wait_until(
        lambda: f"deployment {jobs['id']} {why}" in one.deployer.run("status", expect=0),
        "the reason in `status`",
    )
    assert newest(one)["jobs"]["status"] == "queued"

    (one.ids / "go").touch()
    one.deployer.run("deploy", one.web.name, "--wait")
    ended = one.deployer.wait_ended(jobs["id"])
    assert ended["status"] == "succeeded", ended["reason"]


def test_what_one_push_brings_goes_in_its_order(one: World) -> None:
    one.web.push("v2")
    status, answer = one.web.webhook()
    assert (status, len(answer["deployments"])) == (202, 2)
    for each in answer["deployments"]:
        one.deployer.wait_ended(each["id"])
    both = newest(one)
    assert (both["web"]["status"], both["jobs"]["status"]) == ("succeeded", "succeeded")
    assert seconds(both["jobs"]["started_at"]) >= seconds(both["web"]["ended_at"])


def test_an_image_that_failed_before_it_is_refused(one: World) -> None:
    (one.ids / "go").unlink()
    jobs = one.apps["jobs"].only_container()
    one.web.push("v3")
    _, answer = one.web.webhook()
    ended = {each["app"]: one.deployer.wait_ended(each["id"]) for each in answer["deployments"]}
    failed, refused = ended[one.web.name], ended[one.apps["jobs"].name]
    assert (failed["status"], refused["status"]) == ("failed", "refused")
    assert f"does not run this image: its deployment {failed['id']} failed" in refused["reason"]
    assert one.apps["jobs"].containers() == [jobs]


def asked(side: App) -> str:
    """What `web` answers to `side` at 127.0.0.1; "" where it does not."""
    try:
        return run(["docker", "exec", side.only_container().name, "python3", "-c", ASK]).strip()
    except LabError:
        return ""


def joined(container: Container) -> str:
    """The id of the container whose network it has."""
    (inspected,) = json.loads(run(["docker", "inspect", container.id]))
    return str(inspected["HostConfig"]["NetworkMode"]).removeprefix("container:")


def test_who_shares_a_network_follows_it_and_no_request_is_lost(one: World) -> None:
    """It reaches the other app at 127.0.0.1, the old release before and the new one after."""
    web, side = one.web, one.apps["side"]
    (one.ids / "go").touch()
    wait_until(lambda: asked(side) == "v2", "what it shares after the tests before this one")
    old, before = web.only_container(), side.only_container()
    assert joined(before) == old.id
    with web.load() as load:
        wait_until(lambda: load.least_sent() > 50, "the first requests")
        web.push("v4")
        _, answer = web.webhook()
        mine = next(each["id"] for each in answer["deployments"] if each["app"] == web.name)
        ended = one.deployer.wait_ended(mine)
        new, after = web.only_container(), side.only_container()
        sent = load.least_sent()
        wait_until(lambda: load.least_sent() > sent + 50, "requests after the old one is gone")
        report = load.stop()
    assert ended["status"] == "succeeded", ended["reason"]
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
    assert (joined(after), asked(side)) == (new.id, "v4")
    moved = newest(one)["side"]
    assert (moved["trigger"], moved["status"], moved["release"]) == ("config", "succeeded", 1)


@pytest.mark.long
def test_who_shares_a_network_follows_where_docker_restarts_the_container(one: World) -> None:
    """Docker gives that a new network then, and those who shared the old one have none."""
    web, side = one.web, one.apps["side"]
    # Alone, without the tests before this one, its migration has not been let through yet.
    (one.ids / "go").touch()
    one.deployer.run("deploy", web.name, "--wait")
    wait_until(lambda: asked(side) != "", "what it shares")
    before, version = side.only_container(), asked(side)
    run(["docker", "restart", web.only_container().name])
    wait_until(lambda: before not in side.containers(), "another container of side")
    assert asked(side) == version
    assert one.deployer.run("status", expect=0)
