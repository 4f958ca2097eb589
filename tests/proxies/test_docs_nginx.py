"""The examples of docs/nginx.md, as clients of a real Nginx meet them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.config import load
from deployer.proxies.nginx import Nginx
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import Route
from tests.docs import ROOT, block
from tests.proxies.authority import Authority, serial
from tests.proxies.rig import NginxRig, Replica
from tests.proxies.tls import Tls

pytestmark = pytest.mark.lab

PAGE = ROOT / "docs" / "nginx.md"
Serve = Callable[[str], Tls]


@pytest.fixture(scope="module")
def serve(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Lets Nginx serve an example, each app by a replica of its name."""
    folder = tmp_path_factory.mktemp("docs")
    authority = Authority(folder / "tls")
    authority.order("example.com", "*.example.com")
    authority.order("example.org", "example.org", "*.example.org")
    authority.order("own", "own.example.net")
    with Replica("receiver") as receiver, NginxRig(folder) as rig:

        def serve(name: str) -> Tls:
            made = example(name, rig, folder, receiver.server_port)
            return Tls(made, authority)

        yield serve


def example(name: str, rig: NginxRig, folder: Path, receiver: int) -> NginxRig:
    (folder / "config.yml").write_text(block(name, PAGE))
    config = load(folder / "config.yml", {}, part="public")
    settings = rig.settings.model_copy(update={"tls": config.nginx.tls})
    own = config.receiver
    site = ReceiverSite(own.host, "127.0.0.1", receiver, 1024, own.front) if own.host else None
    rig.proxy = Nginx(rig.host, rig.state, settings, site, [package_templates()])
    rig.proxy.apply(
        [
            Route(app.name, rule.hosts, rule.path, (rig.replica(app.name),), front=rule.front)
            for app in config.apps.values()
            if (rule := app.route)
        ]
    )
    return rig


def test_a_whole_name_wins_over_a_wildcard(serve: Serve) -> None:
    site = serve("wildcard")
    hosts = ("docs.example.com", "example.com", "one.example.com", "a.b.example.com")
    answers = [site.answers(f"http://{host}/") for host in hosts]
    assert answers == ["docs", "tenants", "tenants", "tenants"]


def test_redirected_hosts_lead_to_the_first_one(serve: Serve) -> None:
    site = serve("redirect-from")
    for host in ("www.shop.example.com", "shop.example.org"):
        status, headers, _ = site.get(f"http://{host}/a?b=c", "POST")
        port = site.rig.settings.http_port
        assert (status, headers["location"]) == (308, f"http://shop.example.com:{port}/a?b=c")
    assert site.answers("http://shop.example.com/") == "shop"


def test_each_host_has_the_certificate_that_is_for_it(serve: Serve) -> None:
    site = serve("tls")
    for host, app, pair in (
        ("shop.example.com", "shop", "example.com"),
        ("blog.example.org", "blog", "example.org"),
        ("own.example.net", "own", "own"),
        ("deployer.example.com", "receiver", "example.com"),
    ):
        assert site.answers(f"https://{host}/hooks/x") == app
        assert site.serial(host) == serial(site.authority.pair(pair))
        status, headers, _ = site.get(f"http://{host}/x?y=z")
        assert (status, headers["location"]) == (308, f"https://{host}:{site.port}/x?y=z")
    assert site.answers("http://plain.example.com/") == "plain"
    assert site.refuses("plain.example.com")
    assert site.problems() == []


def test_plain_http_is_sent_on_or_served_or_not(serve: Serve) -> None:
    site = serve("https")
    _, headers, body = site.get("https://shop.example.com/")
    assert json.loads(body)["name"] == "shop"
    assert headers["strict-transport-security"] == "max-age=15552000"
    assert site.get("http://shop.example.com/")[0] == 308
    assert site.answers("http://feed.example.com/") == "feed"
    assert site.answers("https://feed.example.com/") == "feed"
    assert site.answers("https://bank.example.com/") == "bank"
    with pytest.raises(http.client.RemoteDisconnected):
        site.get("http://bank.example.com/")
