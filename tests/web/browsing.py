"""A browser without scripts: it keeps cookies, follows what it is told, and reads pages."""

from __future__ import annotations

import requests

from tests.web.receiver import OPERATOR, Running

PAGE = {"Accept": "text/html"}


class Browser:
    """One reader of a receiver's pages."""

    def __init__(self, receiver: Running) -> None:
        self.base = f"http://127.0.0.1:{receiver.port}"
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """One request, redirects not followed."""
        return self.session.get(
            self.base + path, headers=PAGE | (headers or {}), allow_redirects=False, timeout=20
        )

    def post(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Send a form, redirects not followed."""
        return self.session.post(
            self.base + path,
            data=form,
            headers=PAGE | (headers or {}),
            allow_redirects=False,
            timeout=20,
        )

    def sign_in(self, to: str = "/") -> requests.Response:
        """Sign in as the operator."""
        return self.post("/sign-in", {"token": OPERATOR, "to": to})
