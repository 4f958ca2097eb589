"""Asks a registry for a tag's digest by HEAD, which Docker Hub does not count as a pull."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.utils import parse_dict_header

from deployer.errors import RateLimited
from deployer.model import DEFAULT_REGISTRY, DIGEST, Image
from deployer.ports import Login, Logins

# Seconds for one answer, and for which a registry that only Docker can reach is left to Docker.
LIMIT = 10.0
LEFT_ALONE = 600.0
_HUB = "registry-1.docker.io"
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
                answer = self._head(session, image)
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

    def _head(self, session: requests.Session, image: Image) -> requests.Response:
        base = _base(image.host)
        url = f"{base}/v2/{image.repository}/manifests/{image.tag}"
        headers = {"Accept": _MANIFESTS}
        answer = session.head(url, headers=headers, timeout=self._limit)
        if answer.status_code != requests.codes.unauthorized:
            return answer
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        login = self._logins(image.host)
        if kind.lower() == "bearer":
            asked = parse_dict_header(rest)  # type: ignore[no-untyped-call]
            token = self._token(session, asked, image, login, encrypted=base.startswith("https"))
            headers["Authorization"] = f"Bearer {token}"
        elif kind.lower() == "basic" and login is not None and not login.identity_token:
            session.auth = (login.username, login.password)
        return session.head(url, headers=headers, timeout=self._limit)

    def _token(
        self,
        session: requests.Session,
        asked: Mapping[str, Any],
        image: Image,
        login: Login | None,
        *,
        encrypted: bool,
    ) -> str:
        """A token for reading this repository, from where the registry sends its clients."""
        realm = str(asked.get("realm", ""))
        if urlsplit(realm).scheme != "https" and encrypted:
            raise ValueError("a login is shown to nobody who listens")
        wanted = {"scope": f"repository:{image.repository}:pull"}
        if service := asked.get("service"):
            wanted["service"] = str(service)
        if login is not None and login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity_token}
            form |= {"client_id": "deployer", **wanted}
            answer = session.post(realm, data=form, timeout=self._limit, allow_redirects=False)
        else:
            auth = (login.username, login.password) if login is not None else None
            answer = session.get(
                realm, params=wanted, auth=auth, timeout=self._limit, allow_redirects=False
            )
        said = answer.json() if answer.ok else {}
        known = said if isinstance(said, dict) else {}
        return str(known.get("token") or known.get("access_token") or "")


def _base(host: str) -> str:
    """Where the registry listens; on this machine without encryption, as Docker has it."""
    name = host.partition(":")[0]
    if name == "localhost" or name.startswith("127."):
        return f"http://{host}"
    return f"https://{_HUB if host == DEFAULT_REGISTRY else host}"
