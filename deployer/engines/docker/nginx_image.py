"""The image of the managed Nginx: brought here, asked for its facts, run for a moment."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.users import lines_of
from deployer.errors import EngineError, ProxyError
from deployer.ports import NginxFacts
from deployer.ports.nginx_build import build_of

_LEFT_BEHIND = 60.0
_PROBE = "nginx-probe"


def remove_probes(api: docker.APIClient, instance: str, older: float = 0.0) -> list[str]:
    """Remove probes that were created this long ago (seconds) and never started; their names.

    Docker removes one that ends. But a process can be killed between its creation and its start.
    """
    labels = [f"deployer.role={_PROBE}", f"deployer.instance={instance}"]
    removed = []
    for left in api.containers(all=True, filters={"label": labels, "status": ["created"]}):
        if left["Created"] <= time.time() - older:
            with suppress(NotFound):
                api.remove_container(left["Id"], force=True, v=True)
            removed += [name.removeprefix("/") for name in left["Names"]]
    return removed


class NginxImage:
    """An image by name; what is found out about it is remembered by its id."""

    def __init__(self, clients: Clients, name: str, instance: str) -> None:
        self._clients = clients
        self._name = name
        self._instance = instance
        self._facts: dict[str, NginxFacts] = {}

    def present(self) -> str | None:
        """The image's id; None where it is not here."""
        with translated(f"look at the image {self._name}"):
            try:
                found: dict[str, Any] = self._clients.api.inspect_image(self._name)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None
        return str(found["Id"])

    def bring(self) -> str:
        """The image's id, pulled first where it is not here. Raises ProxyError."""
        if found := self.present():
            return found
        name, _, tag = self._name.rpartition(":")
        if not name or "/" in tag:
            name, tag = self._name, "latest"
        why = ""
        try:
            with translated(f"pull {self._name}"):
                for line in self._clients.api.pull(name, tag=tag, stream=True, decode=True):
                    why = line.get("error", why)
        except EngineError as error:
            why = str(error)
        if found := self.present():
            return found
        raise ProxyError(
            f"Nginx's image {self._name} is neither here nor can it be pulled: "
            f"{why or 'the registry gave nothing'}. Run `docker pull {self._name}`, or name an "
            "image that this machine can get as `nginx.image` in config.yml"
        )

    def facts(self, image: str) -> NginxFacts:
        """Version and worker user of the image with this id, found out once."""
        if image not in self._facts:
            self._facts[image] = self._find_out(image)
        return self._facts[image]

    def run(self, image: str, command: list[str], host_config: dict[str, Any]) -> str:
        """What a command says in a container of its own, which is gone afterwards."""
        return self._run(image, command, host_config)[0]

    def _find_out(self, image: str) -> NginxFacts:
        said, users, groups = self._run(image, ["nginx", "-V"], {"NetworkMode": "none"})
        build = build_of(said)
        user = build.worker_user(users.__contains__) if build else None
        if build is None or user is None:
            raise ProxyError(
                f"the image {self._name} is not usable: "
                f"{'it has no user for workers' if build else '`nginx -V` names no version'}. "
                "Set `nginx.image` to an image of Nginx",
                detail=said,
            )
        return NginxFacts(build.version, user, build.modules, group=groups.get(user))

    def _run(
        self, image: str, command: list[str], host_config: dict[str, Any]
    ) -> tuple[str, list[str], dict[str, int]]:
        """What the command says, and the users and groups of the image."""
        api = self._clients.api
        with translated(f"run `{' '.join(command)}` in the image {self._name}"):
            remove_probes(api, self._instance, _LEFT_BEHIND)
            identity = api.create_container(
                image,
                command[1:],
                entrypoint=command[:1],
                labels={"deployer.role": _PROBE, "deployer.instance": self._instance},
                # Docker removes it, also where this process is killed meanwhile.
                host_config={**host_config, "AutoRemove": True},
            )["Id"]
            try:
                return self._said(identity)
            except APIError:
                # Docker removes what has ended, not what never began.
                with suppress(APIError):
                    api.remove_container(identity, force=True, v=True)
                raise

    def _said(self, identity: str) -> tuple[str, list[str], dict[str, int]]:
        api = self._clients.api
        users = [line[0] for line in lines_of(api, identity, "/etc/passwd")]
        lines = lines_of(api, identity, "/etc/group")
        groups = {one[0]: int(one[2]) for one in lines if len(one) > 2 and one[2].isdigit()}
        said = api.attach(identity, stdout=True, stderr=True, stream=True)
        try:
            api.start(identity)
            return b"".join(said).decode("utf-8", "replace"), users, groups
        finally:
            # The stream's own close() leaves the connection open.
            said._response.close()  # type: ignore[attr-defined]
