"""Clouds of one's own: keys, a certificate, messages that are signed with them, what they serve."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-1:111122223333:pushes"
SNS = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{SNS}/SimpleNotificationService-{'0a' * 16}.pem"
SUBSCRIBE = f"{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
PUSH: dict[str, Any] = {
    "id": "1",
    "detail-type": "ECR Image Action",
    "source": "aws.ecr",
    "account": "111122223333",
    "region": "eu-west-1",
    "detail": {
        "result": "SUCCESS",
        "repository-name": "acme/shop",
        "action-type": "PUSH",
        "image-tag": "2.4.1",
    },
}


@cache
def key(name: str) -> RSAPrivateKey:
    """A key pair, the same one for a name."""
    assert name
    return generate_private_key(65537, 2048)


@cache
def certificate(name: str = "aws", ends: datetime = NOW + timedelta(days=300)) -> bytes:
    """A certificate with this key, as PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(name).public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=3000))
        .not_valid_after(ends)
        .sign(key(name), SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def notification(**changes: Any) -> dict[str, Any]:
    """What SNS says of a push, not yet signed."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92",
        "TopicArn": TOPIC,
        "Message": json.dumps(PUSH),
        "Timestamp": stamp(NOW),
        "SigningCertURL": CERTIFICATE,
        **changes,
    }


def subscription(**changes: Any) -> dict[str, Any]:
    """How SNS asks whether somebody wants its messages, not yet signed."""
    asks = {"Type": "SubscriptionConfirmation", "Token": "2336412f37", "SubscribeURL": SUBSCRIBE}
    return notification(**{**asks, "Message": "You have chosen to subscribe.", **changes})


def stamp(at: datetime) -> str:
    """A time as SNS writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + "655Z"


def signed(message: Mapping[str, Any], version: str = "2", by: str = "aws") -> dict[str, Any]:
    """The message with its signature, made as AWS' page says and not by any of our code."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token"]
    lines = [f"{one}\n{message[one]}\n" for one in [*names, "TopicArn", "Type"] if one in message]
    algorithm = SHA1() if version == "1" else SHA256()  # noqa: S303 - as SNS does
    made = key(by).sign("".join(lines).encode(), PKCS1v15(), algorithm)
    return {
        **message,
        "SignatureVersion": version,
        "Signature": base64.b64encode(made).decode(),
    }


class Served:
    """What a cloud serves, by address, and who was asked for what."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.content = dict(content)
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        """What is at this address. Raises OSError where nothing is."""
        self.asked.append(url)
        if url not in self.content:
            raise OSError("the answer was 404")
        return self.content[url]
