"""zot: CloudEvents in binary mode, whose attributes are headers.

https://zotregistry.dev/latest/articles/events/: no event names the registry's host, so the hook's
`registry` says it. A reference may be a digest, and then nothing was tagged.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, not_an_image, pushed, shown
from deployer.sources.reading import Object, text
from deployer.sources.sampling import DIGEST, identity, shows
from deployer.sources.signatures import check_shown

_UPDATED = "zotregistry.image.updated"


class Zot:
    """An HTTP sink of the events extension."""

    pasted_as = "the bearer token, or user:password, of the sink"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        kind, sender_id = inbound.headers.get("ce-type", ""), inbound.headers.get("ce-id", "")
        if kind != _UPDATED:
            return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
        if artifact := not_an_image(text(payload, "mediaType")) or _made_of(payload):
            return ignored(f"{artifact} was pushed, not an image", sender_id)
        heard = pushed(
            registry, text(payload, "name"), text(payload, "reference"), text(payload, "digest")
        )
        return Heard(heard.pushes, heard.reason, sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        headers = {
            "ce-specversion": "1.0",
            "ce-id": identity(),
            "ce-source": "deployer",
            "ce-type": _UPDATED,
        }
        body = {
            "name": image.repository,
            "reference": image.tag,
            "digest": image.digest or DIGEST,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
        }
        return shows(body, credential, headers)


def _made_of(payload: Object) -> str:
    """What the manifest's config makes, where the event has the manifest in it."""
    try:
        manifest = strict_json.load(text(payload, "manifest").encode())
        return not_an_image(text(manifest, "config", "mediaType"))
    except BadPayload:
        return ""
