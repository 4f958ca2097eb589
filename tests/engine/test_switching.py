"""From the webhook to the new version behind Nginx, without a lost request."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.engine.world import NOWHERE, World, seconds, serving
from tests.lab.clients import check_ids
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("switching", web={}, other={"registry": NOWHERE}) as made:
        yield made


def test_a_webhook_puts_the_pushed_digest_live_and_no_client_loses_a_request(one: World) -> None:
    """From before the push until after the old container is gone: all answered, each once."""
    old, generation = one.web.only_container(), one.live()
    with one.web.load() as load:
        wait_until(lambda: load.least_sent() > 50, "the first requests")
        digest = one.web.push_afresh(f"v2 of {one.name}")
        ended = one.deployer.wait_ended(one.web.queue())
        new = one.web.only_container()
        sent = load.least_sent()
        wait_until(lambda: load.least_sent() > sent + 50, "requests after the old one is gone")
        report = load.stop()
    assert ended["status"] == "succeeded", ended["reason"]
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
    assert report.versions == ["v1", f"v2 of {one.name}"]
    assert new.id != old.id
    assert new.image == f"{one.web.image}@{digest}"
    assert ended["digest"] == digest
    assert one.live() == one.current() == generation + 1


def test_the_same_webhook_again_is_unchanged_at_once_and_touches_nothing(one: World) -> None:
    """Without a pull or a start; containers, their uptime and Nginx stay as they are."""
    one.web.deploy("v3")
    before, files, nginx = one.web.only_container(), one.on_disk(), one.nginx_pid()
    posted = time.time()
    ended = one.deployer.wait_ended(one.web.queue())
    assert ended["status"] == "unchanged"
    assert seconds(ended["ended_at"]) - posted < 15
    assert {"pull", "start", "switch"}.isdisjoint(each["step"] for each in ended["transitions"])
    assert ended["digest"] in before.image
    assert ended["digest"][: len("sha256:") + 12] in ended["reason"]
    assert one.web.containers() == [before]
    assert (one.on_disk(), one.nginx_pid()) == (files, nginx)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"tag": "nightly"}, "not the tag nightly; its tags are latest, next"),
        ({"repository": "e2e/somebody-else"}, "no app uses 127.0.0.1:5001/e2e/somebody-else"),
        ({"hook": "hub-1"}, "see `registry` of the hook"),
    ],
)
def test_a_webhook_for_something_else_is_ignored_with_the_reason(
    one: World, what: dict[str, str], why: str
) -> None:
    """Another tag, repository or host: 202, and no deployment is ever queued."""
    newest = one.newest()
    status, answer = one.web.webhook(**what)
    assert (status, answer["result"], answer["deployments"]) == (202, "ignored", [])
    assert why in answer["reason"]
    assert one.newest() == newest
