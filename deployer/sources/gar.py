"""Google Artifact Registry and GCR: messages of the Pub/Sub topic `gcr`, pushed.

https://cloud.google.com/artifact-registry/docs/configure-notifications and
https://cloud.google.com/pubsub/docs/push: the event is base64 in an envelope; its `tag` and
`digest` are whole references. Pub/Sub can show a token of Google's own in `Authorization`.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from deployer import strict_json
from deployer.errors import BadCredential, BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources import oidc
from deployer.sources.fetching import Fetch, Kept, fetched
from deployer.sources.pushes import NO_TAG, ignored, pushed_reference, shown
from deployer.sources.reading import Object, section, text, word
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PAUSE = 60.0
"""How long Google is not asked again for a key that is not known, in seconds."""


class GoogleRegistry:
    """A push subscription of Pub/Sub. `fetch` gets Google's keys, and nothing else."""

    pasted_as = "a random token at the end of the URL"

    def __init__(self, fetch: Fetch = fetched) -> None:
        self._fetch = fetch
        self._keys: Kept[RSAPublicKey] = Kept(PAUSE)

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown.

        It has to be one that Google signed for the audience, where one is known.
        """
        if not known.audience:
            check_shown(inbound, known.tokens)
            return
        scheme, _, token = inbound.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise BadCredential("Authorization has no bearer token")
        kid = oidc.key_id(token)
        key = self._keys.get(kid, lambda: oidc.keys_of(self._fetch(oidc.KEYS)))
        oidc.check(token, key, known.audience, known.service_account)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        message = section(strict_json.load(inbound.body), "message")
        sender_id = word(message, "messageId") or word(message, "message_id")
        event = _event(text(message, "data"))
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


def _event(data: str) -> Object:
    """The event in a message; empty where it is something else that the topic is for.

    Pub/Sub would send what is refused again and again, as long as the topic keeps it.
    """
    try:
        return strict_json.load(base64.b64decode(data, validate=True))
    except (BadPayload, ValueError):
        return {}
