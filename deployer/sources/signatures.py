"""Proof that a request comes from who was given a secret; in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence

from deployer.errors import BadCredential
from deployer.ports import Inbound

_REFUSED = "the secret is missing or wrong"
_PREFIX = "whsec_"
_VERSION = "v1,"
_SECONDS = re.compile(r"[0-9]{1,12}")
_TOLERANCE = 300


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
    one of the signatures fits one of the secrets, whatever else stands beside it, and the time is
    at most five minutes off. `headers` have lower-case names.
    """
    identity, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    offered = [
        one.removeprefix(_VERSION).rstrip("=").encode("utf-8", "surrogatepass")
        for one in headers.get("webhook-signature", "").split()
        if one.startswith(_VERSION)
    ]
    known = [_standard(secret, identity, at, body).rstrip("=").encode() for secret in secrets]
    fits = [hmac.compare_digest(one, other) for one in offered for other in known]
    if not (identity and _is_now(at) and any(fits)):
        raise BadCredential(_REFUSED)


def standard_headers(identity: str, secret: str, body: bytes) -> dict[str, str]:
    """The headers by which Standard Webhooks signs this body, now."""
    now = str(int(time.time()))
    return {
        "webhook-id": identity,
        "webhook-timestamp": now,
        "webhook-signature": f"{_VERSION}{_standard(secret, identity, now, body)}",
    }


def _standard(secret: str, identity: str, at: str, body: bytes) -> str:
    # The key may stand there without its padding; more than is needed does no harm.
    key = base64.b64decode(f"{secret.removeprefix(_PREFIX)}==")
    signed = f"{identity}.{at}.".encode("utf-8", "surrogatepass") + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _is_now(at: str) -> bool:
    return bool(_SECONDS.fullmatch(at)) and abs(time.time() - int(at)) <= _TOLERANCE


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
