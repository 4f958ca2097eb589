"""The service as its tests ask it: quick, and with a file for items."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hello import create_app
from hello.settings import Settings


@pytest.fixture
def items_file(tmp_path: Path) -> Path:
    """Where the service writes its items."""
    return tmp_path / "items.log"


@pytest.fixture
def app(items_file: Path) -> Flask:
    """The service as version v1."""
    return create_app(Settings("v1", items_file, forecast_seconds=0.2))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who asks it."""
    return app.test_client()
