"""Asks a registry over HTTP, with the token or the password that it wants to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.utils import parse_dict_header

from deployer.model import DEFAULT_REGISTRY, Image
from deployer.ports import Login, Logins

LIMIT = 10.0
"""How long a registry may take for one answer, in seconds."""

_HUB = "registry-1.docker.io"


class Asking:
    """Questions about the repository of one image, in one session.

    Raises requests' errors, and ValueError where an answer makes no sense.
    """

    def __init__(
        self, session: requests.Session, image: Image, logins: Logins, limit: float = LIMIT
    ) -> None:
        self.url = f"{_base(image.host)}/v2/{image.repository}"
        self._session = session
        self._image = image
        self._logins = logins
        self._limit = limit
        self._shown: dict[str, str] = {}

    def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """What the registry answers, the body not read yet; nobody is followed elsewhere."""
        answer = self._send(method, url, headers or {})
        if answer.status_code != requests.codes.unauthorized:
            return answer
        answer.close()
        self._identify(answer.headers.get("WWW-Authenticate", ""))
        return self._send(method, url, headers or {})

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        return self._session.request(
            method,
            url,
            headers={**headers, **self._shown},
            timeout=self._limit,
            allow_redirects=False,
            stream=True,
        )

    def _identify(self, wanted: str) -> None:
        """Show from now on what the registry wants to see, where there is a login for it."""
        kind, _, rest = wanted.partition(" ")
        login = self._logins(self._image.host)
        if kind.lower() == "bearer":
            asked = parse_dict_header(rest)  # type: ignore[no-untyped-call]
            self._shown = {"Authorization": f"Bearer {self._token(asked, login)}"}
        elif kind.lower() == "basic" and login is not None and not login.identity_token:
            self._session.auth = (login.username, login.password)

    def _token(self, asked: Mapping[str, Any], login: Login | None) -> str:
        """A token for reading this repository, from where the registry sends its clients."""
        realm = str(asked.get("realm", ""))
        if urlsplit(realm).scheme != "https" and self.url.startswith("https"):
            raise ValueError("a login is shown to nobody who listens")
        wanted = {"scope": f"repository:{self._image.repository}:pull"}
        if service := asked.get("service"):
            wanted["service"] = str(service)
        if login is not None and login.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": login.identity_token}
            form |= {"client_id": "deployer", **wanted}
            answer = self._session.post(
                realm, data=form, timeout=self._limit, allow_redirects=False
            )
        else:
            auth = (login.username, login.password) if login is not None else None
            answer = self._session.get(
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
