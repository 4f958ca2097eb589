"""What every Registry of ports.py does."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from deployer.errors import ImageNotFound, RegistryDenied, RegistryUnavailable
from deployer.model import Image
from deployer.ports import Registry


class RegistryWorld(Protocol):
    """A registry to be asked, and the ways to change what it says."""

    @property
    def registry(self) -> Registry:
        """The registry under test."""
        ...

    def push(self, tag: str) -> Image:
        """Give a tag of one repository a new image; with its digest."""
        ...

    def deny(self) -> None:
        """Make the registry refuse the login it is given."""
        ...

    def stop(self) -> None:
        """Make the registry unreachable."""
        ...


class RegistryContract:
    """Subclasses give the fixture `world`."""

    def test_a_tag_resolves_to_the_digest_that_was_pushed(self, world: RegistryWorld) -> None:
        pushed = world.push("v1")
        assert world.registry.resolve(replace(pushed, digest="")) == pushed

    def test_a_moved_tag_resolves_to_the_newer_digest(self, world: RegistryWorld) -> None:
        old = world.push("v1")
        new = world.push("v1")
        assert old.digest != new.digest
        assert world.registry.resolve(replace(old, digest="")) == new

    def test_a_glance_shows_the_digest_of_the_tag_as_it_is_now(self, world: RegistryWorld) -> None:
        for _ in range(2):
            pushed = world.push("v1")
            assert world.registry.glance(replace(pushed, digest="")) == pushed.digest

    def test_a_glance_at_what_cannot_be_seen_shows_nothing(self, world: RegistryWorld) -> None:
        pushed = world.push("v1")
        assert world.registry.glance(replace(pushed, digest="", tag="none")) == ""
        world.stop()
        assert world.registry.glance(replace(pushed, digest="")) == ""

    def test_all_tags_of_the_repository_are_listed(self, world: RegistryWorld) -> None:
        pushed = [world.push(tag) for tag in ("v1", "v1.10.0", "latest")]
        world.push("v1")
        assert sorted(world.registry.tags(replace(pushed[0], tag="", digest=""))) == [
            "latest",
            "v1",
            "v1.10.0",
        ]

    def test_a_list_that_cannot_be_had_is_an_error_and_no_empty_list(
        self, world: RegistryWorld
    ) -> None:
        image = replace(world.push("v1"), tag="", digest="")
        with pytest.raises(ImageNotFound, match="does not have it"):
            world.registry.tags(replace(image, repository="nobody/nothing"))
        world.deny()
        with pytest.raises(RegistryDenied):
            world.registry.tags(image)
        world.stop()
        with pytest.raises(RegistryUnavailable) as caught:
            world.registry.tags(image)
        assert caught.value.retry

    def test_a_digest_resolves_to_itself(self, world: RegistryWorld) -> None:
        old = world.push("v1")
        world.push("v1")
        assert world.registry.resolve(old) == old

    def test_what_was_never_pushed_is_not_found(self, world: RegistryWorld) -> None:
        pushed = world.push("v1")
        for absent in (
            replace(pushed, digest="", tag="none"),
            replace(pushed, digest="", repository="nobody/nothing"),
            replace(pushed, digest=f"sha256:{0:064}"),
        ):
            with pytest.raises(ImageNotFound, match="does not have it"):
                world.registry.resolve(absent)

    def test_a_refused_login_is_denied_and_no_reason_to_retry(self, world: RegistryWorld) -> None:
        pushed = world.push("v1")
        world.deny()
        with pytest.raises(RegistryDenied) as caught:
            world.registry.resolve(replace(pushed, digest=""))
        assert not caught.value.retry

    def test_an_unreachable_registry_is_unavailable_and_may_be_retried(
        self, world: RegistryWorld
    ) -> None:
        pushed = world.push("v1")
        world.stop()
        with pytest.raises(RegistryUnavailable) as caught:
            world.registry.resolve(replace(pushed, digest=""))
        assert caught.value.retry
