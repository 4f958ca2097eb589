"""A real Nginx in a container of its own, with replicas that are small servers in this process."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from deployer.config.values import Nginx as Settings
from deployer.engines.docker.client import Clients
from deployer.engines.docker.nginx_container import NginxContainer
from deployer.ports import NginxFacts, NginxHost, NginxWorker
from deployer.proxies.nginx import Nginx
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import KeyPair, Target
from tests.contracts.proxy import ProxyRig
from tests.lab.ports import free_port

RECEIVER = "hooks.example"
MAX_BODY = 2000


def docker(*args: str) -> str:
    """What the docker command printed, both streams."""
    done = subprocess.run(
        ["docker", *args], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


class Replica(ThreadingHTTPServer):
    """Answers every request with its name and the request's path and headers, as JSON."""

    def __init__(self, name: str) -> None:
        self.replica_name = name
        super().__init__(("127.0.0.1", 0), _Answer)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replica

    def do_GET(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        said = {"name": self.server.replica_name, "path": self.path, "headers": headers}
        body = json.dumps(said).encode()
        upgrade = headers.get("upgrade")
        self.send_response(101 if upgrade else 200)
        if upgrade:
            self.send_header("Upgrade", upgrade)
            self.send_header("Connection", "upgrade")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_POST(self) -> None:
        # What is left unread when the connection is closed would reset it.
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class LosingHost:
    """A real host of Nginx, of which a HUP can get lost on its way, and which counts them."""

    def __init__(self, host: NginxHost) -> None:
        self._host = host
        self.lose_next = False
        self.reloads = 0

    def facts(self) -> NginxFacts:
        return self._host.facts()

    def address(self) -> str:
        return self._host.address()

    def test(self, config: str) -> None:
        self._host.test(config)

    def ensure_running(self) -> bool:
        return self._host.ensure_running()

    def reload(self) -> None:
        self.reloads += 1
        if not self.lose_next:
            self._host.reload()
        self.lose_next = False

    def workers(self) -> list[NginxWorker]:
        return self._host.workers()

    def errors(self, lines: int) -> str:
        return self._host.errors(lines)


class NginxRig(ProxyRig):
    """Nginx on ports of its own; `templates` is the user's folder, empty at first.

    `tls` are the default certificates.
    """

    def __init__(
        self, folder: Path, receiver_port: int | None = None, tls: tuple[KeyPair, ...] = ()
    ) -> None:
        self._open = ExitStack()
        self._replicas: dict[str, Target] = {}
        self.state = folder / "nginx"
        self.templates = folder / "templates"
        self.templates.mkdir()
        self.settings = Settings(
            container=f"deployer-test-nginx-{os.getpid()}-{secrets.token_hex(4)}",
            http_port=free_port(),
            https_port=free_port(),
            tls=tls,
            status_port=free_port(),
            keepalive_timeout=1.0,
            drain=2.0,
        )
        self.clients = Clients()
        self.host = LosingHost(self.container(self.settings))
        self.site = ReceiverSite(RECEIVER, "127.0.0.1", receiver_port or free_port(), MAX_BODY)
        self.proxy: Nginx = self.nginx(self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        docker("rm", "--force", "--volumes", self.settings.container)
        self.clients.close()

    def container(self, settings: Settings, instance: str = "test") -> NginxContainer:
        """The container as another deployer or with other settings would see it."""
        return NginxContainer(self.clients, settings, self.state, instance)

    def nginx(self, settings: Settings) -> Nginx:
        """A proxy over the same state and container, as after a restart of the worker."""
        folders = [self.templates, package_templates()]
        return Nginx(self.host, self.state, settings, self.site, folders, confirm_limit=6.0)

    def replica(self, name: str) -> Target:
        if name not in self._replicas:
            server = self._open.enter_context(Replica(name))
            self._replicas[name] = Target("127.0.0.1", server.server_port)
        return self._replicas[name]

    def ask(self, host: str, path: str = "/") -> str | None:
        status, body = self.request(host, path)
        return json.loads(body)["name"] if status == 200 else None

    def break_next_change(self) -> None:
        self.host.lose_next = True

    def request(
        self,
        host: str,
        path: str = "/",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of a request on a connection of its own; 0 where it is just closed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.http_port, timeout=10)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (ConnectionError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def seen(self, path: str = "/", headers: dict[str, str] | None = None) -> dict[str, str]:
        """The headers that a replica of web.example gets."""
        _, body = self.request("web.example", path, headers)
        got: dict[str, str] = json.loads(body)["headers"]
        return got

    def disk(self) -> dict[str, str]:
        """All that is in the state folder: text of files, targets of links."""
        return {
            str(path.relative_to(self.state)): str(path.readlink())
            if path.is_symlink()
            else path.read_text()
            for path in self.state.rglob("*")
            if path.is_symlink() or path.is_file()
        }
