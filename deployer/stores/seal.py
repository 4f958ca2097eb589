"""Seals: a release can be read, and was written, only by who has the worker's key.

A seal is a Fernet token (https://github.com/fernet/spec): AES-128-CBC, so that the secrets
in `environment` are not in the store in clear, and HMAC-SHA256, so that nobody without the
key can make one. It holds the whole release; the columns beside it are for people.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict

from cryptography.fernet import Fernet, InvalidToken

from deployer.errors import Refused
from deployer.model import Release, ReleaseRow
from deployer.stores.strict import value_of

# With surrogates as they are: what came out of the configuration goes in and out unchanged.
_ENCODING, _ERRORS = "utf-8", "surrogatepass"


class Seal:
    """Seals releases and opens them under one key (32 bytes in URL-safe base64)."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._key = key

    def instance(self, store: str) -> str:
        """What the containers of the store with this name are labelled with.

        The name alone would do, were the store not written by the receiver too: with the name
        of another deployer in it the worker would take that one's containers for its own.
        """
        named = hmac.digest(self._key, b"instance " + store.encode(_ENCODING, _ERRORS), "sha256")
        return named.hex()[:8]

    def seal(self, release: Release) -> str:
        """The whole release as a token."""
        text = json.dumps(asdict(release), ensure_ascii=False, allow_nan=False)
        return self._fernet.encrypt(text.encode(_ENCODING, _ERRORS)).decode("ascii")

    def open(self, row: ReleaseRow) -> Release:
        """The release that was sealed.

        Raises Refused where the token was not made with this key, or says another app, number
        or image than its row.
        """
        try:
            token = row.sealed.encode("ascii")
            text = self._fernet.decrypt(token).decode(_ENCODING, _ERRORS)
        except (InvalidToken, ValueError):
            raise _does_not_fit(row) from None
        release = self._read(row, text)
        if (release.app, release.number, release.image) != (row.app, row.number, row.image):
            raise _does_not_fit(row)
        return release

    def _read(self, row: ReleaseRow, text: str) -> Release:
        try:
            return value_of(Release, json.loads(text))
        except ValueError as error:
            # Of the error only that it happened: its text may hold a secret of the release.
            raise Refused(
                f"release {row.number} of {row.app} was sealed by another version of deployer "
                "and says what this one does not know. Deploy the image again to make a new one",
                detail=type(error).__name__,
            ) from None


def _does_not_fit(row: ReleaseRow) -> Refused:
    return Refused(
        f"release {row.number} of {row.app} was not written by this worker: its seal does not "
        "fit. It will not be run; deploy the image again to make a new release."
    )
