"""Proof that a request comes from who was given a secret; in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from deployer.errors import BadCredential

_REFUSED = "the secret is missing or wrong"


def check_token(presented: str, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless the token has one of these `sha256:<hex>`.

    Hashing first hides the length; every hash is always compared, so that time tells nothing.
    """
    digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
    # Bytes, because compare_digest raises TypeError for text that is not ASCII.
    offered = f"sha256:{digest}".encode()
    known = [hmac.compare_digest(offered, expected.encode()) for expected in hashes]
    if not presented or not any(known):
        raise BadCredential(_REFUSED)


def check_bearer(authorization: str, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless the header is `Bearer <token>` (RFC 6750) with a known token."""
    scheme, _, token = authorization.partition(" ")
    check_token(token.strip() if scheme.lower() == "bearer" else "", hashes)


def check_standard(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Raises BadCredential unless the body is signed as Standard Webhooks has it, and now.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md:
    one of the signatures fits one of the secrets, and the time is at most five minutes off.
    `headers` have lower-case names.
    """
    # Every secret is always tried, so that time does not tell which one it was.
    fits = [_fits(headers, body, secret) for secret in secrets]
    if not any(fits):
        raise BadCredential(_REFUSED)


def _fits(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    try:
        # Of a header or body that it cannot read the library raises what base64, str.split and
        # UTF-8 do: all of them are ValueError.
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True
