"""Gitea and Forgejo: a container package that was created.

https://docs.gitea.com/usage/webhooks: the signature is always over the JSON, in a form too. They
also send the headers of GitHub and Gogs; without a secret all of these are there and empty. Each
child manifest of an image is an event, whose version is a digest.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from deployer import strict_json
from deployer.errors import BadCredential, BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.forms import json_of
from deployer.sources.pushes import ignored, pushed, shown
from deployer.sources.reading import Object, section, text
from deployer.sources.sampling import identity, written
from deployer.sources.signatures import check_digest, digest_of

_FAMILIES = ("forgejo", "gitea", "gogs")


class Gitea:
    """A webhook of a user, an organisation or a repository."""

    pasted_as = ""

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the JSON is signed (HMAC-SHA256)."""
        try:
            body = json_of(inbound)
        except BadPayload as error:
            raise BadCredential("a form without a payload proves nothing") from error
        plain = _header(inbound, "signature")
        prefixed = inbound.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        check_digest(plain or prefixed, body, known.secrets)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(json_of(inbound))
        sender_id, event = _header(inbound, "delivery"), _header(inbound, "event")
        if event != "package":
            return ignored(f"the event {shown(event)} deploys nothing", sender_id)
        heard = _package(section(payload, "package"), text(payload, "action"), registry)
        return Heard(heard.pushes, heard.reason, sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A package that was created."""
        owner, _, name = image.repository.partition("/")
        package = {
            "owner": {"login": owner},
            "type": "container",
            "name": name,
            "version": image.tag,
            "html_url": f"https://{image.host}/{owner}/-/packages/container/{name}/{image.tag}",
        }
        body = written({"action": "created", "package": package})
        headers = {
            "content-type": "application/json",
            "x-gitea-event": "package",
            "x-gitea-delivery": identity(),
            "x-gitea-signature": digest_of(body, credential.secret),
        }
        return Inbound(headers, body)


def _package(package: Object, action: str, registry: str) -> Heard:
    if action != "created":
        return ignored(f"the package was {shown(action)}, not created")
    if text(package, "type") != "container":
        return ignored("the package is no container image")
    try:
        host = urlsplit(text(package, "html_url")).netloc
    except ValueError as error:
        raise BadPayload("package.html_url is no address") from error
    name = f"{text(package, 'owner', 'login')}/{text(package, 'name')}"
    return pushed(registry or host, name, text(package, "version"))


def _header(inbound: Inbound, name: str) -> str:
    """Each family has it under its own prefix; Forgejo sends those of Gitea too."""
    found = (inbound.headers.get(f"x-{family}-{name}", "") for family in _FAMILIES)
    return next((value for value in found if value), "")
