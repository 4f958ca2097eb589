"""The routes of docs/nginx.md, as a client of a real Nginx sees them."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.config import load
from deployer.config.values import Nginx
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.templates import package_templates
from deployer.routing import Route, Target
from tests.contracts.proxy import until
from tests.docs import ROOT, block
from tests.lab.images import NGINX
from tests.lab.ports import free_port
from tests.proxies.rig import NginxRig, docker

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def rig(lab_nginx: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxRig]:
    """One Nginx for all routes, each of which it takes by a reload."""
    with NginxRig(tmp_path_factory.mktemp("rig")) as made:
        yield made


PAGE = ROOT / "docs" / "nginx.md"


def routes(folder: Path, text: str, *targets: Target) -> list[Route]:
    """The routes of a config.yml to these replicas, as the worker makes them."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yml").write_text(text)
    apps = load(folder / "config.yml", {}, part="worker").apps.values()
    return [app.route.to(app.name, targets) for app in apps if app.route]


def serve(rig: NginxRig, folder: Path, name: str, *targets: Target) -> None:
    """Make a block of the page live."""
    rig.proxy.apply(routes(folder / "config", block(name, PAGE), *targets))


def seen(rig: NginxRig, host: str, path: str = "/", **headers: str) -> dict[str, object]:
    """What the app got of a request: `path` and `headers`."""
    status, body = rig.request(host, path, {k.replace("_", "-"): v for k, v in headers.items()})
    assert status == 200
    got: dict[str, object] = json.loads(body)
    return got


@contextmanager
def app(answer: bytes, *, after: float = 0.0, then: bytes = b"") -> Iterator[Target]:
    """An app that answers each connection with `answer`, and a while later with `then`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=say, args=(one,), daemon=True).start()

        def say(one: socket.socket) -> None:
            with one:
                one.recv(65536)
                one.sendall(answer)
                gone.wait(after)
                one.sendall(then)

        gone = threading.Event()
        threading.Thread(target=talk, daemon=True).start()
        try:
            yield Target("127.0.0.1", server.getsockname()[1])
        finally:
            gone.set()
            server.shutdown(socket.SHUT_RDWR)


def test_a_stripped_prefix_is_told_in_a_header_and_nobody_else_can_claim_one(
    rig: NginxRig, tmp_path: Path
) -> None:
    serve(rig, tmp_path, "strip-prefix", rig.replica("one"))
    asked = {"/shop": "/", "/shop/": "/", "/shop/cart?a=%2F": "/cart?a=%2F"}
    for path, expected in asked.items():
        got = seen(rig, "example.com", path, X_Forwarded_Prefix="/evil")
        assert got["path"] == expected
        assert isinstance(got["headers"], dict)
        assert got["headers"]["x-forwarded-prefix"] == "/shop"
    assert rig.request("example.com", "/shopping")[0] == 404


def test_without_a_stripped_prefix_a_clients_claim_of_one_is_removed(rig: NginxRig) -> None:
    rig.proxy.apply([rig.route("web", "one")])
    assert "x-forwarded-prefix" not in rig.seen(headers={"X-Forwarded-Prefix": "/evil"})


def test_bodies_and_silence_have_the_routes_own_limits(rig: NginxRig, tmp_path: Path) -> None:
    serve(rig, tmp_path, "limits", rig.replica("one"))
    assert rig.request("shop.example.com", body=b"a" * 2 * 1024**2)[0] == 200
    assert rig.request("shop.example.com", body=b"a" * (2 * 1024**2 + 1))[0] == 413
    with app(b"", after=30) as silent:
        serve(rig, tmp_path, "limits", silent)
        began = time.monotonic()
        assert rig.request("shop.example.com")[0] == 504
        assert 1.9 < time.monotonic() - began < 20


def test_a_stream_reaches_the_client_while_the_app_still_writes(
    rig: NginxRig, tmp_path: Path
) -> None:
    first = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
    with app(first, after=30) as events:
        serve(rig, tmp_path, "streams", events)
        address = ("127.0.0.1", rig.settings.http_port)
        with socket.create_connection(address, timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: events.example.com\r\n\r\n")
            got = b""
            while b"data: 1" not in got:
                got += client.recv(4096)


def test_headers_are_set_and_removed_both_ways(rig: NginxRig, tmp_path: Path) -> None:
    serve(rig, tmp_path, "headers", rig.replica("one"))
    headers = seen(rig, "shop.example.com", Cookie="a=b", X_Team="mine")["headers"]
    assert isinstance(headers, dict)
    assert headers["x-team"] == "shop"
    assert "cookie" not in headers
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Powered-By: x\r\nX-Frame-Options: y\r\n\r\n"
    )
    with app(answer) as chatty:
        serve(rig, tmp_path, "headers", chatty)
        got = answer_of(rig, "shop.example.com")
        assert got.getheader("X-Frame-Options") == "DENY"
        assert got.getheader("X-Powered-By") is None


def answer_of(rig: NginxRig, host: str, path: str = "/") -> http.client.HTTPResponse:
    """The answer with its headers, its body not read."""
    connection = http.client.HTTPConnection("127.0.0.1", rig.settings.http_port, timeout=10)
    connection.request("GET", path, headers={"Host": host, "Connection": "close"})
    return connection.getresponse()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("", ""), 403),
        (("192.0.2.0/24", "127.0.0.0/8"), 200),
        (("192.0.2.0/24", "127.0.0.1"), 200),
        (("192.0.2.66", "127.0.0.1"), 403),
    ],
    ids=["another network", "the client's network", "its address", "it is denied"],
)
def test_only_who_is_allowed_and_not_denied_is_served(
    rig: NginxRig, tmp_path: Path, change: tuple[str, str], status: int
) -> None:
    text = block("access", PAGE).replace(*change)
    if status == 403 and change[0]:
        text = text.replace("192.0.2.0/24", "127.0.0.0/8")
    rig.proxy.apply(routes(tmp_path / "config", text, rig.replica("one")))
    assert rig.request("office.example.com")[0] == status


def test_a_password_is_asked_for_and_only_root_and_nginx_can_read_the_hashes(
    rig: NginxRig, tmp_path: Path
) -> None:
    secrets = tmp_path / "config" / "secrets"
    secrets.mkdir(parents=True)
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "open sesame"], check=True, capture_output=True, text=True
    ).stdout
    (secrets / "office.htpasswd").write_text(f"alice:{hashed}")
    serve(rig, tmp_path, "passwords", rig.replica("one"))
    asked = {"open sesame": 200, "other": 401}
    for password, status in asked.items():
        said = base64.b64encode(f"alice:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {said}"}
        assert rig.request("office.example.com", headers=headers)[0] == status
    assert rig.request("office.example.com")[0] == 401
    file = rig.state / "current" / "users" / "office"
    assert file.stat().st_mode & 0o777 == 0o640
    assert hashed.strip() in file.read_text()


def test_who_asks_more_often_than_the_rate_and_its_burst_gets_429(
    rig: NginxRig, tmp_path: Path
) -> None:
    serve(rig, tmp_path, "rates", rig.replica("one"))
    got = [rig.request("shop.example.com")[0] for _ in range(20)]
    assert got[:5] == [200] * 5
    assert 429 in got


def test_who_has_more_requests_at_a_time_than_allowed_gets_429(
    rig: NginxRig, tmp_path: Path
) -> None:
    with app(b"", after=30) as slow:
        text = block("rates", PAGE).replace("rate_limit: 1/s, rate_burst: 4, ", "")
        rig.proxy.apply(routes(tmp_path / "config", text, slow))
        connections = [
            socket.create_connection(("127.0.0.1", rig.settings.http_port)) for _ in range(2)
        ]
        try:
            for one in connections:
                one.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
            deadline = time.monotonic() + 20
            while (status := quick(rig)) != 429:
                assert time.monotonic() < deadline, status
        finally:
            for one in connections:
                one.close()


def quick(rig: NginxRig) -> int:
    """The status of a request that is answered at once, 0 where it is not."""
    with socket.create_connection(("127.0.0.1", rig.settings.http_port), timeout=0.3) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")
        try:
            return int(one.recv(4096).split(b" ")[1])
        except TimeoutError:
            return 0


HOSTILE_PAGE = (
    """<p title="it's $host ${host} \\" class='}; return 200 x;'>
#{{ not }} {% jinja %} äöü \N{GRINNING FACE} \\n \\"
"""
    + "0123456789" * 500
)


def with_pages(folder: Path, away: str) -> None:
    pages = folder / "config" / "pages"
    pages.mkdir(parents=True)
    (pages / "away.html").write_text(away)
    (pages / "broken.html").write_text("broken")


@pytest.mark.parametrize("page", ["<p>Back at noon.", HOSTILE_PAGE], ids=["plain", "hostile"])
def test_in_maintenance_every_request_gets_the_apps_page_as_it_is_written(
    rig: NginxRig, tmp_path: Path, page: str
) -> None:
    with_pages(tmp_path, page)
    (route,) = routes(tmp_path / "config", block("pages", PAGE), rig.replica("one"))
    rig.proxy.apply([route])
    assert rig.request("shop.example.com")[0] == 200
    closed = replace(route, handling=replace(route.handling, maintenance=True))
    rig.proxy.apply([closed])
    for body in (None, b"post"):
        assert rig.request("shop.example.com", "/deep", body=body) == (503, page.encode())
    answer = answer_of(rig, "shop.example.com")
    assert answer.getheader("Retry-After") == "120"
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"


def test_where_nobody_answers_there_is_a_page_and_the_apps_own_answers_are_left_alone(
    rig: NginxRig, tmp_path: Path
) -> None:
    with_pages(tmp_path, "away")
    serve(rig, tmp_path, "pages", Target("127.0.0.1", 9))
    assert rig.request("shop.example.com") == (502, b"broken")
    rig.proxy.apply([Route("shop", ("shop.example.com",), "/", (Target("127.0.0.1", 9),))])
    status, body = rig.request("shop.example.com")
    assert status == 502
    assert b"does not answer" in body
    assert b"nginx" not in body
    with app(b"HTTP/1.1 503 Gone\r\nContent-Length: 3\r\n\r\nown") as busy:
        serve(rig, tmp_path, "pages", busy)
        assert rig.request("shop.example.com") == (503, b"own")


def test_grpc_goes_by_http2_all_the_way_and_other_clients_still_speak_http1(
    rig: NginxRig, tmp_path: Path
) -> None:
    port, name = free_port(), f"{rig.settings.container}-grpc"
    answers = (
        "events { } http { server { "
        f"listen 127.0.0.1:{port}; http2 on; default_type application/grpc; "
        "location = /prices.Prices/Get { add_header grpc-status 0; root /usr/share/nginx/html; "
        "try_files /index.html =404; } } }"
    )
    (tmp_path / "grpc.conf").write_text(answers)
    (tmp_path / "grpc.conf").chmod(0o644)
    (tmp_path / "grpc.conf").parent.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(docker, "rm", "--force", name)
        file = f"{tmp_path}/grpc.conf:/etc/nginx/nginx.conf:ro"
        docker("run", "--detach", "--name", name, "--network", "host", "--volume", file, NGINX)
        serve(rig, tmp_path, "grpc", Target("127.0.0.1", port))
        url = f"http://127.0.0.1:{rig.settings.http_port}/prices.Prices/Get"
        ask = ["curl", "-s", "-i", "--http2-prior-knowledge", "--noproxy", "*", url]
        ask += ["-H", "Host: prices.example.com", "-H", "content-type: application/grpc"]

        def answer() -> str:
            return subprocess.run(ask, capture_output=True, text=True, check=False).stdout

        until(lambda: "HTTP/2 200" in answer())
        assert "grpc-status: 0" in answer()
        assert rig.request("prices.example.com", "/prices.Prices/Get")[0] == 200


def test_texts_are_compressed_for_who_takes_that(rig: NginxRig, tmp_path: Path) -> None:
    body = b"a" * 5000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 5000\r\n\r\n"
    with app(head + body) as wordy:
        serve(rig, tmp_path, "gzip", wordy)
        status, got = rig.request("shop.example.com", headers={"Accept-Encoding": "gzip"})
        assert (status, gzip.decompress(got)) == (200, body)
        assert rig.request("shop.example.com") == (200, body)


def test_a_client_comes_back_to_the_same_replica_by_its_address(
    rig: NginxRig, tmp_path: Path
) -> None:
    both = [rig.replica("one"), rig.replica("two")]
    serve(rig, tmp_path, "sticky-address", *both)
    assert len({rig.ask("shop.example.com") for _ in range(10)}) == 1


def test_a_client_comes_back_to_the_same_replica_by_its_cookie(
    rig: NginxRig, tmp_path: Path
) -> None:
    both = [rig.replica("one"), rig.replica("two")]
    serve(rig, tmp_path, "sticky-cookie", *both)
    assert {rig.ask("shop.example.com") for _ in range(20)} == {"one", "two"}
    answer = answer_of(rig, "shop.example.com")
    first = json.loads(answer.read())["name"]
    said, _, _ = (answer.getheader("Set-Cookie") or "").partition(";")
    assert said.startswith("lb=")
    again = [rig.request("shop.example.com", headers={"Cookie": said})[1] for _ in range(10)]
    assert {json.loads(body)["name"] for body in again} == {first}


def test_an_nginx_without_sticky_cookies_has_the_key_refused_by_name(tmp_path: Path) -> None:
    made = routes(tmp_path / "config", block("sticky-cookie", PAGE), Target("10.0.0.1", 80))
    rendering = Rendering(Nginx(), None, [package_templates()])
    with pytest.raises(RenderRefused, match=r"`sticky: cookie lb` needs Nginx 1\.29\.6"):
        rendering.files(made, NginxFacts((1, 22, 1), "nginx"), 1)


def settings_of(folder: Path, name: str, rig: NginxRig) -> Nginx:
    """What a block of the page says of Nginx, on the ports of the rig."""
    (folder / "config.yml").write_text(block(name, PAGE))
    said = load(folder / "config.yml", {}).nginx
    kept = {"container", "http_port", "status_port", "keepalive_timeout", "drain"}
    return said.model_copy(update=rig.settings.model_dump(include=kept))


def test_a_line_of_the_log_in_json_says_which_app_answered_and_how_long_it_took(
    rig: NginxRig, tmp_path: Path
) -> None:
    proxy = rig.nginx(settings_of(tmp_path, "json-log", rig))
    proxy.apply([rig.route("web", "one")])
    assert rig.request("web.example", '/%22"}?token=s3cret')[0] == 200

    def lines() -> list[dict[str, object]]:
        said = docker("logs", rig.settings.container).splitlines()
        return [json.loads(line) for line in said if line.startswith('{"time"')]

    until(lambda: bool(lines()))
    line = lines()[-1]
    target = rig.replica("one")
    expected: dict[str, object] = {
        "app": "web",
        "host": "web.example",
        "method": "GET",
        "path": '/%22"}',
    }
    expected |= {"status": 200, "upstream": f"{target.address}:{target.port}"}
    assert {key: line[key] for key in expected} == expected
    assert line["client"] == "127.0.0.1"
    assert float(str(line["upstream_response_time"])) >= 0
    rig.proxy.apply([rig.route("web", "one")])


def test_a_trusted_proxy_is_believed_and_nobody_else(rig: NginxRig, tmp_path: Path) -> None:
    claims = {"X-Forwarded-For": "6.6.6.6, 198.51.100.7, 10.1.2.3", "X-Forwarded-Proto": "https"}
    rig.proxy.apply([rig.route("web", "one")])
    plain = rig.seen(headers=claims)
    assert (plain["x-forwarded-for"], plain["x-forwarded-proto"]) == ("127.0.0.1", "http")
    rig.nginx(settings_of(tmp_path, "trusted-proxies", rig)).apply([rig.route("web", "one")])
    seen = rig.seen(headers=claims)
    assert (seen["x-forwarded-for"], seen["x-real-ip"]) == ("198.51.100.7", "198.51.100.7")
    assert seen["x-forwarded-proto"] == "https"
    assert rig.seen(headers={"X-Forwarded-Proto": "gopher"})["x-forwarded-proto"] == "http"
    rig.proxy.apply([rig.route("web", "one")])
