"""Which file holds which upstream and which server block."""

import pytest

from deployer.errors import RenderRefused
from deployer.proxies.servers import Server
from deployer.proxies.sites import ReceiverSite, Site, sites_of
from deployer.routing import Route, Target

HERE = (Target("10.0.0.1", 80),)


def test_hosts_that_lead_to_the_same_app_share_a_server_block() -> None:
    (site,) = sites_of([Route("web", ("b.example", "a.example", "a.example"), "/", HERE)])
    assert site.servers == (Server(("a.example", "b.example"), ("web",)),)


def test_a_shared_host_is_in_the_file_of_the_app_with_the_shortest_path() -> None:
    routes = [Route("a", ("x.example",), "/a", HERE), Route("web", ("x.example",), "/", HERE)]
    first, second = sites_of(routes)
    assert (first.app, first.servers) == ("a", ())
    assert second.servers == (Server(("x.example",), ("web", "a")),)


def test_a_path_matches_itself_and_what_is_below_it_only() -> None:
    assert Site("web", "/", (), ()).matches == ("/",)
    assert Site("web", "/shop", (), ()).matches == ("= /shop", "/shop/")


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        (
            [Route("a", ("x.example",), "/", HERE)] * 1 + [Route("b", ("x.example",), "/", HERE)],
            "a",
        ),
        ([Route("a", ("x.e",), "/s", HERE), Route("b", ("x.e",), "/s/", HERE)], "a and b both"),
        ([Route("a", ("x.e",), "/", HERE), Route("a", ("y.e",), "/", HERE)], "a has two routes"),
        ([Route("a", ("hooks.example",), "/x", HERE)], "a has the receiver's host"),
        ([Route("a", (), "/", HERE)], "no host"),
    ],
)
def test_routes_that_cannot_be_told_apart_are_refused_by_name(
    routes: list[Route], words: str
) -> None:
    with pytest.raises(RenderRefused, match=words):
        sites_of(routes, "hooks.example")


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "127.0.0.1:5000"),
        ("0.0.0.0", "127.0.0.1:5000"),
        ("::", "[::1]:5000"),
        ("localhost", "127.0.0.1:5000"),
        ("192.0.2.7", "192.0.2.7:5000"),
    ],
)
def test_the_receiver_is_reached_where_it_listens(bind: str, address: str) -> None:
    assert ReceiverSite("hooks.example", bind, 5000, 1).address() == address
