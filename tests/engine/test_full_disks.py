"""Each of the three disks full in turn: what is said, what stays, and how it goes on."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.engine import DockerEngine
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.registry import DockerRegistry
from deployer.errors import PullFailed
from deployer.model import parse_image
from tests.engine.trouble import filled, small_disk, troubles
from tests.engine.world import World, world
from tests.lab.images import build_app
from tests.lab.processes import Background
from tests.lab.registry import shared_registry
from tests.lab.shell import run, succeeds, wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    """A deployer whose state folder and Nginx's folder are on small disks of their own."""
    with world("disks") as made:
        state = made.path / "state"
        with small_disk(state, 8), small_disk(state / "nginx", 1):
            made.start()
            yield made
            made.deployer.stop()


def test_a_full_disk_of_the_store_takes_nothing_and_loses_nothing(one: World) -> None:
    app, state = one.web, one.path / "state"
    before = app.ask()
    app.push("roomy")
    accepted = []
    with filled(state):
        while (taken := app.webhook())[0] == 202:
            accepted += [each["id"] for each in taken[1]["deployments"]]
        assert taken[0] == 503
        assert taken[1]["detail"] == "the store does not answer, so nothing was taken. Try again"
        wait_until(lambda: "cannot write to the store" in troubles(one), "the words", limit=40)
        assert app.ask()[0] == before[0] == 200
    for number in accepted:
        assert one.deployer.wait_ended(number)["status"] in ("succeeded", "superseded", "unchanged")
    assert one.deployer.wait_ended(app.queue())["status"] in ("succeeded", "unchanged")
    app.wait_serves("roomy")
    wait_until(lambda: troubles(one) == "", "the end of the trouble")


def test_a_full_disk_of_nginx_fails_at_the_switch_and_leaves_no_half_generation(
    one: World,
) -> None:
    app, folder = one.web, one.path / "state" / "nginx"
    before, files = app.ask(), one.on_disk()
    with filled(folder):
        ended = app.deploy("full")
        assert (ended["status"], ended["step"]) == ("failed", "switch")
        assert (
            f"cannot write Nginx's configuration in {folder}: No space left on device. "
            "Look at the disk's space and rights; the previous configuration is still live"
        ) in ended["reason"]
        assert app.ask() == before
        assert not list((folder / "generations").glob(".new-*"))
    assert one.on_disk() == files
    assert one.deployer.wait_ended(app.queue())["status"] == "succeeded"
    app.wait_serves("full")


@pytest.fixture
def bridge() -> Iterator[str]:
    """For a second engine; with `--bridge=none` dockerd removes the first one's docker0."""
    name = f"small{secrets.token_hex(3)}"
    run(["ip", "link", "add", name, "type", "bridge"])
    try:
        run(["ip", "addr", "add", "192.168.253.1/24", "dev", name])
        yield name
    finally:
        run(["ip", "link", "delete", name])


@pytest.fixture
def small_docker(bridge: str) -> Iterator[str]:
    """A Docker Engine of its own whose data has little room; its address.

    In a folder with a short name: a socket's path has at most 107 characters (unix(7)).
    """
    with folder("small") as path:
        yield from _small_docker(path, bridge)


def _small_docker(path: Path, bridge: str) -> Iterator[str]:
    data, run_folder = path / "data", path / "run"
    address = f"unix://{path}/docker.sock"
    dockerd = Background("dockerd", path)
    with small_disk(data, 40):
        dockerd.start(
            [
                "dockerd",
                f"--data-root={data}",
                f"--exec-root={run_folder}",
                f"--pidfile={path}/docker.pid",
                f"--host={address}",
                f"--bridge={bridge}",
                "--iptables=false",
                "--ip-forward=false",
                "--ip-masq=false",
                "--storage-driver=vfs",
            ]
        )
        try:
            wait_until(lambda: succeeds(["docker", "-H", address, "version"]), "dockerd", limit=60)
            yield address
        finally:
            dockerd.stop(limit=20)


def test_a_full_disk_of_docker_is_named_with_what_to_do(small_docker: str, tmp_path: Path) -> None:
    registry = shared_registry()
    build_app("e2e/too-large", "latest", "large", registry)
    image = parse_image(f"{registry.address}/e2e/too-large:latest")
    assert image is not None
    clients = Clients(small_docker)
    engine = DockerEngine(clients, "disks", lambda host: None, ReleaseFiles(tmp_path / "files"))
    wanted = DockerRegistry(clients, lambda host: None, listing=lambda image: []).resolve(image)
    with pytest.raises(PullFailed) as refused:
        engine.pull(wanted, stall=30, timeout=60, stopping=lambda: None)
    clients.close()
    assert "no space left on device" in str(refused.value)
    assert "the disk of Docker's data is full. Make room (`docker system df`" in str(refused.value)
    assert not engine.has(wanted)
