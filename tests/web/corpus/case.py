"""What a case is, and how a sender proves itself in it; written without any code of deployer's."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = "canary-corpus-9f2c7b1e48d06a35"
STANDARD = "whsec_" + base64.b64encode(b"canary-corpus-standard-0123456789").decode()
DIGEST = "sha256:" + "5e" * 32
GONE = object()
"""In a patch: the key is left out."""

Sign = Callable[[bytes, dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Case:
    """A delivery and what becomes of it.

    `hook` is the one that it is posted to. `verdict` is accepted (for `apps`), ignored, or a status
    that refuses it; `says` is a part of the reason.
    """

    hook: str
    name: str
    body: bytes
    verdict: str | int
    says: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    apps: tuple[str, ...] = ("shop",)
    sender_id: str = ""
    token: str = ""

    def __str__(self) -> str:
        return f"{self.hook}: {self.name}"


def patched(body: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of a body with other values at dotted paths; numbers are places in lists."""
    made = copy.deepcopy(body)
    for path, value in changes.items():
        *way, last = [int(one) if one.isdigit() else one for one in path.split(".")]
        place = made
        for one in way:
            place = place[one]
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return made


def written(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def hexed(body: bytes, algorithm: str = "sha256", key: str = TOKEN) -> str:
    return hmac.new(key.encode(), body, algorithm).hexdigest()


def standard(body: bytes, identity: str, at: float | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(STANDARD.removeprefix("whsec_"))
    signed = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
