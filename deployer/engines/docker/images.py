"""Which images are here, which are kept from pruning, and which may go.

`docker image prune` removes an image that has a digest but no tag, so each release's image is
tagged `deployer.local/<instance>:<app>.r<number>`, a name that no registry can have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker.client import again
from deployer.model import Image, Release, parse_image

_CONFLICT = 409
_NUMBERED = re.compile(r"(?P<app>[^.]+)\.r(?P<number>[0-9]+)")


def has(api: docker.APIClient, image: Image) -> bool:
    """Whether a local image has this digest under this name."""
    try:
        found = api.inspect_image(image.pinned)  # type: ignore[no-untyped-call]
    except NotFound:
        return False
    # Docker writes `nginx@...` for what is `docker.io/library/nginx@...` here.
    names = [parse_image(digest) for digest in found.get("RepoDigests") or []]
    return any(name is not None and name.pinned == image.pinned for name in names)


def labels(api: docker.APIClient, image: Image) -> dict[str, str]:
    """The labels of the image of this digest; none where it has none, or is not here."""
    try:
        found = api.inspect_image(image.pinned)  # type: ignore[no-untyped-call]
    except NotFound:
        return {}
    return dict((found.get("Config") or {}).get("Labels") or {})


def keep(api: docker.APIClient, instance: str, release: Release) -> None:
    """Tag the release's image so that it outlives a prune."""
    tag = f"{release.app}.r{release.number}"
    again(lambda: api.tag(release.image.pinned, _repository(instance), tag=tag))


def kept(api: docker.APIClient, instance: str) -> set[tuple[str, int]]:
    """The releases, as app and number, that an image here is tagged for."""
    listed = api.images(_repository(instance))
    named = (_owner(tag, instance) for one in listed for tag in one.get("RepoTags") or [])
    return {owner for owner in named if owner is not None}


def forget(api: docker.APIClient, instance: str, app: str, keep: Sequence[int]) -> None:
    """Remove our tags of the app's other releases, and images that nothing else names.

    An image that any container uses keeps one tag of ours, so that a later call finds it again.
    """
    used = {container["ImageID"] for container in api.containers(all=True)}
    for listed in api.images():
        tags = [tag for tag in listed.get("RepoTags") or [] if "<none>" not in tag]
        doomed = [tag for tag in tags if _is_doomed(tag, instance, app, keep)]
        ours = [tag for tag in tags if tag.startswith(f"{_repository(instance)}:")]
        if not doomed or (listed["Id"] in used and len(doomed) == len(ours)):
            continue
        digests = listed.get("RepoDigests") or []
        for reference in doomed if len(doomed) < len(tags) else [*digests, *doomed]:
            _remove(api, reference)


def _repository(instance: str) -> str:
    return f"deployer.local/{instance}"


def _is_doomed(tag: str, instance: str, app: str, keep: Sequence[int]) -> bool:
    owner = _owner(tag, instance)
    return owner is not None and owner[0] == app and owner[1] not in keep


def _owner(tag: str, instance: str) -> tuple[str, int] | None:
    """The app and the number of the release that a tag of ours keeps an image for."""
    repository, _, name = tag.rpartition(":")
    numbered = _NUMBERED.fullmatch(name)
    if repository != _repository(instance) or numbered is None:
        return None
    return numbered["app"], int(numbered["number"])


def _remove(api: docker.APIClient, reference: str) -> None:
    try:
        again(lambda: api.remove_image(reference))
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _CONFLICT:
            raise
