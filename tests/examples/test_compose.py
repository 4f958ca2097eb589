"""examples/compose by its README: everything in containers, from an empty machine to hello v2."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
import requests

from tests.docs import block
from tests.lab import image
from tests.lab.compose import EXAMPLE, IMAGE, Stack
from tests.lab.errors import LabError
from tests.lab.hello import build_hello
from tests.lab.images import NGINX, PYTHON, ensure_base_images
from tests.lab.registry import Registry, shared_registry
from tests.lab.shell import run, wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]

README = EXAMPLE / "README.md"
APP, RECEIVER = "hello.example.com", "deployer.example.com"
USER = "10001"
STOPPED_AT_ONCE = 20.0
"""Docker kills after 40 s; a second is what it takes on a machine with nothing else to do."""


@dataclass(frozen=True)
class Example:
    """The running example, and where its app is pushed to."""

    stack: Stack
    registry: Registry
    repository: str

    def push(self, version: str) -> None:
        build_hello(self.repository, "latest", version, self.registry)

    def deploy(self, version: str) -> None:
        """Push it, post the webhook, and wait until Nginx answers with it."""
        self.push(version)
        answer = self.stack.pushed(RECEIVER, self.repository, "latest")
        assert (answer.status_code, answer.json()["result"]) == (202, "accepted"), answer.text
        wait_until(lambda: self.version() == version, f"{version} through Nginx", limit=60)

    def version(self) -> str:
        """What Nginx serves now; "" for no app."""
        try:
            answer = self.stack.ask(APP, "/greeting")
        except requests.ConnectionError:
            return ""
        return answer.headers.get("X-Version", "") if answer.ok else ""

    def forget(self) -> None:
        """Remove what was pushed and pulled."""
        pulled = f"{self.registry.address}/{self.repository}"
        shown = "{{.Repository}}@{{.Digest}}"
        for name in run(["docker", "images", "--digests", "--format", shown, pulled]).split():
            run(["docker", "rmi", name])
        for tag in self.registry.tags(self.repository):
            digest = self.registry.digest_of(self.repository, tag)
            self.registry.delete(self.repository, digest)


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    ensure_base_images([NGINX, PYTHON])
    registry = shared_registry()
    image.build(IMAGE)
    name = f"compose-{secrets.token_hex(3)}"
    with folder(name) as path:
        stack = Stack(path, name)
        made = Example(stack, registry, f"{name}/hello")
        stack.configure(
            **{
                "docker.io/acme/hello": f"{registry.address}/{made.repository}",
                "  dockerhub:\n": f"  dockerhub:\n    registry: {registry.address}\n",
                "apps:\n": "deploy: {watch: 1s}\n\napps:\n",
            }
        )
        try:
            made.push("v1")
            for part in ("prepare", "start"):
                stack.shell(_here(block(part, README)))
            wait_until(lambda: made.version() == "v1", "v1 through Nginx", limit=60)
            yield made
        finally:
            stack.clean()
            made.forget()


def _here(text: str) -> str:
    """What is built already, in a folder that is a copy."""
    return text.replace("make image\n", "").replace("cd examples/compose\n", "")


def test_a_push_and_its_webhook_through_nginx_put_the_next_version_live(example: Example) -> None:
    example.deploy("v2")
    wait_until(
        lambda: "succeeded" in example.stack.inside("worker", "deployer", "history", "hello"),
        "the end of the deployment",
    )
    assert example.version() == "v2"


def test_the_receiver_finds_no_socket_and_is_not_root(example: Example) -> None:
    stack = example.stack
    with pytest.raises(LabError, match="No such file"):
        stack.inside("receiver", "ls", "/var/run/docker.sock")
    status = stack.inside("receiver", "sh", "-c", "cat /proc/[0-9]*/status")
    lines = [line.split() for line in status.splitlines()]
    assert {one for key, *ids in lines if key in ("Uid:", "Gid:") for one in ids} == {USER}
    granted = {value for key, value, *_ in lines if key in ("CapEff:", "CapPrm:", "CapBnd:")}
    assert {int(one, 16) for one in granted} == {0}
    assert {value for key, value, *_ in lines if key == "NoNewPrivs:"} == {"1"}


@pytest.mark.parametrize("service", ["receiver", "worker"])
def test_the_root_file_system_is_read_only(example: Example, service: str) -> None:
    with pytest.raises(LabError, match="Read-only file system"):
        example.stack.inside(service, "touch", "/opt/deployer/new")


def test_the_receiver_may_read_neither_the_workers_key_nor_change_what_nginx_reads(
    example: Example,
) -> None:
    stack = example.stack
    with pytest.raises(LabError, match="Permission denied"):
        stack.inside("receiver", "cat", str(stack.state / "worker" / "release.key"))
    with pytest.raises(LabError, match="Permission denied"):
        stack.inside("receiver", "touch", str(stack.state / "nginx" / "new"))


def test_docker_sees_that_both_are_healthy_and_then_the_doctor_finds_nothing(
    example: Example,
) -> None:
    for service in ("receiver", "worker"):
        wait_until(partial(_is_healthy, example, service), f"the health of {service}")
    assert "hello" in example.stack.shell(block("look", README))


def _is_healthy(example: Example, service: str) -> bool:
    shown = ["--format", "{{.State.Health.Status}}"]
    said = run(["docker", "inspect", *shown, example.stack.container(service)])
    return said.strip() == "healthy"


@pytest.mark.parametrize("service", ["receiver", "worker"])
def test_docker_stop_ends_it_at_once_with_exit_code_0(example: Example, service: str) -> None:
    container = example.stack.container(service)
    begun = time.monotonic()
    run(["docker", "stop", container])
    took = time.monotonic() - begun
    code = run(["docker", "inspect", "--format", "{{.State.ExitCode}}", container]).strip()
    run(["docker", "start", container])
    assert code == "0"
    assert took < STOPPED_AT_ONCE


def test_the_app_is_served_while_receiver_and_worker_are_away_and_they_take_up_again(
    example: Example,
) -> None:
    stack, serves = example.stack, example.version()
    stack.shell(block("restart", README))
    stack.shell(block("down", README))
    assert example.version() == serves
    stack.shell(block("start", README))
    wait_until(lambda: stack.ask(RECEIVER, "/readyz").ok, "the receiver through Nginx")
    example.deploy("v1" if serves == "v2" else "v2")


def test_what_is_removed_in_the_end_is_all_of_it(example: Example) -> None:
    """Last: the fixture's own clean-up finds nothing then."""
    stack = example.stack
    stack.shell(block("down", README) + block("remove", README))
    left = run(["docker", "ps", "--all", "--format", "{{.Names}} {{.Image}}"])
    assert stack.environment["COMPOSE_PROJECT_NAME"] not in left
