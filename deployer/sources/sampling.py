"""Deliveries as senders make them, for tests of a hook."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from deployer.ports import Credential, Inbound

DIGEST = f"sha256:{'0' * 64}"
"""A digest for samples: of nothing that exists."""


def shows(
    body: Mapping[str, Any],
    credential: Credential,
    headers: Mapping[str, str] | None = None,
    *,
    in_url: bool = False,
) -> Inbound:
    """A delivery that shows its token: at the end of the URL or as a bearer token."""
    typed = {"content-type": "application/json", **(headers or {})}
    if in_url:
        return Inbound(typed, written(body), credential.token)
    return Inbound({**typed, "authorization": f"Bearer {credential.token}"}, written(body))


def written(body: Mapping[str, Any]) -> bytes:
    """The JSON of a body."""
    return json.dumps(body).encode()


def identity() -> str:
    """An id that no delivery had before."""
    return str(uuid.uuid4())
