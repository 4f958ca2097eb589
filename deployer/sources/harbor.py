"""Harbor: pushes in its own format or as CloudEvents; everything else is told at the same URL.

https://goharbor.io/docs/2.12.0/working-with-projects/project-configuration/configure-webhooks/:
the whole value of `Authorization` is what was typed under "Auth Header". A push without a tag has
a digest in the tag's place. It waits for 3 s and tries three times.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import NO_TAG, ignored, pushed_reference, shown, together
from deployer.sources.reading import Object, objects, section, text
from deployer.sources.sampling import DIGEST, shows
from deployer.sources.signatures import check_shown

_PUSHES = frozenset({"PUSH_ARTIFACT", "pushImage", "harbor.artifact.pushed"})


class Harbor:
    """A webhook policy of a project."""

    pasted_as = "the value of the header Authorization"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless a known token is shown."""
        check_shown(inbound, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed images, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        kind = text(payload, "type")
        cloud = "specversion" in payload
        sender_id = text(payload, "id") if cloud else ""
        if kind not in _PUSHES:
            return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
        resources = objects(section(payload, "data" if cloud else "event_data"), "resources")
        found = (_pushed(one, registry) for one in resources)
        return together(found, "the push names no artifact", sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        namespace, _, name = image.repository.partition("/")
        resource = {
            "digest": image.digest or DIGEST,
            "tag": image.tag,
            "resource_url": f"{image.name}:{image.tag}",
        }
        repository = {
            "name": name,
            "namespace": namespace,
            "repo_full_name": image.repository,
            "repo_type": "private",
        }
        content = {"resources": [resource], "repository": repository}
        body = {"type": "PUSH_ARTIFACT", "operator": "deployer", "event_data": content}
        inbound = shows(body, credential)
        return Inbound({**inbound.headers, "authorization": credential.token}, inbound.body)


def _pushed(resource: Object, registry: str) -> Heard:
    if text(resource, "tag").startswith("sha256:"):
        return ignored(NO_TAG)
    return pushed_reference(text(resource, "resource_url"), registry, text(resource, "digest"))
