"""Registries that fail in every way: what is said, what is tried again, what stays untouched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.app import App
from tests.engine.world import World, serving
from tests.lab.faults import FaultyRegistry
from tests.lab.ports import free_port
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]


# A layer of its own, or there would be nothing to pull.
LAYER = ("ARG VERSION", "RUN echo $VERSION > /layer")


@pytest.fixture(scope="module")
def faulty() -> Iterator[FaultyRegistry]:
    with folder("faulty") as path, FaultyRegistry(free_port(), path) as registry:
        yield registry


@pytest.fixture(scope="module")
def one(faulty: FaultyRegistry) -> Iterator[World]:
    quick = {"pull_stall": "2s", "pull_timeout": "4s", "watch": "1s", "timeout": "60s"}
    with serving("faults", web={"registry": faulty, "deploy": quick}) as made:
        yield made


def failed(one: World) -> Any:
    """The next deployment of the app, which fails and touches nothing."""
    app = one.web
    old, files, generation = app.only_container(), one.on_disk(), one.live()
    ended = one.deployer.wait_ended(app.queue())
    assert ended["status"] == "failed"
    assert ended["serving"] == app_release(app)
    assert app.containers() == [old]
    assert one.on_disk() == files
    assert one.live() == generation
    assert app.ask()[0] == 200
    return ended


def app_release(app: App) -> int:
    """The release that the app serves: that of its last success."""
    past = app.deployer.api("deployments?limit=100")["deployments"]
    return int(next(one["release"] for one in past if one["status"] == "succeeded"))


def messages(ended: Any) -> str:
    """All that the deployment's history says."""
    return "\n".join(one["message"] for one in ended["transitions"])


@pytest.mark.parametrize(
    ("fault", "step", "words", "tries"),
    [
        ("404", "resolve", "does not have it: .*Push it, or correct `image`", 1),
        ("401", "resolve", "refuses it: .*login under `registries`, or run `docker login`", 1),
        ("429", "resolve", "does not serve it now: .*toomanyrequests", 4),
        ("503", "resolve", "does not serve it now: .*503", 4),
        ("corrupt", "pull", "cannot pull .*(verification failed|digest)", 1),
        ("hang", "pull", "nothing moved for 2 s. Look whether the registry .* hangs", 1),
        ("trickle", "pull", "not complete after 4 s. Make the image smaller or look at", 1),
    ],
)
def test_a_fault_that_stays_is_the_reason_and_nothing_else_changes(
    one: World, faulty: FaultyRegistry, fault: str, step: str, words: str, tries: int
) -> None:
    """Only what can pass is tried again; the old container, its route and its files stay."""
    one.web.push_afresh(f"under-{fault}", *LAYER)
    with faulty.failing(fault):
        ended = failed(one)
    assert ended["step"] == step
    assert re.search(words, ended["reason"]), ended["reason"]
    assert faulty.address in ended["reason"]
    assert messages(ended).count("trying again in") == tries - 1
    assert faulty.spoilt >= tries


@pytest.mark.parametrize(("fault", "limit"), [("429", 2), ("503", 2)])
def test_a_fault_that_passes_is_waited_for(
    one: World, faulty: FaultyRegistry, fault: str, limit: int
) -> None:
    """A rate limit or an overload costs seconds, not the deployment, and the history tells."""
    digest = one.web.push_afresh(f"after-{fault}", *LAYER)
    with faulty.failing(fault, limit):
        ended = one.deployer.wait_ended(one.web.queue())
    assert (ended["status"], ended["digest"]) == ("succeeded", digest), ended["reason"]
    assert "trying again in" in messages(ended)
    assert "(2 of 4)" in messages(ended)
    one.web.wait_serves(f"after-{fault}")


def test_a_tag_that_moves_before_it_is_pulled_is_what_was_resolved(
    one: World, faulty: FaultyRegistry
) -> None:
    """The digest of the first answer is deployed, whatever the tag means a moment later."""
    app = one.web
    later = app.push_afresh("moved", *LAYER)
    first = app.push_afresh("resolved", *LAYER)
    faulty.move_when_pulled(app.repository, "latest", later)
    ended = one.deployer.wait_ended(app.queue())
    assert faulty.digest_of(app.repository, "latest") == later != first
    assert (ended["status"], ended["digest"]) == ("succeeded", first), ended["reason"]
    app.wait_serves("resolved")


def test_an_image_for_another_machine_is_refused_before_it_is_pulled(one: World) -> None:
    """The reason names both platforms."""
    one.web.registry.put_foreign(one.web.repository, "latest", "arm64")
    ended = failed(one)
    assert ended["step"] == "resolve"
    assert re.search(r"it is for linux/arm64 and Docker runs on linux/amd64", ended["reason"])
