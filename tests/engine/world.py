"""A real deployer with apps of the lab's image, for the length of a test or a module."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.engine.app import App
from tests.lab.deployer import Deployer
from tests.lab.errors import LabError
from tests.lab.registry import Registry, shared_registry
from tests.lab.shell import run
from tests.lab.user import folder

TAGS = ("latest", "next")
SHORT = {
    "DEPLOYER_DEPLOY__WATCH": "1s",
    # What a test pushes without a webhook waits for what the test does next.
    "DEPLOYER_RECONCILE__INTERVAL": "off",
    # Less, and a client that a busy machine holds up for a second finds its connection closed.
    "DEPLOYER_NGINX__KEEPALIVE_TIMEOUT": "2s",
    "DEPLOYER_NGINX__DRAIN": "3s",
}
NOWHERE = Registry(1, Path("/nonexistent"))
"""A registry that nobody serves."""

LOGIN = ("bot", "canary-registry-9d1b7c3e5f20")
"""Whom the private registry lets in."""

HEALTH = {"path": "/healthz", "interval": "200ms", "timeout": "1s", "deadline": "30s"}
IMPATIENT = {"health": {**HEALTH, "deadline": "3s"}}
"""Of an app whose deployments are to fail because they never get healthy."""


class World:
    """A deployer and its apps; all that they make carries a random name."""

    def __init__(
        self,
        path: Path,
        label: str,
        apps: Mapping[str, Mapping[str, Any]],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`apps` are short names and what their configuration says beyond the usual.

        With a `name` of its own an app has that instead of a random one.
        """
        self.path = path
        self.name = f"{label}-{secrets.token_hex(3)}"
        self.ids = path / "ids"
        self.ids.mkdir()
        self.deployer = Deployer(path, self.name, config="", settings={**SHORT, **(settings or {})})
        self.apps = {short: self._app(short, more) for short, more in apps.items()}
        self.secret("registry.password", LOGIN[1])
        self.configure()

    def configure(self, **sections: Any) -> None:
        """Write config.yml (JSON is YAML), with sections beside the usual ones or instead."""
        own = {"source": "dockerhub", "token_file": "secrets/dockerhub.token"}
        hooks = {app.hook: {**own, "registry": app.registry.address} for app in self.apps.values()}
        open_to_all = (shared_registry().address, NOWHERE.address)
        login = {"username": LOGIN[0], "password_file": "secrets/registry.password"}
        addresses = {app.registry.address for app in self.apps.values()}
        content = {
            "receiver": {
                "host": f"{self.name}.test",
                "operator_token_file": "secrets/operator.token",
            },
            "hooks": hooks,
            "registries": dict.fromkeys(addresses.difference(open_to_all), login),
            "apps": {app.name: dict(app.config) for app in self.apps.values()},
            **sections,
        }
        self.deployer.config.write_text(json.dumps(content, indent=1))

    def secret(self, name: str, value: str) -> str:
        """Put a secret where config.yml finds it; its path there."""
        path = self.path / "secrets" / name
        path.touch(mode=0o600)
        path.write_text(value)
        return f"secrets/{name}"

    def start(self) -> None:
        """Start it with v1 of each app whose registry answers, and wait until those serve."""
        good = [app for app in self.apps.values() if app.registry.answers()]
        for app in good:
            app.push("v1")
        self.deployer.start()
        for number in range(1, len(self.apps) + 1):
            ended = self.deployer.wait_ended(number)
            if ended["status"] != "succeeded" and ended["app"] in {app.name for app in good}:
                raise LabError(f"{ended['app']} did not start: {ended['reason']}")
        for app in good:
            app.wait_serves("v1")

    @property
    def web(self) -> App:
        """The app that most tests need."""
        return self.apps["web"]

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.path / "state" / "deployer.db"

    def live(self) -> int:
        """The generation that Nginx answers with; 0 without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.deployer.status_port, timeout=5)
        try:
            connection.request("GET", "/")
            return int(connection.getresponse().read())
        except OSError:
            return 0
        finally:
            connection.close()

    def on_disk(self) -> dict[str, str]:
        """All that Nginx could read: the files of each generation, and which one is current."""
        base = self.path / "state" / "nginx"
        return {
            str(path.relative_to(base)): str(path.readlink())
            if path.is_symlink()
            else path.read_text()
            for path in base.rglob("*")
            if path.is_symlink() or path.is_file()
        }

    def current(self) -> int:
        """The generation on disk that Nginx would start with."""
        return int((self.path / "state" / "nginx" / "current").readlink().name)

    def newest(self) -> int:
        """The id of the newest deployment."""
        return int(self.deployer.api("deployments?limit=1")["deployments"][0]["id"])

    def nginx_pid(self) -> int:
        """Nginx's main process, as the host numbers it."""
        return int(run(["docker", "inspect", "--format", "{{.State.Pid}}", self.deployer.nginx]))

    def clean(self) -> None:
        """Remove what it made, and forget what was pushed and pulled for it."""
        self.deployer.clean()
        for app in self.apps.values():
            digests = run(["docker", "images", "--digests", "--format", "{{.Digest}}", app.image])
            for digest in {one for one in digests.split() if one.startswith("sha256:")}:
                run(["docker", "rmi", f"{app.image}@{digest}"])
            if app.registry.answers():
                tags = app.registry.tags(app.repository)
                for digest in {app.registry.digest_of(app.repository, tag) for tag in tags}:
                    app.registry.delete(app.repository, digest)

    def _app(self, short: str, more: Mapping[str, Any]) -> App:
        name = more.get("name") or f"{self.name}-{short}"
        registry = more.get("registry") or shared_registry()
        repository = f"e2e/{name}"
        usual = {
            "image": f"{registry.address}/{repository}",
            "tags": list(TAGS),
            "environment": {"APP": name, "ID_LOG": "/ids"},
            "volumes": [f"{self.ids}:/ids"],
            "route": {"host": f"{name}.test", "port": 8080},
            "health": HEALTH,
        }
        own = {key: value for key, value in more.items() if key not in ("registry", "name")}
        return App(name, repository, registry, self.deployer, {**usual, **own})


@contextmanager
def world(label: str, **apps: Mapping[str, Any]) -> Iterator[World]:
    """A deployer that is not started yet; at the end it is gone with all it made."""
    with folder(label) as path:
        made = World(path, label, apps or {"web": {}})
        try:
            yield made
        finally:
            made.clean()


@contextmanager
def serving(label: str, **apps: Mapping[str, Any]) -> Iterator[World]:
    """A deployer whose apps serve v1."""
    with world(label, **apps) as made:
        made.start()
        yield made


def seconds(iso: str) -> float:
    """A time of the API as seconds since 1970."""
    return datetime.fromisoformat(iso).timestamp()
