"""A worker that dies at any call of an adoption: the next one brings it to its end, once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer import adoption
from deployer.deployment import Status
from deployer.parts import Parts
from deployer.ports import Active
from deployer.spec import Spec
from tests.test_adoption import over
from tests.test_worker import eventually, serving, working
from tests.world import World, app, small_world

OLD = Spec(environment=(("OLD", "1"),), restart="always")


class Killed(BaseException):
    """What nothing catches: the end of the process."""


class Mortal:
    """A part of which each call is a moment to die at, before and after it."""

    def __init__(self, part: Any, moment: Callable[[str], None]) -> None:
        self._part, self._moment = part, moment

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._part, name)
        if not callable(call):
            return call

        def forward(*args: Any, **named: Any) -> Any:
            self._moment(f"before {name}")
            result = call(*args, **named)
            self._moment(f"after {name}")
            return result

        return forward


class Moments:
    """Counts the moments, and ends the worker at the one that was chosen."""

    def __init__(self, fatal: int) -> None:
        self.passed: list[str] = []
        self._fatal = fatal

    def __call__(self, moment: str) -> None:
        self.passed.append(moment)
        if len(self.passed) == self._fatal:
            raise Killed(moment)


def mortal(parts: Parts, moments: Moments) -> Parts:
    """The parts that an adoption calls, mortal."""
    store: Any = Mortal(parts.store, moments)
    engine: Any = Mortal(parts.engine, moments)
    return replace(parts, store=store, engine=engine)


def begun(world: World) -> None:
    """A container runs that the app adopts; a newer image is pushed."""
    world.engine.stranger("shop", world.push(tag="next"), OLD)
    world.push()


def moments_of_an_adoption(folder: Path) -> list[str]:
    """All that there are, in their order."""
    with small_world(folder, app("web", adopt="shop")) as world:
        begun(world)
        moments = Moments(0)
        adoption.adopt(mortal(world.parts, moments))
        return moments.passed


def killed(world: World, at: int) -> str:
    """Where a worker died that was to die at this moment; "" where it came to its end."""
    with suppress(Killed):
        adoption.adopt(mortal(world.parts, moments := Moments(at)))
        return ""
    return moments.passed[-1]


def assert_adopted_once(world: World) -> None:
    """What serves is the container, whatever happened on the way; nothing is there twice."""
    (row,) = world.store.adopted()
    assert world.store.active() == {"web": Active("web", 1, row.deployment)}
    assert world.releases() == [1]
    assert world.store.open_release("web", 1).spec == OLD
    statuses = [one.status for one in world.store.deployments("web")]
    assert sorted(statuses) == [Status.QUEUED, Status.SUCCEEDED]
    (replica,) = world.replicas()
    assert (replica.name, replica.release) == ("shop", 1)
    assert "keep: web 1" in world.effects()


def adopted_in_the_end(factory: pytest.TempPathFactory, *fatal: int) -> None:
    """Workers die at these moments, one after the other; the next one lives."""
    with small_world(factory.mktemp("kill"), app("web", adopt="shop")) as world:
        begun(world)
        for at in fatal:
            killed(world, at)
        adoption.adopt(world.parts)
        assert_adopted_once(world)


def test_wherever_it_dies_one_adoption_comes_of_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """At each call, before and after."""
    count = len(moments_of_an_adoption(tmp_path_factory.mktemp("plain")))
    assert count > 10
    for at in range(1, count + 1):
        adopted_in_the_end(tmp_path_factory, at)


@pytest.mark.long
def test_wherever_it_dies_again_one_adoption_comes_of_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """At each call of the recovery from each kill."""
    count = len(moments_of_an_adoption(tmp_path_factory.mktemp("plain")))
    for first in range(1, count + 1):
        for second in range(1, count + 1):
            adopted_in_the_end(tmp_path_factory, first, second)


@pytest.mark.parametrize("where", ["before adopt", "after adopt", "before keep", "after keep"])
def test_the_next_worker_replaces_it_as_if_nothing_had_happened(tmp_path: Path, where: str) -> None:
    (tmp_path / "one").mkdir()
    with small_world(tmp_path / "one", app("web", adopt="shop")) as world:
        begun(world)
        (tmp_path / "two").mkdir()
        at = moments_of_an_adoption(tmp_path / "two").index(where) + 1
        assert killed(world, at) == where
        with working(world):
            eventually(lambda: over(world, 2))
            assert serving(world, "web")
        assert [one.status for one in world.store.deployments("web")] == [Status.SUCCEEDED] * 2
