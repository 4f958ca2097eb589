"""CNCF Distribution (registry:2, registry:3): notifications of pushes, and of much else.

https://distribution.github.io/distribution/about/notifications/: an envelope of events. Uploads of
layers and the pulls of deployer itself are events too; a push that counts is that of a manifest
with a tag. Until it is answered with a 2xx the same request comes again and again, and none after.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import MANIFESTS, ignored, pushed, shown, together
from deployer.sources.reading import Object, objects, text
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown


class Distribution:
    """An endpoint of a registry's `notifications`."""

    pasted_as = "the value of the header Authorization"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed images, or why there is none. Raises BadPayload on wrong types."""
        events = objects(strict_json.load(inbound.body), "events")
        sender_id = text(events[0], "id") if events else ""
        return together((pushed_by(one, registry) for one in events), "no event", sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        return shows({"events": [event_of(image)]}, credential)


def pushed_by(event: Object, registry: str) -> Heard:
    """The push of a manifest with a tag, or why this event is none."""
    if (action := text(event, "action")) != "push":
        return ignored(f"the event {shown(action)} deploys nothing")
    kind = text(event, "target", "mediaType")
    if not kind.startswith(MANIFESTS):
        return ignored("a part of an image was pushed, no manifest")
    host, repository = text(event, "request", "host"), text(event, "target", "repository")
    tag, digest = text(event, "target", "tag"), text(event, "target", "digest")
    return pushed(registry or host, repository, tag, digest)


def event_of(image: Image) -> Object:
    """An event as this registry and Azure's make it."""
    return {
        "id": identity(),
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": image.digest or DIGEST,
            "repository": image.repository,
            "tag": image.tag,
        },
        "request": {"host": image.host, "method": "PUT", "useragent": "deployer"},
    }
