"""Anything that can post JSON, such as a CI job: {"image", "tag", "digest"?}.

It proves itself with a bearer token or with a signature of Standard Webhooks
(https://www.standardwebhooks.com), whose `webhook-id` is the sender's id either way. The same may
stand in that specification's envelope: {"type": "image.pushed", "timestamp", "data": {...}}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer import strict_json
from deployer.errors import BadCredential, BadPayload
from deployer.model import DEFAULT_REGISTRY, Image, Push, image_of, parse_image
from deployer.ports import Credential, Facts, Heard, Inbound, Known
from deployer.sources.pushes import ignored, in_lower_case, shown
from deployer.sources.reading import needed, text
from deployer.sources.sampling import identity, shows, written
from deployer.sources.signatures import check_bearer, check_standard, standard_headers

PUSHED = "image.pushed"
"""The `type` of an envelope that tells of a push."""

_SENDER_ID = re.compile(r"[!-~]{1,255}")


class Generic:
    """A sender that speaks deployer's own format."""

    pasted_as = "a token for the header Authorization: Bearer"

    def verify(self, inbound: Inbound, known: Known) -> None:
        """Raises BadCredential unless the headers prove a token or a secret.

        A URL that ends in a token is refused, also a good one: URLs end up in logs.
        """
        if inbound.token:
            raise BadCredential("the secret is missing or wrong")
        if known.secrets and "webhook-signature" in inbound.headers:
            check_standard(inbound.headers, inbound.body, known.secrets)
        else:
            check_bearer(inbound.headers.get("authorization", ""), known.tokens)

    def parse(self, inbound: Inbound, registry: str) -> Heard:
        """The pushed image. Raises BadPayload where it is not one with a tag.

        An image without a host is on `registry`. Keys of other names are not read.
        """
        sender_id = inbound.headers.get("webhook-id", "")
        if sender_id and not _SENDER_ID.fullmatch(sender_id):
            raise BadPayload("webhook-id is not 1 to 255 printable ASCII characters without blanks")
        payload = strict_json.load(inbound.body)
        if "type" in payload and "image" not in payload:
            kind = text(payload, "type")
            if kind != PUSHED:
                return ignored(f"the event {shown(kind)} deploys nothing", sender_id)
            payload = dict(needed(payload, "data"))
        image = _image(payload, registry or DEFAULT_REGISTRY)
        return Heard(pushes=(Push(image),), sender_id=sender_id)

    def sample(self, image: Image, facts: Facts, credential: Credential) -> Inbound:
        """A push of a tag, signed where there is a secret."""
        content, given = {"image": image.name, "tag": image.tag}, identity()
        if not credential.secret:
            return shows(content, credential, {"webhook-id": given})
        body = written(content)
        signed = standard_headers(given, credential.secret, body)
        return Inbound({"content-type": "application/json", **signed}, body)


def _image(payload: Mapping[str, Any], registry: str) -> Image:
    named = parse_image(in_lower_case(_text(payload, "image")), registry)
    if named is None:
        raise BadPayload("image is not one such as acme/shop or ghcr.io/acme/shop")
    tag = _one("tag", named.tag, _text(payload, "tag"))
    digest = _one("digest", named.digest, _text(payload, "digest"))
    if not tag:
        raise BadPayload("the body has no tag. An app is selected by image and tag")
    image = image_of(named.host, named.repository, tag, digest)
    if image is None:
        raise BadPayload("tag or digest is not well formed. A digest is sha256:<64 hex digits>")
    return image


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    if value is None and key != "image":
        return ""
    if not isinstance(value, str):
        raise BadPayload(f"{key} is not text" if key in payload else f"the body has no {key}")
    return value


def _one(key: str, in_image: str, alone: str) -> str:
    if in_image and alone and in_image != alone:
        raise BadPayload(f"image has another {key} than the key {key} says")
    return in_image or alone
