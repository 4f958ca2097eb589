"""A real Nginx for the tests that are marked `lab`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.engine import ensure_engine
from tests.lab.images import NGINX, ensure_base_images
from tests.proxies.rig import NginxRig


@pytest.fixture(scope="session")
def lab_nginx() -> None:
    """The engine, with Nginx's image."""
    ensure_engine()
    ensure_base_images([NGINX])


@pytest.fixture
def rig(lab_nginx: None, tmp_path: Path) -> Iterator[NginxRig]:
    """A real Nginx that is not started yet, with the package's templates."""
    with NginxRig(tmp_path) as made:
        yield made
