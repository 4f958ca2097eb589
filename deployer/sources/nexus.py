"""Sonatype Nexus 3: a component that was created in a hosted Docker repository.

https://help.sonatype.com/en/webhooks.html: signed with HMAC-SHA1, the only one it has. No event
names the registry's host, which depends on the connector, so the hook's `registry` says it.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, pushed, shown
from deployer.sources.reading import section, text
from deployer.sources.sampling import identity, written
from deployer.sources.signatures import check_digest, digest_of

_COMPONENT = "rm:repository:component"


class Nexus:
    """A repository webhook for components."""

    pasted_as = ""

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the body is signed (HMAC-SHA1)."""
        signature = inbound.headers.get("x-nexus-webhook-signature", "")
        check_digest(signature, inbound.body, known.secrets, "sha1")

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        kind = inbound.headers.get("x-nexus-webhook-id", "")
        sender_id = inbound.headers.get("x-nexus-webhook-delivery", "")
        action, component = text(payload, "action"), section(payload, "component")
        if kind != _COMPONENT:
            return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
        if action not in ("CREATED", "UPDATED"):
            return ignored(f"the component was {shown(action)}, not created", sender_id)
        if text(component, "format") != "docker":
            return ignored("the component is no container image", sender_id)
        heard = pushed(registry, text(component, "name"), text(component, "version"))
        return Heard(heard.pushes, heard.reason, sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A component that was created."""
        component = {"format": "docker", "name": image.repository, "version": image.tag}
        body = written({"action": "CREATED", "component": component})
        headers = {
            "content-type": "application/json",
            "x-nexus-webhook-id": _COMPONENT,
            "x-nexus-webhook-delivery": identity(),
            "x-nexus-webhook-signature": digest_of(body, credential.secret, "sha1"),
        }
        return Inbound(headers, body)
