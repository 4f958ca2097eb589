"""A start that other containers stand in the way of is refused with their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.remove import discard
from deployer.engines.docker.start import start
from deployer.errors import StartFailed
from deployer.model import Release
from deployer.spec import Attachment, Port
from tests.contracts.engine import SPEC, release
from tests.engines.docker.world import DockerWorld
from tests.lab.registry import Registry

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def kept(lab_registry: Registry) -> Iterator[tuple[DockerWorld, Release]]:
    """One world and one image for all tests."""
    with DockerWorld(lab_registry) as made:
        yield made, release(made)


@pytest.fixture
def world(kept: tuple[DockerWorld, Release]) -> Iterator[DockerWorld]:
    yield kept[0]
    for one in kept[0].engine.replicas():
        kept[0].engine.discard(one.app, one.deployment)


@pytest.fixture
def ready(kept: tuple[DockerWorld, Release]) -> Release:
    """A release whose image is there."""
    return kept[1]


def having(ready: Release, **keys: Any) -> Release:
    return replace(ready, spec=replace(SPEC, **keys))


def test_a_port_that_another_container_has_is_told_with_its_name(
    world: DockerWorld, ready: Release
) -> None:
    """Before anything was started; what has it is touched in no way."""
    other = replace(ready, app=f"{world.app}-other")
    first = world.engine.start(having(other, ports=(Port(80, host_ip="127.0.0.1"),)), 1)[0]
    [bound] = world.inspect(first)["NetworkSettings"]["Ports"]["80/tcp"]
    fixed = having(ready, ports=(Port(80, published=bound["HostPort"]),))
    with pytest.raises(
        StartFailed,
        match=rf"{first.name}, which runs, has the host's port {bound['HostPort']}/tcp\. If it is "
        r"not needed, stop it; else correct `ports`",
    ):
        world.engine.start(fixed, 2)
    assert world.engine.replicas(other.app) == [first]


def test_a_port_that_the_running_release_has_is_not_blamed_on_somebody_else(
    world: DockerWorld, ready: Release
) -> None:
    """Whoever stopped what has the port, as Docker's words suggest, would stop the app."""
    # Not one that Docker chooses: it would give that to somebody else once it is free.
    ranged = Port(80, host_ip="127.0.0.1", published="21761-21780")
    first = world.engine.start(having(ready, ports=(ranged,)), 1)[0]
    [bound] = world.inspect(first)["NetworkSettings"]["Ports"]["80/tcp"]
    fixed = having(ready, ports=(Port(80, published=bound["HostPort"]),))
    with pytest.raises(StartFailed, match=rf"{first.name}.*`deploy\.strategy: stop-first`"):
        world.engine.start(fixed, 2)
    world.api.stop(first.id, timeout=0)
    assert world.engine.start(fixed, 2)[0].address


def test_the_same_number_of_another_address_or_protocol_is_no_clash(
    world: DockerWorld, ready: Release
) -> None:
    first = world.engine.start(having(ready, ports=(Port(80, host_ip="127.0.0.1"),)), 1)[0]
    number = world.inspect(first)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"]
    others = (
        Port(80, host_ip="127.0.0.2", published=number),
        Port(80, "udp", host_ip="127.0.0.1", published=number),
    )
    assert world.engine.start(having(ready, ports=others), 2)[0].address


def test_a_fixed_address_that_a_running_container_has_is_told_with_its_name(
    world: DockerWorld, ready: Release
) -> None:
    network, subnet = world.network_with_subnet()
    fixed = having(ready, networks=(Attachment(network, ipv4_address=f"{subnet}.9"),))
    first = world.engine.start(fixed, 1)[0]
    assert world.engine.start(fixed, 1) == [first]
    with pytest.raises(
        StartFailed, match=rf"{first.name}.*has the address {subnet}\.9 in the network {network}"
    ):
        world.engine.start(fixed, 2)
    world.api.stop(first.id, timeout=0)
    assert world.engine.start(fixed, 2)[0].address == f"{subnet}.9"


def test_the_container_of_another_deployer_is_somebody_elses(
    world: DockerWorld, ready: Release
) -> None:
    network, subnet = world.network_with_subnet()
    fixed = having(ready, networks=(Attachment(network, ipv4_address=f"{subnet}.9"),))
    world.engine.start(fixed, 1)
    other = f"{world.app}x"
    try:
        with pytest.raises(StartFailed, match=r"stop it; else correct the address"):
            start(world.api, other, fixed, 3, world.files)
    finally:
        discard(world.api, other, world.app, 3)


@pytest.mark.parametrize("key", ["network_mode", "pid", "ipc"])
def test_a_container_to_join_that_is_missing_or_does_not_run_is_named_with_its_key(
    world: DockerWorld, ready: Release, key: str
) -> None:
    other = f"{world.app}-{key}"
    joining = having(ready, **{key: f"container:{other}"})
    with pytest.raises(StartFailed, match=rf"{other}.*does not exist.*`{key}`"):
        world.engine.start(joining, 1)
    world.take(other)
    with pytest.raises(StartFailed, match=rf"{other}.*does not run.*`{key}`"):
        world.engine.start(joining, 1)
    assert world.engine.replicas(world.app) == []


def test_the_network_of_another_container_is_joined(world: DockerWorld, ready: Release) -> None:
    other = world.engine.start(having(ready), 1)[0]
    joined = world.engine.start(having(ready, network_mode=f"container:{other.name}"), 2)[0]
    assert world.inspect(joined)["HostConfig"]["NetworkMode"] == f"container:{other.id}"
    assert (joined.joined, joined.address) == (other.id, other.address)


def test_of_a_range_of_ports_each_release_takes_a_free_one(
    world: DockerWorld, ready: Release
) -> None:
    ranged = having(ready, ports=(Port(80, published="21740-21760"),))
    both = [world.engine.start(ranged, number)[0] for number in (1, 2)]
    taken = {
        world.inspect(one)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] for one in both
    }
    assert len(taken) == 2
