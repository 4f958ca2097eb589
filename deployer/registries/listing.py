"""Asks a registry for all tags of a repository, which Docker has no question for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import requests

from deployer.errors import (
    ImageNotFound,
    RateLimited,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
)
from deployer.model import TAG, Image
from deployer.ports import Logins
from deployer.registries.asking import LIMIT, Asking

MOST_PAGES = 50
MOST_BYTES = 16 * 1024 * 1024
_PAGE = 1000
_CHUNK = 64 * 1024
# Times the limit of one answer, for all of them together.
_PATIENCE = 6


class Listing:
    """Implements what ports.Registry says of `tags`, by HTTP of its own.

    `GET /v2/<name>/tags/list` of the Distribution specification, page by page.
    """

    def __init__(
        self, logins: Logins, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logins = logins
        self._limit = limit
        self._clock = clock

    def __call__(self, image: Image) -> list[str]:
        """All tags of the image's repository; see ports.Registry."""
        try:
            with requests.Session() as session:
                asking = Asking(session, image, self._logins, self._limit)
                return [tag for page in self._pages(asking, image) for tag in page]
        except requests.exceptions.SSLError as error:
            raise RegistryUnavailable(
                f"cannot list the tags of {image.name}: the certificate of {image.host} is not "
                "trusted here. Docker may have one of its own for it, but cannot list tags: add "
                "it to this machine, or name it in the variable REQUESTS_CA_BUNDLE"
            ) from error
        except requests.RequestException as error:
            raise RegistryUnavailable(
                f"cannot list the tags of {image.name}: the registry {image.host} does not answer "
                f"({type(error).__name__}). Look whether it runs and can be reached"
            ) from error
        except (ValueError, RecursionError) as error:
            raise RegistryError(
                f"cannot list the tags of {image.name}: what {image.host} answers is no list of "
                "tags. Look whether it is a registry; without a range of versions none is needed"
            ) from error

    def _pages(self, asking: Asking, image: Image) -> Iterator[list[str]]:
        end = self._clock() + _PATIENCE * self._limit
        url, left = f"{asking.url}/tags/list?n={_PAGE}", MOST_BYTES
        for _ in range(MOST_PAGES):
            with asking.ask("GET", url) as answer:
                _check(image, answer)
                body = b""
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > left or self._clock() > end:
                        raise _too_much(image)
                left -= len(body)
                yield _tags(body)
                further = answer.links.get("next", {}).get("url")
            if not further:
                return
            url = _same_place(asking.url, url, further)
        raise _too_much(image)


def _check(image: Image, answer: requests.Response) -> None:
    """Raises what a status means that is no answer."""
    status, codes = answer.status_code, requests.codes
    what = f"cannot list the tags of {image.name}: the registry {image.host}"
    if status in (codes.unauthorized, codes.forbidden):
        raise RegistryDenied(
            f"{what} refuses it ({status}). Set or correct its login under `registries`, or run "
            "`docker login`; listing may be a right of its own"
        )
    if status == codes.not_found:
        raise ImageNotFound(f"{what} does not have it. Push it, or correct `image`")
    if status == codes.too_many:
        raise RateLimited(
            f"{what} says that it was asked too often. Set a login for it under `registries`, or "
            "a longer `reconcile.interval`"
        )
    if status >= codes.server_error:
        raise RegistryUnavailable(f"{what} does not serve it now ({status}). Look whether it runs")
    if status != codes.ok:
        raise ValueError(f"status {status}")


def _tags(body: bytes) -> list[str]:
    said = json.loads(body)
    found = said.get("tags", ...) if isinstance(said, dict) else ...
    # What some registries have for a repository without any tag.
    found = [] if found is None else found
    if not isinstance(found, list):
        raise ValueError("no list")
    return [tag for tag in found if isinstance(tag, str) and TAG.fullmatch(tag)]


def _same_place(base: str, url: str, further: str) -> str:
    """The next page, which is asked for with the login and so has to be the registry's own."""
    found, own = urlsplit(urljoin(url, further)), urlsplit(base)
    if (found.scheme, found.netloc, found.path) != (
        own.scheme,
        own.netloc,
        f"{own.path}/tags/list",
    ):
        raise ValueError("the next page is elsewhere")
    return found.geturl()


def _too_much(image: Image) -> RegistryError:
    return RegistryError(
        f"cannot list the tags of {image.name}: they are more than {MOST_PAGES * _PAGE}, or come "
        "too slowly. Delete old ones: without the last of them nobody can say which is the newest"
    )
