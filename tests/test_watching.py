"""What changes in Docker by itself wakes the worker; what is there says only the list."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import structlog

from deployer.errors import EngineUnavailable
from deployer.model import Image, Release, Running
from deployer.spec import Spec
from deployer.watching import Watching
from tests.fakes.engine import FakeEngine
from tests.fakes.registry import FakeRegistry
from tests.test_worker import eventually

AWAY = EngineUnavailable("Docker is away. Start it")


@dataclass
class Scene:
    """An engine with a replica, and when a change of it was told."""

    engine: FakeEngine
    told: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)

    def change(self) -> None:
        """Let the replica end and come back."""
        (one,) = self.engine.replicas()
        self.engine.change(one, Running.EXITED)
        self.engine.change(one, Running.RUNNING)

    def until_told(self) -> None:
        """Change, and wait until that is noticed."""
        before = len(self.told)
        self.change()
        eventually(lambda: len(self.told) > before)

    @contextmanager
    def followed(self, together: float = 0.0) -> Iterator[None]:
        """The events are followed until the end of the block; it has begun when this begins."""
        stop = threading.Event()
        told, lost = self.told, self.lost
        watching = Watching(
            self.engine,
            lambda: told.append(time.monotonic()),
            together,
            0.01,
            lambda: lost.append(time.monotonic()),
        )
        thread = threading.Thread(target=watching.run, args=(stop,))
        thread.start()
        try:
            eventually(lambda: told)
            yield
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def scene() -> Scene:
    registry = FakeRegistry()
    image, engine = registry.push(Image("docker.io", "acme/web", "latest")), FakeEngine(registry)
    engine.pull(image, stall=1, timeout=1, stopping=lambda: None)
    engine.start(Release("web", 1, image, Spec()), 1)
    return Scene(engine)


def test_where_it_begins_to_listen_what_came_before_is_looked_for(scene: Scene) -> None:
    with scene.followed():
        assert len(scene.told) == 1


def test_each_change_is_told(scene: Scene) -> None:
    with scene.followed():
        scene.until_told()
        scene.until_told()


def test_changes_that_come_together_are_told_together(scene: Scene) -> None:
    with scene.followed(together=0.2):
        scene.until_told()
        eventually(lambda: time.monotonic() - scene.told[-1] > 0.5)
        before = len(scene.told)
        for _ in range(20):
            scene.change()
        eventually(lambda: len(scene.told) > before)
        eventually(lambda: time.monotonic() - scene.told[-1] > 0.5)
        assert 1 <= len(scene.told) - before <= 2


def test_where_docker_was_away_it_is_quiet_and_what_was_missed_is_looked_for(scene: Scene) -> None:
    for _ in range(3):
        scene.engine.fail("wait_for_change", AWAY)
    with structlog.testing.capture_logs() as logs, scene.followed():
        scene.until_told()
    assert {line["log_level"] for line in logs} == {"debug"}
    assert len(scene.lost) == 3


def test_a_connection_that_docker_has_ended_is_told_as_well(scene: Scene) -> None:
    """Before Docker is back: what it has ended itself is known by that."""
    scene.engine.end_events()
    with scene.followed():
        eventually(lambda: scene.lost)
        scene.until_told()
    assert len(scene.lost) == 1
