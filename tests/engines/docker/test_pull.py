"""Pulls from registries that misbehave end, in time and with the reason."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.pull import Wanted, pull
from deployer.errors import (
    DeployerError,
    EngineUnavailable,
    Interrupted,
    PullFailed,
    RegistryUnavailable,
)
from deployer.model import Image
from tests.contracts.engine import go_on
from tests.engines.docker.bad_registry import BadRegistry
from tests.engines.docker.world import DockerWorld

pytestmark = pytest.mark.lab


@pytest.fixture
def bad(request: pytest.FixtureRequest) -> Iterator[BadRegistry]:
    with BadRegistry(request.param, f"bad/{secrets.token_hex(4)}") as registry:
        yield registry


def refused(
    world: DockerWorld, bad: BadRegistry, *, stall: float = 30, timeout: float = 60
) -> tuple[DeployerError, float]:
    """The error of a pull that fails, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(DeployerError) as caught:
        world.engine.pull(bad.image, stall=stall, timeout=timeout, stopping=go_on)
    assert not world.engine.has(bad.image)
    return caught.value, time.monotonic() - began


@pytest.mark.parametrize("bad", ["hang-layer", "hang-manifest"], indirect=True)
def test_a_silent_registry_is_given_up_when_nothing_moved(
    world: DockerWorld, bad: BadRegistry
) -> None:
    error, seconds = refused(world, bad, stall=1.0)
    assert isinstance(error, PullFailed)
    assert "nothing moved for 1 s" in str(error)
    assert 1.0 <= seconds < 15.0

    bad.mode = "fine"
    world.engine.pull(bad.image, stall=10.0, timeout=20.0, stopping=go_on)
    assert world.engine.has(bad.image), "Docker joined the pull that was given up"
    world.api.remove_image(bad.image.pinned)


@pytest.mark.parametrize("bad", ["trickle", "hang-layer"], indirect=True)
def test_a_slow_pull_ends_at_its_total_limit(world: DockerWorld, bad: BadRegistry) -> None:
    error, seconds = refused(world, bad, stall=30.0, timeout=1.5)
    assert isinstance(error, PullFailed)
    assert "not complete after 1.5 s" in str(error)
    assert 1.5 <= seconds < 15.0


@pytest.mark.parametrize("bad", ["hang-layer", "hang-manifest"], indirect=True)
def test_a_hanging_pull_stops_at_once_when_its_caller_is_to_stop(
    world: DockerWorld, bad: BadRegistry
) -> None:
    began = time.monotonic()

    def stop_soon() -> None:
        if time.monotonic() - began > 0.5:
            raise Interrupted("the worker is being stopped")

    with pytest.raises(Interrupted):
        world.engine.pull(bad.image, stall=30.0, timeout=60.0, stopping=stop_soon)
    assert time.monotonic() - began < 15.0


@pytest.mark.parametrize("bad", ["corrupt"], indirect=True)
def test_a_corrupt_layer_fails_the_pull(world: DockerWorld, bad: BadRegistry) -> None:
    error, _ = refused(world, bad)
    assert isinstance(error, PullFailed)
    assert "verification failed" in str(error)


@pytest.mark.parametrize("bad", ["502"], indirect=True)
def test_a_registry_that_answers_502_is_unavailable(world: DockerWorld, bad: BadRegistry) -> None:
    error, _ = refused(world, bad)
    assert isinstance(error, RegistryUnavailable)
    assert "502 Bad Gateway" in str(error)


GONE = Image("127.0.0.1:5001", "acme/shop", "v1", f"sha256:{0:064}")


class Forgetful(ThreadingHTTPServer):
    """The server of a Docker from which somebody removes the images of so many pulls at once."""

    def __init__(self, forgotten: int) -> None:
        self.forgotten, self.pulls = forgotten, 0
        super().__init__(("127.0.0.1", 0), ForgetfulDocker)


class ForgetfulDocker(BaseHTTPRequestHandler):
    """A Docker that reports every pull as a success and has no image after the first ones."""

    server: Forgetful

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer(200, {"ApiVersion": "1.41"})
        elif self.server.pulls <= self.server.forgotten:
            self._answer(404, {"message": "No such image"})
        else:
            self._answer(200, {"RepoDigests": [GONE.pinned]})

    def do_POST(self) -> None:
        self.server.pulls += 1
        self._answer(200, {"status": "Status: Image is up to date"})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def pulled(forgotten: int) -> int:
    """How often an image was pulled until it stayed."""
    with Forgetful(forgotten) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        clients = Clients(f"tcp://127.0.0.1:{server.server_port}")
        try:
            pull(clients, Wanted(GONE, "", None), stall=5, timeout=5, stopping=go_on)
        finally:
            clients.close()
            server.shutdown()
        return server.pulls


def test_an_image_that_somebody_prunes_at_once_is_pulled_again() -> None:
    assert pulled(forgotten=2) == 3


def test_a_success_without_the_image_is_none() -> None:
    with pytest.raises(PullFailed, match="reported success 5 times and has no image"):
        pulled(forgotten=1000)


@pytest.mark.parametrize("bad", ["fine"], indirect=True)
def test_a_pull_without_docker_says_that_docker_is_missing(bad: BadRegistry) -> None:
    nowhere = Clients("tcp://127.0.0.1:1")
    with pytest.raises(EngineUnavailable, match="it refuses connections"):
        pull(nowhere, Wanted(bad.image, "", None), stall=1, timeout=1, stopping=go_on)
