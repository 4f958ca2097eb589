"""Who is signed in to the pages: an operator, by a signed cookie that ends with the process.

The key is made at start and kept nowhere. Each change of what the receiver serves with starts a
new process, so that taking a token away signs everybody out. The token itself is in no cookie.
Who signs out ends the session for whoever else has its cookie, too.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from deployer.errors import BadCredential
from deployer.web.api import CheckBearer

COOKIE = "deployer"
LASTS = 12 * 3600
"""How long one is signed in, in seconds."""

HOME = "/"
# A path of this site: no host (`//`), no backslash that browsers take for a slash. Anybody may
# send it, and there is one way only to read it (`++`): with two a regex tries all of them, for
# hours, and holds up every other request.
_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9_.~-]++/?)*+(?:\?before=[0-9]+)?", re.ASCII)


class Sessions:
    """Signs operators in and out, and knows who is."""

    def __init__(self, operators: Sequence[str], check_bearer: CheckBearer) -> None:
        self._operators = operators
        self._check_bearer = check_bearer
        self._ended: dict[str, float] = {}
        self._signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="operator")

    @property
    def possible(self) -> bool:
        """Whether there is any token to sign in with."""
        return bool(self._operators)

    def fits(self, token: str) -> bool:
        """Whether it is an operator's token."""
        try:
            self._check_bearer(f"Bearer {token.strip()}", self._operators)
        except BadCredential:
            return False
        return True

    def sign_in(self, request: Request, answer: Response) -> Response:
        """Give the browser the cookie; over HTTPS it is never sent without."""
        answer.set_cookie(
            COOKIE,
            self._signer.dumps(secrets.token_urlsafe(12)),
            max_age=LASTS,
            secure=_over_https(request),
            httponly=True,
            # Lax, not Strict: a link in a message has to open the page that it names.
            samesite="Lax",
        )
        return answer

    def sign_out(self, request: Request, answer: Response) -> Response:
        """End the session, and take the cookie away."""
        now = time.monotonic()
        for one, at in list(self._ended.items()):
            if now - at > LASTS:
                self._ended.pop(one, None)
        if (session := self._session(request)) is not None:
            self._ended[session] = now
        answer.delete_cookie(COOKIE, httponly=True, samesite="Lax")
        return answer

    def knows(self, request: Request) -> bool:
        """Whether the request comes from an operator who is signed in."""
        session = self._session(request)
        return session is not None and session not in self._ended

    def _session(self, request: Request) -> str | None:
        # By its name, and not by the cookie: base64 has several ways to write the same.
        try:
            return str(self._signer.loads(request.cookies.get(COOKIE, ""), max_age=LASTS))
        except BadData:
            return None


def _over_https(request: Request) -> bool:
    """Whether the browser came by HTTPS; who lies here harms himself.

    Nginx says how one came to it (headers.conf.j2). Where something else ends TLS before it, only
    the browser knows, and says so with each form that it sends (`Origin`).
    """
    came = request.headers.get("X-Forwarded-Proto", request.scheme)
    return "https" in (came, request.headers.get("Origin", "").partition(":")[0])


def own_path(asked: str) -> str:
    """The path to go on to after signing in; the overview where it is none of this site."""
    return asked if _OWN_PATH.fullmatch(asked) else HOME


def from_elsewhere(request: Request) -> bool:
    """Whether a form was sent by another site's page (`Origin`, RFC 6454; Fetch Metadata)."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.host
    except ValueError:
        return True
