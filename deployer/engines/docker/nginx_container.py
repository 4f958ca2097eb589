"""The managed Nginx: a container on the host's network that deployer runs and nobody else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import structlog
from docker.errors import APIError, NotFound
from docker.types import Mount

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients, translated, words
from deployer.engines.docker.nginx_image import NginxImage
from deployer.errors import (
    ConfigRejected,
    EngineError,
    EngineUnavailable,
    NotConfirmed,
    ProxyError,
)
from deployer.ports import NginxFacts, NginxWorker

log = structlog.get_logger()

_WORKER = "nginx: worker process"
_PASSED = "test is successful"
_UP_LIMIT = 10.0
_ENDING = 2.0
_POLL = 0.05
_LOG_WINDOW = 60
# Docker's answers where there is no such container, or it does not run.
_NOT_RUNNING = (404, 409)


class NginxContainer:
    """Nginx in a container named `settings.container`, labelled with this instance.

    The generations' folder is mounted as a folder, at the path that it has on the host, so
    that a rename is seen inside and paths mean the same. A container of that name which is
    not labelled with the instance is never touched: every call raises ProxyError.
    """

    def __init__(self, clients: Clients, settings: Settings, folder: Path, instance: str) -> None:
        self._clients = clients
        self._name = settings.container
        self._folder = folder
        self._instance = instance
        self._image = NginxImage(clients, settings.image, instance)
        self._told = ""

    def facts(self) -> NginxFacts:
        """Of the image that runs; where none runs, of the one that will."""
        found = self._ours()
        return self._image.facts(found["Image"] if found and _up(found) else self._image.bring())

    def test(self, config: str) -> None:
        """Let Nginx test a file, in its container or, where that does not run, in one like it."""
        found, command = self._ours(), ["nginx", "-t", "-c", config]
        if found and _up(found):
            said = self._exec(found["Id"], command)
        else:
            said = self._image.run(self._image.bring(), command, self._host_config())
        if _PASSED not in said:
            raise ConfigRejected(f"Nginx refuses {config}: {said.strip()}", detail=said)

    def ensure_running(self) -> bool:
        """Start Nginx on the current generation unless it runs; True where it was started.

        Raises NotConfirmed, and stops the container, where Nginx does not stay up.
        """
        found = self._ours()
        if found and _up(found):
            self._tell(self._difference(found, self._image.present()))
            return False
        image = self._image.bring()
        if found and self._difference(found, image):
            with translated(f"remove the container {self._name}"):
                self._clients.api.remove_container(found["Id"], force=True)
            found = None
        identity = found["Id"] if found else self._create(image)
        with translated(f"start the container {self._name}"):
            # One that Docker keeps restarting is between two starts and must be stopped first.
            self._clients.api.stop(identity, timeout=1)
            self._clients.api.start(identity)
        self._wait_until_up()
        log.info("nginx started", container=self._name)
        return True

    def reload(self) -> None:
        """Send HUP to the master, which is the container's first process."""
        with translated(f"reload Nginx in {self._name}"):
            try:
                self._clients.api.kill(self._name, signal="SIGHUP")
            except APIError as error:
                if error.status_code not in _NOT_RUNNING:
                    raise
                raise ProxyError(
                    f"Nginx is not reloaded: the container {self._name} does not run. "
                    "It is started again with the next change or check",
                    detail=words(error),
                ) from error

    def workers(self) -> list[NginxWorker]:
        """The worker processes as Docker lists this container's, by their titles."""
        return [
            NginxWorker(pid, title.endswith("is shutting down"))
            for pid, title in self._processes()
            if title.startswith(_WORKER)
        ]

    def errors(self, lines: int) -> str:
        """The last lines that Nginx wrote to its error log within a minute."""
        # Without `tail`: Docker would count the lines of the access log as well.
        since = int(time.time()) - _LOG_WINDOW
        try:
            with translated(f"read the log of {self._name}"):
                said = self._clients.api.logs(self._name, stdout=False, stderr=True, since=since)
        except EngineError:
            # Not every log driver can be read, and these words only explain another error.
            return ""
        return "\n".join(said.decode("utf-8", "replace").splitlines()[-lines:])

    def _processes(self) -> list[tuple[int, str]]:
        """Process id on the host and title of each of the container's processes."""
        deadline = time.monotonic() + _ENDING
        while True:
            try:
                with translated(f"list the processes of {self._name}"):
                    listed = self._clients.api.top(self._name)
                pid = listed["Titles"].index("PID")
                return [(int(line[pid]), line[-1]) for line in listed["Processes"] or ()]
            except EngineUnavailable:
                raise
            except EngineError:
                # Docker fails in several ways while the container comes to its end.
                found = self._ours()
                if found is None or not _up(found):
                    return []
                if time.monotonic() > deadline:
                    raise
            time.sleep(_POLL)

    def _ours(self) -> dict[str, Any] | None:
        with translated(f"look at the container {self._name}"):
            try:
                found: dict[str, Any] = self._clients.api.inspect_container(self._name)
            except NotFound:
                return None
        labels = found["Config"]["Labels"] or {}
        if labels.get("deployer.role") != "nginx" or (
            labels.get("deployer.instance") != self._instance
        ):
            raise ProxyError(
                f"there is a container {self._name} that is not this deployer's Nginx: it is left "
                "alone. Rename it, or choose another name as `nginx.container` in config.yml"
            )
        return found

    def _command(self) -> list[str]:
        return ["-c", f"{self._folder}/current/nginx.conf", "-g", "daemon off;"]

    def _host_config(self, restart: str = "no") -> dict[str, Any]:
        config: dict[str, Any] = self._clients.api.create_host_config(
            network_mode="host",
            restart_policy={"Name": restart},
            mounts=[Mount(str(self._folder), str(self._folder), type="bind", read_only=True)],
            tmpfs={"/run": "mode=755"},
        )
        return config

    def _create(self, image: str) -> str:
        with translated(f"create the container {self._name}"):
            created = self._clients.api.create_container(
                image,
                self._command(),
                name=self._name,
                entrypoint=["nginx"],
                labels={"deployer.role": "nginx", "deployer.instance": self._instance},
                # SIGTERM would cut requests that are under way.
                stop_signal="SIGQUIT",
                # Not unless-stopped: Docker counts a HUP as a stop by hand (moby issue 41302), so
                # after the first reload neither a crash nor a reboot would be followed by a start.
                host_config=self._host_config("always"),
            )
        return str(created["Id"])

    def _difference(self, found: dict[str, Any], image: str | None) -> str:
        """What of our container is not as it would be created now; "" where all is."""
        mounts = {mount["Source"]: mount["Destination"] for mount in found["Mounts"]}
        differs = {
            "image": image is not None and found["Image"] != image,
            "command": found["Config"]["Cmd"] != self._command(),
            "network": found["HostConfig"]["NetworkMode"] != "host",
            "folder": mounts.get(str(self._folder)) != str(self._folder),
        }
        return ", ".join(what for what, is_so in differs.items() if is_so)

    def _tell(self, difference: str) -> None:
        if difference and difference != self._told:
            log.warning("nginx runs with an older definition", differs=difference)
        self._told = difference

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _UP_LIMIT
        while not self.workers():
            found = self._ours()
            if found is None or not _up(found) or time.monotonic() > deadline:
                said = self.errors(20)
                with translated(f"stop the container {self._name}"):
                    self._clients.api.stop(self._name, timeout=1)
                # Nginx ends with a line that only sums up those before it.
                lines = [line for line in said.splitlines() if "still could not" not in line]
                raise NotConfirmed(
                    f"Nginx does not start in {self._name}: {(lines or ['it says nothing'])[-1]}. "
                    f"Read `docker logs {self._name}`",
                    detail=said,
                )
            time.sleep(_POLL)

    def _exec(self, identity: str, command: list[str]) -> str:
        with translated(f"run `{' '.join(command)}` in {self._name}"):
            started = self._clients.api.exec_create(identity, command)
            said: bytes = self._clients.api.exec_start(started["Id"])
        return said.decode("utf-8", "replace")


def _up(found: dict[str, Any]) -> bool:
    """Docker calls a container that waits for its next start running as well."""
    state = found["State"]
    return bool(state["Running"]) and not state["Restarting"] and not state["Paused"]
