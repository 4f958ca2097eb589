"""Runs releases as containers of a Docker Engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker import images, look, oneoff, remove, start, telling
from deployer.engines.docker.adopt.examine import examine
from deployer.engines.docker.adopted import NONE_ADOPTED, Adoptions
from deployer.engines.docker.client import Clients, translated, words
from deployer.engines.docker.events import Events
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.logs import harmless
from deployer.engines.docker.nginx_image import remove_probes
from deployer.engines.docker.pull import Wanted, pull
from deployer.engines.docker.revive import revive
from deployer.errors import EngineError
from deployer.model import Finished, Image, OneOff, Release, Replica, Running
from deployer.ports import Found, Logins, Stopping

T = TypeVar("T")
_Begin = Callable[[docker.APIClient, str, Release, int, ReleaseFiles], list[Replica]]

_PRUNED = re.compile(r"No such (image|container):")
_PRUNED_AT_MOST = 3
# Seconds: it was pulled a moment ago, so that the registry is there and quick.
_STALL, _TIMEOUT = 20.0, 120.0


class DockerEngine:
    """Implements ports.Engine on one Docker Engine.

    `instance` names this deployer among those that may share the engine: lower-case letters
    and digits. It looks at nothing that carries another's name. `adoptions` are the containers
    that it did not make and counts as replicas all the same.
    """

    def __init__(
        self,
        clients: Clients,
        instance: str,
        logins: Logins,
        files: ReleaseFiles,
        adoptions: Adoptions = NONE_ADOPTED,
    ) -> None:
        self._clients = clients
        self._instance = instance
        self._logins = logins
        self._files = files
        self._adoptions = adoptions
        self._events = Events(clients, instance)

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

    def labels(self, image: Image) -> Mapping[str, str]:
        """The labels of the image of this digest."""
        with translated(f"look at {image.pinned}"):
            return images.labels(self._clients.api, image)

    def keep(self, release: Release) -> None:
        """Tag the release's image so that pruning leaves it alone."""

        def tag() -> None:
            with translated(f"tag {release.image.pinned}"):
                images.keep(self._clients.api, self._instance, release)

        self._though_pruned(release, tag)

    def kept(self) -> set[tuple[str, int]]:
        """The releases whose image is still here under our name."""
        with translated("look for the images of kept releases"):
            return images.kept(self._clients.api, self._instance)

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """Remove the images and files of the app's releases that are not to be kept."""
        with translated(f"remove old images of {app}"):
            images.forget(self._clients.api, self._instance, app, keep)
        self._files.forget(app, keep)

    def prepare(self, release: Release, deployment: int) -> list[Replica]:
        """Create all replicas of a release and start none."""
        return self._though_pruned(release, lambda: self._begin(start.prepare, release, deployment))

    def start(self, release: Release, deployment: int) -> list[Replica]:
        """Create and start all replicas of a release."""
        return self._though_pruned(release, lambda: self._begin(start.start, release, deployment))

    def look(self, replica: Replica) -> Replica:
        """The replica as it is now."""
        with translated(f"look at container {replica.name}"):
            try:
                inspected = self._clients.api.inspect_container(replica.id)
                found = look.replica_of(inspected) or self._adoptions.replica_of(inspected)
                if found is not None:
                    found = look.with_its_end(self._clients.api, found)
                    found = look.reached(self._clients.api, found)
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
            api = self._clients.api
            ours = look.replicas(api, self._instance, app)
            return look.in_order([*ours, *self._adoptions.replicas(api, app)])

    def examine(self, name: str, app: str, image: Image) -> Found:
        """A container that was there before deployer, as the app that it is to become."""
        with translated(f"look at container {name}"):
            return examine(self._clients.api, name, app, image.name, self._adoptions.network)

    def halt(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, and keep it."""
        with translated(f"stop container {replica.name}"):
            return remove.halt(self._clients.api, replica, self.look)

    def revive(self, replica: Replica, restart: str) -> Replica:
        """Start a halted replica again."""
        with translated(f"start container {replica.name} again"):
            return revive(self._clients.api, replica, restart, self.look)

    def wait_for_change(self, after: str, *, timeout: float, stopping: Stopping) -> str | None:
        """Wait until a container of ours may have changed."""
        return self._events.wait(after, timeout=timeout, stopping=stopping)

    def retire(self, replica: Replica) -> Replica:
        """Stop with the container's own signal and grace period, then remove it."""
        with translated(f"retire container {replica.name}"):
            own = not self._adoptions.has(replica.id)
            return remove.retire(self._clients.api, replica, self.look, volumes=own)

    def discard(self, app: str, deployment: int) -> None:
        """Remove the replicas and one-offs of a deployment at once."""
        with translated(f"discard the containers of {app}, deployment {deployment}"):
            remove.discard(self._clients.api, self._instance, app, deployment)
        self.sweep(app, deployment)

    def run(self, release: Release, one_off: OneOff, stopping: Stopping) -> Finished:
        """Run a command once in a container of the release, and remove that at its end."""
        with translated(f"run {one_off.hook.when} of {release.app}"):
            api = self._clients.api
            return oneoff.run(api, self._instance, release, one_off, self._files, stopping)

    def sweep(self, app: str | None = None, deployment: int | None = None) -> list[str]:
        """Remove one-offs that no `run` waits for any more."""
        with translated("remove one-off containers"):
            api = self._clients.api
            # What asks Nginx's image for its version belongs to no app.
            probes = remove_probes(api, self._instance) if app is None else []
            return probes + oneoff.sweep(api, self._instance, self._files, app, deployment)

    def signal(self, container: str, signal: str) -> None:
        """Send the main process of somebody's container a signal."""
        with translated(f"send {signal} to container {container}"):
            telling.signal(self._clients.api, container, signal)

    def restart(self, container: str) -> None:
        """Restart somebody's container."""
        with translated(f"restart container {container}"):
            telling.restart(self._clients.api, container)

    def _begin(self, how: _Begin, release: Release, deployment: int) -> list[Replica]:
        with translated(f"start {release.app}"):
            return how(self._clients.api, self._instance, release, deployment, self._files)

    def _though_pruned(self, release: Release, act: Callable[[], T]) -> T:
        """Do what needs the image, and bring that again where somebody removed it since its pull.

        `docker system prune -a` takes every image without a running container, and containers
        that were created and not started yet.
        """
        for _ in range(_PRUNED_AT_MOST):
            try:
                return act()
            except EngineError as error:
                found = _PRUNED.search(str(error))
                if found is None or (found[1] == "image" and self.has(release.image)):
                    raise
            self.pull(
                release.image,
                platform=release.spec.platform,
                stall=_STALL,
                timeout=_TIMEOUT,
                stopping=lambda: None,
            )
        return act()
