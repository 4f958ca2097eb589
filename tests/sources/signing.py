"""Signs as a sender of Standard Webhooks does, written from the specification."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItLi4u"


def signature(body: bytes, secret: str, sender_id: str, at: int) -> str:
    """One entry of the header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{sender_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed(
    body: bytes, secret: str = SECRET, sender_id: str = "msg_1", late: float = 0.0
) -> dict[str, str]:
    """The three headers, made `late` seconds ago."""
    at = int(time.time() - late)
    return {
        "webhook-id": sender_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(body, secret, sender_id, at),
    }
