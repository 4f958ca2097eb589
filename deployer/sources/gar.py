"""Google Artifact Registry and GCR: messages of the Pub/Sub topic `gcr`, pushed.

https://cloud.google.com/artifact-registry/docs/configure-notifications and
https://cloud.google.com/pubsub/docs/push: the event is base64 in an envelope; its `tag` and
`digest` are whole references.
"""

from __future__ import annotations

import base64
import binascii
import json

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import NO_TAG, ignored, pushed_reference, shown
from deployer.sources.reading import needed, text, word
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown


class GoogleRegistry:
    """A push subscription of Pub/Sub."""

    secret_kind = "a random token at the end of the URL"  # noqa: S105 - says what kind, is none

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        message = needed(strict_json.load(inbound.body), "message")
        sender_id = word(message, "messageId") or word(message, "message_id")
        try:
            data = base64.b64decode(text(message, "data"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadPayload("message.data is not base64") from error
        event = strict_json.load(data)
        action, tag = text(event, "action"), text(event, "tag")
        if action != "INSERT":
            return ignored(f"the event {shown(action)} deploys nothing", sender_id)
        if not tag:
            return ignored(NO_TAG, sender_id)
        digest = text(event, "digest").rpartition("@")[2]
        heard = pushed_reference(tag, registry, digest)
        return Heard(heard.pushes, heard.reason, sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        digest = image.digest or DIGEST
        event = {"action": "INSERT", "digest": f"{image.name}@{digest}", "tag": str(image)}
        data = base64.b64encode(json.dumps(event).encode()).decode()
        body = {
            "message": {"attributes": {}, "data": data, "messageId": identity()},
            "subscription": "projects/deployer/subscriptions/test",
        }
        return shows(body, credential, in_url=True)
