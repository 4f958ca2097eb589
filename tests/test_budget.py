"""How often Nginx may reload, and who waits for old workers."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from deployer.budget import CROWDED, GAP, LONGEST, Budget
from deployer.errors import NotConfirmed
from deployer.routing import Route, Target
from deployer.traffic import Traffic
from tests.fakes.clock import FakeClock
from tests.fakes.proxy import FakeProxy
from tests.test_traffic import route


class Busy:
    """A door whose clock is the test's; old workers drain until they are let go."""

    def __init__(self, drain: float = 16.0) -> None:
        self.proxy, self.clock = FakeProxy(), FakeClock()
        self.proxy.holding = True
        self.budget = Budget(self.proxy, drain, self.clock.now, self._wait)
        self.maintained: set[str] = set()
        self.traffic = Traffic(self.proxy, drain, lambda: self.maintained, self.budget)
        self.traffic.begin({"web": route("web")})
        self._number = 0

    def _wait(self, seconds: float) -> None:
        assert seconds > 0
        self.clock.wait(seconds)

    def switch(self) -> float:
        """Switch to another address; how long that waited for its turn."""
        self._number += 1
        begun = self.clock.at
        self.traffic.switch("web", route("web", f"10.1.0.{self._number}"))
        return self.clock.at - begun

    def crowd(self) -> None:
        """Let as many generations of old workers drain as are many."""
        while self.budget.draining() < CROWDED:
            self.switch()

    @property
    def routes(self) -> dict[str, Route]:
        return {one.app: one for one in self.proxy.routes}


def test_a_deployment_alone_does_not_wait() -> None:
    busy = Busy()
    assert busy.switch() == 0.0
    busy.clock.wait(GAP)
    assert busy.switch() == 0.0


def test_reloads_that_follow_each_other_are_a_gap_apart() -> None:
    busy = Busy()
    busy.switch()
    busy.clock.wait(GAP / 4)
    assert busy.switch() == pytest.approx(GAP * 3 / 4, abs=0.01)
    assert busy.switch() == pytest.approx(GAP, abs=0.01)


def test_what_comes_within_the_gap_shares_the_next_reload() -> None:
    busy = Busy()
    busy.switch()
    others = [
        threading.Thread(target=busy.traffic.switch, args=(app, route(app)))
        for app in ("a", "b", "c")
    ]
    waited: list[float] = []

    def wait(seconds: float) -> None:
        if not waited:
            for other in others:
                other.start()
            while len(busy.traffic._waiting) < 1 + len(others):
                threading.Event().wait(0.005)
        waited.append(seconds)
        busy.clock.wait(seconds)

    busy.budget.wait = wait
    busy.switch()
    for other in others:
        other.join(10)
    assert set(busy.routes) == {"a", "b", "c", "web"}
    assert len(busy.proxy.history) == 3
    assert sum(waited) == pytest.approx(GAP, abs=0.01)


def test_what_is_live_already_neither_reloads_nor_waits() -> None:
    busy = Busy()
    busy.switch()
    reloads = busy.proxy.reloads()
    begun = busy.clock.at
    busy.traffic.switch("web", busy.routes["web"])
    assert (busy.clock.at, busy.proxy.reloads()) == (begun, reloads)


def test_a_change_that_fails_gives_no_turn_away_where_nothing_was_reloaded() -> None:
    busy = Busy()
    busy.proxy.fail()
    with pytest.raises(NotConfirmed):
        busy.switch()
    assert busy.switch() == 0.0


def test_generations_that_drain_are_counted_until_they_are_gone() -> None:
    busy = Busy()
    busy.switch()
    busy.switch()
    assert busy.traffic.shown()["draining_generations"] == 2
    busy.proxy.let_go()
    assert busy.traffic.shown()["draining_generations"] == 0


def test_while_many_generations_drain_a_switch_waits_and_then_goes_all_the_same() -> None:
    busy = Busy(drain=16.0)
    busy.crowd()
    assert busy.switch() == pytest.approx(16.0 / CROWDED, abs=0.01)


def test_however_long_the_drain_a_switch_waits_a_few_seconds_at_most() -> None:
    busy = Busy(drain=86400.0)
    busy.crowd()
    assert busy.switch() == pytest.approx(LONGEST, abs=0.01)


def test_a_switch_goes_as_soon_as_old_workers_have_gone() -> None:
    busy = Busy(drain=16.0)
    busy.crowd()
    begun = busy.clock.at

    def wait(seconds: float) -> None:
        busy.clock.wait(seconds)
        if busy.clock.at - begun > 0.5:
            busy.proxy.let_go()

    busy.budget.wait = wait
    assert 0.5 < busy.switch() < 1.0


def test_what_only_adds_a_replica_is_put_off_and_told_while_many_drain() -> None:
    busy = Busy()
    busy.crowd()
    one = busy.routes["web"]
    two = replace(one, targets=(*one.targets, Target("10.2.0.2", 8080)))
    assert busy.traffic.refresh({"web": two}) is None
    assert busy.traffic.shown()["put_off"] == ["web"]
    assert busy.routes["web"] == one
    busy.proxy.let_go()
    assert busy.traffic.refresh({"web": two})
    assert busy.traffic.shown()["put_off"] == []
    assert busy.routes["web"] == two


def test_an_address_that_is_gone_is_given_up_however_many_drain() -> None:
    """Docker gives it to the very next container."""
    busy = Busy()
    busy.crowd()
    begun = busy.clock.at
    assert busy.traffic.refresh({"web": route("web", "10.2.0.2")})
    assert busy.clock.at - begun <= GAP + 0.01
    busy.clock.wait(GAP)
    assert busy.traffic.refresh({"web": None})
    busy.clock.wait(GAP)
    assert busy.traffic.refresh({"web": route("web", "10.2.0.3")})
    assert busy.clock.at - begun <= 3 * GAP + 0.03


def test_maintenance_begins_and_ends_however_many_drain() -> None:
    busy = Busy()
    busy.crowd()
    live = {"web": busy.routes["web"]}
    busy.maintained.add("web")
    assert busy.traffic.refresh(live)
    assert busy.traffic.is_closed("web")
    assert busy.proxy.ask(live["web"].hosts[0]) is None
    assert busy.traffic.refresh(live) is None
    busy.maintained.clear()
    busy.clock.wait(GAP)
    assert busy.traffic.refresh(live)
    assert not busy.traffic.is_closed("web")
    assert busy.routes["web"] == live["web"]
