"""What clients get by TLS and by plain HTTP, asked of a real Nginx with real certificates."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from deployer.routing import Front, Https, KeyPair
from tests.contracts.proxy import until
from tests.proxies.authority import Authority, serial
from tests.proxies.rig import RECEIVER, NginxRig, Replica, docker
from tests.proxies.tls import Tls

pytestmark = pytest.mark.lab


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


@pytest.fixture(scope="module")
def one(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    """One Nginx for all: each start takes longer than most tests."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "tls")
    with NginxRig(folder, tls=(authority.pair("default"),)) as rig:
        yield Tls(rig, authority)


@pytest.fixture
def tls(one: Tls) -> Tls:
    """With a sound default certificate. What an app was served with before counts: names differ."""
    one.authority.order("default", "web.example", "*.web.example", RECEIVER)
    return one


def test_each_host_gets_its_own_certificate_by_its_name_and_others_the_default(tls: Tls) -> None:
    tls.authority.order("api", "api.example")
    tls.apply(
        tls.route("api", "api.example", front=tls.own("api")),
        tls.route("web", "web.example", "a.web.example"),
    )
    assert tls.answers("https://api.example/") == "api"
    assert tls.answers("https://web.example/x?y=1") == "web"
    assert tls.serial("api.example") == serial(tls.authority.pair("api"))
    assert tls.serial("a.web.example") == serial(tls.authority.pair("default"))
    assert tls.problems() == []


def test_the_app_learns_that_the_client_came_by_https(tls: Tls) -> None:
    tls.apply(tls.route("web", "web.example"))
    assert json.loads(tls.get("https://web.example/")[2])["headers"]["x-forwarded-proto"] == "https"


def test_http_2_is_spoken_and_so_is_1_1(tls: Tls) -> None:
    tls.apply(tls.route("web", "web.example"))
    spoken = [
        tls.authority.shown(tls.port, "web.example", *offer)[1]
        for offer in (("h2", "http/1.1"), ("http/1.1",))
    ]
    assert spoken == ["h2", "http/1.1"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_plain_http_is_sent_to_https_with_path_and_query(tls: Tls, method: str) -> None:
    tls.apply(tls.route("web", "web.example", "*.web.example"))
    for host in ("web.example", "a.web.example"):
        status, headers, _ = tls.get(f"http://{host}/a%2Fb/?c=d&e=%20", method)
        assert (status, headers["location"]) == (
            308,
            f"https://{host}:{tls.port}/a%2Fb/?c=d&e=%20",
        )


def test_nobody_is_sent_to_an_address_that_a_made_up_name_holds(tls: Tls) -> None:
    tls.apply(tls.route("web", "*.web.example"))
    try:
        status, headers, _ = tls.get("http://evil.com?.web.example/")
    except http.client.RemoteDisconnected:
        return
    assert (status, headers.get("location")) == (400, None)


def test_plain_http_is_served_too_or_not_at_all_where_the_app_says_so(tls: Tls) -> None:
    tls.apply(
        tls.route("both", "a.web.example", front=Front(https=Https.BOTH)),
        tls.route("only", "b.web.example", front=Front(https=Https.ONLY)),
        tls.route("plain", "c.web.example", front=Front(plain=True)),
    )
    assert tls.answers("http://a.web.example/") == tls.answers("https://a.web.example/") == "both"
    assert tls.answers("https://b.web.example/") == "only"
    with pytest.raises(http.client.RemoteDisconnected):
        tls.get("http://b.web.example/")
    assert tls.answers("http://c.web.example/") == "plain"
    assert tls.refuses("c.web.example")


def test_a_name_that_nobody_has_is_shown_no_certificate(tls: Tls) -> None:
    tls.apply(tls.route("web", "web.example"))
    assert tls.refuses("unknown.example")
    assert tls.refuses("x.web.example")
    with tls.authority.connected(tls.port, "web.example") as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: unknown.example\r\n\r\n")
        assert client.recv(100) == b""


def test_without_a_certificate_nothing_listens_for_tls(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", rig.settings.https_port), 5)


def test_hosts_are_redirected_to_the_first_one_by_both_ways(tls: Tls) -> None:
    front = Front(redirect_from=("www.web.example",), hsts=300.0)
    tls.apply(tls.route("web", "web.example", "b.web.example", front=front))
    there = f"https://web.example:{tls.port}/a?b=c"
    for scheme in ("http", "https"):
        status, headers, _ = tls.get(f"{scheme}://www.web.example/a?b=c")
        assert (status, headers["location"]) == (308, there)
    assert tls.answers("https://b.web.example/") == "web"


def test_hosts_are_redirected_without_tls_too(rig: NginxRig, authority: Authority) -> None:
    tls = Tls(rig, authority)
    tls.apply(tls.route("web", "web.example", front=Front(redirect_from=("*.web.example",))))
    status, headers, _ = tls.get("http://www.web.example/a?b=c")
    port = rig.settings.http_port
    assert (status, headers["location"]) == (308, f"http://web.example:{port}/a?b=c")


def test_browsers_are_told_to_come_by_https_only_by_https_only(tls: Tls) -> None:
    front = Front(https=Https.BOTH, hsts=180 * 86400.0)
    tls.apply(
        tls.route("web", "web.example", front=front),
        tls.route("api", "a.web.example"),
        replace(tls.route("closed", "b.web.example", front=front), targets=()),
    )
    for host, expected in (
        ("web.example", "max-age=15552000"),
        ("b.web.example", "max-age=15552000"),
        ("a.web.example", None),
    ):
        headers = tls.get(f"https://{host}/")[1]
        assert headers.get("strict-transport-security") == expected
    assert "strict-transport-security" not in tls.get("http://web.example/")[1]


def test_exact_hosts_win_over_wildcards_and_longer_ones_over_shorter(tls: Tls) -> None:
    plain = Front(plain=True)
    tls.apply(
        tls.route("any", "*.example", front=plain),
        tls.route("some", "*.web.example", front=plain),
        tls.route("one", "a.web.example", front=plain),
        tls.route("api", "*.web.example", front=plain, path="/api"),
    )
    hosts = ("a.web.example", "b.web.example", "b.example", "c.b.example")
    assert [tls.answers(f"http://{host}/") for host in hosts] == ["one", "some", "any", "any"]
    assert tls.answers("http://b.web.example/api/x") == "api"


def becomes_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BROKEN: dict[str, Callable[[KeyPair, Authority], object]] = {
    "missing": lambda pair, authority: pair.certificate.unlink(),
    "no key": lambda pair, authority: pair.key.unlink(),
    "a folder": lambda pair, authority: becomes_a_folder(pair.key),
    "empty": lambda pair, authority: pair.certificate.write_text(""),
    "cut off": lambda pair, authority: pair.key.write_text(pair.key.read_text()[:60]),
    "damaged": lambda pair, authority: pair.certificate.write_text(
        pair.certificate.read_text().replace("M", "N")
    ),
    "of another key": lambda pair, authority: pair.key.write_bytes(
        authority.order("other", "api.example").key.read_bytes()
    ),
    "with a passphrase": lambda pair, authority: authority.order(
        "api", "api.example", passphrase=b"secret"
    ),
    "for another host": lambda pair, authority: authority.order("api", "other.example"),
}


def test_a_certificate_that_cannot_be_used_takes_away_the_tls_of_its_host_only(
    tls: Tls,
) -> None:
    """Plain HTTP is then served without a redirect, since that would lead nowhere."""
    routes = [
        tls.route("never-good", "api.example", front=tls.own("api", hsts=300.0)),
        tls.route("web", "web.example"),
    ]
    for how, spoil in BROKEN.items():
        pair = tls.authority.order("api", "api.example")
        spoil(pair, tls.authority)
        tls.rig.proxy.apply(routes)
        (problem,) = tls.problems()
        assert "plain HTTP is served" in problem, how
        assert "PRIVATE" not in problem
        assert tls.answers("http://api.example/") == "never-good", how
        assert tls.refuses("api.example"), how
        assert tls.answers("https://web.example/") == "web", how
        if pair.key.is_dir():
            pair.key.rmdir()
    assert [one.app for one in tls.rig.proxy.certificates() if one.problem] == ["never-good"]


def test_a_certificate_that_became_unusable_stays_as_it_was_also_across_a_restart(
    tls: Tls,
) -> None:
    routes = [tls.route("once-good", "api.example", front=tls.own("api"))]
    for how in ("missing", "of another key", "for another host"):
        spoil = BROKEN[how]
        pair = tls.authority.order("api", "api.example")
        tls.apply(*routes)
        good = serial(pair)
        spoil(pair, tls.authority)
        for proxy in (tls.rig.proxy, tls.rig.nginx(tls.rig.settings)):
            proxy.apply(routes)
            (problem,) = [one.problem for one in proxy.certificates() if one.app == "once-good"]
            assert "stays in use" in problem, how
            assert tls.serial("api.example") == good, how


@pytest.mark.parametrize(
    ("begins", "ends", "words"),
    [(-10, -1, "it has expired"), (1, 10, "it is not valid yet")],
)
def test_one_that_has_expired_or_is_not_valid_yet_is_served_and_named(
    tls: Tls, begins: int, ends: int, words: str
) -> None:
    """Clients say then what is wrong; plain HTTP instead would be worse. A good one stays."""
    late = partial(
        tls.authority.order,
        "api",
        "api.example",
        begins=timedelta(days=begins),
        ends=timedelta(days=ends),
    )
    pair = late()
    route = tls.route(f"begins{begins}", "api.example", front=tls.own("api"))
    tls.apply(route)
    with pytest.raises(ssl.SSLCertVerificationError):
        tls.answers("https://api.example/")
    assert tls.get("https://api.example/", verify=False)[0] == 200
    (problem,) = tls.problems()
    assert f"{words}. Put another there" in problem
    bad = serial(pair)
    good = serial(tls.authority.order("api", "api.example"))
    assert tls.rig.proxy.stale()
    tls.apply(route)
    late()
    tls.apply(route)
    assert tls.serial("api.example") == good != bad
    assert words in tls.problems()[0]


def test_a_replaced_file_is_noticed_and_served_from_then_on(tls: Tls) -> None:
    route = tls.route("web", "web.example")
    tls.apply(route)
    assert not tls.rig.proxy.stale()
    old = tls.serial("web.example")
    reloads = tls.rig.host.reloads
    new = serial(tls.authority.order("default", "web.example"))
    assert tls.rig.proxy.stale()
    tls.apply(route)
    assert tls.serial("web.example") == new != old
    assert tls.rig.host.reloads == reloads + 1
    assert not tls.rig.proxy.stale()


def test_keys_are_for_root_and_the_worker_alone(tls: Tls) -> None:
    tls.apply(tls.route("web", "web.example"))
    current = (tls.rig.state / "current").resolve()
    secret = tls.authority.pair("default").key.read_text().split("\n")[1]
    holding = {
        path for path in tls.rig.state.rglob("*") if path.is_file() and secret in path.read_text()
    }
    assert current / "certificates/default.1.key" in holding
    assert {path.name for path in holding} == {"default.1.key"}
    for path in (current / "certificates", *holding):
        assert path.stat().st_mode & 0o077 == 0
    assert secret not in docker("logs", tls.rig.settings.container)


def test_several_default_certificates_serve_each_the_hosts_that_they_are_for(
    lab_nginx: None, tmp_path: Path, authority: Authority
) -> None:
    pairs = (authority.order("one", "one.example"), authority.order("two", "*.two.example"))
    with NginxRig(tmp_path, tls=pairs) as rig:
        tls = Tls(rig, authority)
        tls.apply(tls.route("web", "one.example", "a.two.example", "three.example"))
        assert tls.serial("one.example") == serial(pairs[0])
        assert tls.serial("a.two.example") == serial(pairs[1])
        assert tls.answers("http://three.example/") == "web"
        (problem,) = tls.problems()
        assert "no certificate is for three.example" in problem


def test_the_receiver_has_tls_and_masks_what_is_redirected(
    lab_nginx: None, tmp_path: Path, authority: Authority
) -> None:
    pair = authority.order("default", RECEIVER)
    with Replica("receiver") as receiver, NginxRig(tmp_path, receiver.server_port, (pair,)) as rig:
        tls = Tls(rig, authority)
        tls.apply()
        assert tls.answers(f"https://{RECEIVER}/hooks/dockerhub/secret-token") == "receiver"
        status, headers, _ = tls.get(f"http://{RECEIVER}/hooks/dockerhub/secret-token", "POST")
        assert status == 308
        assert headers["location"].startswith(f"https://{RECEIVER}:")
        assert tls.refuses("web.example")
        lines = ('"GET /hooks/***', '"POST /hooks/***')
        until(lambda: all(line in docker("logs", rig.settings.container) for line in lines))
        assert "secret-token" not in docker("logs", rig.settings.container)
