"""`/api/v1/openapi.json`: what the API is, for everybody; it says nothing of this host."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from flask import Response

from deployer.web.answers import document

_SOURCE = Path(__file__).parent / "openapi.yml"


@cache
def described() -> dict[str, Any]:
    """The API in the words of OpenAPI 3.1."""
    import yaml

    found: dict[str, Any] = yaml.safe_load(_SOURCE.read_text(encoding="utf-8"))
    return found


def openapi() -> Response:
    """The description."""
    return document(described())
