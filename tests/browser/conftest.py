"""One browser for all tests of this folder, and readers in it whose complaints are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.reader import Reader
from tests.lab.browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    with Reader(browser) as one:
        yield one
        assert one.complaints == []
