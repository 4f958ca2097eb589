"""Under which name and digest the image of a container can be had again; pure."""

from __future__ import annotations

from dataclasses import replace

from deployer.engines.docker.adopt.facts import Facts
from deployer.model import Image, parse_image


def image_of(facts: Facts, wanted: str = "") -> Image | None:
    """The image with its digest: of several names the `wanted` one, else that it was made from.

    Without a digest where no registry ever had it; None where it has no name at all.
    """
    said = parse_image(str(facts.config.get("Image") or ""))
    if said is not None and said.repository.startswith("library/sha256"):
        said = None
    tagged = [parse_image(one) for one in facts.image.get("RepoTags") or ()]
    names = [one for one in (said, *tagged) if one is not None and one.host != "deployer.local"]
    digests = [parse_image(one) for one in facts.image.get("RepoDigests") or ()]
    known = [one for one in digests if one is not None]
    preferred = [wanted, *(one.name for one in names)]
    known.sort(key=lambda one: preferred.index(one.name) if one.name in preferred else 99)
    if not known:
        return replace(names[0], digest="") if names else None
    chosen = known[0]
    tag = next((one.tag for one in names if one.name == chosen.name and one.tag), "")
    return replace(chosen, tag=tag)
