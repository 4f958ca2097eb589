"""Somebody who looks at deployer's pages in a browser of their own."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from playwright.sync_api import Browser, ConsoleMessage, expect

DESKTOP, PHONE = (1280, 800), (390, 844)
PATIENCE = 15_000
"""How long a reader waits for what should come, in milliseconds."""

SCREENSHOTS = os.environ.get("DEPLOYER_SCREENSHOTS", "")
"""A folder in which pictures of the pages are kept, if there is one."""

expect.set_options(timeout=PATIENCE)


class Reader:
    """A browser window without history; `complaints` is what the browser said against a page."""

    def __init__(
        self,
        browser: Browser,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        zone: str = "Europe/Zurich",
    ) -> None:
        width, height = size
        self._context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            timezone_id=zone,
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(PATIENCE)
        self.page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.close()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def sign_in(self, base: str, token: str, path: str = "/") -> None:
        """Open a page, and give the token that it asks for."""
        self.page.goto(base + path)
        self.page.get_by_label("Operator's token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(base + path)

    def wait_asked_again(self, status: int) -> None:
        """Wait until the page has asked for itself once more, and was answered with this."""
        here = self.page.url
        with self.page.expect_response(lambda one: one.url == here and one.status == status):
            pass

    def overflow(self) -> int:
        """How many pixels of the page stick out of the window on the right."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def keep(self, name: str) -> None:
        """Keep a picture of the page, if pictures are kept."""
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)
