"""What the tests of the whole need of the lab, brought up once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.world import LOGIN
from tests.lab.engine import ensure_engine
from tests.lab.images import ensure_base_images
from tests.lab.ports import free_port
from tests.lab.registry import Registry, ensure_registry
from tests.lab.user import folder


@pytest.fixture(scope="session", autouse=True)
def lab() -> None:
    """Engine, base images and the registry that stays up."""
    ensure_engine()
    ensure_base_images()
    ensure_registry()


@pytest.fixture(scope="session")
def private_registry() -> Iterator[Registry]:
    """A registry of these tests alone: it wants a login and may be stopped."""
    with folder("registry") as path, Registry(free_port(), path, dict([LOGIN])) as registry:
        yield registry
