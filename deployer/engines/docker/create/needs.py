"""What a spec asks for that an older Docker would silently leave out.

Docker ignores keys of its API that it does not know, so they are refused before it is asked.
https://docs.docker.com/reference/api/engine/version-history/ says when each of them came.
"""

from __future__ import annotations

from collections.abc import Iterator

from docker.utils import version_lt

from deployer.spec import Spec

_ENGINES = {"1.43": "24", "1.44": "25", "1.45": "26", "1.47": "28", "1.48": "28"}


def too_new(spec: Spec, api_version: str) -> list[str]:
    """For each key that needs a newer Docker, its name and which Docker has it."""
    return [
        f"{key} needs Docker {_ENGINES[needed]}"
        for key, needed in _needs(spec)
        if version_lt(api_version, needed)
    ]


def _needs(spec: Spec) -> Iterator[tuple[str, str]]:
    if spec.annotations:
        yield "`annotations`", "1.43"
    if spec.healthcheck and spec.healthcheck.start_interval is not None:
        yield "`healthcheck.start_interval`", "1.44"
    if any(one.mac_address for one in spec.networks):
        yield "`mac_address` of a network", "1.44"
    for volume in spec.volumes:
        if volume.type == "volume" and volume.subpath:
            yield "`subpath` of a volume", "1.45"
        if volume.type == "image":
            yield "a volume of type image", "1.48"
