"""The real engine and registry for these tests, brought up once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.docker.world import DockerWorld
from tests.lab.engine import ensure_engine
from tests.lab.images import ensure_busybox
from tests.lab.registry import Registry, ensure_registry


@pytest.fixture(scope="session")
def lab_registry() -> Registry:
    """The lab's registry, with the engine and the tiny base image there too."""
    ensure_engine()
    ensure_busybox()
    return ensure_registry()


@pytest.fixture
def world(lab_registry: Registry) -> Iterator[DockerWorld]:
    """A real engine, looked at through one instance's eyes."""
    with DockerWorld(lab_registry) as made:
        yield made
