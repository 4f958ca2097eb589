"""What the environment sets."""

from pathlib import Path

import pytest
from hello.settings import Settings

NAMES = ("VERSION", "ITEMS_FILE", "FORECAST_SECONDS")


def test_without_variables_the_defaults_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert Settings.from_environment() == Settings("dev", None, 1.5)


def test_variables_win(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("v7", "/items/items.log", "0.25"), strict=True):
        monkeypatch.setenv(name, value)
    assert Settings.from_environment() == Settings("v7", Path("/items/items.log"), 0.25)
