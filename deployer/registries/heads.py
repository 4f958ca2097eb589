"""Asks a registry for a tag's digest by HEAD, which Docker Hub does not count as a pull."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from deployer.errors import RateLimited
from deployer.model import DIGEST, Image
from deployer.ports import Logins
from deployer.registries.asking import LIMIT, Asking

# Seconds for which a registry that only Docker can reach is left to Docker.
LEFT_ALONE = 600.0
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


class Heads:
    """Implements what ports.Registry says of `glance`, by HTTP of its own.

    Docker's own question for a digest gets the manifest too, which counts as a pull. Where this
    one cannot be asked (certificates, mirrors or proxies that only Docker has) Docker is.
    """

    def __init__(
        self, logins: Logins, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logins = logins
        self._limit = limit
        self._clock = clock
        self._left: dict[str, float] = {}

    def __call__(self, image: Image) -> str:
        """The digest of the image's tag, "" where it cannot be told like this."""
        if self._left.get(image.host, 0.0) > self._clock():
            return ""
        try:
            with requests.Session() as session:
                asking = Asking(session, image, self._logins, self._limit)
                url = f"{asking.url}/manifests/{image.tag}"
                answer = asking.ask("HEAD", url, {"Accept": _MANIFESTS})
        except (requests.RequestException, ValueError):
            self._left[image.host] = self._clock() + LEFT_ALONE
            return ""
        if answer.status_code == requests.codes.too_many:
            raise RateLimited(
                f"cannot get {image}: the registry {image.host} says that it was asked too often. "
                "Set a login for it under `registries`, or a longer `reconcile.interval`"
            )
        digest = answer.headers.get("Docker-Content-Digest", "")
        known = answer.status_code == requests.codes.ok and DIGEST.fullmatch(digest)
        return digest if known else ""
