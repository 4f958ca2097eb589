"""The pages as a browser without scripts gets them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from deployer.deployment import Deployment, Status, Step, Trigger, Wanted, advance, enter
from deployer.model import Image
from deployer.ports import Active, Delivery
from deployer.sources import SOURCES
from deployer.sources.signatures import check_bearer
from deployer.spec import Spec
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore
from deployer.web.app import create_app
from tests.web.browsing import Browser
from tests.web.receiver import OPERATOR, Running, part_for, push
from tests.web.test_generic import end_all

PAGES = ["/", "/apps/web", "/deployments/1", "/deliveries", "/deliveries/1"]
HOSTILE = "<script>alert(1)</script> {{ 7*7 }} \x1b[31m \u061c\u202e"


@pytest.fixture
def browser(receiver: Running) -> Iterator[Browser]:
    one = Browser(receiver)
    one.sign_in()
    yield one
    one.session.close()


@pytest.fixture
def stranger(receiver: Running) -> Iterator[Browser]:
    one = Browser(receiver)
    yield one
    one.session.close()


def started(store: SQLiteStore, number: int) -> Deployment:
    """The deployment, once its turn has come."""
    while (one := store.claim(11.0)) is None or one.id != number:
        assert one is not None
        store.save(advance(one, Status.FAILED, 12.0), 12.0)
    return one


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_the_sign_in_and_then_on(stranger: Browser, path: str) -> None:
    refused = stranger.get(path)
    assert refused.status_code == 303
    assert refused.headers["Location"].startswith("/sign-in")
    form = stranger.get(refused.headers["Location"]).text
    to = re.search('name="to" value="([^"]*)"', form)
    assert to is not None
    assert to[1] == path
    assert stranger.sign_in(to[1]).headers["Location"] == path


@pytest.mark.parametrize("token", ["", "x", OPERATOR[:-1], f"Bearer {OPERATOR}", "caf\xe9\0"])
def test_a_token_that_is_none_signs_nobody_in(stranger: Browser, token: str) -> None:
    answer = stranger.post("/sign-in", {"token": token})
    assert answer.status_code == 401
    assert "This is not an operator" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert stranger.get("/").status_code == 303


@pytest.mark.parametrize("more", [{}, {"Content-Type": "multipart/form-data; boundary=x"}])
def test_a_form_that_is_too_large_is_not_even_read(stranger: Browser, more: dict[str, str]) -> None:
    answer = stranger.post("/sign-in", {"token": "a" * 5000}, more)
    assert answer.status_code == 413
    assert "To the overview" in answer.text


def test_the_form_takes_a_token_of_any_length_that_the_configuration_takes(
    stranger: Browser,
) -> None:
    assert "maxlength" not in stranger.get("/sign-in").text


def test_the_log_tells_of_each_sign_in_and_of_no_token(
    receiver: Running, stranger: Browser
) -> None:
    before = len(receiver.log())
    stranger.post("/sign-in", {"token": f"{OPERATOR}x"})
    stranger.sign_in()
    said = receiver.log()[before:]
    assert said.count("sign-in refused") == 1
    assert said.count("operator signed in") == 1
    assert OPERATOR not in said


def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(stranger: Browser) -> None:
    cookie = stranger.sign_in().headers["Set-Cookie"]
    assert OPERATOR not in cookie
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    behind = {"X-Forwarded-Proto": "http", "Origin": stranger.base.replace("http", "https")}
    for https in ({"X-Forwarded-Proto": "https"}, behind):
        over_tls = stranger.post("/sign-in", {"token": OPERATOR}, https)
        assert "Secure" in over_tls.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize(
    "to", ["//evil.test/", "https://evil.test", "/\\evil.test", "/a\r\nX: y", "javascript:x", ""]
)
def test_signing_in_leads_to_no_other_site(stranger: Browser, to: str) -> None:
    assert stranger.sign_in(to).headers["Location"] == "/"
    assert stranger.get("/sign-in", {}).headers["Location"] == "/"


@pytest.mark.parametrize("to", ["/" + "a" * 3000 + "!", "/" + "a/" * 1500 + "!"])
def test_a_path_to_go_on_to_is_read_at_once_however_long_it_is(stranger: Browser, to: str) -> None:
    begun = time.monotonic()
    assert 'name="to" value="/"' in stranger.get(f"/sign-in?to={to}").text
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    refused = browser.post("/sign-out", {}, headers)
    assert refused.status_code == 403
    assert "the header Host" in refused.text
    assert browser.get("/").status_code == 200


def test_signing_out_ends_it(browser: Browser) -> None:
    same = {"Origin": browser.base, "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/sign-out", {}, same).headers["Location"] == "/sign-in"
    assert browser.get("/").status_code == 303


def test_a_session_that_was_ended_is_ended_for_a_copy_of_its_cookie_too(
    stranger: Browser,
) -> None:
    cookies = []
    for _ in range(2):
        stranger.sign_in()
        cookies.append({"Cookie": f"deployer={stranger.session.cookies['deployer']}"})
    stranger.post("/sign-out", {})
    assert [stranger.get("/", each).status_code for each in cookies] == [200, 303]


def test_a_cookie_of_somebody_else_s_making_is_none(stranger: Browser) -> None:
    stranger.sign_in()
    real = stranger.session.cookies["deployer"]
    stranger.session.cookies.clear()
    middle = "A" if real[-9] != "A" else "B"  # the last character has bits that mean nothing
    for made in ("", "operator", f"{real[:-9]}{middle}{real[-8:]}", "." + real):
        assert stranger.get("/", {"Cookie": f"deployer={made}"}).status_code == 303


@pytest.mark.parametrize("path", ["/", "/apps/web", "/deliveries"])
def test_a_page_that_has_not_changed_is_not_sent_again(
    receiver: Running, browser: Browser, path: str
) -> None:
    end_all(receiver, Status.SUCCEEDED)
    first = browser.get(path)
    assert first.status_code == 200
    again = browser.get(path, {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    receiver.post(push("latest"))
    changed = browser.get(path, {"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_that_the_worker_has_looked_again_is_told_without_a_new_page(
    receiver: Running, browser: Browser
) -> None:
    now = time.time()
    receiver.store.show({"at": now - 5, "apps": {}})
    first = browser.get("/")
    receiver.store.show({"at": now, "apps": {}})
    again = browser.get("/", {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.headers["Deployer-Seen-At"] > first.headers["Deployer-Seen-At"]


def test_the_overview_names_every_app_and_what_is_not_well(
    receiver: Running, browser: Browser
) -> None:
    receiver.store.show({"at": 5.0, "apps": {}})
    text = browser.get("/").text
    for name in ("api", "shadow", "site", "web"):
        assert f'<a href="/apps/{name}">{name}</a>' in text
    assert "Degraded" in text
    assert "it seems not to run" in text


class Counted(SQLiteStore):
    """A store that counts how often it is asked what is the same for all apps."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: Counter[str] = Counter()

    def active(self) -> dict[str, Active]:
        self.asked["active"] += 1
        return super().active()

    def last_deployments(self) -> dict[str, Deployment]:
        self.asked["last_deployments"] += 1
        return super().last_deployments()

    def snapshot(self) -> dict[str, Any]:
        self.asked["snapshot"] += 1
        return super().snapshot()


def test_what_is_the_same_for_all_apps_is_read_once_for_a_page(receiver: Running) -> None:
    store = Counted(receiver.path)
    part = part_for(receiver.path, receiver.port)
    client = create_app(part, store, SOURCES, check_bearer).test_client()
    client.post("/sign-in", data={"token": OPERATOR})
    assert client.get("/").status_code == 200
    # `troubles` asks for two of them too.
    assert store.asked == {"active": 1, "last_deployments": 2, "snapshot": 2}
    store.close()


def test_what_was_seen_long_ago_is_not_told_as_if_it_were_so(
    receiver: Running, browser: Browser
) -> None:
    nginx = {"version": [1, 30, 0], "user": "nginx", "live": 7, "draining": 0}
    seen = {"apps": {}, "nginx": nginx}
    receiver.store.show({"at": time.time(), **seen})
    assert "serves generation 7" in browser.get("/").text
    assert "No worker has looked since" not in browser.get("/apps/web").text
    receiver.store.show({"at": time.time() - 2 * 86400, **seen})
    first = browser.get("/")
    assert "serves generation 7" not in first.text
    assert "it last did 2 days ago" in first.text
    assert "No worker has looked since" in browser.get("/apps/web").text


def test_how_long_ago_something_was_makes_no_new_page_each_second(receiver: Running) -> None:
    clock = [time.time()]
    receiver.store.show({"at": clock[0] - 2 * 86400, "apps": {}})
    part = part_for(receiver.path, receiver.port)
    app = create_app(part, receiver.store, SOURCES, check_bearer, lambda: clock[0])
    client = app.test_client()
    client.post("/sign-in", data={"token": OPERATOR})
    first = client.get("/")
    clock[0] += 2
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert "it last did" in first.text
    assert again.status_code == 304


def test_an_app_shows_its_release_its_replicas_and_its_history(
    receiver: Running, browser: Browser
) -> None:
    store = SQLiteStore(receiver.path, seal=Seal(Fernet.generate_key()))
    image = Image("ghcr.io", "acme/shop", "latest", f"sha256:{'ab12' * 16}")
    store.add_release("site", image, Spec(), 4.0)
    release = store.add_release("site", image, Spec(), 5.0)
    number = store.enqueue(Wanted("site", Trigger.OPERATOR, "latest"), 10.0)
    store.activate(Active("site", release.number, number))
    replica: dict[str, str | int] = {
        "name": "site-1",
        "id": "x",
        "address": "10.9.8.7",
        "state": "running",
    }
    replica |= {"health": "", "release": release.number, "deployment": number}
    store.show({"at": time.time(), "apps": {"site": [replica]}, "images": {"site": [1, 2]}})
    assert "was removed from this machine" not in browser.get("/apps/site").text
    store.show({"at": time.time(), "apps": {"site": [replica]}, "images": {"site": [2]}})
    store.close()
    text = browser.get("/apps/site").text
    assert text.count("was removed from this machine") == 1
    for said in ("site-1", "10.9.8.7", "ab12ab12ab12", f'href="/deployments/{number}"', "serves"):
        assert said in text, said
    assert "operator" in text


def test_a_deployment_shows_its_steps_its_reason_and_its_evidence(
    receiver: Running, browser: Browser
) -> None:
    store = receiver.store
    number = store.enqueue(Wanted("api", Trigger.OPERATOR, "main"), 10.0)
    one = started(store, number)
    one = enter(one, Step.PULL)
    store.save(one, 12.0, "pulling")
    text = browser.get(f"/deployments/{number}").text
    assert "pulling" in text
    assert text.count('class="step next"') == 6
    assert "Commit" not in text
    one = replace(one, revision="abcdef" * 6 + "0123")
    store.save(one, 12.5, "pulled")
    assert (
        'title="abcdefabcdefabcdefabcdefabcdefabcdef0123">abcdefabcdef<'
        in browser.get(f"/deployments/{number}").text
    )
    failed = advance(one, Status.FAILED, 14.5, "the registry is away", "last words")
    store.save(failed, 14.5, "the registry is away")
    text = browser.get(f"/deployments/{number}").text
    assert "the registry is away" in text
    assert "last words" in text
    assert "2.5 s" in text
    assert 'class="step failed"' in text
    assert 'class="step next"' not in text


def test_a_deployment_that_never_began_does_not_go_on(receiver: Running, browser: Browser) -> None:
    first, last = (receiver.store.enqueue(Wanted("web", Trigger.OPERATOR), at) for at in (1.0, 2.0))
    took = re.compile(r'<dt>Took</dt><dd><span class="quiet">([^<]*)<')
    assert took.findall(browser.get(f"/deployments/{first}").text) == ["\u2013"]
    assert took.findall(browser.get(f"/deployments/{last}").text) == ["not started yet"]
    started(receiver.store, last)
    assert took.findall(browser.get(f"/deployments/{last}").text) == ["still running"]


def test_what_came_from_elsewhere_is_text_and_nothing_else(
    receiver: Running, browser: Browser
) -> None:
    store = receiver.store
    said = replace(Delivery("dockerhub", 100.0, HOSTILE.encode()), verdict="ignored")
    kept = store.record(replace(said, reason=HOSTILE, sender_id=HOSTILE, given_by=HOSTILE), [])
    number = store.enqueue(Wanted("api", Trigger.OPERATOR, "main"), 10.0)
    one = started(store, number)
    store.save(advance(one, Status.FAILED, 12.0, HOSTILE, HOSTILE), 12.0, HOSTILE)
    of_it = f"/deliveries/{kept.delivery}"
    for path in ("/", "/apps/api", f"/deployments/{number}", "/deliveries", of_it):
        text = browser.get(path).text
        assert "&lt;script&gt;alert(1)" in text, path
        assert "<script>alert" not in text
        assert "{{ 7*7 }}" in text
        assert not set("\x1b\u061c\u202e") & set(text)


def test_older_entries_are_on_further_pages(receiver: Running, browser: Browser) -> None:
    ids = [
        receiver.store.record(
            replace(Delivery("dockerhub", 100.0, b"{}"), verdict="ignored", reason=f"no {n}."), []
        ).delivery
        for n in range(60)
    ]
    first = browser.get("/deliveries").text
    older = re.search(r'href="(\?before=\d+)"', first)
    assert older is not None
    assert "no 59." in first
    assert f'id="delivery-{ids[0]}"' not in first
    assert f'id="delivery-{ids[0]}"' in browser.get(f"/deliveries{older[1]}").text


@pytest.mark.parametrize("path", ["/apps/none", "/deployments/999999", "/deployments/x", "/none"])
def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "To the overview" in answer.text


def test_no_page_has_a_style_or_a_script_of_its_own(browser: Browser) -> None:
    """The policy allows none: what is in the page itself would not run, and is not there."""
    for path in ("/", "/apps/web", "/deliveries", "/sign-in"):
        text = browser.get(path).text
        assert "style=" not in text
        assert not re.search(r"<script(?! src=)|\son[a-z]+=", text)


def test_what_pages_are_made_of_may_be_kept_for_a_year(browser: Browser) -> None:
    text = browser.get("/").text
    files = re.findall(r'"(/static/[^"]+\?v=[0-9a-f]{12})"', text)
    assert len(files) == 3
    for file in files:
        answer = browser.get(file)
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_a_page_for_which_the_store_is_away_asks_again_by_itself(
    receiver: Running, browser: Browser
) -> None:
    aside = receiver.path.with_suffix(".aside")
    receiver.path.rename(aside)
    try:
        answer = browser.get("/deliveries")
    finally:
        aside.rename(receiver.path)
    assert answer.status_code == 503
    assert "tries again by itself" in answer.text
    assert f'<meta http-equiv="refresh" content="{answer.headers["Retry-After"]}">' in answer.text
    assert "http-equiv" not in browser.get("/none").text
    assert browser.get("/deliveries").status_code == 200
