"""From the parts of a reference, as senders spell them, to a push, or why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deployer.model import DIGEST, Image, Push, image_of, parse_image
from deployer.ports import Heard

SIDECAR = re.compile(r"sha256-[a-f0-9]{64}(?:\.[a-z]+)?")
"""Tags by which tools keep signatures, attestations and bills of materials beside an image."""

NO_TAG = "the push names no tag"
_CHART = "application/vnd.cncf.helm."
_NOT_IMAGES = {
    "application/vnd.docker.plugin.v1+json": "a Docker plugin",
    "application/vnd.oci.empty.v1+json": "an OCI artifact",
}


def pushed(host: str, repository: str, tag: str, digest: str = "") -> Heard:
    """The push of a tag; a digest that is none is left out, since the registry says it anyway."""
    digest = digest if DIGEST.fullmatch(digest) else ""
    return _heard(image_of(host, repository, tag, digest), f"{host}/{repository}", tag)


def pushed_name(name: str, registry: str, tag: str, digest: str = "") -> Heard:
    """The push of a tag of an image whose name has its host; `registry` replaces that host."""
    found = parse_image(name)
    if found is None or found.tag or found.digest or not has_host(name):
        return _heard(None, name, tag)
    return pushed(registry or found.host, found.repository, tag, digest)


def pushed_reference(reference: str, registry: str, digest: str = "") -> Heard:
    """The push of `host/repository:tag`, or of `host/repository@digest`, which has no tag."""
    name, at, own = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return pushed_name(f"{head}{slash}{last}", registry, tag, digest or (own if at else ""))


def has_host(name: str) -> bool:
    """Whether the first part of an image's name is a registry's host, as Docker decides it."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def not_an_image(media_type: str) -> str:
    """What a config or manifest of this media type makes, "" where it may be an image."""
    if media_type.startswith(_CHART):
        return "a Helm chart"
    return _NOT_IMAGES.get(media_type, "")


def ignored(reason: str, sender_id: str = "") -> Heard:
    """An event that deploys nothing."""
    return Heard(reason=reason, sender_id=sender_id)


def together(heard: Iterable[Heard], otherwise: str, sender_id: str = "") -> Heard:
    """What several events of one delivery say; `otherwise` is the reason where there is none."""
    found = list(heard)
    pushes = tuple(dict.fromkeys(push for one in found for push in one.pushes))
    reasons = dict.fromkeys(one.reason for one in found if one.reason)
    return Heard(pushes, "" if pushes else "; ".join(reasons) or otherwise, sender_id)


def shown(value: str) -> str:
    """What a sender wrote, short and harmless, for a reason."""
    return ascii(value[:100])


def _heard(image: Image | None, name: str, tag: str) -> Heard:
    if not tag or tag.startswith("sha256:"):
        return Heard(reason=NO_TAG)
    if SIDECAR.fullmatch(tag):
        return Heard(reason="what belongs to an image was pushed, such as its signature, no image")
    if image is None:
        named = shown(f"{name[:100]}:{tag[:100]}")
        return Heard(reason=f"{named} is not a well-formed image, so no app can use it")
    return Heard(pushes=(Push(image),))
