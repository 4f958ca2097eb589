"""One server that keeps code, asked by HTTP; what it answers as ours, or as one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from deployer.errors import ReportRefused, ReportUnavailable

LIMIT = 5.0
"""Seconds for a connection, and for each further sign of life."""

_MOST = 1024 * 1024
_SAID = 200
# Of a conflict and a timeout GitLab and proxies say that asking again helps.
_AGAIN = frozenset({408, 409, 429})
_ADVICE = {
    401: "it does not take the token. Put a new one into `token_file`",
    403: "its token may not do this. Give it the right, see docs/reporting.md",
    404: "it has no such repository or commit, or hides it from this token. Look at `repository`",
}


class _Shown(AuthBase):
    """The token's header. As a header of the session, a ~/.netrc would be put over it."""

    def __init__(self, header: tuple[str, str]) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        name, value = self._header
        request.headers[name] = value
        return request


class Client:
    """Asks below `base` with a header that has the token, which is never shown to anybody else.

    `name` is how people know what is asked. Raises ReportRefused for what asking again does not
    help, else ReportUnavailable. `limit` as LIMIT.
    """

    def __init__(
        self, name: str, base: str, header: tuple[str, str], token: str, limit: float = LIMIT
    ) -> None:
        self._name = name
        self._base = base
        self._auth = _Shown(header)
        self._token = token
        self._limit = limit

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What the server has there."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server says once it has taken this."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        with (
            self._translated(),
            requests.Session() as session,
            session.request(
                method,
                f"{self._base}{path}",
                auth=self._auth,
                headers={"User-Agent": "deployer", "Accept": "application/json"},
                timeout=self._limit,
                # Elsewhere may be somebody else's, and the token with it.
                allow_redirects=False,
                stream=True,
                **more,
            ) as answer,
        ):
            content = answer.raw.read(_MOST + 1, decode_content=True)
        return self._content(answer, content)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise self._away("its certificate is not trusted here") from error
        except requests.exceptions.Timeout as error:
            raise self._away(f"it did not answer within {self._limit:g} s") from error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise self._away("it cannot be reached, or broke off") from error

    def _content(self, answer: requests.Response, content: bytes) -> Any:
        status = answer.status_code
        found = _json(content)
        if status >= 500 or status in _AGAIN or _is_limit(answer):
            raise self._away(f"it answered {status}{self._said(found)}", _after(answer))
        if 300 <= status < 400:
            raise self._no(f"it answered {status}, it is elsewhere. Correct `repository` or `url`")
        if status >= 400:
            what = _ADVICE.get(status, "it refused the report. Look whether it knows the commit")
            raise self._no(f"{what} ({status}{self._said(found)})", self._said(found))
        if found is None:
            raise self._no(f"it answered {status} without JSON. Look at `url`")
        return found

    def _said(self, found: Any) -> str:
        """Its own words on why not, as the end of a sentence; without the token."""
        message = found.get("message") or found.get("error") if isinstance(found, dict) else ""
        text = " ".join(str(message or "").replace(self._token, "***").split())
        readable = "".join(one for one in text if one.isprintable())[:_SAID]
        return f": {readable}" if readable else ""

    def _away(self, why: str, after: float = 0.0) -> ReportUnavailable:
        return ReportUnavailable(f"cannot report to {self._name}: {why}", after=after)

    def _no(self, why: str, said: str = "") -> ReportRefused:
        return ReportRefused(f"cannot report to {self._name}: {why}", detail=said)


def _json(content: bytes) -> Any:
    """What a body says; None for what is no JSON, or longer than anybody has to read."""
    try:
        return json.loads(content) if len(content) <= _MOST else None
    except (ValueError, RecursionError):
        return None


def _is_limit(answer: requests.Response) -> bool:
    """Whether a 403 means that it was asked too often.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    spent = answer.headers.get("X-RateLimit-Remaining") == "0"
    return answer.status_code == 403 and (spent or "Retry-After" in answer.headers)


def _after(answer: requests.Response) -> float:
    """When the server wants to be asked again, in seconds; 0 where it does not say."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0.0
