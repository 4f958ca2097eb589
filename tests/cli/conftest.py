"""A fresh machine for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A configuration with the apps web and api, and an empty store."""
    made = World(tmp_path)
    yield made
    made.store.close()
