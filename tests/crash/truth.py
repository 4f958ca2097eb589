"""What must be true of an app whenever its worker has had time to recover: promise P7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker

from deployer.deployment import ENDED, Deployment, Status
from deployer.ports import Active
from deployer.stores.sqlite import SQLiteStore
from tests.engine.world import World

RESTART = "unless-stopped"
_FINAL = {str(status) for status in ENDED}


@dataclass(frozen=True)
class Truth:
    """Looks at the store, the disk, Nginx and Docker of a world with one app."""

    world: World
    store: SQLiteStore
    api: docker.APIClient
    instance: str

    def lies(self, version: str, digest: str) -> list[str]:
        """What is not as it must be where this version serves; nothing when all is well."""
        active = self.store.active()
        if set(active) != {self.world.web.name}:
            return [f"active is {active}"]
        (serves,) = active.values()
        return [
            *self._of_history(),
            *self._of_releases(digest, serves),
            *self._of_containers(digest, serves),
            *self._of_nginx(version),
        ]

    def _of_history(self) -> Iterator[str]:
        """Each deployment has ended, once, and says why."""
        for one in self.store.deployments(limit=1000):
            ends = {t.status for t in self.store.transitions(one.id)} & ENDED
            if one.status not in ENDED or ends != {one.status} or not one.reason:
                yield f"deployment {one.id} is {one.status}, was {ends}, because {one.reason!r}"

    def _of_releases(self, digest: str, serves: Active) -> Iterator[str]:
        """Those kept have served; just they have a tag and files; one serves."""
        app = self.world.web.name
        newest = self.store.deployments(limit=1)[0]
        kept = {row.number: row.image.digest for row in self.store.releases(app)}
        if kept.get(serves.release) != digest:
            yield f"release {serves.release} serves, of {kept}: {newest.status}, {newest.reason}"
        served = {one.release for one in self.store.deployments(limit=1000) if _took_over(one)}
        if not kept.keys() <= served:
            yield f"releases {kept.keys() - served} never served"
        tags = {
            int(tag.rpartition(".r")[2])
            for image in self.api.images(f"deployer.local/{self.instance}")
            for tag in image["RepoTags"] or []
            if tag.startswith(f"deployer.local/{self.instance}:{app}.r")
        }
        if tags != kept.keys():
            yield f"images of {sorted(tags)} are kept, releases are {sorted(kept)}"
        files = {int(one.name) for one in (self._private / "files" / app).glob("*")}
        if files and files != kept.keys():
            yield f"files of {sorted(files)} are kept, releases are {sorted(kept)}"

    def _of_containers(self, digest: str, serves: Active) -> Iterator[str]:
        """Nginx and one replica of what is active, which Docker would start again."""
        app, found = self.world.web, self.containers()
        names = sorted(one["Name"].removeprefix("/") for one in found)
        name = f"{app.name}-{serves.deployment}-1"
        if names != sorted([name, self.world.deployer.nginx]):
            yield f"containers are {names}, deployment {serves.deployment} is active"
        for one in found:
            policy = one["HostConfig"]["RestartPolicy"]["Name"]
            if one["State"]["Status"] != "running":
                yield f"{one['Name']} is {one['State']['Status']}"
            if one["Name"] == f"/{name}":
                if policy != RESTART:
                    yield f"{one['Name']} restarts {policy!r}"
                if one["Config"]["Image"] != f"{app.image}@{digest}":
                    yield f"{one['Name']} is of {one['Config']['Image']}"

    def _of_nginx(self, version: str) -> Iterator[str]:
        """Live is what is current on disk, it names the replica, and the app answers."""
        world, app = self.world, self.world.web
        generations = world.path / "state" / "nginx" / "generations"
        try:
            current = world.current()
            site = (generations / str(current) / "upstreams" / f"{app.name}.conf").read_text()
        except FileNotFoundError as error:
            yield f"{error.filename} is not there"
            return
        if current != world.live():
            yield f"generation {world.live()} is live, {current} on disk"
        unfinished = [one.name for one in generations.glob(".new*")]
        if unfinished:
            yield f"unfinished files {unfinished}"
        addresses = [
            one["NetworkSettings"]["IPAddress"]
            for one in self.containers()
            if one["Name"] != f"/{world.deployer.nginx}"
        ]
        if len(addresses) != 1 or f"server {addresses[0]}:8080" not in site:
            yield f"the site does not send to {addresses}"
        if app.ask() != (200, version):
            yield f"the app answers {app.ask()}, not {version}"

    def containers(self) -> list[dict[str, Any]]:
        """All that carry this deployer's label, inspected."""
        chosen = {"label": f"deployer.instance={self.instance}"}
        found = []
        for one in self.api.containers(all=True, filters=chosen):
            try:
                found.append(self.api.inspect_container(one["Id"]))
            except docker.errors.NotFound:
                continue
        return found

    @property
    def _private(self) -> Any:
        return self.world.path / "state" / "worker"


def _took_over(deployment: Deployment) -> bool:
    return deployment.status is Status.SUCCEEDED
