"""One delivery may bring several pushes: of several versions the newest is deployed."""

from __future__ import annotations

from pathlib import Path

from deployer.deployment import Trigger, Wanted
from deployer.model import Image, Push
from deployer.policy import Selector
from deployer.web.matching import matched
from tests.world import app, small_world

SHOP = Image("docker.io", "acme/shop")
APPS = {"web": Selector(SHOP, ("latest", "semver:^1.4"))}


def test_each_push_is_judged_beside_those_before_it_and_what_waits(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:

        def chosen(*tags: str) -> list[str]:
            pushes = [Push(Image("docker.io", "acme/shop", tag)) for tag in tags]
            found = matched(pushes, APPS, world.store)
            return [push.image.tag for push, meant in found if meant.apps]

        assert chosen("1.4.0", "1.5.0", "1.4.9", "latest", "2.0.0") == ["1.4.0", "1.5.0", "latest"]
        world.store.enqueue(Wanted("web", Trigger.WEBHOOK, tag="1.5.0"), 1.0)
        world.store.enqueue(Wanted("other", Trigger.WEBHOOK, tag="1.9.0"), 1.0)
        assert chosen("1.4.9", "1.5.0", "1.6.0") == ["1.5.0", "1.6.0"]
        world.store.claim(2.0)
        assert chosen("1.4.9") == []


def test_what_serves_counts_and_another_tag_than_a_version_does_not(tmp_path: Path) -> None:
    with small_world(tmp_path, app(tags=("latest", "semver:^1.4"))) as world:

        def is_chosen(tag: str) -> bool:
            ((_, meant),) = matched([Push(Image("docker.io", "acme/shop", tag))], APPS, world.store)
            return bool(meant.apps)

        for tag in ("1.5.0", "latest"):
            world.push(tag=tag)
            world.deploy(Wanted("web", Trigger.WEBHOOK, tag=tag))
            assert is_chosen("1.5.0")
            assert is_chosen("1.4.9") == (tag == "latest")
