"""The fakes pass the contracts, so that what is tested with them holds for the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from deployer.errors import EngineUnavailable, RegistryDenied, RegistryUnavailable
from deployer.model import Image, Release, Replica, Running
from deployer.ports import Adopted
from tests.contracts.engine import SPEC, EngineContract, go_on
from tests.contracts.registry import RegistryContract
from tests.fakes.engine import FakeEngine
from tests.fakes.registry import Behaviour, FakeRegistry

IMAGE = Image("127.0.0.1:5001", "acme/shop", "v1")


class FakeRegistryWorld:
    def __init__(self) -> None:
        self.registry = FakeRegistry()

    def push(self, tag: str) -> Image:
        return self.registry.push(Image(IMAGE.host, IMAGE.repository, tag))

    def deny(self) -> None:
        self.registry.error = RegistryDenied("wrong password")

    def stop(self) -> None:
        self.registry.error = RegistryUnavailable("connection refused")


class TestFakeRegistry(RegistryContract):
    @pytest.fixture
    def world(self) -> FakeRegistryWorld:
        return FakeRegistryWorld()


class FakeEngineWorld:
    app = "shop"

    def __init__(self) -> None:
        self._registry = FakeRegistry()
        self.engine = FakeEngine(self._registry)

    def push(self, behaviour: Behaviour, *, labels: Mapping[str, str] | None = None) -> Image:
        return self._registry.push(IMAGE, behaviour, labels)

    def network(self) -> str:
        self.engine.networks.add("front")
        return "front"

    def take(self, name: str) -> Callable[[], bool]:
        self.engine.foreign.add(name)
        return lambda: name in self.engine.foreign

    def stranger(self, name: str, image: Image) -> str:
        return self.engine.stranger(name, image).id

    def adopt(self, row: Adopted) -> None:
        self.engine.adopted = lambda: [row]

    def vanish(self, replica: Replica) -> None:
        self.engine.change(replica, Running.GONE)


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def world(self) -> FakeEngineWorld:
        return FakeEngineWorld()


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def engine(registry: FakeRegistry) -> FakeEngine:
    return FakeEngine(registry)


def pulled(engine: FakeEngine, registry: FakeRegistry, behaviour: Behaviour) -> Release:
    image = registry.push(IMAGE, behaviour)
    engine.pull(image, stall=1, timeout=1, stopping=go_on)
    return Release("shop", 1, image, SPEC)


def test_only_running_containers_that_answer_do_answer(
    engine: FakeEngine, registry: FakeRegistry
) -> None:
    good = engine.start(pulled(engine, registry, Behaviour.ANSWERS), 1)[0]
    silent = engine.start(pulled(engine, registry, Behaviour.SILENT), 2)[0]
    assert engine.answers(good.address)
    assert silent.state is Running.RUNNING
    assert not engine.answers(silent.address)
    engine.change(good, Running.EXITED, exit_code=1)
    assert not engine.answers(good.address)


def test_a_container_that_was_started_again_has_another_address(
    engine: FakeEngine, registry: FakeRegistry
) -> None:
    before = engine.start(pulled(engine, registry, Behaviour.ANSWERS), 1)[0]
    engine.change(before, Running.EXITED, exit_code=1)
    engine.change(before, Running.RUNNING)
    assert not engine.answers(before.address)
    assert engine.answers(engine.look(before).address)


@pytest.mark.parametrize("after", [False, True])
def test_a_failure_comes_once_before_or_after_the_deed(
    engine: FakeEngine, registry: FakeRegistry, after: bool
) -> None:
    release = pulled(engine, registry, Behaviour.ANSWERS)
    engine.fail("start", EngineUnavailable("no answer"), after=after)
    with pytest.raises(EngineUnavailable):
        engine.start(release, 1)
    assert bool(engine.replicas()) is after
    assert engine.start(release, 1) == engine.replicas()
