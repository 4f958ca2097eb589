"""Asks a registry what a tag means, through Docker's own registry client.

`GET /distribution/<name>/json` of Docker's API: it needs no image, and uses the certificates,
mirrors and proxies that Docker is set up with. Docker asks for the manifest too, which counts as
a pull at Docker Hub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import requests
from docker.errors import APIError

from deployer.engines.docker.client import Clients, limited, translated, words
from deployer.engines.docker.refusals import refusal
from deployer.errors import ImageNotFound, RegistryError, RegistryUnavailable
from deployer.model import Image
from deployer.ports import Login, Logins

ANSWER_LIMIT = 15
# What Docker takes besides its own architecture: containerd, platforms/compare.go.
_ALSO_RUNS = {"amd64": {"386"}, "arm64": {"arm"}}


class DockerRegistry:
    """Implements ports.Registry for every registry that this Docker can reach."""

    def __init__(
        self,
        clients: Clients,
        logins: Logins,
        limit: int = ANSWER_LIMIT,
        glance: Callable[[Image], str] = lambda _: "",
        *,
        listing: Callable[[Image], list[str]],
    ) -> None:
        """`limit` is how long a registry may take to say what a tag means (seconds).

        `glance` and `listing` ask without Docker, which cannot do the first so that it counts as
        no pull, and the second not at all.
        """
        self._clients = clients
        self._logins = logins
        self._limit = limit
        self._glance = glance
        self._listing = listing

    def glance(self, image: Image) -> str:
        """The digest that the image's tag has, without a pull; see ports.Registry."""
        return self._glance(image)

    def tags(self, image: Image) -> list[str]:
        """All tags of the image's repository; see ports.Registry."""
        return self._listing(image)

    def resolve(self, image: Image, platform: str = "") -> Image:
        """The image with its digest; see ports.Registry."""
        asked = image.pinned if image.digest else f"{image.name}:{image.tag or 'latest'}"
        login = auth_config(self._logins(image.host))
        with translated(f"ask {image.host} for {image}"):
            api = self._clients.api
            engine = api.version()
            try:
                with limited(api, self._limit):
                    answer = api.inspect_distribution(  # type: ignore[no-untyped-call]
                        asked, auth_config=login
                    )
            except APIError as error:
                raise _as_registry_error(image, error) from error
            except requests.ReadTimeout as error:
                # Docker has just answered, so it waits for the registry.
                raise RegistryUnavailable(
                    f"cannot get {image}: the registry {image.host} did not answer within "
                    f"{self._limit} s. Look whether it hangs or the network is down"
                ) from error
        system, _, rest = platform.partition("/")
        architecture = rest.partition("/")[0] or engine["Arch"]
        check_platform(image, answer.get("Platforms") or [], system or engine["Os"], architecture)
        return replace(image, digest=answer["Descriptor"]["digest"])


def auth_config(login: Login | None) -> dict[str, str]:
    """The login as Docker takes it for one request; {} asks without one.

    Never None: docker-py would then look into the `docker login` of whoever runs the worker.
    """
    if login is None:
        return {}
    if login.identity_token:
        return {"identitytoken": login.identity_token}
    return {"username": login.username, "password": login.password}


def _as_registry_error(image: Image, error: APIError) -> RegistryError:
    said = words(error)
    return refusal(image, said) or RegistryError(
        f"cannot get {image}: Docker could not ask the registry {image.host}: {said}"
    )


def check_platform(
    image: Image, platforms: Sequence[dict[str, Any]], system: str, architecture: str
) -> None:
    """Raises ImageNotFound where platforms are listed and none of them fits.

    An empty list means that the registry did not say; `unknown/unknown` are attestations.
    """
    known = [(one.get("os", ""), one.get("architecture", "")) for one in platforms]
    known = [one for one in known if one[0] not in ("", "unknown")]
    fitting = {architecture} | _ALSO_RUNS.get(architecture, set())
    if known and not any(os == system and arch in fitting for os, arch in known):
        listed = ", ".join(sorted({f"{os}/{arch}" for os, arch in known}))
        raise ImageNotFound(
            f"cannot use {image}: it is for {listed} and Docker runs on {system}/{architecture}. "
            f"Push one that is built for {system}/{architecture}"
        )
