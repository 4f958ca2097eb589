"""Apps that are deployed by patterns of tags, with a real registry that lists them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.world import World, world
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """`web` serves the newest 1.x of four versions; nothing of `preview` was pushed yet."""
    short = {"deploy": {"watch": "500ms"}}
    web = {**short, "tags": ["semver:^1.4"]}
    with world("tags", web=web, preview={**short, "tags": ["glob:pr-*"]}) as made:
        made.deployer.set("DEPLOYER_RECONCILE__INTERVAL", "1s")
        for tag in ("1.4.0", "1.9.0", "1.10.0", "2.0.0"):
            made.web.push(tag, tag=tag)
        made.deployer.start()
        made.web.wait_serves("1.10.0")
        yield made


def compared(one: World) -> tuple[str, str]:
    """The tag that was looked at last, and the result."""
    found = {app["name"]: app for app in one.deployer.api("apps")["apps"]}
    seen = found[one.web.name]["compared"] or {"tag": "", "result": ""}
    return seen["tag"], seen["result"]


def test_by_a_range_only_newer_versions_are_deployed_and_a_rollback_stays(one: World) -> None:
    status, answer = one.web.webhook("1.9.0")
    assert (status, answer["result"]) == (202, "ignored")
    assert answer["reason"].endswith("has 1.10.0 already, and 1.9.0 is an older version")
    one.web.push("1.11.0", tag="1.11.0")
    one.web.wait_serves("1.11.0")
    newest = one.deployer.api(f"deployments?app={one.web.name}")["deployments"][0]
    one.deployer.wait_ended(newest["id"])
    assert one.deployer.run("rollback", one.web.name, "--wait")
    one.web.wait_serves("1.10.0")
    wait_until(lambda: compared(one) == ("1.11.0", "held"), "a look that holds the rollback")
    assert one.web.ask() == (200, "1.10.0")
    one.deployer.run("deploy", one.web.name, "--tag", "1.4.0", "--wait")
    one.web.wait_serves("1.4.0")
    one.web.push("1.12.0", tag="1.12.0")
    # A look may have found it before its webhook came.
    ended = one.deployer.wait_ended(one.web.queue("1.12.0"))
    assert ended["status"] in ("succeeded", "unchanged")
    one.web.wait_serves("1.12.0")


def test_by_a_glob_an_app_waits_for_its_first_push_and_says_so(one: World) -> None:
    preview = one.apps["preview"]
    held = one.deployer.api("apps")["held_back"]
    assert [(each["app"], each["since"]) for each in held] == [(preview.name, None)]
    assert held[0]["reason"].startswith("waits for its first push: glob:pr-*")
    assert "waits for its first push" in one.deployer.run("status", preview.name)
    preview.push("first", tag="pr-7")
    assert one.deployer.wait_ended(preview.queue("pr-7"))["status"] == "succeeded"
    preview.wait_serves("first")
    wait_until(lambda: not one.deployer.api("apps")["held_back"], "an end of the wait")
