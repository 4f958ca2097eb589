"""Commands that are run once, on a real Docker Engine: what they have, and what they have not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.engines.docker.create.body import container
from deployer.engines.docker.labels import (
    Identity,
    OneOffIdentity,
    identity_of,
    one_off_of,
)
from deployer.engines.docker.oneoff import LINES, spec_of
from deployer.errors import Interrupted
from deployer.model import AppHook, Moment, OneOff, Release
from deployer.spec import Attachment, FileMount, Logging, Port, Volume
from tests.contracts.engine import SPEC, go_on, release
from tests.contracts.oneoff import OneOffContract, one_off
from tests.engines.docker.world import DockerWorld
from tests.lab.registry import Registry


class OneOffDocker(DockerWorld):
    def command(self, output: str, code: int) -> tuple[str, ...]:
        return ("sh", "-c", f"echo {output}; exit {code}")

    def lasting(self) -> tuple[str, ...]:
        return ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")

    def absent(self) -> tuple[str, ...]:
        return ("/no/such/program",)

    def abandon(self, release: Release, one_off: OneOff) -> str:
        when = one_off.hook.when
        identity = OneOffIdentity(self.app, release.app, one_off.deployment, release.number, when)
        mine = replace(release, spec=spec_of(release.spec, one_off.hook, ()))
        body = container(mine, identity, {}, self.api.api_version)
        self.api.create_container_from_config(body, name=identity.name)  # type: ignore[no-untyped-call]
        self.api.start(identity.name)
        return identity.name

    def one_offs(self) -> list[str]:
        found = self.api.containers(all=True, filters={"label": "deployer.hook"})
        names = [name.removeprefix("/") for one in found for name in one["Names"]]
        return sorted(name for name in names if name.startswith(self.app))


@pytest.fixture
def world(lab_registry: Registry) -> Iterator[OneOffDocker]:
    with OneOffDocker(lab_registry) as made:
        yield made


@pytest.mark.lab
class TestDockerOneOffs(OneOffContract):
    @pytest.fixture
    def world(self, world: OneOffDocker) -> OneOffDocker:
        return world


@pytest.mark.lab
def test_it_has_what_the_app_has_and_its_own_environment(
    world: OneOffDocker, tmp_path: Path
) -> None:
    """A migration reaches the database as the app does, and finds the same secrets."""
    network = world.network()
    content = base64.b64encode(b"hunter2").decode()
    spec = replace(
        SPEC,
        environment=(("A", "app"), ("B", "both")),
        user="1000:1000",
        volumes=(Volume(str(tmp_path), "/data", type="bind"),),
        files=(FileMount("secret", "token", "/run/secrets/token", content),),
        networks=(Attachment(network, aliases=("db",)),),
        mem_limit=64 << 20,
        ports=(Port(8080, published="18099"),),
        labels=(("traefik.enable", "true"),),
        replicas=2,
    )
    tmp_path.chmod(0o777)
    script = "echo $A $B $C; id -u; cat /run/secrets/token; touch /data/done"
    asked = one_off(("sh", "-c", script))
    asked = replace(asked, environment=(("B", "hook"), ("C", "more")))
    finished = world.engine.run(release(world, spec=spec), asked, go_on)
    assert finished.output == "app hook more\n1000\nhunter2"
    assert (tmp_path / "done").exists()
    assert not list((Path(world.files._root)).glob("*pre_deploy*"))


@pytest.mark.lab
def test_nothing_makes_others_take_it_for_the_app(world: OneOffDocker) -> None:
    """No published port, address, alias, label or HEALTHCHECK of the app; nobody restarts it."""
    network, subnet = world.network_with_subnet()
    fixed = Attachment(network, aliases=("db",), ipv4_address=f"{subnet}.77")
    spec = replace(
        SPEC,
        restart="always",
        networks=(fixed,),
        ports=(Port(8080, published="18099"),),
        labels=(("traefik.enable", "true"),),
    )
    shown = {}

    def look() -> None:
        shown.update(world.api.inspect_container(f"{world.app}-7.pre_deploy"))
        raise Interrupted("seen")

    with pytest.raises(Interrupted):
        world.engine.run(release(world, spec=spec), one_off(world.lasting()), look)
    joined = shown["NetworkSettings"]["Networks"][network]
    assert world.app not in (joined["Aliases"] or [])
    assert "db" not in (joined["Aliases"] or [])
    assert joined["IPAddress"] != f"{subnet}.77"
    assert not shown["HostConfig"]["PortBindings"]
    assert shown["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert shown["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert "traefik.enable" not in shown["Config"]["Labels"]
    assert identity_of(shown["Config"]["Labels"], shown["Name"]) is None


@pytest.mark.long
@pytest.mark.lab
def test_of_much_output_the_end_is_kept_and_control_characters_are_shown(
    world: OneOffDocker,
) -> None:
    script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; printf '\\033[31mred'"
    finished = world.engine.run(release(world), one_off(("sh", "-c", script)), go_on)
    lines = finished.output.splitlines()
    assert len(lines) == LINES
    assert lines[-2:] == ["line 199", "\\x1b[31mred"]


@pytest.mark.long
@pytest.mark.lab
def test_a_log_that_cannot_be_read_hides_no_end(world: OneOffDocker) -> None:
    spec = replace(SPEC, logging=Logging("none"))
    finished = world.engine.run(release(world, spec=spec), one_off(("sh", "-c", "exit 4")), go_on)
    assert finished.exit_code == 4
    assert finished.output.startswith("(no output: ")


@pytest.mark.long
@pytest.mark.lab
def test_one_that_an_operator_removes_is_told(world: OneOffDocker) -> None:
    def remove() -> None:
        world.api.remove_container(f"{world.app}-7.pre_deploy", force=True)

    with pytest.raises(Exception, match="was removed while it ran"):
        world.engine.run(release(world), one_off(world.lasting()), remove)


def test_neither_is_taken_for_the_other() -> None:
    """Labels that an image brings along do not make a replica of a one-off, nor the reverse."""
    replica = Identity("i", "web", 12, 3, 1)
    once = OneOffIdentity("i", "web", 12, 3, Moment.PRE_DEPLOY)
    both = {**replica.labels, **once.labels}
    assert identity_of(both, f"/{replica.name}") == replica
    assert one_off_of(both, f"/{once.name}") == once
    assert identity_of(both, once.name) is None
    assert one_off_of(both, replica.name) is None
    assert one_off_of({**once.labels, "deployer.hook": "other"}, once.name) is None
    assert one_off_of(once.labels, "somebody-elses") is None
    assert one_off_of(None, once.name) is None


def test_what_only_one_container_can_have_is_left_out() -> None:
    hook = AppHook(Moment.PRE_DEPLOY, ("migrate",))
    spec = replace(
        SPEC, mac_address="02:42:ac:11:00:02", tty=True, stdin_open=True, stop_grace_period=90.0
    )
    once = spec_of(spec, hook, (("B", "2"),))
    assert (once.mac_address, once.tty, once.stdin_open, once.restart) == ("", False, False, "no")
    assert once.command == ("migrate",)
    assert once.environment == (("B", "2"),)
    assert once.stop_grace_period == 10.0
