"""Tokens by which Google says who pushes: signed by its keys, for us, of one service account.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions: a JWT in `Authorization`,
signed with RS256 by one of the keys at KEYS.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deployer.errors import BadCredential

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

KEYS = "https://www.googleapis.com/oauth2/v3/certs"
LEEWAY = 60.0
"""How far Google's clock and ours may be apart, in seconds."""

_ALGORITHM = "RS256"
_ISSUERS = ("https://accounts.google.com", "accounts.google.com")


def key_id(token: str) -> str:
    """The name of the key that a token says it is signed with.

    Raises BadCredential where it is no JWT, or signed in another way than Google's are.
    """
    import jwt

    try:
        head = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise BadCredential("the bearer token is no JWT") from error
    kid = head.get("kid")
    if head.get("alg") != _ALGORITHM or not isinstance(kid, str):
        raise BadCredential("the JWT is not signed as Google's are")
    return kid


def keys_of(content: bytes) -> dict[str, RSAPublicKey]:
    """Google's keys by their names. Raises ValueError where this is no set of keys."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.algorithms import RSAAlgorithm

    try:
        listed = [one for one in json.loads(content)["keys"] if one["kty"] == "RSA"]
        found = {str(one["kid"]): RSAAlgorithm.from_jwk(one) for one in listed}
    except (KeyError, TypeError, ValueError, jwt.PyJWTError) as error:
        raise ValueError("what Google's address gives is no set of keys") from error
    return {kid: key for kid, key in found.items() if isinstance(key, RSAPublicKey)}


def check(token: str, key: RSAPublicKey, audience: str, account: str) -> None:
    """Raises BadCredential unless the key signed it, now, for this audience and this account."""
    import jwt

    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )
    # Of claims of strange types the library raises what comparing them does.
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError) as error:
        raise BadCredential(f"the JWT is not valid ({type(error).__name__})") from error
    check_claims(claims, account)


def check_claims(claims: dict[str, Any], account: str) -> None:
    """Raises BadCredential unless Google says that this service account sent it."""
    if claims.get("iss") not in _ISSUERS:
        raise BadCredential("the JWT is not from Google")
    if claims.get("email") != account or claims.get("email_verified") is not True:
        raise BadCredential("the JWT is of another account than `service_account`")
