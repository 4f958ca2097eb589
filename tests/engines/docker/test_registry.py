"""Docker asks a real registry with logins, and says what is wrong."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployer.engines.docker.client import Clients
from deployer.engines.docker.registry import DockerRegistry, check_platform
from deployer.errors import EngineUnavailable, ImageNotFound, RegistryDenied, RegistryUnavailable
from deployer.model import Image
from deployer.ports import Login
from deployer.registries.listing import Listing
from tests.contracts.engine import go_on
from tests.contracts.registry import RegistryContract
from tests.engines.docker.bad_registry import BadRegistry
from tests.engines.docker.world import DockerWorld, no_login
from tests.fakes.registry import Behaviour
from tests.lab.ports import free_port
from tests.lab.registry import Registry

RIGHT = Login("bob", "s3cret-canary")


class PrivateWorld:
    """A registry that wants a login."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.login: Login | None = RIGHT
        self._lab = Registry(free_port(), folder, users={RIGHT.username: RIGHT.password})
        stack.enter_context(self._lab)
        self.docker = stack.enter_context(DockerWorld(self._lab, lambda host: self.login))
        self.registry = self.docker.registry

    def push(self, tag: str) -> Image:
        return self.docker.push(Behaviour.ANSWERS, tag)

    def deny(self) -> None:
        self.login = Login(RIGHT.username, "wrong")

    def stop(self) -> None:
        self._lab.stop()


@pytest.fixture
def private(tmp_path: Path, lab_registry: Registry) -> Iterator[PrivateWorld]:
    with ExitStack() as stack:
        yield PrivateWorld(tmp_path, stack)


@pytest.mark.lab
class TestDockerRegistry(RegistryContract):
    @pytest.fixture
    def world(self, private: PrivateWorld) -> PrivateWorld:
        return private


@pytest.mark.lab
def test_a_pull_takes_the_login_of_the_moment_and_never_shows_it(private: PrivateWorld) -> None:
    image = private.push("v1")
    for wrong in (None, Login(RIGHT.username, "wrong-canary")):
        private.login = wrong
        with pytest.raises(RegistryDenied) as caught:
            private.docker.engine.pull(image, stall=10, timeout=20, stopping=go_on)
        assert "canary" not in str(caught.value) + caught.value.detail
    private.login = RIGHT
    private.docker.engine.pull(image, stall=10, timeout=20, stopping=go_on)
    assert private.docker.engine.has(image)


@pytest.mark.lab
def test_an_image_for_another_platform_is_not_found(world: DockerWorld) -> None:
    with BadRegistry("fine", f"bad/{secrets.token_hex(4)}", architecture="s390x") as bad:
        tagged = Image(bad.image.host, bad.image.repository, "v1")
        with pytest.raises(ImageNotFound, match="for linux/s390x and Docker runs on linux/"):
            world.registry.resolve(tagged)


def test_without_docker_no_registry_is_blamed() -> None:
    registry = DockerRegistry(Clients("tcp://127.0.0.1:1"), no_login, listing=Listing(no_login))
    with pytest.raises(EngineUnavailable):
        registry.resolve(Image("127.0.0.1:5001", "acme/shop", "v1"))


ATTESTATION = {"os": "unknown", "architecture": "unknown"}
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64", "variant": "v8"}
I386 = {"os": "linux", "architecture": "386"}
WINDOWS = {"os": "windows", "architecture": "amd64"}


@pytest.mark.parametrize(
    "platforms",
    [[], [{}], [ATTESTATION], [AMD64], [AMD64, ATTESTATION], [ARM64, AMD64], [I386]],
)
def test_a_platform_that_fits_or_none_that_is_known_will_do(
    platforms: list[dict[str, str]],
) -> None:
    check_platform(Image("docker.io", "acme/shop", "v1"), platforms, "linux", "amd64")


@pytest.mark.parametrize("platforms", [[ARM64], [ARM64, ATTESTATION], [WINDOWS]])
def test_only_other_platforms_are_named_in_the_error(platforms: list[dict[str, str]]) -> None:
    with pytest.raises(ImageNotFound) as caught:
        check_platform(Image("docker.io", "acme/shop", "v1"), platforms, "linux", "amd64")
    assert f"{platforms[0]['os']}/{platforms[0]['architecture']}" in str(caught.value)
    assert "unknown" not in str(caught.value)


@pytest.mark.lab
def test_a_registry_that_says_nothing_is_given_up_and_docker_is_not_blamed(
    lab_registry: Registry,
) -> None:
    with (
        BadRegistry("hang-manifest", "bad/silent") as bad,
        DockerWorld(lab_registry) as world,
        pytest.raises(RegistryUnavailable, match=r"did not answer within 1 s\. Look"),
    ):
        hasty = DockerRegistry(world.clients, no_login, limit=1, listing=Listing(no_login))
        hasty.resolve(bad.image)
