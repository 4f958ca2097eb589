"""Docker Hub: one kind of event, a pushed tag; no signature, so the secret is in the URL.

https://docs.docker.com/docker-hub/repos/manage/webhooks/ describes the body. `callback_url`
is never read: Docker withdrew it, and it would let an unsigned body choose what is fetched.
"""

from __future__ import annotations

from deployer import strict_json
from deployer.errors import BadPayload
from deployer.model import DEFAULT_REGISTRY, Image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, not_an_image, pushed
from deployer.sources.reading import needed, text
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
        push = needed(payload, "push_data")
        repository = text(needed(payload, "repository"), "repo_name")
        tag = text(push, "tag")
        # `media_type` is that of the config blob, undocumented.
        kind = not_an_image(text(push, "media_type"))
        if not repository:
            raise BadPayload("the body has no repository.repo_name")
        if kind:
            return ignored(f"{kind} was pushed, not an image")
        return pushed(registry or DEFAULT_REGISTRY, repository, tag)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag."""
        repository = image.repository
        namespace, _, name = repository.rpartition("/")
        body = {
            "push_data": {"pushed_at": 0, "pusher": "deployer", "tag": image.tag, "images": []},
            "repository": {"repo_name": repository, "namespace": namespace, "name": name},
        }
        return shows(body, credential, in_url=True)
