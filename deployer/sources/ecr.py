"""Amazon ECR: image events of EventBridge, posted by an API destination or through SNS.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html. SNS wraps the event in
a string of its own message and sends no header of one's choice, so its token is in the URL.
"""

from __future__ import annotations

import re

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, not_an_image, pushed, shown
from deployer.sources.reading import Object, section, text
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown

_ACCOUNT, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z0-9-]{1,32}")
_HOST = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_CHINA = "cn-"


class ElasticRegistry:
    """A rule of EventBridge for "ECR Image Action"."""

    secret_kind = "the password of the connection, or a token at the end of the URL"  # noqa: S105 - is none

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        if "Type" not in payload:
            return _event(payload, registry, text(payload, "id"))
        kind, sender_id = text(payload, "Type"), text(payload, "MessageId")
        if kind == "Notification":
            event = strict_json.load(text(payload, "Message").encode())
            return _event(event, registry, sender_id)
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
    account, region = text(event, "account"), text(event, "region")
    if not (_ACCOUNT.fullmatch(account) and _REGION.fullmatch(region)):
        raise BadPayload("account and region make no registry")
    host = f"{account}.dkr.ecr.{region}.amazonaws.com"
    host += ".cn" if region.startswith(_CHINA) else ""
    tag, digest = text(detail, "image-tag"), text(detail, "image-digest")
    heard = pushed(registry or host, text(detail, "repository-name"), tag, digest)
    return Heard(heard.pushes, heard.reason, sender_id)
