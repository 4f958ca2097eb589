"""The user's own Nginx container: used as it is, never made, removed or connected."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import structlog
from docker.errors import NotFound

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.nginx_image import NginxImage
from deployer.engines.docker.nginx_inside import NginxInside, passed, up
from deployer.errors import NotConfirmed, ProxyError
from deployer.ports import NginxFacts

log = structlog.get_logger()

_ROOT = ("", "0", "root", "0:0", "root:root")


class OwnNginxContainer(NginxInside):
    """Nginx in the container `settings.container`, on `settings.network`.

    It has to mount the generations' folder as a folder, at any path, and run with the current
    generation; ProxyError says what is not so and how to run one that is right.
    """

    def __init__(self, clients: Clients, settings: Settings, folder: Path, instance: str) -> None:
        super().__init__(clients, settings.container)
        self._settings = settings
        self._folder = folder
        self._instance = instance
        self._images: dict[str, NginxImage] = {}

    def facts(self) -> NginxFacts:
        """Of the image that the container was made from."""
        found = self._found()
        facts = self._image(found).facts(found["Image"])
        return replace(
            facts,
            user=facts.user if found["Config"]["User"] in _ROOT else "",
            where=f"container {self._name}, yours",
            gateway=self._gateway(),
            group=facts.group if found["Config"]["User"] in _ROOT else None,
        )

    def address(self) -> str:
        """The container's own address on `nginx.network`."""
        found = self._found()
        joined = found["NetworkSettings"]["Networks"][self._settings.network]
        if not joined["IPAddress"]:
            raise ProxyError(f"the container {self._name} does not run, so it has no address")
        return str(joined["IPAddress"])

    def test(self, config: str) -> None:
        """Let Nginx test a file in the container or, where that does not run, in one like it."""
        found = self._found()
        inside = str(self._inside(found))
        command = ["nginx", "-t", "-c", config.replace(str(self._folder), inside, 1)]
        with self._nonce() as (file, nonce):
            seen = f"{inside}/{file}"
            read = self._said(found, ["cat", seen])
            said = self._said(found, command) if read == nonce else ""
        if read != nonce:
            raise ProxyError(
                f"the container {self._name} does not see {self._folder}: what is written there "
                f"is not found at {inside}. Restart it (`docker restart {self._name}`): the "
                "folder was replaced after it had been mounted"
            )
        passed(config, said.replace(inside, str(self._folder)))

    def ensure_running(self) -> bool:
        """Start the container unless it runs; True where it was started.

        Raises NotConfirmed where Nginx does not stay up.
        """
        if self._working():
            return False
        with translated(f"start the container {self._name}"):
            # Without a first generation it may be between two of Docker's own attempts.
            self._clients.api.stop(self._name, timeout=1)
            self._clients.api.start(self._name)
        if self._working() is None:
            said = self.errors(20)
            raise NotConfirmed(
                f"Nginx does not start in {self._name}: "
                f"{(said.splitlines() or ['it says nothing'])[-1]}. "
                f"Read `docker logs {self._name}`",
                detail=said,
            )
        log.info("nginx started", container=self._name)
        return True

    def _found(self) -> dict[str, Any]:
        with translated(f"look at the container {self._name}"):
            try:
                found: dict[str, Any] = self._clients.api.inspect_container(self._name)
            except NotFound:
                raise self._unfit("there is no such container") from None
        config = f"{self._inside(found)}/current/nginx.conf"
        started = [found["Path"], *found["Args"]]
        if ("-c", config) not in pairwise(started):
            raise self._unfit(f"it does not run `nginx -c {config}`")
        if self._settings.network not in found["NetworkSettings"]["Networks"]:
            raise self._unfit(f"it is not on the network {self._settings.network}")
        return found

    def _inside(self, found: dict[str, Any]) -> PurePosixPath:
        """Where the container sees the folder of the generations."""
        for mount in found["Mounts"]:
            source = Path(mount["Source"])
            if self._folder == source or source in self._folder.parents:
                return PurePosixPath(mount["Destination"]) / self._folder.relative_to(source)
        raise self._unfit(f"{self._folder} is not mounted in it, as a folder")

    def _gateway(self) -> str:
        """This machine's address on the network, where requests of deployer come from."""
        network = str(self._settings.network)
        with translated(f"look at the network {network}"):
            found: dict[str, Any] = self._clients.api.inspect_network(network)
        for pool in found["IPAM"]["Config"] or ():
            subnet = ipaddress.ip_network(pool["Subnet"])
            if subnet.version == 4:
                return str(pool.get("Gateway") or next(subnet.hosts())).partition("/")[0]
        raise ProxyError(f"the network {network} has no IPv4 addresses. Name another that has")

    def _image(self, found: dict[str, Any]) -> NginxImage:
        name = str(found["Config"]["Image"])
        return self._images.setdefault(name, NginxImage(self._clients, name, self._instance))

    def _said(self, found: dict[str, Any], command: list[str]) -> str:
        """What a command says inside or, where that does not run, in a container like it."""
        said = self._exec(found["Id"], command) if up(found) else None
        if said is not None:
            return said
        like_it = {"VolumesFrom": [self._name], "NetworkMode": self._settings.network}
        return self._image(found).run(found["Image"], command, like_it)

    @contextmanager
    def _nonce(self) -> Iterator[tuple[str, str]]:
        """A file that nobody can have foreseen: its name in the folder, and what is in it."""
        file, nonce = f".seen-{secrets.token_hex(8)}", secrets.token_hex(16)
        path = self._folder / file
        try:
            path.write_text(nonce)
            path.chmod(0o644)
            yield file, nonce
        except OSError as error:
            raise ProxyError(f"cannot write {path}: {error.strerror}. Look at the disk") from error
        finally:
            path.unlink(missing_ok=True)

    def _unfit(self, why: str) -> ProxyError:
        port, network = self._settings.http_port, self._settings.network
        return ProxyError(
            f"the container {self._name} cannot be used as Nginx: {why}. Run it such as: docker "
            f"run --detach --name {self._name} --network {network} --publish {port}:{port} "
            f"--volume {self._folder}:{self._folder}:ro --restart always "
            f"--stop-signal SIGQUIT nginx:stable "
            f"nginx -c {self._folder}/current/nginx.conf -g 'daemon off;'"
        )
