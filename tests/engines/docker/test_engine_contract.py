"""The real Docker Engine passes the same suite as the fake."""

from __future__ import annotations

import pytest

from tests.contracts.engine import EngineContract
from tests.engines.docker.world import DockerWorld


@pytest.mark.lab
class TestDockerEngine(EngineContract):
    @pytest.fixture
    def world(self, world: DockerWorld) -> DockerWorld:
        return world
