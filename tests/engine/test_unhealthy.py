"""A replica that its own HEALTHCHECK calls unhealthy loses its requests, but never the last one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.engine.app import Container
from tests.engine.world import World, world
from tests.lab.clients import check_ids
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

CHECK = "HEALTHCHECK --interval=1s --retries=1 CMD test ! -e /sick"


@pytest.fixture
def one() -> Iterator[World]:
    """Two replicas of an app whose image has a HEALTHCHECK."""
    web = {"replicas": 2, "health": {"path": "/healthz", "interval": "200ms", "deadline": "10s"}}
    with world("unhealthy", web=web) as made:
        made.web.push("v1", "ok", "latest", CHECK)
        made.deployer.start()
        made.deployer.wait_ended(1)
        made.web.wait_serves("v1")
        yield made


def routed(one: World) -> set[str]:
    """The addresses in the live configuration."""
    upstream = one.path / "state" / "nginx" / "current" / "upstreams" / f"{one.web.name}.conf"
    return set(re.findall(r"server ([0-9.]+):", upstream.read_text()))


def sicken(container: Container) -> None:
    run(["docker", "exec", container.id, "touch", "/sick"])


def called(container: Container, verdict: str) -> bool:
    """Whether Docker says this of the container."""
    shown = run(["docker", "inspect", "--format", "{{.State.Health.Status}}", container.id])
    return shown.strip() == verdict


def follows(one: World, container: Container, verdict: str, is_so: Callable[[], bool]) -> None:
    """The routes are so sooner after Docker's verdict than the next look, which is 5 s later."""
    wait_until(lambda: called(container, verdict), f"Docker's verdict {verdict}")
    begun = time.monotonic()
    wait_until(is_so, f"the routes after {verdict}", limit=30, step=0.02)
    assert time.monotonic() - begun < 4.5
    wait_until(lambda: one.live() == one.current(), "the reload")


def test_requests_leave_an_unhealthy_replica_come_back_to_it_and_keep_the_last(one: World) -> None:
    first, second = sorted(one.web.containers(), key=lambda container: container.name)
    both = {first.address, second.address}
    assert routed(one) == both
    with one.web.load() as load:
        sicken(first)
        follows(one, first, "unhealthy", lambda: routed(one) == {second.address})
        run(["docker", "exec", first.id, "rm", "/sick"])
        follows(one, first, "healthy", lambda: routed(one) == both)
        sicken(first)
        follows(one, first, "unhealthy", lambda: routed(one) == {second.address})
        sicken(second)
        wait_until(lambda: called(second, "unhealthy"), "the verdict on the other one")

        def warned() -> bool:
            said = " ".join(one.deployer.run("status", expect=1).split())
            return "and there is no other: requests go on to the last one" in said

        wait_until(warned, "the warning", limit=10)
        assert routed(one) == {second.address}
        report = load.stop()
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
