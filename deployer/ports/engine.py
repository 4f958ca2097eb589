"""Contracts with what runs containers and with what says which image a tag means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deployer.model import Finished, Image, OneOff, Release, Replica
from deployer.spec import Spec

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


@dataclass(frozen=True, slots=True)
class Found:
    """A container that was there before deployer, and the spec that it would be made from.

    `image` has no digest where no registry ever had it, and is None where it has no name.
    `address` is where Nginx would reach it, "" nowhere; `passing` one that is gone once it is
    stopped. `left` is what the spec cannot keep, `refused` why there can be no container like it.
    """

    container: str
    name: str
    image: Image | None
    spec: Spec
    running: bool = True
    address: str = ""
    passing: bool = False
    left: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Registry(Protocol):
    """Answers what a tag means now, and which tags there are."""

    def resolve(self, image: Image, platform: str = "") -> Image:
        """The image with the digest that its tag (or its own digest) has.

        It must be for `platform` (os/arch/variant), by default the one that Docker runs on.

        The digest is the one that pulling by it gives and that pushing printed: of the index
        where there is one. Raises ImageNotFound, RegistryDenied, RegistryUnavailable, also
        ImageNotFound where the image exists but not for this platform.
        """
        ...

    def glance(self, image: Image) -> str:
        """The digest that the image's tag has, asked so that it counts as no pull.

        "" where that cannot be told like this, for whatever reason: `resolve` then can, or says
        why. The platform is not looked at. Raises RateLimited.
        """
        ...

    def tags(self, image: Image) -> list[str]:
        """All tags that the image's repository has, side-cars included, in no order.

        Never a part of them. Raises ImageNotFound where there is no such repository,
        RegistryDenied, RegistryUnavailable, RegistryError where there are too many.
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

    def labels(self, image: Image) -> Mapping[str, str]:
        """The labels of the image of this digest; none where it has none, or is not here."""
        ...

    def keep(self, release: Release) -> None:
        """Tag the release's image so that pruning dangling images leaves it alone."""
        ...

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the images of the app's releases that are not to be kept, and only ours."""
        ...

    def kept(self) -> set[tuple[str, int]]:
        """The releases, as app and number, that `keep` tagged an image for which is still here."""
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
        """All our replicas of one or every app, running or not, by app, deployment, index.

        A container that the store says was adopted is one too; nothing else tells it from a
        stranger's.
        """
        ...

    def examine(self, name: str, app: str, image: Image) -> Found:
        """A container that is not ours, as the app that it is to become; nothing is touched.

        `image` is the one whose name is wanted for its image, where that has several. Raises
        Refused where there is no container of this name.
        """
        ...

    def halt(self, replica: Replica) -> Replica:
        """Stop as `retire` does, but keep the container, for `revive`; how it ended."""
        ...

    def revive(self, replica: Replica, restart: str) -> Replica:
        """Start a halted replica again, with this restart policy; its address may be another.

        Nothing happens to one that runs. Raises StartFailed, also where it is no more.
        """
        ...

    def wait_for_change(self, after: str, *, timeout: float, stopping: Stopping) -> str | None:
        """Wait until a replica of ours started, ended, vanished or moved, also if we did that.

        The moment of that change, from which to wait on without missing what came since; it is
        the engine's own word. `after` is such a moment, and given back where the engine ended the
        connection; for "" it is the present moment, at once. None where nothing changed for
        `timeout` seconds. Only a hint: events can be lost, `replicas` is the truth.
        """
        ...

    def retire(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, then remove it.

        Its restart policy is set to `no` first, so that no restart of Docker brings it back.
        The answer shows how it ended (exit code 137: it had to be killed). Volumes without a
        name go with it, but those of an adopted container stay.
        """
        ...

    def discard(self, app: str, deployment: int) -> None:
        """Remove the replicas and one-offs of a deployment at once; they serve nobody.

        What was adopted is never removed like this.
        """
        ...

    def run(self, release: Release, one_off: OneOff, stopping: Stopping) -> Finished:
        """Run a command once in a container of the release, and remove that at its end.

        It has what a replica has but what only one can have, or what others find it by:
        published ports, fixed addresses, aliases, labels; no HEALTHCHECK, no restarts. It is no
        replica and is never routed to. One of the same deployment and moment that an earlier
        attempt left is removed first. Raises StartFailed, and what `stopping` raises: then too
        the container is gone, except where EngineUnavailable was raised.
        """
        ...

    def sweep(self, app: str | None = None, deployment: int | None = None) -> list[str]:
        """Remove one-offs that no `run` waits for any more; their names.

        Those of one deployment, or all: then only while nothing is run.
        """
        ...

    def signal(self, container: str, signal: str) -> None:
        """Send the main process of a container a signal, such as HUP; it need not be ours.

        `container` is its whole name. Raises EngineError where none of this name runs.
        """
        ...

    def restart(self, container: str) -> None:
        """Stop a container with its own signal and grace period and start it again.

        It need not be ours; `container` is its whole name. Raises EngineError where none runs.
        """
        ...
