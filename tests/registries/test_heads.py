"""A tag's digest by HEAD alone, from a registry that asks for a token or for a password."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.errors import RateLimited
from deployer.model import Image
from deployer.ports import Login
from deployer.registries.heads import LEFT_ALONE, Heads
from tests.lab.answering import Answering, serving

DIGEST = "sha256:" + "d" * 64
PASSWORD = Login("bot", "canary-password")
BASIC = "Basic " + base64.b64encode(b"bot:canary-password").decode()


class Registry(ThreadingHTTPServer):
    """Answers HEAD for one tag; `wants` is how it lets somebody in: nothing, bearer or basic."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.wants = ""
        self.status = 200
        self.digest = DIGEST
        self.forms: list[dict[str, list[str]]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(Answering):
    server: Registry

    def do_HEAD(self) -> None:
        one = self.server
        one.asked.append(f"HEAD {self.path}")
        shown = self.headers.get("Authorization", "")
        right = {"": True, "bearer": shown == "Bearer a-token", "basic": shown == BASIC}[one.wants]
        self.send_response(one.status if right else 401)
        if not right:
            realm = (
                f'Bearer realm="http://{one.host}/token",service="lab",scope="repository:x:pull"'
            )
            self.send_header("WWW-Authenticate", realm if one.wants == "bearer" else "Basic")
        elif "index" in self.headers.get("Accept", ""):
            self.send_header("Docker-Content-Digest", one.digest)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {urlsplit(self.path).path}")
        self.server.forms.append(parse_qs(urlsplit(self.path).query))
        self.server.forms.append({"auth": [self.headers.get("Authorization", "")]})
        self.say(200, json.dumps({"token": "a-token"}).encode())

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.forms.append(parse_qs(body.decode()))
        self.say(200, json.dumps({"access_token": "a-token"}).encode())


@pytest.fixture
def registry() -> Iterator[Registry]:
    one = Registry()
    with serving(one):
        yield one


def heads(login: Login | None = None) -> Heads:
    return Heads(lambda _: login, limit=5)


def image(registry: Registry) -> Image:
    return Image(registry.host, "acme/web", "latest")


def test_a_registry_that_lets_everybody_in_is_asked_once_and_for_no_manifest(
    registry: Registry,
) -> None:
    assert heads()(image(registry)) == DIGEST
    assert registry.asked == ["HEAD /v2/acme/web/manifests/latest"]


@pytest.mark.parametrize("login", [None, PASSWORD])
def test_a_token_is_asked_for_where_the_registry_says_with_the_login_if_there_is_one(
    registry: Registry, login: Login | None
) -> None:
    registry.wants = "bearer"
    assert heads(login)(image(registry)) == DIGEST
    assert [one.split()[0] for one in registry.asked] == ["HEAD", "GET", "HEAD"]
    asked, shown = registry.forms
    assert asked == {"scope": ["repository:acme/web:pull"], "service": ["lab"]}
    assert shown == {"auth": [BASIC if login else ""]}


def test_an_identity_token_is_exchanged_for_one(registry: Registry) -> None:
    registry.wants = "bearer"
    assert heads(Login("", "", identity_token="canary-identity"))(image(registry)) == DIGEST
    assert registry.forms[0]["refresh_token"] == ["canary-identity"]


def test_a_password_is_shown_to_a_registry_that_asks_for_one(registry: Registry) -> None:
    registry.wants = "basic"
    assert heads(PASSWORD)(image(registry)) == DIGEST
    assert heads()(image(registry)) == ""


@pytest.mark.parametrize("status", [404, 500, 503, 307])
def test_what_is_no_digest_is_left_to_docker(registry: Registry, status: int) -> None:
    registry.status = status
    assert heads()(image(registry)) == ""


def test_a_digest_that_is_none_is_left_to_docker(registry: Registry) -> None:
    registry.digest = "sha256:../../etc"
    assert heads()(image(registry)) == ""


def test_a_registry_that_was_asked_too_often_says_so(registry: Registry) -> None:
    registry.status = 429
    with pytest.raises(RateLimited, match="asked too often"):
        heads()(image(registry))


def test_a_registry_that_cannot_be_asked_like_this_is_left_to_docker_for_a_while(
    registry: Registry,
) -> None:
    time = [0.0]
    one = Heads(lambda _: None, limit=5, clock=lambda: time[0])
    away = Image("127.0.0.1:1", "acme/web", "latest")
    assert one(away) == ""
    there = image(registry)
    assert one(there) == DIGEST
    one._left[there.host] = LEFT_ALONE
    assert one(there) == ""
    time[0] = LEFT_ALONE + 1
    assert one(there) == DIGEST
