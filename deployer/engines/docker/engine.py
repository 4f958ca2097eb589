"""Runs releases as containers of a Docker Engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from docker.errors import APIError, NotFound

from deployer.engines.docker import events, images, look, remove, start
from deployer.engines.docker.client import Clients, translated, words
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.logs import harmless
from deployer.engines.docker.pull import Wanted, pull
from deployer.model import Image, Release, Replica, Running
from deployer.ports import Logins, Stopping


class DockerEngine:
    """Implements ports.Engine on one Docker Engine.

    `instance` names this deployer among those that may share the engine: lower-case letters
    and digits. It looks at nothing that carries another's name.
    """

    def __init__(
        self, clients: Clients, instance: str, logins: Logins, files: ReleaseFiles
    ) -> None:
        self._clients = clients
        self._instance = instance
        self._logins = logins
        self._files = files

    def has(self, image: Image) -> bool:
        """Whether the image of this digest is here."""
        with translated(f"look for {image.pinned}"):
            return images.has(self._clients.api, image)

    def pull(
        self,
        image: Image,
        *,
        platform: str = "",
        stall: float,
        timeout: float,
        stopping: Stopping,
    ) -> None:
        """Bring the image of this very digest here."""
        wanted = Wanted(image, platform, self._logins(image.host))
        pull(self._clients, wanted, stall=stall, timeout=timeout, stopping=stopping)

    def keep(self, release: Release) -> None:
        """Tag the release's image so that pruning leaves it alone."""
        with translated(f"tag {release.image.pinned}"):
            images.keep(self._clients.api, self._instance, release)

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the images and files of the app's releases that are not to be kept."""
        with translated(f"remove old images of {app}"):
            images.forget(self._clients.api, self._instance, app, keep)
        self._files.forget(app, keep)

    def start(self, release: Release, deployment: int) -> list[Replica]:
        """Create and start all replicas of a release."""
        with translated(f"start {release.app}"):
            return start.start(self._clients.api, self._instance, release, deployment, self._files)

    def look(self, replica: Replica) -> Replica:
        """The replica as it is now."""
        with translated(f"look at container {replica.name}"):
            try:
                found = look.replica_of(self._clients.api.inspect_container(replica.id))
                found = found and look.with_its_end(self._clients.api, found)
            except NotFound:
                found = None
        return found or replace(replica, state=Running.GONE, address="")

    def logs(self, replica: Replica, lines: int) -> str:
        """The last log lines, stdout and stderr in order."""
        with translated(f"read the log of container {replica.name}"):
            try:
                raw = self._clients.api.logs(replica.id, tail=lines)
            except NotFound:
                return ""
            except APIError as error:
                # A log driver that cannot be read back must not hide what it would explain.
                return f"(no log lines: {words(error)})"
        return harmless(raw, lines)

    def replicas(self, app: str | None = None) -> list[Replica]:
        """All our replicas of one or every app."""
        with translated("list containers"):
            return look.replicas(self._clients.api, self._instance, app)

    def wait_for_change(self, after: str, *, timeout: float, stopping: Stopping) -> str | None:
        """Wait until a container of ours may have changed."""
        return events.wait_for_change(
            self._clients, self._instance, after, timeout=timeout, stopping=stopping
        )

    def retire(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, then remove it."""
        with translated(f"retire container {replica.name}"):
            return remove.retire(self._clients.api, replica, self.look)

    def discard(self, app: str, deployment: int) -> None:
        """Remove the replicas of a deployment at once."""
        with translated(f"discard the containers of {app}, deployment {deployment}"):
            remove.discard(self._clients.api, self._instance, app, deployment)
