"""examples/compose as its README has it: a copy in a folder of its own, with ports of its own."""

import os
import shutil
from pathlib import Path

import requests

from . import image
from .deployer import Deployer
from .engine import BUILD_ENV
from .hub import push_body
from .packages import ensure
from .shell import run, succeeds

EXAMPLE = image.CHECKOUT / "examples" / "compose"
IMAGE = "deployer-lab/deployer"
NGINX = "deployer-nginx"


def program() -> str:
    """Return how Compose is called here; Debian's package is installed where it is missing."""
    if succeeds(["docker", "compose", "version"]):
        return "docker compose"
    ensure("docker-compose")
    return "docker-compose"


class Stack:
    """The example's containers, its configuration, and what they make on this machine.

    Ports, names and folders come from the environment, as a user's would from .env.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / "compose"
        shutil.copytree(EXAMPLE, self.folder, ignore=shutil.ignore_patterns("secrets"))
        # Not started: it has free ports, and knows how to remove what a deployer made.
        self._own = Deployer(folder / "own", name)
        self.state = folder / "state"
        self.program = program()
        self.environment = {
            **BUILD_ENV,
            "COMPOSE_PROJECT_NAME": name,
            "DEPLOYER_IMAGE": f"{IMAGE}:latest",
            "DEPLOYER_STATE": str(self.state),
            "NGINX_CONTAINER": self._own.nginx,
            "NGINX_HTTP_PORT": str(self._own.http_port),
            "NGINX_STATUS_PORT": str(self._own.status_port),
            "RECEIVER_PORT": str(self._own.receiver_port),
        }

    def configure(self, **instead: str) -> None:
        """Replace words of its config.yml, as its user does; each must be there."""
        file = self.folder / "config.yml"
        text = file.read_text()
        for old, new in instead.items():
            assert old in text, f"the example's config.yml has no {old}"
            text = text.replace(old, new)
        file.write_text(text)

    def shell(self, text: str) -> str:
        """Run lines of the README in the example's folder, with its names instead of the usual."""
        text = text.replace(NGINX, self._own.nginx)
        text = text.replace("docker compose exec", f"{self.program} exec -T")
        text = text.replace("docker compose", self.program)
        environment = {**os.environ, **self.environment}
        return run(["bash", "-euo", "pipefail", "-c", text], env=environment, cwd=self.folder)

    def container(self, service: str) -> str:
        """Return the id of a service's container, also of one that was stopped."""
        project = self.environment["COMPOSE_PROJECT_NAME"]
        labels = {"project": project, "service": service}
        chosen = [f"--filter=label=com.docker.compose.{key}={one}" for key, one in labels.items()]
        return run(["docker", "ps", "--all", "--quiet", "--no-trunc", *chosen]).strip()

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return run(["docker", "exec", self.container(service), *command])

    def ask(self, host: str, path: str) -> requests.Response:
        """Ask Nginx for a path of a host."""
        return requests.get(self._url(path), headers={"Host": host}, timeout=10)

    def pushed(self, host: str, repository: str, tag: str) -> requests.Response:
        """Post Docker Hub's webhook to the receiver's host through Nginx."""
        token = (self.folder / "secrets" / "dockerhub.token").read_text().strip()
        return requests.post(
            self._url(f"/hooks/dockerhub/{token}"),
            json=push_body(repository, tag),
            headers={"Host": host},
            timeout=10,
        )

    def clean(self) -> None:
        """Remove all that it made."""
        self.shell("docker compose down --volumes --timeout 5")
        self._own.clean()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._own.http_port}{path}"
