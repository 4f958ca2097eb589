"""Messages of Amazon SNS: whether the cloud signed them, for one of the topics that we expect.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html: RSA over a string
made of some keys, with SHA-1 (version 1) or SHA-256 (version 2), by a certificate at an address
that the message names. Every address here has to be SNS' own, in the region of the topic.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from deployer.errors import BadCredential

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Message = Mapping[str, Any]

WINDOW = timedelta(hours=1)
"""How far a message's time may be off, so that what was recorded is soon worth nothing."""

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_QUERY = re.compile(r"/\?([!-\"$-~]{1,2000})")


def home(topic: str) -> str:
    """Where SNS is for a topic, by its ARN."""
    _, partition, _, region, *_ = topic.split(":")
    return f"https://sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")


def certificate_of(message: Message, topics: Sequence[str], now: datetime) -> str:
    """The address of the certificate that a message is signed with.

    Raises BadCredential unless the message is for one of the topics and of now, and the address
    is one of SNS in the topic's region.
    """
    if _text(message, "Type") not in _SIGNED:
        raise BadCredential("SNS has no message of this type")
    topic = _text(message, "TopicArn")
    if topic not in topics:
        raise BadCredential("the message is of a topic that `topics` does not name")
    try:
        at = datetime.fromisoformat(_text(message, "Timestamp"))
    except ValueError as error:
        raise BadCredential("the message has no time") from error
    if abs(now - (at if at.tzinfo else at.replace(tzinfo=UTC))) > WINDOW:
        raise BadCredential("the message is older than an hour, or this machine's clock is wrong")
    address, host = _text(message, "SigningCertURL"), home(topic)
    if not address.startswith(host) or not _CERTIFICATE.fullmatch(address.removeprefix(host)):
        raise BadCredential("the certificate is not at an address of SNS in the topic's region")
    return address


def check(message: Message, certificate: Certificate, now: datetime) -> None:
    """Raises BadCredential unless the message is signed by the key of this certificate."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    # SHA-1 is what SNS signs with unless a topic's SignatureVersion is set to 2.
    hashes = {"1": SHA1, "2": SHA256}
    made = hashes.get(_text(message, "SignatureVersion"))
    key = certificate.public_key()
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    if made is None or not valid or not isinstance(key, RSAPublicKey):
        raise BadCredential("the message is signed in a way that SNS has not")
    try:
        signature = base64.b64decode(_text(message, "Signature"), validate=True)
        key.verify(signature, canonical(message), PKCS1v15(), made())
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise BadCredential("the signature of the message is wrong") from error


def canonical(message: Message) -> bytes:
    """What SNS signs of a message: names and values, a line each, in the order of the names.

    Raises BadCredential where a value is not text.
    """
    there = [name for name in _SIGNED[message["Type"]] if name in message or name != "Subject"]
    return "".join(f"{name}\n{_text(message, name)}\n" for name in there).encode()


def confirmation(message: Message, topics: Sequence[str]) -> str:
    """The address that confirms a subscription; "" where the message asks for nothing that may be.

    Only of a message that was checked.
    """
    topic = message.get("TopicArn")
    if message.get("Type") != "SubscriptionConfirmation" or topic not in topics:
        return ""
    address, host = _text(message, "SubscribeURL"), home(str(topic))
    found = _QUERY.fullmatch(address.removeprefix(host)) if address.startswith(host) else None
    asked = parse_qs(found[1]) if found else {}
    wanted = {"Action": ["ConfirmSubscription"], "TopicArn": [topic]}
    return address if all(asked.get(name) == value for name, value in wanted.items()) else ""


def _text(message: Message, name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise BadCredential(f"{name} of the message is not text")
    return value
