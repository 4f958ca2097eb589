"""Pushes of Pub/Sub prove themselves by a token that Google signed for us, and by no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from deployer.errors import BadCredential
from deployer.ports import Inbound, Known
from deployer.sources.gar import GoogleRegistry
from tests.sources.clouds import Served, key
from tests.web.receiver import hashed

CERTS = "https://www.googleapis.com/oauth2/v3/certs"
AUDIENCE = "https://deployer.example.com/hooks/gar"
ACCOUNT = "push@acme.iam.gserviceaccount.com"
KNOWN = Known(audience=AUDIENCE, service_account=ACCOUNT)
TOKEN = "canary-gar-1f0c9e7d3a28465b"
GONE = object()


@dataclass(frozen=True)
class After:
    """So many seconds from when the token is made."""

    seconds: int


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    times = {name: now + one.seconds for name, one in changes.items() if isinstance(one, After)}
    made = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "email": ACCOUNT,
        "email_verified": True,
        **changes,
        **times,
    }
    return {name: value for name, value in made.items() if value is not GONE}


def token(said: Mapping[str, Any], by: str = "google", kid: str = "google") -> str:
    # The part of the library that refuses no claims.
    return jwt.PyJWS().encode(json.dumps(said).encode(), key(by), "RS256", {"kid": kid})


def keys(*names: str) -> bytes:
    listed = [
        {**RSAAlgorithm.to_jwk(key(one).public_key(), as_dict=True), "kid": one} for one in names
    ]
    return json.dumps({"keys": [*listed, {"kty": "EC", "kid": "other"}]}).encode()


def bearer(value: str, scheme: str = "Bearer") -> Inbound:
    return Inbound({"authorization": f"{scheme} {value}"}, b"{}")


def google(*names: str) -> tuple[GoogleRegistry, Served]:
    served = Served({CERTS: keys(*names)})
    return GoogleRegistry(fetch=served), served


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": "accounts.google.com"},
        {"exp": After(-30)},
        {"iat": After(30)},
        {"sub": "1136", "azp": "1136"},
    ],
)
def test_what_google_signed_for_us_is_taken(changes: dict[str, Any]) -> None:
    source, _ = google("google")
    source.verify(bearer(token(claims(**changes))), KNOWN)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://accounts.google.com.example.com"},
        {"iss": ["accounts.google.com"]},
        {"iss": GONE},
        {"aud": "https://deployer.example.com/hooks/other"},
        {"aud": f"{AUDIENCE}/"},
        {"aud": GONE},
        {"exp": After(-120)},
        {"exp": "later"},
        {"exp": GONE},
        {"iat": After(7200)},
        {"iat": GONE},
        {"email": "mallory@acme.iam.gserviceaccount.com"},
        {"email": [ACCOUNT]},
        {"email": GONE},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": GONE},
    ],
)
def test_every_claim_counts(changes: dict[str, Any]) -> None:
    source, _ = google("google")
    with pytest.raises(BadCredential):
        source.verify(bearer(token(claims(**changes))), KNOWN)


def raw(head: Mapping[str, Any], signature: bytes = b"", sign: bytes = b"") -> str:
    """A JWT that no library would make; `sign` is what an HMAC of it is made with."""
    parts = [json.dumps(one).encode() for one in (head, claims())]
    text = b".".join(base64.urlsafe_b64encode(one).rstrip(b"=") for one in parts)
    made = hmac.new(sign, text, hashlib.sha256).digest() if sign else signature
    return (text + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")).decode()


PEM = key("google").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "made",
    [
        token(claims(), by="mallory"),
        raw({"alg": "none", "kid": "google"}),
        raw({"alg": "HS256", "kid": "google"}, sign=PEM),
        raw({"alg": "RS256", "kid": "google"}, b"a" * 256),
        raw({"alg": "RS256", "kid": ["google"]}),
        raw({"alg": "RS256"}),
        jwt.encode(claims(), key("google"), "RS512", {"kid": "google"}),
        token(claims())[:-4],
        "a.b.c",
        "",
        "é",
        TOKEN,
    ],
)
def test_another_key_or_way_to_sign_is_refused(made: str) -> None:
    source, _ = google("google")
    with pytest.raises(BadCredential):
        source.verify(bearer(made), KNOWN)


def test_what_says_that_it_is_signed_in_another_way_fetches_nothing() -> None:
    source, served = google("google")
    for made in (raw({"alg": "none", "kid": "a"}), raw({"alg": "HS256", "kid": "a"}, sign=PEM)):
        with pytest.raises(BadCredential, match="not signed as Google's are"):
            source.verify(bearer(made), KNOWN)
    assert served.asked == []


def test_google_s_keys_are_fetched_once_and_not_for_every_stranger() -> None:
    source, served = google("google", "next")
    for name in ("google", "next", "google"):
        source.verify(bearer(token(claims(), name, name)), KNOWN)
    for _ in range(2):
        with pytest.raises(BadCredential, match="only every 60 s"):
            source.verify(bearer(token(claims(), "mallory", "unknown")), KNOWN)
    assert served.asked == [CERTS]


def test_an_unknown_key_is_asked_for_once_a_minute() -> None:
    source, served = google("google")
    for _ in range(2):
        with pytest.raises(BadCredential):
            source.verify(bearer(token(claims(), "mallory", "unknown")), KNOWN)
    assert served.asked == [CERTS]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": 1}', b'{"keys": [{"kty": "RSA"}]}'])
def test_what_is_no_set_of_keys_proves_nothing(content: bytes) -> None:
    source = GoogleRegistry(fetch=Served({CERTS: content}))
    with pytest.raises(BadCredential, match="cannot be had"):
        source.verify(bearer(token(claims())), KNOWN)


def test_a_token_of_one_s_own_is_none_where_google_signs() -> None:
    source, served = google("google")
    both = Known((hashed(TOKEN),), audience=AUDIENCE, service_account=ACCOUNT)
    for wrong in (Inbound({}, b"{}", TOKEN), bearer(TOKEN), bearer(token(claims()), "Basic")):
        with pytest.raises(BadCredential):
            source.verify(wrong, both)
    source.verify(Inbound({}, b"{}", TOKEN), Known((hashed(TOKEN),)))
    assert served.asked == []
