"""From the parts of a reference, as senders spell them, to a push, or why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deployer.model import DIGEST, Image, Push, image_of, parse_image
from deployer.ports import Heard

SIDECAR = re.compile(r"sha256-[a-f0-9]{64}(?:\.[a-z]+)?")
"""Tags by which tools keep signatures, attestations and bills of materials beside an image."""

NO_TAG = "the push names no tag"
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.",
    "application/vnd.oci.image.manifest.",
    "application/vnd.oci.image.index.",
)
"""How the media types of manifests and of lists of them begin."""

_CONFIGS = ("application/vnd.docker.container.image.", "application/vnd.oci.image.config.")
_OTHERS = {
    "application/vnd.cncf.helm.": "a Helm chart",
    "application/vnd.docker.plugin.": "a Docker plugin",
}


def pushed(host: str, repository: str, tag: str, digest: str = "") -> Heard:
    """The push of a tag, in lower case as every registry has it.

    A digest that is none is left out, since the registry says it anyway.
    """
    digest = digest if DIGEST.fullmatch(digest) else ""
    image = image_of(host, _lower(repository), tag, digest)
    return _heard(image, f"{host}/{repository}", tag)


def pushed_name(name: str, registry: str, tag: str, digest: str = "") -> Heard:
    """The push of a tag of an image whose name has its host; `registry` replaces that host."""
    found = parse_image(_lower(name))
    if found is None or found.tag or found.digest or not has_host(name):
        return _heard(None, name, tag)
    return pushed(registry or found.host, found.repository, tag, digest)


def pushed_reference(reference: str, registry: str, digest: str = "") -> Heard:
    """The push of `host/repository:tag`, or of `host/repository@digest`, which has no tag."""
    name, at, own = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return pushed_name(f"{head}{slash}{last}", registry, tag, digest or (own if at else ""))


def in_lower_case(reference: str) -> str:
    """A reference whose name is as every registry has it; tags may have capitals."""
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    return f"{_lower(head)}{slash}{_lower(last)}{colon}{tag}{at}{digest}"


def has_host(name: str) -> bool:
    """Whether the first part of an image's name is a registry's host, as Docker decides it."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def not_an_image(media_type: str) -> str:
    """What a config or manifest of this media type makes, "" where it is an image, or not said.

    Registries keep anything in the form of an image (OCI's guidelines for artifacts): models,
    modules, signatures, and what nobody has heard of yet.
    """
    images = (*MANIFESTS, *_CONFIGS)
    if not media_type.startswith("application/vnd.") or media_type.startswith(images):
        return ""
    named = (what for begin, what in _OTHERS.items() if media_type.startswith(begin))
    return next(named, "an OCI artifact")


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


def _lower(name: str) -> str:
    # Of others some become ASCII by that, such as the sign for kelvin.
    return name.lower() if name.isascii() else name


def _heard(image: Image | None, name: str, tag: str) -> Heard:
    if not tag or tag.startswith("sha256:"):
        return Heard(reason=NO_TAG)
    if SIDECAR.fullmatch(tag):
        return Heard(reason="what belongs to an image was pushed, such as its signature, no image")
    if image is None:
        named = shown(f"{name[:100]}:{tag[:100]}")
        return Heard(reason=f"{named} is not a well-formed image, so no app can use it")
    return Heard(pushes=(Push(image),))
