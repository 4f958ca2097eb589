"""Commands that are run once, in memory: the part of the fake engine that runs them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace

from deployer.errors import DeployerError, StartFailed
from deployer.model import Finished, Image, OneOff, Release
from deployer.ports import Stopping

LASTS = Finished(None, "", 0.0)
"""What a command does that never ends by itself."""


class FakeOneOffs(ABC):
    """`commands` says how one-offs end, unless well at once; `ran` are those that were started,
    `one_offs` those that are there, by name.
    """

    foreign: set[str]
    networks: set[str]

    def __init__(self) -> None:
        self.commands: dict[tuple[str, ...], Finished | DeployerError] = {}
        self.ran: list[tuple[Release, OneOff]] = []
        self.one_offs: dict[str, OneOff] = {}

    @abstractmethod
    def _verb(self, verb: str, about: str) -> AbstractContextManager[None]:
        """One call of a verb, which may be told to fail."""

    @abstractmethod
    def _has(self, image: Image) -> bool:
        """Whether the image is here."""

    def run(self, release: Release, one_off: OneOff, stopping: Stopping) -> Finished:
        """See ports.Engine."""
        name = f"{release.app}-{one_off.deployment}.{one_off.hook.when}"
        with self._verb("run", name):
            self._create_one_off(release, one_off, name)
        begun = time.monotonic()
        try:
            planned = self.commands.get(one_off.hook.command, Finished(0, "done", 0.0))
            if isinstance(planned, DeployerError):
                raise planned
            while planned is LASTS and time.monotonic() < begun + one_off.hook.timeout:
                stopping()
                time.sleep(0.001)
            return replace(planned, seconds=time.monotonic() - begun)
        finally:
            self.one_offs.pop(name, None)

    def sweep(self, app: str | None = None, deployment: int | None = None) -> list[str]:
        """See ports.Engine."""
        with self._verb("sweep", f"{app or ''} {deployment or ''}".strip()):
            return self._sweep(app, deployment)

    def _create_one_off(self, release: Release, one_off: OneOff, name: str) -> None:
        if name in self.foreign:
            raise StartFailed(f"cannot create container {name}: another container has this name")
        missing = {one.name for one in release.spec.networks} - self.networks
        if missing or not self._has(release.image):
            raise StartFailed(f"cannot create container {name}: no {missing or 'image'}")
        self.one_offs[name] = one_off
        self.ran.append((release, one_off))

    def _sweep(self, app: str | None, deployment: int | None) -> list[str]:
        doomed = [
            name
            for name, one in self.one_offs.items()
            if app in (None, name.removesuffix(f"-{one.deployment}.{one.hook.when}"))
            and deployment in (None, one.deployment)
        ]
        for name in doomed:
            del self.one_offs[name]
        return sorted(doomed)
