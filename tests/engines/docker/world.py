"""A real Docker Engine and registry as the contracts want them, with clean-up."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from deployer.engines.docker.adopted import Adoptions
from deployer.engines.docker.client import Clients
from deployer.engines.docker.engine import DockerEngine
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.labels import INSTANCE
from deployer.engines.docker.registry import DockerRegistry
from deployer.model import Image, Replica
from deployer.ports import Adopted, Logins
from deployer.registries.heads import Heads
from deployer.registries.listing import Listing
from tests.fakes.registry import Behaviour
from tests.lab.engine import BUILD_ENV
from tests.lab.images import BUSYBOX, push
from tests.lab.registry import Registry
from tests.lab.shell import run

_UNTIL_TOLD = "echo ready; while :; do sleep 1 & wait $!; done"
SCRIPTS = {
    Behaviour.ANSWERS: f"trap 'exit 0' TERM; {_UNTIL_TOLD}",
    Behaviour.SILENT: f"trap 'exit 0' TERM; {_UNTIL_TOLD}",
    Behaviour.EXITS: "echo broken; exit 3",
    Behaviour.STUBBORN: f"trap '' TERM; {_UNTIL_TOLD}",
}

WORLD = "deployer-tests.world"


def no_login(host: str) -> None:
    """The registry is asked without a login."""


class DockerWorld:
    """Everything that it makes carries its random name, and goes when it ends."""

    def __init__(self, lab: Registry, logins: Logins = no_login) -> None:
        self.app = f"t{secrets.token_hex(4)}"
        self.clients = Clients()
        self.api = self.clients.api
        self._folder = TemporaryDirectory(prefix=self.app)
        self.files = ReleaseFiles(Path(self._folder.name))
        self.adopted: list[Adopted] = []
        adoptions = Adoptions(lambda: self.adopted)
        self.engine = DockerEngine(self.clients, self.app, logins, self.files, adoptions)
        self.registry = DockerRegistry(
            self.clients, logins, glance=Heads(logins), listing=Listing(logins)
        )
        self._lab = lab
        self._containers: list[str] = []
        self._networks: list[str] = []
        self._pushed: list[Image] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        labelled = self.api.containers(all=True, filters={"label": f"{INSTANCE}={self.app}"})
        for container in {*self._containers, *(one["Id"] for one in labelled)}:
            # What a test has retired is gone.
            with suppress(NotFound):
                self.api.remove_container(container, force=True, v=True)
        for network in self._networks:
            self.api.remove_network(network)
        for volume in self.api.volumes(filters={"name": self.app})["Volumes"] or ():
            self.api.remove_volume(volume["Name"])
        for image in self._pushed:
            self._forget(image)
        self.clients.close()
        self._folder.cleanup()

    def push(
        self,
        behaviour: Behaviour,
        tag: str = "v1",
        lines: tuple[str, ...] = (),
        *,
        labels: Mapping[str, str] | None = None,
    ) -> Image:
        """Build an image, push it, and remove it from the engine; `lines` are Dockerfile's."""
        built = f"{self.app}:{secrets.token_hex(4)}"
        content = [f"FROM {BUSYBOX}", f"LABEL {WORLD}={self.app} built={built}", *lines]
        content += [f'LABEL {name}="{value}"' for name, value in (labels or {}).items()]
        content.append(f'CMD ["sh", "-c", "{SCRIPTS[behaviour]}"]')
        build = ["docker", "build", "--quiet", "--tag", built, "-"]
        run(build, env=BUILD_ENV, text_in="\n".join(content) + "\n")
        try:
            digest = push(built, self.app, tag, self._lab)
        finally:
            run(["docker", "image", "rm", built])
        image = Image(self._lab.address, self.app, tag, digest)
        self._pushed.append(image)
        return image

    def network(self) -> str:
        """A user-defined network."""
        name = f"{self.app}-{len(self._networks)}"
        self.api.create_network(name)
        self._networks.append(name)
        return name

    def network_with_subnet(self) -> tuple[str, str]:
        """A network on which addresses can be fixed, and the first three parts of its addresses."""
        name = f"{self.app}-{len(self._networks)}"
        while True:
            subnet = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
            pool = IPAMPool(subnet=f"{subnet}.0/24")
            try:
                self.api.create_network(name, ipam=IPAMConfig(pool_configs=[pool]))
            except APIError as error:
                # Another test has one there.
                if "overlaps" not in str(error):
                    raise
            else:
                self._networks.append(name)
                return name, subnet

    def fill_volume(self, name: str, folder: str) -> None:
        """A volume with a folder in it."""
        run(["docker", "run", "--rm", "-v", f"{name}:/v", BUSYBOX, "mkdir", f"/v/{folder}"])

    def take(self, name: str, labels: Mapping[str, str] | None = None) -> Callable[[], bool]:
        """A container that is not ours; tells whether it still is as it was made."""
        made = self.api.create_container(BUSYBOX, name=name, labels=dict(labels or {}))["Id"]
        self._containers.append(made)
        before = self.api.inspect_container(made)
        return lambda: bool(self.api.inspect_container(name) == before)

    def stranger(self, name: str, image: Image, *options: str, words: Sequence[str] = ()) -> str:
        """The id of a container that somebody started with `docker run` and these options."""
        started = ["docker", "run", "--detach", "--name", name, *options, image.pinned, *words]
        self._containers.append(run(started).strip())
        return self._containers[-1]

    def adopt(self, row: Adopted) -> None:
        """Let the store say that this container was adopted."""
        self.adopted.append(row)

    def vanish(self, replica: Replica) -> None:
        """As an operator would with `docker rm -f`."""
        self.api.remove_container(replica.id, force=True)

    def inspect(self, replica: Replica) -> dict[str, Any]:
        """What `docker inspect` shows of a replica."""
        found: dict[str, Any] = self.api.inspect_container(replica.id)
        return found

    def _forget(self, image: Image) -> None:
        for listed in self.api.images():
            names = [*(listed["RepoTags"] or []), *(listed["RepoDigests"] or [])]
            if image.pinned in names:
                self.api.remove_image(listed["Id"], force=True)
        if self._lab.answers():
            self._lab.delete(image.repository, image.digest)
