"""Quay (quay.io, Red Hat Quay): a push names its tags; every other event has none.

https://docs.quay.io/guides/notifications.html; no signature, token or id, so the secret is in the
URL. Any answer but a 2xx counts as a failure, and three of them switch the notification off.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, pushed_name, together
from deployer.sources.reading import text
from deployer.sources.sampling import shows
from deployer.sources.signatures import check_shown


class Quay:
    """A repository notification of Quay to a webhook."""

    pasted_as = "a random token at the end of the URL"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed tags, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        tags = payload.get("updated_tags")
        if tags is None:
            return ignored("the event is not a push: it has no updated_tags")
        if not isinstance(tags, list) or not all(isinstance(one, str) for one in tags):
            raise BadPayload("updated_tags is not a list of tags")
        # Some private installations write a scheme.
        name = text(payload, "docker_url").removeprefix("https://").removeprefix("http://")
        return together((pushed_name(name, registry, tag) for tag in tags), "no tag was updated")

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        namespace, _, name = image.repository.rpartition("/")
        body = {
            "name": name,
            "repository": image.repository,
            "namespace": namespace,
            "docker_url": image.name,
            "homepage": f"https://{image.host}/repository/{image.repository}",
            "updated_tags": [image.tag],
        }
        return shows(body, credential, in_url=True)
