"""Which pushes deploy an app by its patterns, and what the sender of another one is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.web.receiver import Running, push

TAGS = "nightly, glob:pr-*, regex:v[0-9]+, semver:^1.4"


def told(receiver: Running, tag: str) -> tuple[str, str]:
    """What the receiver says of a push: the result and the reason, which the store has too."""
    answer = receiver.post(push(tag, "acme/ranged"))
    assert answer.status == 202
    content: dict[str, Any] = json.loads(answer.body)
    stored = receiver.store.delivery(content["delivery"])
    assert stored is not None
    assert (stored.verdict, stored.reason) == (content["result"], content["reason"])
    return content["result"], content["reason"]


@pytest.mark.parametrize("tag", ["nightly", "pr-7", "pr-", "v12", "1.4.0", "v1.5.3"])
def test_a_tag_that_one_entry_lets_in_is_queued(receiver: Running, tag: str) -> None:
    assert told(receiver, tag)[0] == "accepted"
    assert receiver.store.deployments("ranged", limit=1)[0].tag == tag


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("latest", "latest is no version of three numbers"),
        ("xpr-7", "xpr-7 is no version of three numbers"),
        ("v1.4", "v1.4 is no version of three numbers"),
        ("2.0.0", "2.0.0 is not in that range"),
        ("1.5.0-rc.1", "1.5.0-rc.1 is a pre-release, and that range names none"),
    ],
)
def test_another_tag_is_ignored_and_the_reason_says_what_came_nearest(
    receiver: Running, tag: str, why: str
) -> None:
    queued = receiver.queued()
    assert told(receiver, tag) == (
        "ignored",
        f"app ranged uses this image but not the tag {tag}; its tags are {TAGS}, and {why}",
    )
    assert receiver.queued() == queued


def test_an_older_version_than_the_one_that_is_queued_or_deployed_is_ignored(
    receiver: Running,
) -> None:
    assert told(receiver, "1.9.0")[0] == "accepted"
    for _ in ("queued", "running"):
        assert told(receiver, "1.8.9") == (
            "ignored",
            "app ranged has 1.9.0 already, and 1.8.9 is an older version",
        )
        receiver.store.claim(time.time())
    assert told(receiver, "1.9.0")[0] == "accepted"
    assert told(receiver, "v1.10.0")[0] == "accepted"
    assert told(receiver, "1.9.0")[0] == "ignored"
