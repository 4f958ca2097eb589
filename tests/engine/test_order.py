"""Several apps of one image, on a real deployer: which goes first, what a failure keeps back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.world import World, seconds, world
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """`web` and `jobs`, which depends on it, both from the image of `web`.

    In config.yml `jobs` comes first, so only `depends_on` can be what decides.
    """
    web = f"order-{secrets.token_hex(3)}-web"
    migrate = {"pre_deploy": {"command": "sh /ids/migrate.sh", "timeout": "30s"}}
    jobs = {"depends_on": [web], "health": {"port": 8080, "interval": "200ms"}}
    apps: dict[str, dict[str, Any]] = {"jobs": jobs, "web": {"name": web, "deploy": migrate}}
    with world("order", **apps) as made:
        app = made.web
        for each in made.apps.values():
            made.deployer.config.write_text(
                made.deployer.config.read_text().replace(f'"{each.image}"', f'"{app.image}"')
            )
        (made.ids / "migrate.sh").write_text("test -e /ids/go\n")
        app.push("v1")
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
    assert {each["status"] for each in both.values()} == {"succeeded"}
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
