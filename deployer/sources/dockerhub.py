"""Docker Hub: one kind of event, a pushed tag; no signature, so the secret is in the URL.

https://docs.docker.com/docker-hub/repos/manage/webhooks/ describes the body. `callback_url`
is never read: Docker withdrew it, and it would let an unsigned body choose what is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.errors import BadPayload
from deployer.model import Push, image_of
from deployer.ports import Heard, Inbound
from deployer.sources import strict_json
from deployer.sources.signatures import check_token

# `media_type` is that of the config blob, undocumented; what is not listed may be an image.
_NOT_IMAGES = {
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
    "application/vnd.docker.plugin.v1+json": "a Docker plugin",
    "application/vnd.oci.empty.v1+json": "an OCI artifact",
}


class DockerHub:
    """Docker Hub's repository webhook."""

    secret_kind = "a random token at the end of the URL"  # noqa: S105 - says what kind, is none

    def verify(self, inbound: Inbound, tokens: Sequence[str], secrets: Sequence[str] = ()) -> None:
        """Raises BadCredential unless the URL ends in one of the tokens; it signs nothing."""
        check_token(inbound.token, tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image, or why there is none. Raises BadPayload on wrong types."""
        payload = strict_json.load(inbound.body)
        pushed = _section(payload, "push_data")
        repository = _text(_section(payload, "repository"), "repository", "repo_name")
        tag = _text(pushed, "push_data", "tag")
        kind = _NOT_IMAGES.get(_text(pushed, "push_data", "media_type"))
        if not repository:
            raise BadPayload("the body has no repository.repo_name")
        if kind:
            return Heard(reason=f"{kind} was pushed, not an image")
        if not tag:
            return Heard(reason="the push names no tag")
        image = image_of(registry, repository, tag)
        if image is None:
            named = ascii(f"{repository[:100]}:{tag[:100]}")
            return Heard(reason=f"{named} is not a well-formed image, so no app can use it")
        return Heard(pushes=(Push(image),))


def _section(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if not isinstance(value, dict):
        raise BadPayload(f"the body has no object {name}")
    return value


def _text(section: Mapping[str, Any], name: str, key: str) -> str:
    value = section.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadPayload(f"{name}.{key} is not text")
    return value
