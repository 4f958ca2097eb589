"""Each app's tag compared with what serves, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import structlog

from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import ImageNotFound, RateLimited, RegistryUnavailable
from deployer.model import Image
from deployer.ports import Active
from deployer.reconcile import Reconciler
from deployer.rollout import Rollout
from tests.fakes.registry import Behaviour
from tests.world import World, app, must, small_world

DOWN = RegistryUnavailable("the registry is down. Look")


@dataclass
class Scene:
    """A world, and the looks at its tags; `time` is what all clocks show."""

    world: World
    time: float = 1000.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What a worker that starts now does first."""
        self.tags = self.fresh()
        self.tags.begin()
        self.tags.turn()

    def fresh(self) -> Reconciler:
        """The looks of a worker that starts now."""
        return Reconciler(
            lambda: self.world.parts.apps,
            self.world.store,
            self.world.registry,
            now=self._clock,
            clock=self._clock,
            between=lambda low, high: high,
        )

    def _clock(self) -> float:
        return self.time

    def look(self, times: int = 1) -> Deployment | None:
        """Look at every app so often, an interval apart; the newest deployment of `web`."""
        for _ in range(times):
            self.time += 12.0
            for _ in self.world.parts.apps:
                self.tags.turn()
        return self.newest()

    def newest(self, name: str = "web") -> Deployment | None:
        return next(iter(self.world.store.deployments(name, limit=1)), None)

    def run(self) -> Deployment:
        """Take what is queued to its end."""
        rollout = Rollout(self.world.parts, must(self.world.store.claim(self.time)))
        rollout.run()
        rollout.clean_up()
        return self.world.stored(rollout.deployment.id)

    def result(self, name: str = "web") -> tuple[str, str]:
        seen = self.tags.shown()["apps"][name]
        return seen["result"], seen["digest"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The app `web` serves what its tag means; looks are ten seconds apart."""
    with small_world(tmp_path, app(reconcile=10.0)) as world:
        world.push()
        world.deploy()
        one = Scene(world)
        one.look()
        yield one


def test_a_tag_that_means_what_serves_queues_nothing_and_is_told(scene: Scene) -> None:
    assert must(scene.look()).trigger is Trigger.WEBHOOK
    assert scene.result()[0] == "same"


def test_a_push_that_nobody_told_of_is_deployed_at_the_next_look(scene: Scene) -> None:
    image = scene.world.push()
    queued = must(scene.look())
    assert (queued.trigger, queued.tag, queued.status) == (
        Trigger.RECONCILE,
        "latest",
        Status.QUEUED,
    )
    assert scene.result() == ("moved", image.digest)
    assert scene.run().digest == image.digest
    scene.look()
    assert scene.result() == ("same", image.digest)


def test_a_digest_that_fails_is_tried_once(scene: Scene) -> None:
    scene.world.push(Behaviour.EXITS)
    scene.look()
    failed = scene.run()
    assert failed.status is Status.FAILED
    with structlog.testing.capture_logs() as logs:
        assert must(scene.look(5)).id == failed.id
    assert scene.result()[0] == "held"
    assert [line["event"] for line in logs] == ["tag is not deployed"]


def test_after_a_failure_the_next_digest_is_tried(scene: Scene) -> None:
    scene.world.push(Behaviour.EXITS)
    scene.look()
    scene.run()
    scene.look()
    good = scene.world.push()
    scene.look()
    ended = scene.run()
    assert (ended.status, ended.digest) == (Status.SUCCEEDED, good.digest)


def test_a_rollback_is_not_undone_before_the_tag_moves_also_after_a_restart(scene: Scene) -> None:
    scene.world.push()
    scene.look()
    scene.run()
    back = scene.world.deploy(Wanted("web", Trigger.ROLLBACK, tag="latest", release=1))
    assert back.status is Status.SUCCEEDED
    assert must(scene.look(3)).id == back.id
    scene.world.store.show({"at": scene.time, "reconcile": scene.tags.shown()})
    scene.restart()
    assert must(scene.look(2)).id == back.id


def test_what_was_pushed_since_a_rollback_is_deployed_also_after_a_restart(scene: Scene) -> None:
    """The snapshot has what the tag meant before."""
    scene.world.deploy(Wanted("web", Trigger.ROLLBACK, tag="latest", release=1))
    scene.look()
    scene.world.store.show({"at": scene.time, "reconcile": scene.tags.shown()})
    scene.world.push()
    scene.restart()
    assert must(scene.look()).trigger is Trigger.RECONCILE


def test_the_tag_that_was_deployed_last_is_followed(scene: Scene) -> None:
    """A webhook for `next` must not be undone because `latest` comes first."""
    scene.world.push(tag="next")
    scene.world.deploy(Wanted("web", Trigger.WEBHOOK, tag="next"))
    assert must(scene.look(3)).tag == "next"
    scene.world.push()
    assert must(scene.look(3)).trigger is Trigger.WEBHOOK
    scene.world.push(tag="next")
    assert (must(scene.look()).trigger, must(scene.newest()).tag) == (Trigger.RECONCILE, "next")


def test_while_one_is_queued_or_runs_the_registry_is_not_asked(scene: Scene) -> None:
    scene.world.push()
    scene.world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
    asked = len(scene.world.registry.asked)
    scene.look(3)
    must(scene.world.store.claim(1.0))
    scene.look(3)
    assert len(scene.world.registry.asked) == asked


def test_what_is_known_already_costs_no_look_at_a_manifest(scene: Scene) -> None:
    """Only such a look counts as a pull; what is held counts as known as well."""
    asked = scene.world.registry.asked
    asked.clear()
    scene.look(3)
    assert asked == []
    scene.world.push(Behaviour.EXITS)
    scene.look()
    scene.run()
    asked.clear()
    scene.look(3)
    assert (asked, scene.result()[0]) == ([], "held")


def test_what_is_queued_while_the_registry_answers_is_not_superseded(scene: Scene) -> None:
    scene.world.push()
    scene.world.registry.meanwhile = lambda: scene.world.store.enqueue(
        Wanted("web", Trigger.WEBHOOK, tag="next"), 1.0
    )
    queued = must(scene.look())
    assert (queued.trigger, queued.status) == (Trigger.WEBHOOK, Status.QUEUED)


class TestPatterns:
    """What an app is deployed from by a pattern is followed, and of a range what is newer."""

    @pytest.fixture
    def scene(self, tmp_path: Path) -> Iterator[Scene]:
        """The app `web` serves 1.4.1, the newest of its range."""
        with small_world(tmp_path, app(tags=("semver:^1.4",), reconcile=10.0)) as world:
            for tag in ("1.4.0", "1.4.1", "2.0.0", "latest"):
                world.push(tag=tag)
            world.deploy(Wanted("web", Trigger.WEBHOOK, tag="1.4.1"))
            one = Scene(world)
            one.look()
            yield one

    def test_the_newest_version_that_nobody_told_of_is_deployed(self, scene: Scene) -> None:
        assert scene.result()[0] == "same"
        scene.world.push(tag="1.4.2")
        newest = scene.world.push(tag="1.10.0")
        queued = must(scene.look())
        assert (queued.trigger, queued.tag) == (Trigger.RECONCILE, "1.10.0")
        assert scene.run().digest == newest.digest
        scene.look()
        assert scene.result() == ("same", newest.digest)

    def test_the_digest_of_what_serves_may_move(self, scene: Scene) -> None:
        again = scene.world.push(tag="1.4.1")
        queued = must(scene.look())
        assert (queued.trigger, queued.tag) == (Trigger.RECONCILE, "1.4.1")
        assert scene.run().digest == again.digest

    def test_an_older_or_foreign_version_is_no_news(self, scene: Scene) -> None:
        for tag in ("1.4.0", "2.1.0", "1.5.0-rc.1", f"sha256-{'0' * 64}.sig", "1.5"):
            scene.world.push(tag=tag)
        assert must(scene.look(3)).trigger is Trigger.WEBHOOK

    def test_a_rollback_stays_until_a_newer_version_comes_also_after_a_restart(
        self, scene: Scene
    ) -> None:
        scene.world.push(tag="1.4.2")
        scene.look()
        assert scene.run().tag == "1.4.2"
        back = scene.world.deploy(Wanted("web", Trigger.ROLLBACK, tag="1.4.1", release=1))
        assert must(scene.look(3)).id == back.id
        scene.world.store.show({"at": scene.time, "reconcile": scene.tags.shown()})
        scene.restart()
        assert must(scene.look(2)).id == back.id
        scene.world.push(tag="1.4.3")
        assert must(scene.look()).tag == "1.4.3"

    def test_an_operator_s_older_version_stays_until_a_newer_one_comes(self, scene: Scene) -> None:
        chosen = scene.world.deploy(Wanted("web", Trigger.OPERATOR, tag="1.4.0"))
        assert chosen.status is Status.SUCCEEDED
        assert must(scene.look(3)).id == chosen.id
        scene.world.push(tag="1.4.2")
        assert must(scene.look()).tag == "1.4.2"

    def test_a_version_that_fails_is_tried_once_and_the_next_one_is_deployed(
        self, scene: Scene
    ) -> None:
        scene.world.push(Behaviour.EXITS, tag="1.4.2")
        scene.look()
        failed = scene.run()
        assert failed.status is Status.FAILED
        assert must(scene.look(4)).id == failed.id
        scene.world.push(tag="1.4.3")
        scene.look()
        assert scene.run().status is Status.SUCCEEDED

    def test_one_that_was_never_deployed_begins_with_the_newest(self, scene: Scene) -> None:
        other = app("api", tags=("semver:^1.4",), reconcile=10.0)
        scene.world.parts = replace(scene.world.parts, apps={"api": other})
        scene.look(4)
        assert [one["what"] for one in scene.tags.shown()["failing"]] == ["api"]
        scene.world.push(name="api", tag="1.4.0")
        scene.look(4)
        assert must(scene.newest("api")).tag == "1.4.0"

    def test_by_a_glob_the_tag_that_serves_is_followed_and_no_list_is_needed(
        self, scene: Scene
    ) -> None:
        scene.world.change(tags=("glob:1.*",))
        listed = len(scene.world.registry.listed)
        scene.world.push(tag="1.5.0")
        assert must(scene.look(3)).trigger is Trigger.WEBHOOK
        again = scene.world.push(tag="1.4.1")
        scene.look()
        assert scene.run().digest == again.digest
        assert len(scene.world.registry.listed) == listed

    def test_before_the_first_push_of_a_glob_the_registry_is_not_asked(self, scene: Scene) -> None:
        other = app("api", tags=("glob:v*",), reconcile=10.0)
        scene.world.parts = replace(scene.world.parts, apps={"api": other})
        asked = len(scene.world.registry.asked) + len(scene.world.registry.listed)
        scene.look(5)
        assert scene.newest("api") is None
        assert len(scene.world.registry.asked) + len(scene.world.registry.listed) == asked
        assert scene.tags.shown() == {"apps": {}, "failing": []}

    def test_beside_a_range_an_exact_tag_that_was_deployed_last_is_followed(
        self, scene: Scene
    ) -> None:
        scene.world.change(tags=("latest", "semver:^1.4"))
        scene.world.deploy(Wanted("web", Trigger.WEBHOOK, tag="latest"))
        scene.world.push(tag="1.4.2")
        assert must(scene.look(3)).tag == "latest"
        scene.world.push(tag="latest")
        assert must(scene.look()).trigger is Trigger.RECONCILE

    def test_a_list_that_cannot_be_had_is_told_as_a_tag_that_cannot(self, scene: Scene) -> None:
        scene.world.registry.error = DOWN
        scene.look(2)
        assert [one["what"] for one in scene.tags.shown()["failing"]] == ["registry docker.io"]


class TestFailing:
    """An error says nothing of a tag: it is told, and tried again."""

    def test_a_registry_that_is_down_is_told_since_when_and_logged_once(self, scene: Scene) -> None:
        scene.world.registry.error = DOWN
        with structlog.testing.capture_logs() as logs:
            scene.look(4)
        (failing,) = scene.tags.shown()["failing"]
        assert failing == {
            "what": "registry docker.io",
            "reason": "the registry is down. Look",
            "since": 1024.0,
        }
        assert [line["event"] for line in logs] == ["cannot compare the tag"]
        assert scene.result()[0] == "same"

    def test_when_it_answers_again_what_was_missed_is_deployed(self, scene: Scene) -> None:
        scene.world.registry.error = DOWN
        scene.world.push()
        scene.look(3)
        scene.world.registry.error = None
        with structlog.testing.capture_logs() as logs:
            assert must(scene.look(2)).trigger is Trigger.RECONCILE
        assert scene.tags.shown()["failing"] == []
        assert "tags are compared again" in [line["event"] for line in logs]

    def test_a_registry_that_was_asked_too_often_is_left_alone_for_longer(
        self, scene: Scene
    ) -> None:
        scene.world.registry.error = RateLimited("toomanyrequests")
        scene.look()
        asked = len(scene.world.registry.asked)
        scene.look(5)
        assert len(scene.world.registry.asked) == asked

    def test_an_image_that_is_not_there_is_the_app_s_own_trouble(self, scene: Scene) -> None:
        scene.world.registry.error = ImageNotFound("no such tag")
        scene.look()
        assert [one["what"] for one in scene.tags.shown()["failing"]] == ["web"]


def test_an_app_that_is_configured_no_more_is_not_shown(scene: Scene) -> None:
    scene.world.parts = replace(scene.world.parts, apps={})
    scene.look()
    assert scene.tags.shown() == {"apps": {}, "failing": []}


def test_what_serves_may_have_another_tag_of_the_same_digest(scene: Scene) -> None:
    image = scene.world.push(tag="next")
    release = scene.world.store.add_release("web", image, scene.world.parts.apps["web"].spec, 1.0)
    scene.world.store.activate(Active("web", release.number, 1))
    scene.world.registry.point(Image("docker.io", "acme/web", "latest"), image.digest)
    scene.look()
    assert scene.result()[0] == "same"


def test_an_app_whose_container_could_not_be_adopted_is_not_deployed_beside_it(
    tmp_path: Path,
) -> None:
    with small_world(tmp_path, app(adopt="shop", reconcile=10.0)) as world:
        world.push()
        scene = Scene(world)
        scene.look(3)
        assert world.store.deployments("web") == []
        assert world.registry.asked == []
