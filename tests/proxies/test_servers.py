"""Which server block each host gets: whose it is, where it listens, what it redirects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.servers import Doors, Server
from deployer.proxies.sites import sites_of
from deployer.proxies.templates import package_templates
from deployer.routing import Front, Https, Route, Target
from tests.proxies.test_allowed import HOSTILE

HERE = (Target("10.0.0.1", 80),)
FACTS = NginxFacts((1, 30, 6), "nginx")


def route(app: str, *hosts: str, path: str = "/", front: Front | None = None) -> Route:
    return Route(app, hosts, path, HERE, front=front or Front())


def blocks(doors: Doors, *routes: Route) -> dict[str, tuple[Server, ...]]:
    return {site.app: site.servers for site in sites_of(routes, None, doors) if site.servers}


def test_without_a_certificate_a_host_is_served_by_plain_http_unless_it_is_for_tls_only() -> None:
    routes = [route("a", "a.e"), route("b", "b.e", front=Front(https=Https.ONLY))]
    assert blocks(Doors(), *routes) == {"a": (Server(("a.e",), ("a",)),)}


def test_hosts_with_different_certificates_do_not_share_a_block() -> None:
    doors = Doors(certificates={"a.e": "x", "b.e": "x", "c.e": "y"})
    to_tls = Server(("a.e", "b.e", "c.e"), redirect="https://$host$request_uri")
    assert blocks(doors, route("a", "c.e", "b.e", "a.e"))["a"] == (
        to_tls,
        Server(("a.e", "b.e"), ("a",), "x"),
        Server(("c.e",), ("a",), "y"),
    )


def test_the_first_app_by_path_that_says_something_of_tls_says_it_for_the_host() -> None:
    doors = Doors(certificates={"a.e": "x"})
    both = Front(https=Https.BOTH)
    found = blocks(doors, route("root", "a.e"), route("deep", "a.e", path="/deep", front=both))
    assert found == {
        "root": (Server(("a.e",), ("root", "deep")), Server(("a.e",), ("root", "deep"), "x"))
    }


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ([route("a", "*.e"), route("b", "*.e")], "a and b both have"),
        (
            [route("a", "x.e", front=Front(redirect_from=("y.e",))), route("b", "y.e")],
            "a and b both have y.e/",
        ),
        (
            [route("a", "x.e", front=Front(redirect_from=("y.e",))), route("b", "y.e", path="/b")],
            "a redirects y.e, which b has",
        ),
        (
            [
                route("a", "x.e", front=Front(redirect_from=("z.e",))),
                route("b", "y.e", front=Front(redirect_from=("z.e",))),
            ],
            "a and b both have z.e/",
        ),
        ([route("a", "x.e", front=Front(redirect_from=("x.e",)))], "a redirects x.e"),
        ([route("a", "x.e", front=Front(redirect_from=("hooks.e",)))], "the receiver's host"),
    ],
)
def test_what_two_claim_is_refused(routes: list[Route], words: str) -> None:
    with pytest.raises(RenderRefused, match=words):
        sites_of(routes, "hooks.e")


@pytest.mark.parametrize(
    "value", [*(one for one in HOSTILE if one), "*.", "*.*.e", "a.*.e", "*e", "*.e;", "*.e f"]
)
def test_a_hostile_name_is_refused_wherever_a_host_may_stand(value: str) -> None:
    for one in (
        route("a", value),
        route("a", "x.e", front=Front(redirect_from=(value,))),
        route("a", value, front=Front(redirect_from=("y.e",))),
    ):
        with pytest.raises(RenderRefused):
            sites_of([one])


def test_requests_cannot_be_redirected_to_a_wildcard() -> None:
    with pytest.raises(RenderRefused):
        sites_of([route("a", "*.e", front=Front(redirect_from=("y.x",)))])


@pytest.mark.parametrize(
    ("template", "old", "new", "words"),
    [
        ("site.conf.j2", "return 308", "return 301", "return 301"),
        ("site.conf.j2", "{{ server.redirect }}", "https://evil.example", "evil.example"),
        ("site.conf.j2", "server_name", "ssl_certificate /etc/x.pem; server_name", "/etc/x.pem"),
        ("site.conf.j2", "server_name", "listen 443 ssl; server_name", "listen 443 ssl"),
        ("site.conf.j2", "server_name", "ssl_password_file /x; server_name", "ssl_password_file"),
    ],
)
def test_a_template_that_redirects_or_listens_otherwise_is_refused(
    tmp_path: Path, template: str, old: str, new: str, words: str
) -> None:
    text = (package_templates() / template).read_text()
    assert old in text
    (tmp_path / template).write_text(text.replace(old, new))
    redirecting = replace(route("a", "x.e"), front=Front(redirect_from=("y.e",)))
    with pytest.raises(RenderRefused, match=words):
        Rendering(Settings(), None, [tmp_path, package_templates()]).files([redirecting], FACTS, 1)
