"""What every implementation of ports.Proxy does, the fake included."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest

from deployer.errors import ProxyError, RenderRefused
from deployer.ports import Proxy
from deployer.routing import Route, Target

HOST = "web.example"


class ProxyRig(ABC):
    """A proxy with replicas behind it, and how it is asked, broken and waited for."""

    proxy: Proxy

    @abstractmethod
    def replica(self, name: str) -> Target:
        """A replica that answers with this name."""

    @abstractmethod
    def ask(self, host: str, path: str = "/") -> str | None:
        """The name that a new request is answered with; None where nobody answers."""

    @abstractmethod
    def break_next_change(self) -> None:
        """Let the next change of routes fail."""

    def route(self, app: str, *names: str, host: str = HOST, path: str = "/") -> Route:
        """A route to replicas of these names."""
        return Route(app, (host,), path, tuple(self.replica(name) for name in names))


def until(is_true: Callable[[], bool], limit: float = 10.0) -> None:
    """Wait for a condition; fails after the limit (seconds)."""
    deadline = time.monotonic() + limit
    while not is_true():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)


class ProxyContract:
    """Subclass it with a fixture `rig` whose proxy has no routes yet."""

    def test_new_connections_reach_the_routes_when_apply_has_returned(self, rig: ProxyRig) -> None:
        applied = rig.proxy.apply([rig.route("web", "one")])
        assert rig.ask(HOST) == "one"
        assert rig.proxy.live() == applied.generation

    def test_the_same_routes_again_are_no_change(self, rig: ProxyRig) -> None:
        routes = [rig.route("api", "a", host="api.example"), rig.route("web", "one")]
        first = rig.proxy.apply(routes)
        again = rig.proxy.apply(routes[::-1])
        assert again.generation == first.generation
        assert not again.old_workers
        assert rig.proxy.live() == first.generation

    def test_each_change_of_what_is_live_is_one_reload(self, rig: ProxyRig) -> None:
        rig.proxy.apply([rig.route("web", "one")])
        before = rig.proxy.reloads()
        rig.proxy.apply([rig.route("web", "one")])
        assert rig.proxy.reloads() == before
        rig.proxy.apply([rig.route("web", "two")])
        assert rig.proxy.reloads() == before + 1

    def test_after_a_change_no_new_connection_reaches_the_old_replica(self, rig: ProxyRig) -> None:
        old = rig.proxy.apply([rig.route("web", "old")])
        new = rig.proxy.apply([rig.route("web", "new")])
        assert {rig.ask(HOST) for _ in range(50)} == {"new"}
        assert new.generation > old.generation
        assert rig.proxy.live() == new.generation

    def test_a_change_names_the_workers_that_know_the_old_routes_until_they_are_gone(
        self, rig: ProxyRig
    ) -> None:
        rig.proxy.apply([rig.route("web", "old")])
        applied = rig.proxy.apply([rig.route("web", "new")])
        assert applied.old_workers
        until(lambda: not rig.proxy.remaining(applied.old_workers))
        until(lambda: rig.proxy.draining() == 0)

    def test_a_route_that_is_left_out_is_served_no_more(self, rig: ProxyRig) -> None:
        rig.proxy.apply([rig.route("web", "one"), rig.route("api", "a", host="api.example")])
        rig.proxy.apply([rig.route("web", "one")])
        assert rig.ask("api.example") is None
        assert rig.ask(HOST) == "one"

    def test_no_routes_at_all_are_served_by_nobody(self, rig: ProxyRig) -> None:
        applied = rig.proxy.apply([])
        assert rig.proxy.live() == applied.generation
        assert rig.ask(HOST) is None

    def test_all_replicas_of_a_route_get_requests(self, rig: ProxyRig) -> None:
        rig.proxy.apply([rig.route("web", "one", "two")])
        assert {rig.ask(HOST) for _ in range(30)} == {"one", "two"}

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/", "web"),
            ("/shop", "shop"),
            ("/shop/", "shop"),
            ("/shop/cart", "shop"),
            ("/shopping", "web"),
            ("/a/shop", "web"),
            ("/shop/admin/x", "admin"),
        ],
    )
    def test_apps_share_a_host_and_the_longest_path_of_whole_parts_wins(
        self, rig: ProxyRig, path: str, name: str
    ) -> None:
        rig.proxy.apply(
            [
                rig.route("admin", "admin", path="/shop/admin"),
                rig.route("shop", "shop", path="/shop/"),
                rig.route("web", "web"),
            ]
        )
        assert rig.ask(HOST, path) == name

    def test_a_failed_change_leaves_what_is_live_as_it_was(self, rig: ProxyRig) -> None:
        before = rig.proxy.apply([rig.route("web", "old")])
        rig.break_next_change()
        with pytest.raises(ProxyError):
            rig.proxy.apply([rig.route("web", "new")])
        assert rig.proxy.live() == before.generation
        assert {rig.ask(HOST) for _ in range(10)} == {"old"}

    def test_after_a_failed_change_the_next_one_works(self, rig: ProxyRig) -> None:
        rig.proxy.apply([rig.route("web", "old")])
        rig.break_next_change()
        with pytest.raises(ProxyError):
            rig.proxy.apply([rig.route("web", "new")])
        rig.proxy.apply([rig.route("web", "new")])
        assert rig.ask(HOST) == "new"

    @pytest.mark.parametrize(
        "bad",
        [
            Route("web", ("a.example; return 200 x",), "/", (Target("127.0.0.1", 80),)),
            Route("web", ("_",), "/", (Target("127.0.0.1", 80),)),
            Route("web", (HOST,), "/ { return 200 x; } location /y", (Target("127.0.0.1", 80),)),
            Route("web", (HOST,), "/", (Target("evil.example", 80),)),
            Route("web", (HOST,), "/", (Target("127.0.0.1", 0),)),
            Route("web;", ("b.example",), "/", (Target("127.0.0.1", 80),)),
            Route("web", (HOST,), "/", (Target("127.0.0.1", 80),), template="../x.conf.j2"),
            Route("web", (HOST,), "/", (Target("127.0.0.1", 80),), snippet="/etc/passwd"),
            Route("web", (), "/", (Target("127.0.0.1", 80),)),
        ],
    )
    def test_a_value_outside_its_allow_list_is_held_back_and_changes_nothing_for_others(
        self, rig: ProxyRig, bad: Route
    ) -> None:
        web, api = rig.route("web", "one"), rig.route("api", "a", host="api.example")
        rig.proxy.apply([web, api])
        otherwise = {bad.app: web if bad.app == "web" else None}
        applied = rig.proxy.apply([bad, rig.route("api", "b", host="api.example")], otherwise)
        assert isinstance(applied.held[bad.app], RenderRefused)
        assert list(applied.held) == [bad.app]
        assert [(one.app, one.reason) for one in rig.proxy.held()] == [
            (bad.app, str(applied.held[bad.app]))
        ]
        assert rig.ask("api.example") == "b"
        if bad.app == "web":
            assert rig.ask(HOST) == "one"

    def test_a_closed_route_answers_nobody_and_the_apps_beside_it_go_on(
        self, rig: ProxyRig
    ) -> None:
        open_routes = [rig.route("api", "two", path="/api"), rig.route("web", "one")]
        rig.proxy.apply(open_routes)
        rig.proxy.apply([open_routes[0], Route("web", (HOST,), "/", ())])
        assert (rig.ask(HOST), rig.ask(HOST, "/api")) == (None, "two")
        rig.proxy.apply([Route("api", (HOST,), "/api", ()), open_routes[1]])
        assert (rig.ask(HOST), rig.ask(HOST, "/api/x")) == ("one", None)

    def test_of_two_apps_with_the_same_host_and_path_the_one_that_serves_goes_on(
        self, rig: ProxyRig
    ) -> None:
        web = rig.route("web", "one")
        rig.proxy.apply([web])
        applied = rig.proxy.apply([rig.route("api", "two"), web])
        assert "api and web both have web.example/" in str(applied.held["api"])
        assert rig.ask(HOST) == "one"
        rig.proxy.apply([rig.route("api", "two", path="/api"), web])
        assert (rig.ask(HOST), rig.ask(HOST, "/api")) == ("one", "two")
        assert not rig.proxy.held()

    def test_an_app_that_is_held_back_keeps_its_route_with_the_addresses_it_is_given(
        self, rig: ProxyRig
    ) -> None:
        web, api = rig.route("web", "one"), rig.route("api", "a", host="api.example")
        rig.proxy.apply([web, api])
        elsewhere = rig.route("web", "two", host="api.example")
        rig.proxy.apply([elsewhere, api])
        assert (rig.ask(HOST), rig.ask("api.example")) == ("two", "a")
        rig.proxy.apply([elsewhere, api], {"web": web})
        assert (rig.ask(HOST), rig.ask("api.example")) == ("one", "a")

    def test_a_new_app_that_is_held_back_is_served_by_nobody_and_spoils_nothing(
        self, rig: ProxyRig
    ) -> None:
        rig.proxy.apply([rig.route("web", "one")])
        applied = rig.proxy.apply([rig.route("web", "two"), rig.route("api", "a")], {"api": None})
        assert list(applied.held) == ["api"]
        assert rig.ask(HOST) == "two"

    def test_the_same_routes_are_not_stale(self, rig: ProxyRig) -> None:
        rig.proxy.apply([rig.route("web", "one")])
        assert not rig.proxy.stale()
