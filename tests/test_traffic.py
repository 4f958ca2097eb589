"""What is routed, one change at a time; what arrives together shares a reload."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

from deployer.errors import NotConfirmed, RenderRefused
from deployer.model import App, HealthCheck, Image, Replica, Running
from deployer.ports import Applied
from deployer.ports.proxy import NOTHING_ELSE
from deployer.routing import Route, RouteRule, Target
from deployer.spec import Spec
from deployer.traffic import Traffic, route_of
from tests.fakes.proxy import FakeProxy

RULE = RouteRule(("web.example.com",), 8080)
APP = App("web", Image("docker.io", "acme/web"), ("latest",), Spec(), RULE, HealthCheck())


def replica(
    index: int, address: str, state: Running = Running.RUNNING, health: str = ""
) -> Replica:
    return Replica("web", 1, 1, index, f"{index}", f"web-1-{index}", address, state, health)


def routed(*replicas: Replica, before: Route | None = None) -> list[str]:
    """The addresses that requests for these replicas of the app go to."""
    route = route_of(APP, replicas, before)
    return [target.address for target in route.targets] if route else []


def route(app: str, address: str = "10.0.0.1") -> Route:
    return Route(app, (f"{app}.example.com",), "/", (Target(address, 8080),))


def test_a_route_names_the_replicas_that_run_in_a_stable_order() -> None:
    replicas = [
        replica(1, "10.0.0.9"),
        replica(2, "10.0.0.2"),
        replica(3, "10.0.0.3", Running.EXITED),
        replica(4, ""),
    ]
    assert route_of(APP, replicas) == Route(
        "web", ("web.example.com",), "/", (Target("10.0.0.2", 8080), Target("10.0.0.9", 8080))
    )


def test_nothing_to_send_requests_to_is_no_route() -> None:
    """An empty upstream would be refused by Nginx."""
    assert route_of(APP, [replica(1, "10.0.0.1", Running.EXITED)]) is None
    assert route_of(replace(APP, route=None), [replica(1, "10.0.0.1")]) is None


def test_an_unhealthy_replica_gets_no_requests_while_another_is_well() -> None:
    sick = replica(1, "10.0.0.1", health="unhealthy")
    starting = replica(2, "10.0.0.2", health="starting")
    assert routed(sick, starting, replica(3, "10.0.0.3", health="healthy")) == ["10.0.0.3"]
    assert routed(sick, replica(3, "10.0.0.3")) == ["10.0.0.3"]


def test_the_last_replica_that_was_well_stays_however_it_is() -> None:
    """Rather a doubtful answer than none at all."""
    first = replica(1, "10.0.0.1", health="unhealthy")
    last = replica(2, "10.0.0.2", health="unhealthy")
    before = Route("web", ("web.example.com",), "/", (Target("10.0.0.2", 8080),))
    assert routed(first, last, before=before) == ["10.0.0.2"]
    assert routed(first, replica(2, "10.0.0.9", health="starting"), before=before) == [
        "10.0.0.1",
        "10.0.0.9",
    ]
    assert routed(first, last) == ["10.0.0.1", "10.0.0.2"]


def test_a_switch_changes_one_app_and_leaves_the_others() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    traffic.begin({"api": route("api"), "web": route("web"), "job": None})
    traffic.switch("web", route("web", "10.0.0.2"))
    assert proxy.routes == (route("api"), route("web", "10.0.0.2"))


def test_a_failed_switch_leaves_the_old_route_for_the_next_change() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    traffic.begin({"web": route("web")})
    proxy.fail()
    with pytest.raises(NotConfirmed):
        traffic.switch("web", route("web", "10.0.0.2"))
    traffic.switch("api", route("api"))
    assert proxy.routes == (route("api"), route("web"))


class SlowProxy(FakeProxy):
    """Holds the first change until it is let through, so that others arrive meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.through = threading.Event()

    def apply(
        self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
    ) -> Applied:
        self.entered.set()
        assert self.through.wait(10)
        return super().apply(routes, otherwise)


def together(proxy: SlowProxy, traffic: Traffic, apps: Sequence[str]) -> dict[str, str]:
    """Let changes of all apps arrive while one is at the door; what each got, by app."""
    outcome: dict[str, str] = {}

    def switch(app: str) -> None:
        try:
            outcome[app] = str(traffic.switch(app, route(app)).generation)
        except NotConfirmed as error:
            outcome[app] = str(error)

    threads = [threading.Thread(target=switch, args=(app,)) for app in apps]
    threads[0].start()
    assert proxy.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(traffic._waiting) < len(apps) - 1:
        threading.Event().wait(0.005)
    proxy.through.set()
    for thread in threads:
        thread.join(10)
    return outcome


def test_changes_that_arrive_during_a_reload_share_the_next_one() -> None:
    proxy = SlowProxy()
    outcome = together(proxy, Traffic(proxy, drain=1), ["a", "b", "c", "d"])
    assert outcome == {"a": "1", "b": "2", "c": "2", "d": "2"}
    assert len(proxy.history) == 2


def test_one_bad_change_of_several_fails_alone() -> None:
    class PickyProxy(SlowProxy):
        def apply(
            self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
        ) -> Applied:
            if any(one.app == "bad" for one in routes):
                raise NotConfirmed("bad does not load")
            return super().apply(routes, otherwise)

    proxy = PickyProxy()
    outcome = together(proxy, Traffic(proxy, drain=1), ["a", "bad", "c"])
    assert outcome["bad"] == "bad does not load"
    assert [one.app for one in proxy.routes] == ["a", "c"]


def test_two_bad_changes_at_the_same_door_each_get_their_own_reason() -> None:
    class PickyProxy(SlowProxy):
        def apply(
            self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
        ) -> Applied:
            for bad in (one.app for one in routes if one.app.startswith("bad")):
                raise NotConfirmed(f"{bad} does not load")
            return super().apply(routes, otherwise)

    proxy = PickyProxy()
    outcome = together(proxy, Traffic(proxy, drain=1), ["a", "bad1", "bad2", "c"])
    assert (outcome["bad1"], outcome["bad2"]) == ("bad1 does not load", "bad2 does not load")
    assert [one.app for one in proxy.routes] == ["a", "c"]


def test_nobody_waits_for_ever_where_a_change_broke_unexpectedly() -> None:
    class BrokenProxy(SlowProxy):
        def apply(
            self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
        ) -> Applied:
            applied = super().apply(routes, otherwise)
            if len(routes) > 1:
                raise ZeroDivisionError("a fault")
            return applied

    proxy = BrokenProxy()
    traffic = Traffic(proxy, drain=1)
    ends: list[str] = []

    def switch(app: str) -> None:
        try:
            traffic.switch(app, route(app))
        except (ZeroDivisionError, CancelledError) as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=switch, args=(app,)) for app in ("a", "b", "c")]
    threads[0].start()
    assert proxy.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(traffic._waiting) < 2:
        threading.Event().wait(0.005)
    proxy.through.set()
    for thread in threads:
        thread.join(10)
    assert sorted(ends) == ["CancelledError", "ZeroDivisionError"]
    assert traffic.switch("a", None)


def test_refreshing_what_is_live_does_nothing_unless_the_proxy_is_away() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    traffic.begin({"web": route("web")})
    assert traffic.refresh({"web": route("web")}) is None
    proxy.down = True
    assert traffic.refresh({"web": route("web")}) is not None
    assert proxy.live() == 1
    assert traffic.refresh({"web": route("web", "10.0.0.7")}) is not None
    assert proxy.routes == (route("web", "10.0.0.7"),)


BAD = RenderRefused("its snippet is wrong")


def test_a_switch_of_an_app_that_is_held_back_fails_alone_and_keeps_its_addresses() -> None:
    """What shared the reload succeeds."""
    proxy = SlowProxy()
    traffic = Traffic(proxy, drain=1)
    proxy.through.set()
    traffic.begin({"bad": route("bad")})
    proxy.through.clear()
    proxy.entered.clear()
    proxy.broken["bad"] = BAD
    elsewhere = {"bad": route("bad", "10.0.0.2"), "c": route("c")}
    outcome: dict[str, object] = {}

    def switch(app: str) -> None:
        try:
            outcome[app] = traffic.switch(app, elsewhere.get(app, route(app))).generation
        except RenderRefused as error:
            outcome[app] = error

    threads = [threading.Thread(target=switch, args=(app,)) for app in ("a", "bad", "c")]
    threads[0].start()
    assert proxy.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(traffic._waiting) < 2:
        threading.Event().wait(0.005)
    proxy.through.set()
    for thread in threads:
        thread.join(10)
    assert outcome == {"a": 2, "bad": BAD, "c": 3}
    assert proxy.routes == (route("a"), route("bad"), route("c"))


def test_what_is_restored_gets_its_addresses_though_its_site_is_held_back() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    traffic.begin({"web": route("web")})
    proxy.broken["web"] = BAD
    assert list(traffic.restore("web", route("web", "10.0.0.2")).held) == ["web"]
    assert proxy.routes == (route("web", "10.0.0.2"),)


def test_a_first_route_that_is_held_back_is_not_tried_again() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    proxy.broken["web"] = BAD
    with pytest.raises(RenderRefused):
        traffic.switch("web", route("web"))
    traffic.switch("api", route("api"))
    assert proxy.routes == (route("api"),)


def test_the_same_routes_are_looked_at_again_where_templates_have_changed() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    proxy.broken["web"] = BAD
    traffic.begin({"web": route("web")})
    assert [one.app for one in proxy.held()] == ["web"]
    assert traffic.refresh({"web": route("web")}) is None
    proxy.broken.clear()
    proxy.stale_now = True
    assert traffic.refresh({"web": route("web")}) is not None
    assert not proxy.held()
    assert traffic.refresh({"web": route("web")}) is None


def test_after_a_switch_that_was_refused_the_next_look_says_how_the_app_is() -> None:
    proxy = FakeProxy()
    traffic = Traffic(proxy, drain=1)
    traffic.begin({"web": route("web")})
    proxy.broken["web"] = BAD
    with pytest.raises(RenderRefused):
        traffic.switch("web", route("web", "10.0.0.2"))
    assert [one.app for one in proxy.held()] == ["web"]
    proxy.broken.clear()
    assert traffic.refresh({"web": route("web")}) is not None
    assert not proxy.held()
    assert traffic.refresh({"web": route("web")}) is None


def test_draining_waits_for_the_workers_that_know_the_old_route_and_no_longer() -> None:
    proxy = FakeProxy()
    proxy.holding = True
    traffic = Traffic(proxy, drain=60)
    traffic.begin({"web": route("web")})
    applied = traffic.switch("web", route("web", "10.0.0.2"))
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            proxy.let_go()

    assert traffic.wait_drained(applied, sleep)
    assert len(waits) == 3


def test_draining_ends_when_nginx_has_cut_what_was_left() -> None:
    proxy = FakeProxy()
    proxy.holding = True
    traffic = Traffic(proxy, drain=-2)
    traffic.begin({"web": route("web")})
    applied = traffic.switch("web", route("web", "10.0.0.2"))
    assert not traffic.wait_drained(applied, lambda seconds: None)
