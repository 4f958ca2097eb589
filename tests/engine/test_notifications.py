"""A registry's own notifications: `docker push` deploys, with nothing in between."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.notifications import notifications
from tests.engine.world import World, world
from tests.lab.ports import free_port
from tests.lab.registry import Registry
from tests.lab.shell import wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture
def place() -> Iterator[Path]:
    with folder("notifications") as path:
        yield path


def reasons(one: World) -> Counter[tuple[str, str]]:
    """How many deliveries had a verdict and a reason."""
    question = "SELECT verdict, reason FROM deliveries"
    with closing(sqlite3.connect(f"file:{one.database}?mode=ro", uri=True)) as connection:
        return Counter(connection.execute(question).fetchall())


@pytest.mark.parametrize("everything", [False, True], ids=["as documented", "everything"])
def test_a_push_deploys_and_our_own_pull_does_not(place: Path, everything: bool) -> None:
    """Also where the registry tells of layers and pulls: those are answered and left alone."""
    with (
        Registry(free_port(), place / "registry") as registry,
        world("notifications", web={"registry": registry}) as one,
    ):
        own = {"source": "distribution", "token_file": "secrets/dockerhub.token"}
        one.configure(hooks={"registry": own})
        registry.notify(notifications(one.deployer, "registry", everything=everything))
        one.deployer.start()
        one.deployer.wait_ended(1)
        for version in ("v1", "v2"):
            one.web.push(version)
            one.web.wait_serves(version)
            one.deployer.wait_ended(one.newest())
        pulled = ("ignored", "the event 'pull' deploys nothing")
        if everything:
            wait_until(lambda: reasons(one)[pulled] > 0, "what the registry tells of our pull")
        told = reasons(one)
        accepted = sum(count for (verdict, _), count in told.items() if verdict == "accepted")
        assert accepted == 2
        assert one.newest() == 3
        assert bool(told[pulled]) is everything
        assert {verdict for verdict, _ in told} <= {"accepted", "ignored"}
