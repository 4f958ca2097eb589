"""JFrog Artifactory: a tag that was pushed to a Docker repository.

https://jfrog.com/help/r/jfrog-platform-administration-documentation/event-types: the header holds
the secret itself, or signs the body where that is switched on. The name of the image is that of
the access by paths; other accesses and virtual repositories need `aliases`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, pushed, shown
from deployer.sources.reading import Object, section, text
from deployer.sources.sampling import DIGEST, written
from deployer.sources.signatures import check_digest, check_token, digest_of

_HEADER = "x-jfrog-event-auth"


class Artifactory:
    """A webhook for events of Docker repositories."""

    pasted_as = "the secret of the webhook"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the header shows a token or signs the body (HMAC-SHA256)."""
        presented = inbound.headers.get(_HEADER, "")
        if known.secrets:
            check_digest(presented, inbound.body, known.secrets)
        else:
            check_token(presented, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        domain, event = text(payload, "domain"), text(payload, "event_type")
        if (domain, event) != ("docker", "pushed"):
            return ignored(f"the event {shown(f'{domain} {event}')} deploys nothing")
        data = section(payload, "data")
        if text(data, "repo_key").endswith("-cache"):
            return ignored("a cache of another registry was filled, nothing was pushed")
        return _pushed(data, text(payload, "jpd_origin"), registry)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        key, _, path = image.repository.partition("/")
        data = {
            "repo_key": key,
            "path": f"{path}/{image.tag}/manifest.json",
            "name": "manifest.json",
            "sha256": (image.digest or DIGEST).removeprefix("sha256:"),
            "image_name": path,
            "tag": image.tag,
        }
        body = written(
            {
                "domain": "docker",
                "event_type": "pushed",
                "data": data,
                "jpd_origin": f"https://{image.host}",
            }
        )
        proof = digest_of(body, credential.secret) if credential.secret else credential.token
        return Inbound({"content-type": "application/json", _HEADER: proof}, body)


def _pushed(data: Object, origin: str, registry: str) -> Heard:
    try:
        host = urlsplit(origin).netloc
    except ValueError as error:
        raise BadPayload("jpd_origin is no address") from error
    if not registry and not host:
        return ignored("jpd_origin is missing: set Artifactory's base URL, or the hook's registry")
    # The last two parts are the tag and the manifest's file.
    inner = "/".join(text(data, "path").strip("/").split("/")[:-2])
    name = f"{text(data, 'repo_key')}/{inner}"
    return pushed(registry or host, name, text(data, "tag"), f"sha256:{text(data, 'sha256')}")
