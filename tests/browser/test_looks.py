"""Every page in a real browser: in each size and scheme readable, complete, without complaints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.reader import DESKTOP, PHONE, Reader
from tests.browser.story import FAILED_REASON, Story
from tests.web.receiver import OPERATOR, Running, running

pytestmark = pytest.mark.root

Scheme = Literal["light", "dark"]
PAGES = {
    "overview": "/",
    "app": "/apps/web",
    "failed": "/deployments/3",
    "succeeded": "/deployments/4",
    "running": "/deployments/6",
    "deliveries": "/deliveries",
    "delivery": "/deliveries/1",
    "ignored": "/deliveries/7",
}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
# https://www.w3.org/TR/WCAG22/#contrast-minimum
CONTRAST = """() => {
  const light = (c) => {
    const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (c !== "rgba(0, 0, 0, 0)" && c !== "transparent") return c;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && !e.closest(".skip")
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.tagName + "." + e.className + ": " + e.textContent.trim()];
    })
    .filter(([ratio]) => ratio < 4.5)
    .map(([ratio, text]) => ratio.toFixed(2) + " " + text.slice(0, 60));
}"""

BROKEN = """() =>
  [".brand", ".took", "td[data-name=Digest] code", ".list td:not(.long, .name)"]
    .flatMap((those) => [...document.querySelectorAll(those)])
    .flatMap((e) => [...e.childNodes]).filter((n) => n.nodeType === Node.TEXT_NODE)
    .flatMap((text) => [...text.data.matchAll(/\\S+/g)].map((word) => {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      return [word[0], range.getClientRects().length];
    }))
    .filter(([, lines]) => lines > 1)"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as one:
        story = Story(one.path)
        story.tell()
        story.go_on("a" * 63, story.now - 100)
        yield one
        story.store.close()


@pytest.fixture(scope="module", params=product(SIZES, ("light", "dark")), ids="-".join)
def window(
    request: pytest.FixtureRequest, browser: Browser, receiver: Running
) -> Iterator[tuple[str, Reader]]:
    size, scheme = request.param
    with Reader(browser, SIZES[size], scheme) as reader:
        reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR)
        yield f"{size}-{scheme}", reader


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_window_and_can_be_read(
    receiver: Running, window: tuple[str, Reader], name: str
) -> None:
    look, reader = window
    reader.page.goto(f"http://127.0.0.1:{receiver.port}{PAGES[name]}")
    expect(reader.page.get_by_role("heading", level=1)).to_be_visible()
    reader.keep(f"{name}-{look}")
    assert reader.overflow() <= 0
    assert reader.page.evaluate(CONTRAST) == []
    assert reader.complaints == []


def test_the_sign_in_is_all_that_a_stranger_sees(reader: Reader, receiver: Running) -> None:
    base = f"http://127.0.0.1:{receiver.port}"
    reader.page.goto(f"{base}/deployments/3")
    reader.keep("sign-in-desktop-light")
    expect(reader.page.get_by_role("navigation")).to_have_count(0)
    reader.page.get_by_label("Operator's token").fill("wrong")
    reader.page.get_by_role("button", name="Sign in").click()
    expect(reader.page.get_by_text("This is not an operator's token")).to_be_visible()
    reader.complaints.clear()  # the browser tells of the 401
    reader.page.get_by_label("Operator's token").fill(OPERATOR)
    reader.page.get_by_role("button", name="Sign in").click()
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("api #3")
    reader.page.get_by_role("button", name="Sign out").click()
    expect(reader.page.get_by_label("Operator's token")).to_be_visible()


def test_a_failure_is_told_with_its_reason_and_all_that_was_seen(
    reader: Reader, receiver: Running
) -> None:
    reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, "/deployments/3")
    expect(reader.page.get_by_text(FAILED_REASON)).to_be_visible()
    expect(reader.page.get_by_text("59 times: 500")).to_be_visible()
    expect(reader.page.locator(".step.failed .name")).to_contain_text("check")
    assert reader.page.title().startswith("✗ api #3 failed")


def test_times_are_in_the_readers_zone(browser: Browser, receiver: Running) -> None:
    said = []
    for zone in ("Europe/Zurich", "America/New_York"):
        with Reader(browser, zone=zone) as reader:
            reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, "/deployments/3")
            said.append(reader.page.locator("dd > time").first.inner_text())
    assert said[0] != said[1]
    assert "UTC" not in said[0]


def test_without_scripts_a_page_is_complete_and_says_that_its_times_are_utc(
    browser: Browser, receiver: Running
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{receiver.port}/deployments/3")
    page.get_by_label("Operator's token").fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(FAILED_REASON)).to_be_visible()
    assert page.locator("dd > time").first.inner_text().endswith(" UTC")
    expect(page.get_by_role("img", name="failed")).to_be_visible()
    page.goto(f"http://127.0.0.1:{receiver.port}/")
    assert re.fullmatch("Seen by the worker .* UTC", page.locator("#seen").inner_text())
    context.close()


@pytest.mark.parametrize("width", [320, 720, 810, 960])
def test_no_word_is_broken_that_has_room_and_nothing_sticks_out(
    browser: Browser, receiver: Running, width: int
) -> None:
    base = f"http://127.0.0.1:{receiver.port}"
    with Reader(browser, (width, 800)) as reader:
        reader.sign_in(base, OPERATOR)
        for path in ("/", "/apps/api", "/deliveries", "/deliveries/1", "/deployments/3"):
            reader.page.goto(base + path)
            assert reader.overflow() <= 0, path
            assert reader.page.evaluate(BROKEN) == [], path


def test_what_is_printed_has_the_whole_log(browser: Browser, receiver: Running) -> None:
    with Reader(browser) as reader:
        reader.sign_in(f"http://127.0.0.1:{receiver.port}", OPERATOR, "/deployments/3")
        reader.page.locator("pre").last.evaluate("e => e.textContent = 'v'.repeat(24000)")
        reader.page.emulate_media(media="print")
        assert reader.page.locator("pre").last.evaluate(
            "e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight"
        )
        expect(reader.page.get_by_role("button", name="Sign out")).to_be_hidden()
