"""Amazon ECR: image events of EventBridge, posted by an API destination or through SNS.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html. SNS wraps the event in
a string of its own message and sends no header of one's choice, so that proves itself by its
signature where the hook names topics, and by a token in the URL where it does not.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources import sns
from deployer.sources.fetching import Fetch, Kept, fetched
from deployer.sources.pushes import ignored, not_an_image, pushed, shown
from deployer.sources.reading import Object, section, text
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

log = structlog.get_logger()

PAUSE = 10.0
"""How long no further certificate is fetched after one, in seconds."""

_ACCOUNT, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z0-9-]{1,32}")
_HOST = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_CHINA = "cn-"


class ElasticRegistry:
    """A rule of EventBridge for "ECR Image Action".

    `fetch` gets certificates and confirms subscriptions, and asks nobody but SNS.
    """

    pasted_as = "the password of the connection, or a token at the end of the URL"

    def __init__(
        self, fetch: Fetch = fetched, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._certificates: Kept[Certificate] = Kept(PAUSE)
        self._confirming = threading.Lock()
        self._confirmed: set[str] = set()

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown.

        A message of SNS has to be signed instead where topics are known, and be of one of them.
        """
        message = _message(inbound) if known.topics else None
        if message is None:
            check_shown(inbound, known.tokens)
            return
        now = self._now()
        address = sns.certificate_of(message, known.topics, now)
        certificate = self._certificates.get(address, lambda: {address: self._read(address)})
        sns.check(message, certificate, now)

    def _read(self, address: str) -> Certificate:
        from cryptography.x509 import load_pem_x509_certificate

        return load_pem_x509_certificate(self._fetch(address))

    def confirmation(self, inbound: Inbound, known: Known) -> str:
        """The SubscribeURL of a message of one of the topics; "" for all else."""
        message = _message(inbound)
        return sns.confirmation(message, known.topics) if message is not None else ""

    def confirm(self, address: str) -> None:
        """Visit it, unless that was done, or is being done for another one."""
        if address in self._confirmed or not self._confirming.acquire(blocking=False):
            return
        try:
            self._fetch(address)
            self._confirmed.add(address)
            log.info("the subscription to SNS is confirmed")
        except OSError as error:
            # Its text has the address, and that the token which confirms.
            log.warning(
                "the subscription to SNS could not be confirmed", reason=type(error).__name__
            )
        finally:
            self._confirming.release()

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        if "Type" not in payload:
            return _event(payload, registry, text(payload, "id"))
        kind, sender_id = text(payload, "Type"), text(payload, "MessageId")
        if kind == "Notification":
            return _event(_said(text(payload, "Message")), registry, sender_id)
        if kind == "SubscriptionConfirmation":
            topic = shown(text(payload, "TopicArn"))
            return ignored(
                f"the topic {topic} asks to be confirmed: visit SubscribeURL of this delivery once",
                sender_id,
            )
        return ignored(f"the message {shown(kind)} deploys nothing", sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag, as EventBridge tells of it."""
        found = _HOST.fullmatch(image.host)
        account, region = found.groups() if found else ("0" * 12, "eu-west-1")
        detail = {
            "result": "SUCCESS",
            "repository-name": image.repository,
            "image-digest": image.digest or DIGEST,
            "action-type": "PUSH",
            "image-tag": image.tag,
        }
        body = {
            "id": identity(),
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": account,
            "region": region,
            "detail": detail,
        }
        return shows(body, credential)


def _message(inbound: Inbound) -> Object | None:
    """The message of SNS that a body is; None for anything else."""
    try:
        payload = strict_json.load(inbound.body)
    except BadPayload:
        return None
    return payload if "Type" in payload else None


def _event(event: Object, registry: str, sender_id: str) -> Heard:
    detail, kind = section(event, "detail"), text(event, "detail-type")
    action, result = text(detail, "action-type"), text(detail, "result")
    if kind != "ECR Image Action":
        return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
    if (action, result) != ("PUSH", "SUCCESS"):
        return ignored(f"the event is {shown(action)} ({shown(result)}), no push", sender_id)
    artifact = not_an_image(text(detail, "artifact-media-type"))
    if artifact:
        return ignored(f"{artifact} was pushed, not an image", sender_id)
    tag, digest = text(detail, "image-tag"), text(detail, "image-digest")
    heard = pushed(registry or _host(event), text(detail, "repository-name"), tag, digest)
    return Heard(heard.pushes, heard.reason, sender_id)


def _host(event: Object) -> str:
    """The registry of an account in a region; "" where they are none."""
    account, region = text(event, "account"), text(event, "region")
    if not (_ACCOUNT.fullmatch(account) and _REGION.fullmatch(region)):
        return ""
    return f"{account}.dkr.ecr.{region}.amazonaws.com{'.cn' if region.startswith(_CHINA) else ''}"


def _said(message: str) -> Object:
    """The event in a message of SNS; empty where it is something else that the topic is for."""
    try:
        return strict_json.load(message.encode())
    except BadPayload:
        return {}
