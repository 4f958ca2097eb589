"""Which tag is deployed: the one that was named, else what the app's policy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.choosing import asked_for, newest
from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import ImageNotFound, Refused, RegistryUnavailable
from deployer.model import Image
from deployer.rollout import Rollout
from deployer.turns import bootstrap, waits
from tests.world import World, app, must, small_world

DIGEST = f"sha256:{'d' * 64}"
RANGE = ("semver:^1.4",)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A registry with some versions of the image of `web`, which is to serve the newest 1.x."""
    with small_world(tmp_path, app(tags=RANGE)) as made:
        for tag in ("1.4.0", "v1.10.0", "1.9.0", "2.0.0", "1.11.0-rc.1", "latest"):
            made.push(tag=tag)
        yield made


def asked(world: World, *tags: str, tag: str = "", digest: str = "") -> Image:
    wanted = replace(world.parts.apps["web"], tags=tags)
    return asked_for(wanted, tag, digest, world.store, world.registry)


def pushed(world: World, tag: str) -> Deployment:
    """What becomes of a push of a tag that the receiver has let in."""
    return world.deploy(Wanted("web", Trigger.WEBHOOK, tag=tag))


@pytest.mark.parametrize(
    ("tag", "digest", "expected"),
    [
        ("", "", ("latest", "")),
        ("next", "", ("next", "")),
        ("", DIGEST, ("", DIGEST)),
        ("next", DIGEST, ("next", DIGEST)),
    ],
)
def test_a_deployment_asks_for_its_tag_or_digest_or_the_first_tag(
    world: World, tag: str, digest: str, expected: tuple[str, str]
) -> None:
    image = asked(world, "latest", "next", tag=tag, digest=digest)
    assert image == replace(app().image, tag=expected[0], digest=expected[1])
    assert world.registry.listed == []


@pytest.mark.parametrize(("tag", "digest"), [("evil", ""), ("evil", DIGEST), ("", "sha256:")])
def test_anything_else_is_refused(world: World, tag: str, digest: str) -> None:
    with pytest.raises(Refused):
        asked(world, "latest", "semver:*", tag=tag, digest=digest)


def test_a_tag_that_a_pattern_lets_in_can_be_named(world: World) -> None:
    assert asked(world, "glob:v*", tag="v1").tag == "v1"
    assert asked(world, *RANGE, tag="1.4.0").tag == "1.4.0"


def test_a_range_that_comes_first_means_its_newest_version(world: World) -> None:
    assert asked(world, "glob:v*", *RANGE, "latest").tag == "v1.10.0"


def test_a_range_without_a_version_in_the_registry_is_an_image_that_is_not_there(
    world: World,
) -> None:
    with pytest.raises(ImageNotFound, match=r"in semver:\^3\. Push one"):
        newest(replace(world.parts.apps["web"], tags=("semver:^3",)), world.registry)


def test_other_patterns_mean_the_tag_that_was_deployed_last_or_say_that_one_is_needed(
    world: World,
) -> None:
    with pytest.raises(Refused, match=r"glob:v\* can be any of many\. Push one"):
        asked(world, "glob:v*")
    world.change(tags=("glob:v*",))
    pushed(world, "v1.10.0")
    assert asked(world, "glob:v*").tag == "v1.10.0"


class TestFirst:
    """What an app that has never run is started from."""

    def test_by_a_range_it_is_the_newest_version(self, world: World) -> None:
        bootstrap(world.store, world.parts.apps, 1.0)
        rollout = Rollout(world.parts, must(world.store.claim(1.0)))
        assert rollout.run().status is Status.SUCCEEDED
        assert rollout.deployment.tag == "v1.10.0"
        said = [one.message for one in world.store.transitions(rollout.deployment.id)]
        assert "asking the registry for the newest of docker.io/acme/web" in said

    def test_a_list_that_cannot_be_had_for_a_moment_is_asked_for_again(self, world: World) -> None:
        error = world.registry.error = RegistryUnavailable("down")

        def once() -> None:
            world.registry.error = None if len(world.registry.listed) > 1 else error

        world.registry.meanwhile = once
        bootstrap(world.store, world.parts.apps, 1.0)
        rollout = Rollout(world.parts, must(world.store.claim(1.0)))
        assert rollout.run().tag == "v1.10.0"

    def test_by_other_patterns_nothing_is_before_a_push_and_status_says_so(
        self, world: World
    ) -> None:
        world.change(tags=("glob:v*", "regex:main-[0-9]+"))
        bootstrap(world.store, world.parts.apps, 1.0)
        assert world.store.deployments("web") == []
        (waiting,) = waits(world.store, world.parts.apps)
        assert waiting == {
            "app": "web",
            "since": None,
            "reason": "waits for its first push: glob:v*, regex:main-[0-9]+ can be any of many "
            "tags. To deploy one that is there already: deployer deploy web --tag TAG",
        }
        world.store.show({"at": 1.0, "waits": [waiting]})
        assert world.store.snapshot()["waits"] == [waiting]
        pushed(world, "v1.10.0")
        assert waits(world.store, world.parts.apps) == []

    def test_one_that_serves_no_more_is_started_from_the_tag_that_it_had(
        self, world: World
    ) -> None:
        world.change(tags=("glob:v*",))
        pushed(world, "v1.10.0")
        world.store.deactivate("web")
        bootstrap(world.store, world.parts.apps, 1.0)
        rollout = Rollout(world.parts, must(world.store.claim(1.0)))
        assert rollout.run().tag == "v1.10.0"


class TestOlder:
    """By a range only the newest is deployed, also when two pushes came at the same moment."""

    def test_an_older_version_than_the_one_that_serves_is_refused(self, world: World) -> None:
        pushed(world, "1.9.0")
        older = pushed(world, "1.4.0")
        assert older.status is Status.REFUSED
        assert older.reason == (
            "1.4.0 is an older version than 1.9.0, which serves. To go back to it: "
            "deployer deploy web --tag 1.4.0"
        )
        assert pushed(world, "v1.10.0").status is Status.SUCCEEDED

    def test_the_same_version_with_a_new_digest_is_deployed(self, world: World) -> None:
        pushed(world, "1.9.0")
        again = world.push(tag="1.9.0")
        ended = pushed(world, "1.9.0")
        assert (ended.status, ended.digest) == (Status.SUCCEEDED, again.digest)

    def test_an_operator_may_go_back(self, world: World) -> None:
        pushed(world, "1.9.0")
        back = world.deploy(Wanted("web", Trigger.OPERATOR, tag="1.4.0"))
        assert (back.status, back.tag) == (Status.SUCCEEDED, "1.4.0")
        forth = world.deploy(Wanted("web", Trigger.ROLLBACK, tag="1.9.0", release=1))
        assert forth.status is Status.SUCCEEDED

    def test_what_a_range_lets_in_no_more_is_no_version_to_be_older_than(
        self, world: World
    ) -> None:
        pushed(world, "1.9.0")
        world.change(tags=("semver:~1.4",))
        assert pushed(world, "1.4.0").status is Status.SUCCEEDED
