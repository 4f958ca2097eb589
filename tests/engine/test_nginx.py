"""Nginx itself: killed and back, refused templates, containers that change their address."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.engine.world import World, serving
from tests.lab.images import PYTHON
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("nginx") as made:
        yield made


@pytest.fixture
def without_worker(one: World) -> Iterator[None]:
    """The worker stands still: what comes back does so without its help."""
    worker = one.deployer.child("worker")
    os.kill(worker, signal.SIGSTOP)
    yield
    os.kill(worker, signal.SIGCONT)


@pytest.mark.usefixtures("without_worker")
def test_nginx_that_is_killed_serves_again(one: World) -> None:
    """Docker starts it at once, after reloads too; it finds nothing broken or in its way."""
    before, generation = one.nginx_pid(), one.live()
    assert generation > 1, "it has been reloaded"
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: one.nginx_pid() not in (0, before), "a new Nginx")
    one.web.wait_serves("v1")
    assert one.live() == generation


@pytest.mark.usefixtures("without_worker")
def test_nginx_that_is_killed_and_started_by_hand_serves_again(one: World) -> None:
    """`docker kill`, then `docker start`."""
    generation = one.live()
    run(["docker", "kill", one.deployer.nginx])
    assert one.web.ask()[0] == 0
    run(["docker", "start", one.deployer.nginx])
    one.web.wait_serves("v1")
    assert one.live() == generation


def test_nginx_that_is_killed_for_good_is_started_by_the_worker(one: World) -> None:
    """Docker leaves a container alone that somebody killed on purpose; the worker does not."""
    generation = one.live()
    run(["docker", "kill", one.deployer.nginx])
    one.web.wait_serves("v1")
    assert one.live() == generation


def test_requests_follow_a_container_to_its_new_address(one: World) -> None:
    """Restarted after another container took its address: found again within seconds."""
    before = one.web.only_container()
    for _ in range(10):
        run(["docker", "stop", before.name])
        with address_taken(before.address):
            run(["docker", "start", before.name])
            after = one.web.only_container()
            assert after.id == before.id
            # One of another test had taken the address, and has gone since.
            if after.address == before.address:
                continue
            one.web.wait_serves("v1", limit=10)
            return
    raise AssertionError(f"it always got {before.address} again")


@contextmanager
def address_taken(address: str) -> Iterator[None]:
    """Containers that sleep, as many as it takes until somebody has this address."""
    takers: list[str] = []
    shown = "{{range .Containers}}{{.IPv4Address}} {{end}}"
    try:
        while f" {address}/" not in " " + run(
            ["docker", "network", "inspect", "-f", shown, "bridge"]
        ):
            assert len(takers) < 50, f"nobody takes {address}"
            takers.append(run(["docker", "run", "--detach", PYTHON, "sleep", "60"]).strip())
        yield
    finally:
        if takers:
            run(["docker", "rm", "--force", *takers])
