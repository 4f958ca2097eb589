"""A registry in memory that can be told to refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from deployer.errors import DeployerError, ImageNotFound, RateLimited
from deployer.model import Image


class Behaviour(StrEnum):
    """What the containers of an image do."""

    ANSWERS = "answers"
    SILENT = "silent"
    """Runs, but never answers a probe."""
    EXITS = "exits"
    """Writes `broken` and exits with code 3 at once."""
    STUBBORN = "stubborn"
    """Answers, and ignores the signal that asks it to stop."""


class FakeRegistry:
    """Implements ports.Registry. `error`, where set, is what every request gets.

    `meanwhile` happens while a request waits for its answer; `labels` are those of each image.
    """

    def __init__(self) -> None:
        self.error: DeployerError | None = None
        self.asked: list[Image] = []
        self.labels: dict[str, Mapping[str, str]] = {}
        self.listed: list[Image] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._digests: dict[str, str] = {}
        self._behaviours: dict[str, Behaviour] = {}
        self._pushes = 0

    def push(
        self,
        image: Image,
        behaviour: Behaviour = Behaviour.ANSWERS,
        labels: Mapping[str, str] | None = None,
    ) -> Image:
        """Give the image's tag a new digest; the image with it."""
        self._pushes += 1
        content = f"{image} {behaviour} {self._pushes}".encode()
        pushed = replace(image, digest=f"sha256:{hashlib.sha256(content).hexdigest()}")
        self._digests[str(image)] = pushed.digest
        self._behaviours[pushed.pinned] = behaviour
        self.labels[pushed.pinned] = dict(labels or {})
        return pushed

    def point(self, image: Image, digest: str) -> None:
        """Let the image's tag mean a digest that was pushed before."""
        self._digests[str(image)] = digest

    def resolve(self, image: Image, platform: str = "") -> Image:
        """The image with the digest of its tag, or with its own if that was ever pushed."""
        self.asked.append(image)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        if image.digest:
            self.behaviour(image)
            return image
        digest = self._digests.get(str(image))
        if digest is None:
            raise _unknown(image)
        return replace(image, digest=digest)

    def glance(self, image: Image) -> str:
        """The digest of the image's tag, where that is known and nothing is set."""
        self.meanwhile()
        if isinstance(self.error, RateLimited):
            raise self.error
        return "" if self.error else self._digests.get(str(image), "")

    def tags(self, image: Image) -> list[str]:
        """All tags of the image's repository that were pushed."""
        self.listed.append(image)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        found = [
            one.rpartition(":")[2] for one in self._digests if one.startswith(f"{image.name}:")
        ]
        if not found:
            raise _unknown(image)
        return found

    def behaviour(self, image: Image) -> Behaviour:
        """What containers of this very digest do. Raises ImageNotFound, or the set error."""
        if self.error is not None:
            raise self.error
        if image.pinned not in self._behaviours:
            raise _unknown(image)
        return self._behaviours[image.pinned]


def _unknown(image: Image) -> ImageNotFound:
    return ImageNotFound(f"cannot get {image}: the registry {image.host} does not have it")
