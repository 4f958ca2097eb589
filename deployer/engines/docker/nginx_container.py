"""The managed Nginx: a container on the host's network that deployer runs and nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from docker.errors import NotFound
from docker.types import Mount

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.nginx_image import NginxImage
from deployer.engines.docker.nginx_inside import NginxInside, passed, up
from deployer.errors import NotConfirmed, ProxyError
from deployer.ports import NginxFacts

log = structlog.get_logger()


class NginxContainer(NginxInside):
    """Nginx in a container named `settings.container`, labelled with this instance.

    The generations' folder is mounted as a folder, at the path that it has on the host, so
    that a rename is seen inside and paths mean the same. A container of that name which is
    not labelled with the instance is never touched: every call raises ProxyError.
    """

    def __init__(self, clients: Clients, settings: Settings, folder: Path, instance: str) -> None:
        super().__init__(clients, settings.container)
        self._folder = folder
        self._instance = instance
        self._image = NginxImage(clients, settings.image, instance)
        self._told = ""

    def facts(self) -> NginxFacts:
        """Of the image that runs; where none runs, of the one that will."""
        found = self._found()
        image = found["Image"] if found and up(found) else self._image.bring()
        return replace(self._image.facts(image), where=f"container {self._name}, run by deployer")

    def address(self) -> str:
        """Loopback: the container has the host's network."""
        return "127.0.0.1"

    def test(self, config: str) -> None:
        """Let Nginx test a file, in its container or, where that does not run, in one like it."""
        found, command = self._found(), ["nginx", "-t", "-c", config]
        said = self._exec(found["Id"], command) if found and up(found) else None
        if said is None:
            said = self._image.run(self._image.bring(), command, self._host_config())
        passed(config, said)

    def ensure_running(self) -> bool:
        """Start Nginx on the current generation unless it runs; True where it was started.

        Raises NotConfirmed, and stops the container, where Nginx does not stay up.
        """
        working = self._working()
        if working:
            self._tell(self._difference(working, self._image.present()))
            return False
        found, image = self._found(), self._image.bring()
        if found and self._difference(found, image):
            with translated(f"remove the container {self._name}"):
                self._clients.api.remove_container(found["Id"], force=True)
            found = None
        identity = found["Id"] if found else self._create(image)
        with translated(f"start the container {self._name}"):
            # One that Docker keeps restarting is between two starts and must be stopped first.
            self._clients.api.stop(identity, timeout=1)
            self._clients.api.start(identity)
        if self._working() is None:
            raise self._not_started()
        log.info("nginx started", container=self._name)
        return True

    def _found(self) -> dict[str, Any] | None:
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

    def _not_started(self) -> NotConfirmed:
        """Stop what does not stay up; Nginx's own reason."""
        said = self.errors(20)
        with translated(f"stop the container {self._name}"):
            self._clients.api.stop(self._name, timeout=1)
        # Nginx ends with a line that only sums up those before it.
        lines = [line for line in said.splitlines() if "still could not" not in line]
        return NotConfirmed(
            f"Nginx does not start in {self._name}: {(lines or ['it says nothing'])[-1]}. "
            f"Read `docker logs {self._name}`",
            detail=said,
        )
