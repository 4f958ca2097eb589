"""`adopt`: the configuration of a container that runs, as a user sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from deployer.cli import main
from deployer.config import load
from deployer.model import Image
from tests.docs import ROOT, block
from tests.engines.docker.world import DockerWorld
from tests.fakes.registry import Behaviour
from tests.lab.engine import ensure_engine
from tests.lab.images import ensure_busybox
from tests.lab.registry import ensure_registry

ADOPT = ROOT / "docs" / "adopt.md"


LOST = "--publish-all: the ports of today are written; a later image's are not"


def adopt(*arguments: str, docker: str | None = None) -> Result:
    """The command, typed where no configuration is."""
    environment: dict[str, str | None] = {"NO_COLOR": "1", "COLUMNS": None}
    environment |= {"DOCKER_HOST": docker} if docker else {}
    return CliRunner().invoke(
        main, ["--config", "/nonexistent", "adopt", *arguments], env=environment
    )


@pytest.fixture(scope="module")
def world() -> Iterator[DockerWorld]:
    """A real Docker with a registry."""
    ensure_engine()
    ensure_busybox()
    with DockerWorld(ensure_registry()) as made:
        yield made


@pytest.fixture(scope="module")
def image(world: DockerWorld) -> Image:
    """An image that is here, with a default that is no setting of a container's."""
    pushed = world.push(Behaviour.ANSWERS, "v1", ("ENV FROM_IMAGE=1", "EXPOSE 8080"))
    world.engine.pull(pushed, stall=30, timeout=60, stopping=lambda: None)
    return pushed


@pytest.fixture(scope="module")
def container(world: DockerWorld, image: Image) -> str:
    """The name of a container that runs, with something that no key says."""
    name = f"{world.app}-Shop.1"
    options = ("--env", "A=no", "--env", "PASSWORD=canary-5e", "--publish-all")
    world.stranger(name, image, *options, "--restart", "always", "--stop-timeout", "3")
    return name


@pytest.mark.lab
def test_what_is_printed_loads_to_the_spec_that_the_container_has(
    world: DockerWorld, image: Image, container: str, tmp_path: Path
) -> None:
    """`deployer check` accepts it, and the app is told by the container's name."""
    before = world.api.inspect_container(container)
    printed = adopt(container)
    assert printed.exit_code == 0, printed.stderr
    config = tmp_path / "config.yml"
    config.write_text(printed.stdout)
    checked = CliRunner().invoke(main, ["--config", str(config), "check"])
    assert checked.exit_code == 0, checked.stderr
    ((name, app),) = load(config, {}).apps.items()
    assert name == container.lower().replace(".", "-")
    assert app.spec == world.engine.examine(container, name, image).spec
    assert app.spec.environment == (("A", "no"), ("PASSWORD", "canary-5e"))
    assert (app.image.name, app.adopt) == (image.name, container)
    assert world.api.inspect_container(container) == before


@pytest.mark.lab
def test_what_cannot_be_kept_is_told_on_stderr_and_as_a_comment(container: str) -> None:
    printed = adopt(container)
    assert f"# not kept: {LOST}\n" in printed.stdout
    assert f"warning: not kept: {LOST}\n" in printed.stderr
    assert "canary" not in printed.stderr


@pytest.mark.lab
def test_json_says_the_same(container: str, image: Image) -> None:
    document = json.loads(adopt(container, "--json").stdout)
    assert document["config"] == yaml.safe_load(adopt(container).stdout)
    assert (document["image"], document["digest"]) == (image.name, image.digest)
    assert (document["container"]["name"], document["container"]["running"]) == (container, True)
    assert LOST in document["warnings"]


@pytest.mark.lab
def test_a_container_that_is_not_there_is_named(world: DockerWorld) -> None:
    result = adopt(f"{world.app}-gone")
    assert result.exit_code == 1
    assert f"there is no container {world.app}-gone. `docker ps --all`" in result.stderr


@pytest.mark.lab
def test_what_could_not_be_made_again_is_refused_with_the_reason(
    world: DockerWorld, image: Image
) -> None:
    name = f"{world.app}-task"
    world.stranger(name, image, "--label", "com.docker.swarm.task.id=x")
    result = adopt(name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"cannot adopt {name}: it is a task of a Swarm service" in result.stderr


def test_without_docker_it_says_so_and_what_to_do() -> None:
    result = adopt("shop", docker="tcp://127.0.0.1:1")
    assert result.exit_code == 1
    assert "Docker is unavailable, it refuses connections. Start Docker" in result.stderr


@pytest.mark.lab
def test_the_command_of_the_page_writes_a_configuration(
    world: DockerWorld, image: Image, container: str
) -> None:
    """docs/adopt.md: `deployer adopt shop > shop.yml`, and warnings stay out of the file."""
    command = block("adopt", ADOPT).split()
    assert command == ["deployer", "adopt", "shop", ">", "shop.yml"]
    assert "warning" not in adopt(container).stdout
    assert set(yaml.safe_load(adopt(container).stdout)) == {"apps"}


REASONS = re.findall(r"^\| `([^`]+)` \|", ADOPT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_explains_reasons_that_deployer_gives() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deployer").rglob("*.py"))
    # Strings that stand in several pieces are one text to a reader.
    words = re.sub(r'"\s*f?"', "", code)
    assert len(REASONS) > 5
    assert [one for one in REASONS if one not in words] == []
