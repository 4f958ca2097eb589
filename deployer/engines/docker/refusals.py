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
# What a container's start is refused with, and what to do; the first that fits counts.
_ADVICE = [
    (re.compile(meant, re.IGNORECASE), advice)
    for meant, advice in (
        (
            r"bind\b.*address already in use|port is already allocated",
            "Stop what has this port (`ss -ltnp` shows it), or correct `ports`",
        ),
        (
            r"address already in use",
            "Another container has this address (`docker network inspect` shows which): correct "
            "the address under `networks`",
        ),
        (
            r"cannot assign requested address",
            "This machine has no such address (`ip address` lists them): correct `ports`",
        ),
        (
            r"only when connecting to networks with user configured subnets",
            "Create the network with `--subnet`, or remove the address under `networks`",
        ),
        (
            r"could not select device driver",
            "Install the driver's toolkit for Docker (for nvidia: the NVIDIA Container Toolkit) "
            "and restart Docker, or correct `gpus`",
        ),
        (
            r"unknown (?:or invalid )?runtime",
            "`docker info` lists the runtimes that Docker knows: correct `runtime`",
        ),
        (
            r"endpoint with name .* already exists in network",
            "Docker has kept it of a container that is gone: `docker network disconnect --force` "
            "with that network and name removes it. The next deployment has names of its own",
        ),
        (r"bind source path does not exist", "Create it, or correct `volumes`"),
        (r"error gathering device information", "Connect that device, or correct `devices`"),
        (
            r"looking up logging plugin",
            "`docker info` lists the log drivers: correct `logging`",
        ),
        (
            r"unable to find (?:user|group)",
            "Write one that the image has, or a number, as `user`",
        ),
    )
]
_MAKE_ROOM = (
    "the disk of Docker's data is full. Make room (`docker system df` shows what takes it, "
    "`docker image prune` removes images that nothing uses), then deploy again"
)


def with_advice(said: str) -> str:
    """Docker's words, with what to do about it where that is known."""
    if _FULL.search(said):
        return f"{said}: {_MAKE_ROOM}"
    advice = next((advice for meant, advice in _ADVICE if meant.search(said)), "")
    return f"{said.rstrip('.')}. {advice}" if advice else said


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
