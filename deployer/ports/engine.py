"""Contracts with what runs containers and with what says which image a tag means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deployer.model import Image, Release, Replica

Stopping = Callable[[], None]
"""Called while waiting: raises DeadlinePassed or Interrupted when it is time to stop."""


@dataclass(frozen=True, slots=True)
class Login:
    """Username and password for a registry, or a token instead; secrets show in no repr."""

    username: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)


Logins = Callable[[str], Login | None]
"""The login for a registry's host, read at each use; None where it is asked without one."""


class Registry(Protocol):
    """Answers what a tag means now."""

    def resolve(self, image: Image, platform: str = "") -> Image:
        """The image with the digest that its tag (or its own digest) has.

        It must be for `platform` (os/arch/variant), by default the one that Docker runs on.

        The digest is the one that pulling by it gives and that pushing printed: of the index
        where there is one. Raises ImageNotFound, RegistryDenied, RegistryUnavailable, also
        ImageNotFound where the image exists but not for this platform.
        """
        ...


class Engine(Protocol):
    """Runs releases as containers, found again by their labels and never by memory.

    All calls are safe to repeat; what is gone already counts as done. Every call raises
    EngineUnavailable where Docker does not answer.
    """

    def has(self, image: Image) -> bool:
        """Whether the image of this digest is here, so that no registry is needed."""
        ...

    def pull(
        self,
        image: Image,
        *,
        platform: str = "",
        stall: float,
        timeout: float,
        stopping: Stopping,
    ) -> None:
        """Bring the image of this very digest here.

        Raises PullFailed when nothing moved for `stall` seconds, after `timeout` seconds, on
        any error in the stream, or if the result has another digest; ImageNotFound,
        RegistryDenied and RegistryUnavailable as the registry's words say.
        """
        ...

    def keep(self, release: Release) -> None:
        """Tag the release's image so that pruning dangling images leaves it alone."""
        ...

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the images of the app's releases that are not to be kept, and only ours."""
        ...

    def prepare(self, release: Release, deployment: int) -> list[Replica]:
        """Create all replicas of a release for a deployment and start none, in index order.

        What Docker refuses of them is refused now, while what serves still runs. Raises
        StartFailed as `start` does.
        """
        ...

    def start(self, release: Release, deployment: int) -> list[Replica]:
        """Create and start all replicas of a release for a deployment, in index order.

        Names and labels are decided by app, deployment and index, so that a half-done start
        is found and completed. An image that somebody removed since its pull is brought again.
        Raises StartFailed (a foreign container has the name, a network or volume is missing,
        Docker refused it), and what `pull` raises.
        """
        ...

    def look(self, replica: Replica) -> Replica:
        """The replica as it is now; its state is GONE where the container is no more."""
        ...

    def logs(self, replica: Replica, lines: int) -> str:
        """The last log lines, stdout and stderr in order, control characters made harmless.

        "" where the container is gone.
        """
        ...

    def replicas(self, app: str | None = None) -> list[Replica]:
        """All our replicas of one or every app, running or not, by app, deployment, index."""
        ...

    def halt(self, replica: Replica) -> Replica:
        """Stop as `retire` does, but keep the container, for `revive`; how it ended."""
        ...

    def revive(self, replica: Replica, restart: str) -> Replica:
        """Start a halted replica again, with this restart policy; its address may be another.

        Nothing happens to one that runs. Raises StartFailed, also where it is no more.
        """
        ...

    def retire(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, then remove it.

        Its restart policy is set to `no` first, so that no restart of Docker brings it back.
        The answer shows how it ended (exit code 137: it had to be killed).
        """
        ...

    def discard(self, app: str, deployment: int) -> None:
        """Remove the replicas of a deployment at once; they serve nobody."""
        ...
