"""A page that follows what happens: nothing is missed, and nobody is disturbed in reading."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from deployer.evidence import Evidence, written
from tests.browser.reader import Reader
from tests.browser.story import Story
from tests.web.receiver import OPERATOR, Running, push, running

pytestmark = pytest.mark.root

BREAK_OFF_ONCE = """() => {
  const real = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await real(...asked);
    if (answer.status !== 200) return answer;
    window.fetch = real;
    answer.text = () => Promise.reject(new TypeError("it broke off"));
    return answer;
  };
}"""
WAYS = """(ms) => new Promise((resolve) => {
  const away = document.getElementById("away"), said = [];
  const seen = new MutationObserver(() => said.push(away.innerText));
  seen.observe(away, { childList: true, subtree: true, characterData: true });
  setTimeout(() => resolve(said), ms);
})"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as one:
        yield one


@pytest.fixture(scope="module")
def story(receiver: Running) -> Iterator[Story]:
    one = Story(receiver.path)
    one.tell()
    yield one
    one.store.close()


def test_an_answer_that_breaks_off_is_asked_for_again(
    reader: Reader, receiver: Running, story: Story
) -> None:
    reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, "/deliveries")
    reader.wait_asked_again(304)
    reader.page.evaluate(BREAK_OFF_ONCE)
    receiver.post(push("latest"))
    number = receiver.store.deliveries(1)[0].id
    expect(reader.page.locator(f"#delivery-{number}")).to_be_visible()
    expect(reader.page.locator("#away")).to_be_hidden()


def test_a_receiver_that_hangs_is_told_of_once_and_not_every_second(
    reader: Reader, receiver: Running, story: Story
) -> None:
    reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR)
    reader.page.route("**/*", lambda _: None)
    expect(reader.page.locator("#away")).to_be_visible(timeout=25_000)
    assert reader.page.evaluate(WAYS, 3000) == []


def test_who_reads_or_tabs_is_not_disturbed_by_what_changes(
    reader: Reader, receiver: Running, story: Story
) -> None:
    page, one = reader.page, story.go_on("web", time.time() - 6)
    seen = replace(one, detail=written([Evidence("log", "a line\n" * 500)]))
    story.store.save(seen, time.time(), "checking")
    reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, f"/deployments/{one.id}")
    page.locator("pre").focus()
    page.evaluate("document.querySelector('pre').scrollTop = 300")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    before = page.locator(".step.now .took").inner_text()
    expect(page.locator(".step.now .took")).not_to_have_text(before)
    assert page.evaluate("document.activeElement.tagName") == "PRE"
    assert page.evaluate("document.querySelector('pre').scrollTop") == 300
    assert page.evaluate("getSelection().toString()") == page.locator("h1").inner_text()
    page.locator("summary").click()
    expect(page.locator("pre")).to_be_hidden()
    reader.wait_asked_again(200)
    expect(page.locator("pre")).to_be_hidden()


def test_the_focus_stays_on_its_row_when_a_new_one_comes(
    reader: Reader, receiver: Running, story: Story
) -> None:
    page = reader.page
    reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR)
    page.locator("#deployment-4 .number").focus()
    receiver.post(push("main", "acme/api"))
    receiver.post(push("stable"))
    number = receiver.store.deployments(limit=1)[0].id
    expect(page.locator(f"#deployment-{number}")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('tr').id") == "deployment-4"
    rows = page.locator(".list tbody tr[id^=deployment]").evaluate_all("all => all.map(e => e.id)")
    newest = receiver.store.deployments(limit=10)
    assert rows == [f"deployment-{one.id}" for one in newest]


@pytest.mark.parametrize("wrong", [-3600, 3600])
def test_a_wrong_clock_of_the_reader_does_not_change_how_long_ago_it_was(
    browser: Browser, receiver: Running, story: Story, wrong: int
) -> None:
    story.see()
    with Reader(browser) as reader:
        reader.page.add_init_script(
            f"const right = Date.now; Date.now = () => right() + {wrong * 1000}"
        )
        reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, "/deployments/3")
        reader.page.goto(f"http://127.0.0.1:{receiver.port}/")
        reader.wait_asked_again(200)
        row = reader.page.locator("#deployment-3 time")
        expect(row).to_have_text(re.compile(r"1[1-4] min\. ago"))
