"""A network in which Docker has kept the end of a container that is gone, as after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.create.networks import all_at_create
from deployer.engines.docker.engine import DockerEngine
from deployer.errors import StartFailed
from deployer.model import Running
from deployer.spec import Attachment
from tests.contracts.engine import SPEC, release
from tests.engines.docker.lossy import LossyDocker
from tests.engines.docker.world import DockerWorld, no_login

pytestmark = pytest.mark.lab

ADVICE = r"already exists in network .*`docker network disconnect --force`"


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[LossyDocker]:
    with LossyDocker(tmp_path / "docker.sock") as made:
        yield made


@pytest.fixture
def engine(world: DockerWorld, docker: LossyDocker) -> DockerEngine:
    """The world's engine behind that socket."""
    return DockerEngine(Clients(f"unix://{docker.path}"), world.app, no_login, world.files)


def stale(docker: LossyDocker, asked: str, name: str, network: str) -> None:
    """Let Docker find an end of this name there, in the words of its network library."""
    words = f"endpoint with name {name} already exists in network {network}"
    docker.refuse(asked, 403, words)


@pytest.mark.parametrize("asked", ["/start", "/connect"])
def test_a_start_that_it_refuses_says_what_to_do_and_leaves_nothing_and_the_next_one_starts(
    world: DockerWorld, docker: LossyDocker, engine: DockerEngine, asked: str
) -> None:
    """Only names of this deployment are in the way: the next one asks for others."""
    front, back = world.network(), world.network()
    ready = release(world, spec=replace(SPEC, networks=(Attachment(front), Attachment(back))))
    # A newer Docker joins all networks at once, and refuses only the start.
    where = "/start" if all_at_create(world.api.api_version) else asked
    stale(docker, where, f"{world.app}-7-1", back)
    with pytest.raises(StartFailed, match=ADVICE):
        engine.start(ready, 7)
    engine.discard(world.app, 7)
    assert world.engine.replicas() == []
    docker.asked.clear()
    [replica] = engine.start(ready, 8)
    assert replica.state is Running.RUNNING
    assert not [one for one in docker.asked if f"{world.app}-7-1" in one]
    assert len(world.inspect(replica)["NetworkSettings"]["Networks"]) == 2


def test_a_halted_one_that_it_keeps_from_starting_again_says_so_too(
    world: DockerWorld, docker: LossyDocker, engine: DockerEngine
) -> None:
    """As after a crash of Docker, when what it ended is to run again."""
    [replica] = engine.start(release(world), 7)
    engine.halt(replica)
    stale(docker, "/start", replica.name, "bridge")
    with pytest.raises(StartFailed, match=ADVICE):
        engine.revive(replica, "unless-stopped")
    assert engine.look(replica).state is Running.EXITED
    assert engine.revive(replica, "unless-stopped").state is Running.RUNNING
