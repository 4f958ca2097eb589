"""Proof that a request comes from who was given a secret; in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from deployer.errors import BadCredential
from deployer.ports import Inbound

_REFUSED = "the secret is missing or wrong"


def check_token(presented: str, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless the token has one of these `sha256:<hex>`."""
    if not _is_known(presented, hashes):
        raise BadCredential(_REFUSED)


def check_bearer(authorization: str, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless the header is `Bearer <token>` (RFC 6750) with a known token."""
    scheme, _, token = authorization.partition(" ")
    check_token(token.strip() if scheme.lower() == "bearer" else "", hashes)


def check_shown(inbound: Inbound, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless a known token is at the URL's end or in `Authorization`.

    There it is the whole value, or what follows `Bearer`, or `user:password` in base64 after
    `Basic` (RFC 7617): senders let one type the value, and differ in what they add.
    """
    if inbound.token:
        check_token(inbound.token, hashes)
        return
    value = inbound.headers.get("authorization", "").strip()
    scheme, _, rest = value.partition(" ")
    inner = {"bearer": rest.strip, "basic": lambda: _decoded(rest)}.get(scheme.lower(), str)()
    if inner:
        # Both ways are always tried, so that time does not tell which one it was.
        fits = [_is_known(one, hashes) for one in (value, inner)]
        if any(fits):
            return
        raise BadCredential(_REFUSED)
    check_token(value, hashes)


def check_digest(
    presented: str, body: bytes, secrets: Sequence[str], algorithm: str = "sha256"
) -> None:
    """Raises BadCredential unless this is the hex HMAC of the body with one of the secrets."""
    # Bytes, because compare_digest raises TypeError for text that is not ASCII.
    offered = presented.strip().lower().encode("utf-8", "surrogatepass")
    known = [
        hmac.compare_digest(offered, digest_of(body, secret, algorithm).encode())
        for secret in secrets
    ]
    if not any(known):
        raise BadCredential(_REFUSED)


def digest_of(body: bytes, secret: str, algorithm: str = "sha256") -> str:
    """The hex HMAC of the body."""
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


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


def standard_headers(identity: str, secret: str, body: bytes) -> dict[str, str]:
    """The headers by which Standard Webhooks signs this body, now."""
    from standardwebhooks.webhooks import Webhook

    now = datetime.now(UTC)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identity, now, body.decode()),
    }


def _is_known(presented: str, hashes: Sequence[str]) -> bool:
    """Hashing first hides the length; every hash is always compared, so that time tells nothing."""
    digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
    offered = f"sha256:{digest}".encode()
    known = [hmac.compare_digest(offered, expected.encode()) for expected in hashes]
    return bool(presented) and any(known)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
