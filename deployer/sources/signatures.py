"""Proof that a request comes from who was given a secret; in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from deployer.errors import BadCredential


def check_token(presented: str, hashes: Sequence[str]) -> None:
    """Raises BadCredential unless the token has one of these `sha256:<hex>`.

    Hashing first hides the length; every hash is always compared, so that time tells nothing.
    """
    digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()
    # Bytes, because compare_digest raises TypeError for text that is not ASCII.
    offered = f"sha256:{digest}".encode()
    known = [hmac.compare_digest(offered, expected.encode()) for expected in hashes]
    if not presented or not any(known):
        raise BadCredential("the secret is missing or wrong")
