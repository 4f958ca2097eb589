"""One app of a deployer, as those see it who push, call its hook and use its site."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tests.lab.clients import CLOSING, SATURATING, Load
from tests.lab.deployer import Deployer
from tests.lab.errors import LabError
from tests.lab.hub import post_push
from tests.lab.images import build, build_app, push
from tests.lab.registry import Registry
from tests.lab.shell import run, wait_until
from tests.lab.wire import Broken, Wire

CLIENTS = {CLOSING: 1, SATURATING: 1}


@dataclass(frozen=True)
class Container:
    """A container of an app as Docker shows it; equal ones were not restarted in between."""

    id: str
    name: str
    image: str
    started_at: str
    pid: int
    address: str

    @classmethod
    def of(cls, inspected: Mapping[str, Any]) -> Self:
        """From what `docker inspect` prints."""
        state, networks = inspected["State"], inspected["NetworkSettings"]["Networks"]
        return cls(
            id=inspected["Id"],
            name=inspected["Name"].removeprefix("/"),
            image=inspected["Config"]["Image"],
            started_at=state["StartedAt"],
            pid=state["Pid"],
            address=next((one["IPAddress"] for one in networks.values()), ""),
        )


@dataclass(frozen=True)
class App:
    """One app of a deployer, as those see it who push, call its hook and use its site."""

    name: str
    repository: str
    registry: Registry
    deployer: Deployer
    config: Mapping[str, Any]

    @property
    def host(self) -> str:
        """The name of its site."""
        return f"{self.name}.test"

    @property
    def image(self) -> str:
        """Its image as config.yml names it."""
        return f"{self.registry.address}/{self.repository}"

    @property
    def hook(self) -> str:
        """The hook that stands for its registry."""
        return f"hub-{self.registry.address.rpartition(':')[2]}"

    def push(self, version: str, mode: str = "ok", tag: str = "latest", *extra: str) -> str:
        """Build and push the lab's app; its digest. `extra` are lines of its Dockerfile."""
        return build_app(self.repository, tag, version, self.registry, mode, extra)

    def push_afresh(self, version: str, *extra: str) -> str:
        """Push a version that Docker knows nothing of afterwards, as one built elsewhere."""
        built = build(version, "ok", extra)
        digest = push(built, self.repository, "latest", self.registry)
        run(["docker", "rmi", built])
        return digest

    def webhook(
        self, tag: str = "latest", *, repository: str = "", hook: str = ""
    ) -> tuple[int, Any]:
        """Tell the deployer of a push, as Docker Hub does; status and answer."""
        path = f"/hooks/{hook or self.hook}/{self.deployer.token}"
        url = f"http://127.0.0.1:{self.deployer.receiver_port}{path}"
        return post_push(url, repository or self.repository, tag)

    def queue(self, tag: str = "latest") -> int:
        """Tell the deployer of a push; the id of the deployment that this queued."""
        status, answer = self.webhook(tag)
        if status != 202 or len(answer["deployments"]) != 1:
            raise LabError(f"the webhook queued no deployment: {status}, {answer}")
        return int(answer["deployments"][0]["id"])

    def deploy(self, version: str) -> Any:
        """Push, tell, and wait; the deployment at its end."""
        self.push(version)
        return self.deployer.wait_ended(self.queue())

    def containers(self) -> list[Container]:
        """Its containers, stopped ones too; one that vanishes meanwhile is left out."""
        found = []
        for identity in self.deployer.containers(self.name):
            try:
                found += json.loads(run(["docker", "inspect", identity]))
            except LabError:
                continue
        return [Container.of(one) for one in found]

    def only_container(self, limit: float = 60) -> Container:
        """Its container, once there is no other."""
        found: list[Container] = []

        def alone() -> bool:
            found[:] = self.containers()
            return len(found) == 1

        wait_until(alone, f"a single container of {self.name}", limit=limit)
        return found[0]

    def kept(self) -> list[int]:
        """The releases whose images are kept."""
        names = (name.rpartition(":")[2] for name in self.deployer.images())
        mine = (name.rpartition(".r") for name in names)
        return sorted(int(number) for app, _, number in mine if app == self.name)

    def ask(self) -> tuple[int, str]:
        """Ask for its version on a fresh connection; status and body, or 0 and what went wrong."""
        request = f"GET /version HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n"
        try:
            with Wire(("127.0.0.1", self.deployer.http_port), timeout=10) as wire:
                answer = wire.ask(request.encode())
        except Broken as error:
            return 0, str(error)
        return answer.status, answer.body.decode()

    def wait_serves(self, version: str, limit: float = 60) -> None:
        """Wait until this version answers through Nginx."""
        answer = f"an answer by {version}"
        wait_until(
            lambda: self.ask() == (200, version), answer, limit=limit, hint=self.deployer.last_words
        )

    def load(self) -> Load:
        """Clients that ask for this app through Nginx: with a connection each time, or kept."""
        return Load(("127.0.0.1", self.deployer.http_port), self.host, CLIENTS)
