"""Docker itself dies, hangs or is cleaned up in the middle of a deployment."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.engine.app import App
from tests.engine.test_restarts import SLOWLY
from tests.engine.trouble import troubles
from tests.engine.world import World, serving
from tests.lab.clients import CLOSING, Load
from tests.lab.faults import FaultyRegistry
from tests.lab.ports import free_port
from tests.lab.private_engine import PrivateEngine, entered, private_engine
from tests.lab.registry import SHARED_PORT, Registry
from tests.lab.shell import run, succeeds, wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]

# Longer than the worker waits for one answer of Docker's.
HUNG = 75.0
PRUNED_EVERY = 0.3
# Nginx writes its access log to Docker, which takes nothing while it hangs: 64 KiB have room.
GENTLY = {CLOSING: 1}


class Ground:
    """A Docker Engine that may be killed, and a deployer whose apps serve v1 on it."""

    def __init__(self, docker: PrivateEngine, one: World, registry: FaultyRegistry) -> None:
        self.docker = docker
        self.one = one
        self.registry = registry

    def restart(self) -> None:
        """Docker crashes and is started again at once, as its unit does."""
        self.docker.kill()
        self.docker.start()

    def kill_deployer(self) -> None:
        """End all processes of deployer at once."""
        children = [self.one.deployer.child(name) for name in ("worker", "receiver")]
        self.one.deployer.stop(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)

    def serves_again(self, app: App, version: str) -> None:
        """Without anybody's doing: Docker may take a while to be ready, and Nginx too."""
        app.wait_serves(version, limit=40)

    def state(self, app: App) -> str:
        """What Docker says of the app's container."""
        name = app.only_container().name
        return run(["docker", "inspect", "--format", "{{.State.Status}}", name]).strip()

    def push(self, app: App, version: str) -> int:
        """Push what takes a second to get healthy, and tell; the id of the deployment."""
        app.push(version, "ok", "latest", SLOWLY)
        return app.queue()

    def wait_step(self, number: int, step: str) -> None:
        def reached() -> bool:
            return bool(self.one.deployer.deployment(number)["step"] == step)

        wait_until(reached, f"the step {step}", step=0.01)

    def ends_well(self, app: App, number: int, version: str) -> Any:
        """The deployment ends; told again, the same is live, alone, and nothing is left over."""
        ended = self.one.deployer.wait_ended(number)
        again = self.one.deployer.wait_ended(app.queue())
        assert again["status"] in ("succeeded", "unchanged"), again["reason"]
        app.wait_serves(version)
        app.only_container(limit=40)
        wait_until(lambda: len(self.one.deployer.containers()) == 1 + len(self.one.apps), "no more")
        assert self.one.live() == self.one.current()
        return ended


@contextmanager
def ground(name: str, *options: str, **apps: dict[str, Any]) -> Iterator[Ground]:
    with (
        private_engine(name, options=options) as docker,
        entered(docker),
        folder(name) as path,
        # The lab's own is not reached from in there.
        Registry(SHARED_PORT, path),
        FaultyRegistry(free_port(), path) as registry,
    ):
        own = {short: {"registry": registry, **more} for short, more in apps.items()}
        with serving(name, **own) as one:
            yield Ground(docker, one, registry)


@pytest.fixture(scope="module")
def live() -> Iterator[Ground]:
    """One whose containers outlive it."""
    with ground("live", "--live-restore", web={"deploy": {"watch": "4s"}}) as made:
        yield made


@pytest.mark.parametrize("step", ["resolve", "start", "check", "watch", "retire"])
def test_docker_that_dies_in_a_deployment_costs_no_request_where_containers_outlive_it(
    live: Ground, step: str
) -> None:
    app, version = live.one.web, f"killed in {step}"
    with app.load() as load:
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        number = live.push(app, version)
        live.wait_step(number, step)
        live.restart()
        live.ends_well(app, number, version)
        report = load.stop()
    assert report.failed == 0, str(report)


def test_docker_that_dies_in_a_pull_is_the_reason_and_the_next_one_pulls(live: Ground) -> None:
    app = live.one.web
    app.push_afresh("pulled again", "ARG VERSION", "RUN echo $VERSION > /layer")
    with live.registry.failing("hang"):
        number = app.queue()
        live.wait_step(number, "pull")
        live.docker.kill()
    live.docker.start()
    ended = live.ends_well(app, number, "pulled again")
    assert ended["status"] == "failed"
    assert "Docker is unavailable" in ended["reason"]


def test_a_healthy_release_is_not_taken_back_because_docker_died_in_its_watch(
    live: Ground,
) -> None:
    app = live.one.web
    number = live.push(app, "watched without Docker")
    live.wait_step(number, "watch")
    live.restart()
    assert live.one.deployer.wait_ended(number)["status"] == "succeeded"
    app.wait_serves("watched without Docker")


def test_docker_that_hangs_for_longer_than_any_call_may_take_loses_nothing(live: Ground) -> None:
    """Calls end, it is told, webhooks are taken, the app serves; then it goes on by itself."""
    app, version = live.one.web, "hung"
    target = ("127.0.0.1", app.deployer.http_port)
    with Load(target, app.host, GENTLY, pace=0.5) as load:
        wait_until(lambda: load.least_sent() > 1, "the first requests")
        number = live.push(app, version)
        live.wait_step(number, "check")
        live.docker.freeze()
        try:
            frozen = time.monotonic()
            wait_until(lambda: troubles(live.one) != "", "words about it")
            assert app.webhook()[0] == 202
            sent = load.least_sent()
            wait_until(lambda: time.monotonic() - frozen > HUNG, "more than a minute", limit=90)
            assert load.least_sent() > sent
        finally:
            live.docker.go_on()
        live.ends_well(app, number, version)
        report = load.stop()
    assert report.failed == 0, str(report)
    wait_until(lambda: troubles(live.one) == "", "the end of the trouble")


@pytest.fixture(scope="module")
def plain() -> Iterator[Ground]:
    """One that takes its containers with it, as it is installed."""
    fixed = {"ports": ["127.0.0.1:18733:9"], "deploy": {"watch": "20s"}}
    with ground("plain", web={"deploy": {"watch": "4s"}}, fixed=fixed) as made:
        yield made


def crashes(plain: Ground) -> None:
    plain.docker.kill()
    plain.docker.start()


def is_restarted(plain: Ground) -> None:
    plain.docker.stop()
    plain.docker.start()


def crashes_with_deployer(plain: Ground) -> None:
    """As where deployer is a container of the same Docker."""
    plain.kill_deployer()
    crashes(plain)
    plain.one.deployer.start()


def loses_power(plain: Ground) -> None:
    plain.kill_deployer()
    plain.docker.lose_power()
    plain.docker.start()
    plain.one.deployer.start()


@pytest.mark.parametrize("happens", [crashes, is_restarted, crashes_with_deployer, loses_power])
def test_every_app_that_served_serves_again_by_itself_and_one_that_was_stopped_does_not(
    plain: Ground, happens: Callable[[Ground], None]
) -> None:
    """With the containers that there were, Nginx too, and no deployment."""
    one, app, stopped = plain.one, plain.one.web, plain.one.apps["fixed"]
    newest, (_, version), (_, other) = one.newest(), app.ask(), stopped.ask()
    before = {*one.deployer.containers()}
    run(["docker", "stop", stopped.only_container().name])
    told = f"{stopped.name}: nothing of it runs"
    wait_until(lambda: told in troubles(one), "words about it")
    happens(plain)
    plain.serves_again(app, version)
    wait_until(lambda: "worker" not in troubles(one), "nothing that the worker waits for")
    assert stopped.ask()[0] != 200
    assert plain.state(stopped) == "exited"
    assert told in troubles(one)
    run(["docker", "start", stopped.only_container().name])
    plain.serves_again(stopped, other)
    assert ({*one.deployer.containers()}, one.newest()) == (before, newest)


@pytest.mark.parametrize("step", ["start", "check", "watch"])
def test_docker_that_takes_its_containers_with_it_ends_the_deployment_and_the_app_serves(
    plain: Ground, step: str
) -> None:
    """By itself, and with the next push."""
    app, version = plain.one.web, f"died in {step}"
    _, before = app.ask()
    number = plain.push(app, version)
    plain.wait_step(number, step)
    plain.restart()
    ended = plain.one.deployer.wait_ended(number)
    assert ended["status"] in ("succeeded", "failed")
    assert ended["reason"]
    plain.serves_again(app, version if ended["status"] == "succeeded" else before)
    plain.ends_well(app, plain.push(app, f"after {step}"), f"after {step}")


def test_what_was_stopped_to_make_room_stays_stopped_when_docker_is_restarted(
    plain: Ground,
) -> None:
    app = plain.one.apps["fixed"]
    old, (_, before) = app.only_container(), app.ask()
    number = plain.push(app, "one at a time")
    plain.wait_step(number, "watch")
    plain.restart()
    state = ["docker", "inspect", "--format", "{{.State.Status}}", old.name]
    assert run(state).strip() == "exited"
    ended = plain.one.deployer.wait_ended(number)
    assert ended["status"] in ("succeeded", "failed")
    plain.serves_again(app, "one at a time" if ended["status"] == "succeeded" else before)
    plain.ends_well(app, plain.push(app, "after one at a time"), "after one at a time")


@pytest.fixture
def pruning(plain: Ground) -> Iterator[list[int]]:
    """Somebody removes all that is not in use, again and again; how often so far."""
    over, times = threading.Event(), [0]
    ready = threading.Event()

    def prune() -> None:
        while not over.is_set():
            succeeds(["docker", "system", "prune", "--all", "--force"])
            times[0] += 1
            ready.set()
            over.wait(PRUNED_EVERY)

    thread = threading.Thread(target=prune)
    thread.start()
    try:
        assert ready.wait(60)
        yield times
    finally:
        over.set()
        thread.join()


@pytest.fixture
def pushed(plain: Ground) -> list[tuple[str, str]]:
    """Versions and digests of images that are in the registry alone."""
    app = plain.one.web
    lines = ("ARG VERSION", "RUN echo $VERSION > /layer")
    versions = [f"pruned {number}" for number in range(1, 7)]
    return [(version, app.push_afresh(version, *lines)) for version in versions]


def test_deployments_succeed_while_somebody_prunes_all_the_time(
    plain: Ground, pushed: list[tuple[str, str]], pruning: list[int]
) -> None:
    app = plain.one.web
    for version, digest in pushed:
        plain.one.deployer.run("deploy", app.name, "--digest", digest, "--wait")
        app.wait_serves(version)
    assert pruning[0] > len(pushed)
    app.only_container()
