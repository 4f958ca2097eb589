"""What Docker's words about a registry mean.

Docker answers a pull with status 500 for nearly everything, so the words are all there is.
They are those of Engine 20.10 and newer, `distribution/errors.go`, and of Go's network library.
"""

from __future__ import annotations

import re

from deployer.errors import (
    ImageNotFound,
    RateLimited,
    RegistryDenied,
    RegistryError,
    RegistryUnavailable,
)
from deployer.model import Image

# URLs and references: a repository may be called anything, `timeout` too.
_NAMES = re.compile(r"\S*/\S*")

_LOCAL = re.compile(r"failed to register layer|no space left on device", re.IGNORECASE)
_LIMITED = re.compile(r"toomanyrequests|(?:status: |HTTP )429", re.IGNORECASE)
_UNAVAILABLE = re.compile(
    r"toomanyrequests|unexpected HTTP status: (?:429|5\d\d)|HTTP (?:429|5\d\d) response"
    r"|connection refused|connection reset|no such host|server misbehaving|no route to host"
    r"|network is unreachable|timeout|timed out|deadline exceeded|request canceled|\bEOF$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"unauthorized|authentication required|no basic auth credentials|(?:^|: )denied\b"
    r"|incorrect username or password|access denied|access to the resource is denied",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(
    r"manifest unknown|name unknown|not found|HTTP 404 response|no matching manifest"
    r"|does not match the specified platform",
    re.IGNORECASE,
)


_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_TAKEN = re.compile(r"address already in use|port is already allocated", re.IGNORECASE)
# Not just "stop it": it may be the release that serves, which stays until the new one does.
_FREE_IT = (
    "Look what has this port (`ss -ltnp`): if it is the app's own running release, remove the port "
    "from `ports` or write a range, since the new release is started beside it; else stop that, or "
    "correct `ports`"
)
_MAKE_ROOM = (
    "the disk of Docker's data is full. Make room (`docker system df` shows what takes it, "
    "`docker image prune` removes images that nothing uses), then deploy again"
)


def with_advice(said: str) -> str:
    """Docker's words; where its disk is full or a port is taken, with what to do about that."""
    if _FULL.search(said):
        return f"{said}: {_MAKE_ROOM}"
    if _TAKEN.search(said):
        return f"{said}. {_FREE_IT}"
    return said


def refusal(image: Image, said: str) -> RegistryError | None:
    """The registry's error that Docker's words are; None where no registry is to blame."""
    meaning = _NAMES.sub(" ", said)
    if _LOCAL.search(meaning):
        return None
    what = f"cannot get {image}: the registry {image.host}"
    if _UNAVAILABLE.search(meaning):
        kind = RateLimited if _LIMITED.search(meaning) else RegistryUnavailable
        return kind(
            f"{what} does not serve it now: {said}. Look whether it runs and can be reached"
        )
    if _DENIED.search(meaning):
        return RegistryDenied(
            f"{what} refuses it: {said}. Set or correct its login under `registries`, or run "
            "`docker login`"
        )
    if _NOT_FOUND.search(meaning):
        return ImageNotFound(f"{what} does not have it: {said}. Push it, or correct `image`")
    return None
