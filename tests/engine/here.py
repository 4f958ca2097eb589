"""What is another thing in the lab than on the server of README.md, in one table."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from functools import cached_property
from pathlib import Path

from tests.lab import pip_in_builds
from tests.lab.ports import free_port
from tests.lab.registry import shared_registry

NOT_HERE = {
    "docker image prune": "would take images of others",
    "docker login": "asks for the password of an account at Docker Hub",
    "apt-get install --yes python3-venv docker.io": "Docker may be from elsewhere here",
    "certbot certonly --webroot --webroot-path /var/lib/deployer/nginx/acme "
    "--domain deployer.example.com --domain hello.example.com": "nobody certifies the lab's names",
    "systemctl daemon-reload": "there may be no systemd; tests/test_docs_blocks.py reads the unit",
}
"""Commands of the pages that are not run, and why."""

FOLDERS = (
    "/opt/deployer", "/etc/deployer", "/etc/systemd/system", "/etc/letsencrypt", "/usr/local/bin",
    "/var/lib/deployer", "/var/backups",
)  # fmt: skip
_VERBS = "deploy|history|pause|plan|resume|rollback|status"
_PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"


class Here:
    """Names, ports and folders of one machine, and how the pages' commands read on it.

    `root` stands for `/`, `context` for examples/hello.
    """

    def __init__(self, root: Path, context: Path) -> None:
        self.root = root
        self.name = f"tutorial-{secrets.token_hex(3)}"
        self.app = f"{self.name}-hello"
        self.image = f"{shared_registry().address}/{self.name}/hello"
        self.http_port, self.tls_port, self.plain_port = free_port(), free_port(), free_port()
        self.receiver_port = free_port()
        self._context = context

    def host(self, short: str) -> str:
        """The name here of SHORT.example.com."""
        return f"{short}.{self.name}.test"

    def prepare(self) -> None:
        """Make the folders that each server has, and let names lead here for curl."""
        for path in FOLDERS:
            (self.root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        for path in ("etc/systemd/system", "usr/local/bin", "var/backups"):
            (self.root / path).mkdir(parents=True, exist_ok=True)
        ports = (self.http_port, self.tls_port, self.plain_port)
        pairs = [f"{self.host(one)}:{port}" for one in ("hello", "deployer") for port in ports]
        text = "".join(f'resolve = "{pair}:127.0.0.1"\n' for pair in pairs)
        (self.root / ".curlrc").write_text(f"{text}silent\nshow-error\nfail\nnoproxy = *\n")

    def environment(self) -> dict[str, str]:
        """What the commands find around them; deployer's settings are short for tests."""
        others = {key: value for key, value in os.environ.items() if key[:9] != "DEPLOYER_"}
        return {
            **others,
            # A server's own: the Python that is first here may be root's alone.
            "PATH": f"{self.root}/usr/local/bin:{_PATH}",
            "CURL_HOME": str(self.root),
            "DOCKER_BUILDKIT": "0",
            "PIP_NO_COMPILE": "1",
            "DEPLOYER_PATHS__STATE": f"{self.root}/var/lib/deployer",
            "DEPLOYER_RECEIVER__USER": self.name,
            "DEPLOYER_NGINX__CONTAINER": f"{self.name}-nginx",
            "DEPLOYER_NGINX__HTTP_PORT": str(self.http_port),
            "DEPLOYER_NGINX__STATUS_PORT": str(free_port()),
            "DEPLOYER_NGINX__KEEPALIVE_TIMEOUT": "1s",
            "DEPLOYER_NGINX__DRAIN": "3s",
            "DEPLOYER_DEPLOY__WATCH": "1s",
            "HTTP_PORT": str(self.receiver_port),
        }

    @cached_property
    def instead(self) -> list[tuple[str, str]]:
        """What stands in the pages, and what it is here; in this order."""
        build = " ".join(shlex.quote(one) for one in pip_in_builds.build_arguments())
        return [
            # Names that lead here, and ports that may be taken.
            (r"http://(\w+)\.example\.com", rf"http://\1.{self.name}.test:{self.http_port}"),
            (r"https://(\w+)\.example\.com", rf"https://\1.{self.name}.test:{self.tls_port}"),
            (r"\.example\.com", f".{self.name}.test"),
            (r"listen 80 ", f"listen {self.plain_port} "),
            (r"listen 443 ", f"listen {self.tls_port} "),
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{self.http_port}"),
            # The lab's registry for Docker Hub.
            (r"docker\.io/you/hello", self.image),
            (r"registry: docker\.io", f"registry: {shared_registry().address}"),
            # Builds reach the network as this machine does.
            (r"docker build ", f"docker build --quiet {build} "),
            (r" examples/hello$", f" {self._context}"),
            # The image's own HEALTHCHECK looks only every two seconds.
            (r"^    health: .*$", r"\g<0>\n    healthcheck: {disable: true}"),
            # An app, whose containers are called after it, a user, a container and folders of
            # this test alone.
            (r"^  hello:$", f"  {self.app}:"),
            (
                r"\b(deployer (?:deploy|history|pause|plan|resume|rollback|status) )hello\b",
                rf"\1{self.app}",
            ),
            (r"/nologin deployer$", f"/nologin {self.name}"),
            (r"deployer-nginx", f"{self.name}-nginx"),
            *((rf"(?<![\w/.]){path}(?=[/\s;'\"]|$)", f"{self.root}{path}") for path in FOLDERS),
        ]

    def of(self, text: str) -> str:
        """What a page says, for this machine."""
        for pattern, replacement in self.instead:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return text
