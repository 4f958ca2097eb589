"""All tags of a repository, page by page, from registries that are well or hostile."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.errors import (
    DeployerError,
    ImageNotFound,
    RateLimited,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
)
from deployer.model import Image
from deployer.ports import Login
from deployer.registries.listing import MOST_PAGES, Listing
from tests.lab.answering import Answering, serving

BASIC = "Basic " + base64.b64encode(b"bot:canary-password").decode()
PATH = "/v2/acme/web/tags/list"


class Registry(ThreadingHTTPServer):
    """Has `pages` of tags, the next named by `link`; `status` and `body` are instead, where set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.pages: list[list[Any]] = [["v1", "v2"]]
        self.link: Callable[[int], str] = lambda page: f'<{PATH}?n=2&page={page}>; rel="next"'
        self.token = ""
        self.status = 200
        self.body: bytes | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(Answering):
    server: Registry

    def do_GET(self) -> None:
        one, path = self.server, urlsplit(self.path)
        one.asked.append(path.path)
        if path.path == "/token":
            right = self.headers.get("Authorization") == BASIC
            self.say(200, json.dumps({"token": one.token if right else "wrong"}).encode())
        elif one.token and self.headers.get("Authorization") != f"Bearer {one.token}":
            realm = f'Bearer realm="http://{one.host}/token",service="lab"'
            self.say(401, headers={"WWW-Authenticate": realm})
        else:
            self._page(int(parse_qs(path.query).get("page", ["0"])[0]))

    def _page(self, page: int) -> None:
        one = self.server
        said = json.dumps({"name": "acme/web", "tags": one.pages[page % len(one.pages)]}).encode()
        more = {"Link": one.link(page + 1)} if page + 1 < len(one.pages) else {}
        self.say(one.status, said if one.body is None else one.body, more)


@pytest.fixture
def registry() -> Iterator[Registry]:
    one = Registry()
    with serving(one):
        yield one


def tags(registry: Registry, login: Login | None = None) -> list[str]:
    listing = Listing(lambda _: login, limit=5)
    return listing(Image(registry.host, "acme/web"))


def failure(registry: Registry) -> DeployerError:
    with pytest.raises(DeployerError) as caught:
        tags(registry)
    return caught.value


def test_all_pages_are_asked_for_and_nothing_else(registry: Registry) -> None:
    registry.pages = [["v1", "v2"], ["v3"], ["latest"]]
    assert tags(registry) == ["v1", "v2", "v3", "latest"]
    assert registry.asked == [PATH] * 3


def test_the_next_page_may_be_named_in_full_or_by_what_changes(registry: Registry) -> None:
    registry.pages = [["v1"], ["v2"]]
    for link in (f"<http://{registry.host}{PATH}?page=1>", "<?page=1>", "<list?page=1>"):
        registry.link = partial('{link}; rel="next"'.format, link=link)
        assert tags(registry) == ["v1", "v2"]


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1:1/v2/acme/web/tags/list", "/v2/other/tags/list", "//evil/v2", "file:///"],
)
def test_a_next_page_elsewhere_gets_no_login(registry: Registry, link: str) -> None:
    registry.pages = [["v1"], ["v2"]]
    registry.link = lambda page: f'<{link}>; rel="next"'
    assert "no list of tags" in str(failure(registry))
    assert registry.asked == [PATH]


def test_pages_without_end_are_an_error_and_no_list_that_lacks_the_newest(
    registry: Registry,
) -> None:
    registry.pages = [["v1"]] * (MOST_PAGES + 1)
    assert "without the last of them" in str(failure(registry))
    assert len(registry.asked) == MOST_PAGES


def test_one_that_answers_without_end_is_not_listened_to_for_ever(registry: Registry) -> None:
    """The time counts for all pages together."""
    registry.pages = [["v1"], ["v2"]]
    clock = itertools.count(0.0, 20.0)
    listing = Listing(lambda _: None, limit=5, clock=lambda: next(clock))
    with pytest.raises(RegistryError, match="too slowly"):
        listing(Image(registry.host, "acme/web"))


def test_a_token_is_got_with_the_login_and_serves_for_all_pages(registry: Registry) -> None:
    registry.token, registry.pages = "a-token", [["v1"], ["v2"]]
    assert tags(registry, Login("bot", "canary-password")) == ["v1", "v2"]
    assert registry.asked == [PATH, "/token", PATH, PATH]
    assert isinstance(failure(registry), RegistryDenied)


def test_what_is_no_tag_is_left_out(registry: Registry) -> None:
    registry.pages = [["v1", "", "a/b", "v\n", "x" * 129, None, 7, {"v": 1}, "v2"]]
    assert tags(registry) == ["v1", "v2"]


@pytest.mark.parametrize("body", [b'{"tags": null}', b'{"tags": []}'])
def test_a_repository_may_have_no_tags(registry: Registry, body: bytes) -> None:
    registry.body = body
    assert tags(registry) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"tags": "v1"}',
        b'{"tags": {}}',
        b'{"tags": 7}',
        b'{"tags": ["v1"]',
    ],
)
def test_what_is_no_list_is_an_error_and_no_empty_list(registry: Registry, body: bytes) -> None:
    registry.body = body
    assert "no list of tags" in str(failure(registry))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RegistryDenied),
        (403, RegistryDenied),
        (404, ImageNotFound),
        (429, RateLimited),
        (500, RegistryUnavailable),
        (503, RegistryUnavailable),
        (302, RegistryError),
        (400, RegistryError),
    ],
)
def test_a_status_is_said_in_words(registry: Registry, status: int, kind: type) -> None:
    registry.status = status
    assert type(failure(registry)) is kind


def test_one_that_is_away_may_be_asked_again() -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer") as caught:
        Listing(lambda _: None, limit=5)(Image("127.0.0.1:1", "acme/web"))
    assert caught.value.retry
