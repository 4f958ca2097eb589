"""Docker Hub: one kind of event, a pushed tag; no signature, so the secret is in the URL.

https://docs.docker.com/docker-hub/repos/manage/webhooks/ describes the body. `callback_url`
is never read: Docker withdrew it, and it would let an unsigned body choose what is fetched.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.model import DEFAULT_REGISTRY, Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, not_an_image, pushed
from deployer.sources.reading import text
from deployer.sources.sampling import shows
from deployer.sources.signatures import check_token


class DockerHub:
    """Docker Hub's repository webhook."""

    pasted_as = "a random token at the end of the URL"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the URL ends in one of the tokens; it signs nothing."""
        check_token(inbound.token, known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        # It is that of the config blob, and undocumented.
        if kind := not_an_image(text(payload, "push_data", "media_type")):
            return ignored(f"{kind} was pushed, not an image")
        repository = text(payload, "repository", "repo_name")
        return pushed(registry or DEFAULT_REGISTRY, repository, text(payload, "push_data", "tag"))

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        repository = image.repository
        namespace, _, name = repository.rpartition("/")
        body = {
            "push_data": {"pushed_at": 0, "pusher": "deployer", "tag": image.tag, "images": []},
            "repository": {"repo_name": repository, "namespace": namespace, "name": name},
        }
        return shows(body, credential, in_url=True)
