"""A hundred deployments of two apps under load: nothing is lost, mixed up, or left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.engine.app import App
from tests.engine.world import World, world
from tests.lab.clients import CLOSING, SATURATING, THINKING, Load, Report, check_ids
from tests.lab.shell import run, succeeds, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]

ROUNDS = 50
# What fills up is full by then: kept releases, caches, one client a thread.
SETTLED = 10
CLIENTS = {CLOSING: 2, SATURATING: 1, THINKING: 4}


@dataclass(frozen=True)
class Footprint:
    """What a deployer and its apps take, when nothing is under way."""

    containers: int
    images: int
    networks: int
    descriptors: int
    threads: int
    megabytes: float


@pytest.fixture
def one() -> Iterator[World]:
    """Two apps on one network of their own."""
    network = {"networks": ["hundred"], "deploy": {"keep": 2}}
    succeeds(["docker", "network", "rm", "hundred"])
    run(["docker", "network", "create", "hundred"])
    try:
        with world("hundred", one=network, other=network) as made:
            made.start()
            yield made
    finally:
        run(["docker", "network", "rm", "hundred"])


def footprint(one: World) -> Footprint:
    """Of the parent, the receiver and the worker together, and in Docker."""
    parent = one.deployer.process
    assert parent is not None
    pids = [parent.pid, one.deployer.child("receiver"), one.deployer.child("worker")]
    status = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    images = [run(["docker", "images", "--quiet", "--digests", app.image]) for app in both(one)]
    return Footprint(
        containers=len(one.deployer.containers()),
        images=len(one.deployer.images()) + sum(len(shown.split()) for shown in images),
        networks=len(run(["docker", "network", "ls", "-q", "--filter", "name=hundred"]).split()),
        descriptors=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        threads=sum(number(text, "Threads") for text in status),
        megabytes=sum(number(text, "VmRSS") for text in status) / 1024,
    )


def number(status: str, name: str) -> int:
    return int(status.partition(f"{name}:")[2].split()[0])


def both(one: World) -> tuple[App, App]:
    return one.apps["one"], one.apps["other"]


def load_on(app: App) -> Load:
    target = ("127.0.0.1", app.deployer.http_port)
    return Load(target, app.host, CLIENTS, pace=0.01, think=0.02)


def deploy_both(one: World, turn: int) -> None:
    """Push both, tell of both, and wait until only the new containers are left."""
    for app in both(one):
        app.push_afresh(f"{app.name} {turn}")
    numbers = [app.queue() for app in both(one)]
    for number in numbers:
        ended = one.deployer.wait_ended(number)
        assert ended["status"] == "succeeded", ended["reason"]
    for app in both(one):
        app.only_container()


def test_nothing_is_lost_mixed_up_or_left_behind(one: World) -> None:
    """Interleaved on one network, where an address that is freed goes to the next container."""
    footprints: list[Footprint] = []
    loads = {app.name: load_on(app) for app in both(one)}
    begun = time.monotonic()
    for load in loads.values():
        load.start()
    try:
        for turn in range(1, ROUNDS + 1):
            deploy_both(one, turn)
            if turn % SETTLED == 0:
                footprints.append(footprint(one))
                print(f"after {2 * turn}: {asdict(footprints[-1])}", flush=True)
        sent = {name: load.least_sent() for name, load in loads.items()}
        wait_until(
            lambda: all(load.least_sent() > sent[name] + 20 for name, load in loads.items()),
            "requests after the last one",
        )
    finally:
        reports = {name: load.stop() for name, load in loads.items()}
    print(f"{2 * ROUNDS} deployments in {time.monotonic() - begun:.0f} s", flush=True)
    for name, report in reports.items():
        print(f"{name}\n{report}", flush=True)
        assert_all_answered_by_their_own_app(one, name, report)
    assert_no_growth(footprints)


def assert_all_answered_by_their_own_app(one: World, name: str, report: Report) -> None:
    assert report.failed == 0, str(report)
    # Each change of version is noted, so that a single wrong answer would be one.
    assert report.versions[1:] == [f"{name} {turn}" for turn in range(1, ROUNDS + 1)]
    assert check_ids(report, one.ids)


def assert_no_growth(footprints: list[Footprint]) -> None:
    first, last = footprints[0], footprints[-1]
    assert (last.containers, last.images) == (first.containers, first.images)
    assert last.networks <= first.networks
    assert last.descriptors <= first.descriptors + 4
    assert last.threads <= first.threads + 2
    assert last.megabytes <= first.megabytes * 1.05 + 2
