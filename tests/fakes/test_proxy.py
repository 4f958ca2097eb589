"""The fake proxy keeps the contract, and misbehaves as told."""

import pytest

from deployer.errors import ConfigRejected, NotConfirmed
from deployer.routing import Route, Target
from tests.contracts.proxy import ProxyContract, ProxyRig
from tests.fakes.proxy import FakeProxy


class FakeRig(ProxyRig):
    """Each name is a replica with an address of its own."""

    def __init__(self) -> None:
        self.proxy: FakeProxy = FakeProxy()
        self._names: dict[Target, str] = {}

    def replica(self, name: str) -> Target:
        known = {known: target for target, known in self._names.items()}
        target = known.get(name) or Target(f"10.0.0.{len(known) + 1}", 8080)
        self._names[target] = name
        return target

    def ask(self, host: str, path: str = "/") -> str | None:
        target = self.proxy.ask(host, path)
        return self._names[target] if target else None

    def break_next_change(self) -> None:
        self.proxy.fail()


class TestFakeProxy(ProxyContract):
    @pytest.fixture
    def rig(self) -> ProxyRig:
        return FakeRig()


def route(port: int) -> Route:
    return Route("web", ("web.example",), "/", (Target("10.0.0.1", port),))


def test_held_workers_remain_until_they_are_let_go() -> None:
    proxy = FakeProxy()
    proxy.holding = True
    proxy.apply([route(1)])
    applied = proxy.apply([route(2)])
    assert proxy.remaining(applied.old_workers) == applied.old_workers
    assert proxy.draining() == len(applied.old_workers)
    proxy.let_go()
    assert not proxy.remaining(applied.old_workers)


def test_it_fails_with_the_error_it_was_given_as_often_as_told() -> None:
    proxy = FakeProxy()
    proxy.fail(ConfigRejected("no"), times=2)
    for _ in range(2):
        with pytest.raises(ConfigRejected, match="no"):
            proxy.apply([route(1)])
    assert proxy.apply([route(1)]).generation == 1


def test_a_late_failure_leaves_workers_that_know_what_was_not_confirmed() -> None:
    proxy = FakeProxy()
    proxy.holding = True
    proxy.apply([route(1)])
    proxy.fail(late=True)
    with pytest.raises(NotConfirmed):
        proxy.apply([route(2)])
    again = proxy.apply([route(1)])
    assert (again.generation, len(proxy.history)) == (1, 1)
    assert proxy.remaining(again.old_workers) == again.old_workers != frozenset()


def test_a_proxy_that_is_down_answers_nobody() -> None:
    proxy = FakeProxy()
    proxy.apply([route(1)])
    proxy.down = True
    assert proxy.live() is None
    assert proxy.ask("web.example") is None
