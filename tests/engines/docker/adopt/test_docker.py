"""Containers that somebody made on a real Docker: examined, adopted, made again."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.config.sayable import sayable, spec_of
from deployer.config.writing import keys_of
from deployer.model import Image, Release
from deployer.ports import Adopted, Found
from deployer.spec import Spec
from tests.engines.docker.world import DockerWorld
from tests.fakes.registry import Behaviour
from tests.lab import compose
from tests.lab.shell import run

pytestmark = pytest.mark.lab

SECOND = 1_000_000_000


def here(world: DockerWorld, tag: str, *lines: str, stubborn: bool = False) -> Image:
    """An image of the world's that is pushed and pulled; `lines` are Dockerfile's."""
    behaviour = Behaviour.STUBBORN if stubborn else Behaviour.ANSWERS
    image = world.push(behaviour, tag, lines)
    world.engine.pull(image, stall=30, timeout=60, stopping=lambda: None)
    return image


def examined(world: DockerWorld, name: str, image: Image) -> Found:
    """The container as the world's app, which is there by now as an adopted one."""
    found = world.engine.examine(name, world.app, image)
    assert found.refused == ()
    world.adopt(Adopted(found.container, world.app, 1, 1))
    return found


def replaced(world: DockerWorld, spec: Spec, image: Image, deployment: int = 2) -> dict[str, Any]:
    """What inspect shows of the container that takes the place of the app's others."""
    for old in world.engine.replicas(world.app):
        world.engine.retire(old)
    (new,) = world.engine.start(Release(world.app, deployment, image, spec), deployment)
    return world.inspect(new)


OPTIONS = (
    *("--env", "A=x=y $z", "--env", "MODE=production", "--label", "team=web"),
    *("--hostname", "web", "--domainname", "example.com", "--user", "0:7", "--workdir", "/srv/app"),
    *("--group-add", "12", "--init", "--tty", "--restart", "on-failure:3"),
    *("--stop-signal", "SIGINT", "--stop-timeout", "7"),
    *("--health-cmd", "true", "--health-interval", "90s", "--health-timeout", "1500ms"),
    *("--health-retries", "7", "--health-start-period", "2s"),
    *("--log-driver", "json-file", "--log-opt", "max-size=1m"),
    *("--volume", "/anonymous", "--tmpfs", "/run:size=64k", "--read-only", "--shm-size", "2m"),
    *("--mount", "type=tmpfs,destination=/b,tmpfs-size=1048576,tmpfs-mode=0770"),
    *("--dns", "10.0.0.53", "--dns-option", "ndots:1", "--dns-search", "example.com"),
    *("--add-host", "db:10.0.0.5", "--publish", "127.0.0.1::9090/udp", "--expose", "8000"),
    *("--cap-add", "CHOWN", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
    *("--ipc", "shareable", "--pid", "host", "--sysctl", "net.core.somaxconn=77"),
    *("--ulimit", "nofile=1000:2000", "--device", "/dev/null:/dev/x:r"),
    *("--device-cgroup-rule", "c 189:* rwm", "--cpus", "0.5", "--cpu-shares", "512"),
    *("--cpuset-cpus", "0", "--memory", "64m", "--memory-reservation", "32m"),
    *("--memory-swap", "96m", "--pids-limit", "50", "--oom-score-adj", "500"),
)


def test_a_container_with_all_kinds_of_options_on_two_networks_comes_back_the_same(
    world: DockerWorld, tmp_path: Path
) -> None:
    """Its successor of a later image differs in id, names, image, times and Docker's addresses."""
    assert sum(one.startswith("--") for one in OPTIONS) >= 30
    (first, subnet), second = world.network_with_subnet(), world.network()
    old, new = here(world, "v1"), here(world, "v2")
    name, mounts = f"{world.app}-old", (f"{world.app}-data:/data", f"{tmp_path}:/host:ro")
    networks = ("--network", first, "--network-alias", "shop", "--ip", f"{subnet}.77")
    volumes = [part for one in mounts for part in ("--volume", one)]
    container = world.stranger(name, old, *OPTIONS, *networks, *volumes)
    run(["docker", "network", "connect", "--alias", "back", second, name])
    before = world.api.inspect_container(container)
    found = examined(world, name, old)
    assert found.left == ()
    after = replaced(world, found.spec, new)
    unnamed(world, found)
    known_as = {world.app, name}
    assert comparable(after, known_as) == comparable(before, known_as)
    assert after["Config"]["Image"] == new.pinned
    keys, unsaid = sayable("shop", {"image": old.name, **keys_of(found.spec)})
    assert (spec_of("shop", keys), unsaid) == (found.spec, [])


def unnamed(world: DockerWorld, found: Found) -> None:
    """Remove the app's containers, and the volumes that got their names from Docker."""
    for replica in world.engine.replicas(world.app):
        world.engine.discard(world.app, replica.deployment)
    for volume in found.spec.volumes:
        if re.fullmatch("[0-9a-f]{64}", volume.source):
            world.api.remove_volume(volume.source)


# Of one life, or said in another form elsewhere: mounts, published ports.
OF_ONE_LIFE = {
    *("Id", "Name", "Created", "State", "Image", "Path", "Args", "GraphDriver", "LogPath"),
    *("ResolvConfPath", "HostnamePath", "HostsPath", "Binds", "Volumes", "Ports", "Mode"),
    *("DNSNames", "SandboxID", "SandboxKey", "EndpointID", "IPAddress", "Gateway", "IPPrefixLen"),
}


def comparable(inspected: Any, known_as: set[str]) -> Any:
    """What inspect shows, without what is of one life and what stands for nothing."""
    shown = json.loads(json.dumps(inspected))
    shown["HostConfig"].pop("Mounts", None)
    shown["Mounts"].sort(key=lambda mount: mount["Destination"])
    labels = shown["Config"]["Labels"].items()
    own = {key: one for key, one in labels if not key.startswith(("deployer.", "built"))}
    shown["Config"]["Labels"] = own
    shown["Config"]["Env"].sort()
    for network in shown["NetworkSettings"]["Networks"].values():
        names = {*(network["Aliases"] or ())}
        network["Aliases"] = sorted(names - known_as - {inspected["Id"][:12]})
        network.pop("MacAddress")
    return _plain(shown)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _plain(one) for key, one in value.items() if key not in OF_ONE_LIFE}
    return {key: one for key, one in plain.items() if one not in (None, "", 0, [], {}, [0, 0])}


def defaults(number: int) -> tuple[str, ...]:
    """What version 1 or 2 of an image says by itself."""
    more = " C=3" if number == 2 else ""
    return (
        f"ENV A={number} B={number}{more}",
        f"LABEL a={number} b={number}{more.lower()}",
        f'ENTRYPOINT ["env", "V={number}"]',
        f"WORKDIR /v{number}",
        f"EXPOSE 800{number}",
        f"HEALTHCHECK --interval={number}0s --timeout={number}1s CMD test {number}",
    )


def test_a_later_image_brings_its_own_and_what_was_asked_for_stays(world: DockerWorld) -> None:
    old, new = here(world, "v1", *defaults(1)), here(world, "v2", *defaults(2), stubborn=True)
    asked = ("--env", "B=9", "--label", "b=9", "--health-interval", "9s")
    world.stranger(f"{world.app}-old", old, *asked)
    found = examined(world, f"{world.app}-old", old)
    config = replaced(world, found.spec, new)["Config"]
    image = world.api.inspect_image(new.pinned)["Config"]  # type: ignore[no-untyped-call]
    own = {one for one in config["Env"] if not one.startswith("PATH=")}
    assert own == {"A=2", "B=9", "C=3"}
    assert {key: config["Labels"].get(key) for key in "abc"} == {"a": "2", "b": "9", "c": "3"}
    for key in ("Cmd", "Entrypoint", "WorkingDir", "ExposedPorts"):
        assert config[key] == image[key]
    check = config["Healthcheck"]
    assert check["Test"] == ["CMD-SHELL", "test 2"]
    assert (check["Interval"], check["Timeout"]) == (9 * SECOND, 21 * SECOND)


def test_a_command_and_an_entrypoint_that_were_asked_for_stay(world: DockerWorld) -> None:
    old, new = here(world, "v1", *defaults(1)), here(world, "v2", *defaults(2), stubborn=True)
    words = ("sleep", "600")
    world.stranger(f"{world.app}-old", old, "--entrypoint", "env", "--no-healthcheck", words=words)
    found = examined(world, f"{world.app}-old", old)
    config = replaced(world, found.spec, new)["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["env"], [*words])
    assert config["Healthcheck"]["Test"] == ["NONE"]


def test_the_data_of_a_volume_without_a_name_is_there_after_a_rollback(world: DockerWorld) -> None:
    """Also where the release in between had no such volume."""
    image = here(world, "v1", "VOLUME /data")
    container = world.stranger(f"{world.app}-old", image)
    run(["docker", "exec", container, "sh", "-c", "echo canary > /data/kept"])
    found = examined(world, f"{world.app}-old", image)
    try:
        replaced(world, Spec(), image, 2)
        again = replaced(world, found.spec, image, 3)
        kept = run(["docker", "exec", again["Id"], "cat", "/data/kept"])
        assert kept == "canary\n"
    finally:
        unnamed(world, found)


@pytest.fixture
def project(world: DockerWorld, tmp_path: Path) -> Iterator[list[str]]:
    """How Compose is called for a project of its own, with a file that is still to be written."""
    program = [*compose.program().split(), "-p", world.app, "-f", str(tmp_path / "compose.yml")]
    yield program
    for deployment in range(1, 5):
        world.engine.discard(world.app, deployment)
    run([*program, "down", "--volumes", "--timeout", "1"])


def test_a_service_of_compose_is_adopted_and_compose_still_lists_it(
    world: DockerWorld, project: list[str], tmp_path: Path
) -> None:
    old, new = here(world, "v1"), here(world, "v2")
    (tmp_path / "compose.yml").write_text(
        f"version: '3'\nservices:\n  web:\n    image: {old.pinned}\n"
        "    volumes: [data:/data]\n    environment: {MODE: production}\n"
        "volumes: {data: {}}\n"
    )
    run([*project, "up", "--detach"])
    (container,) = run([*project, "ps", "--quiet", "web"]).split()
    name = world.api.inspect_container(container)["Name"].removeprefix("/")
    found = examined(world, name, old)
    assert found.spec.environment == (("MODE", "production"),)
    assert [one.source for one in found.spec.volumes] == [f"{world.app}_data"]
    (network,) = found.spec.networks
    assert (network.name, "web" in network.aliases) == (f"{world.app}_default", True)
    after = replaced(world, found.spec, new)
    assert run([*project, "ps", "--quiet", "web"]).split() == [after["Id"]]
    assert after["Id"] != container


def test_files_that_compose_copied_in_are_found_and_refused(world: DockerWorld) -> None:
    """As Compose does it: after the container was made, so that nothing shows it."""
    image = here(world, "v1")
    own = {"project": world.app, "service": "web", "version": "2.29.0"}
    labels = [f"--label=com.docker.compose.{key}={one}" for key, one in own.items()]
    container = world.stranger(f"{world.app}-old", image, *labels)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        secret = tarfile.TarInfo("run/secrets/token")
        secret.size = 6
        archive.addfile(secret, io.BytesIO(b"canary"))
    assert world.api.put_archive(container, "/", packed.getvalue())
    found = world.engine.examine(f"{world.app}-old", world.app, image)
    (refused,) = found.refused
    assert refused.startswith("files were copied into it (/run/secrets/token)")
    assert "canary" not in refused
