"""Azure Container Registry: one event of the kind that CNCF Distribution has, alone.

https://learn.microsoft.com/azure/container-registry/container-registry-webhook-reference: pings
and charts have less in them. It tries once, for 5 s.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.distribution import event_of, pushed_by
from deployer.sources.reading import text
from deployer.sources.sampling import shows
from deployer.sources.signatures import check_shown


class AzureRegistry:
    """A webhook of a registry."""

    pasted_as = "the value of the custom header Authorization"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        heard = pushed_by(payload, registry)
        return Heard(heard.pushes, heard.reason, text(payload, "id"))

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        return shows(event_of(image), credential)
