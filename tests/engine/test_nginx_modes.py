"""Nginx as a container of deployer, as a process of the host (1.22), as the user's container."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deployer.proxies.templates import package_templates
from tests.engine.app import CLIENTS
from tests.engine.world import World
from tests.lab.clients import CLOSING, SATURATING
from tests.lab.images import NGINX, ensure_base_images
from tests.lab.packages import ensure
from tests.lab.shell import run, succeeds, wait_until
from tests.lab.user import folder
from tests.lab.wire import Broken, Wire

pytestmark = [pytest.mark.lab, pytest.mark.root]

BROKEN = (
    (package_templates() / "locations.conf.j2")
    .read_text()
    .replace("location {{ match }} {\n", "location {{ match }} {\n proxy_read_timeout soon;\n")
)


class Mode:
    """A deployer whose Nginx lives in one of the three places, with a site of the user's own."""

    def __init__(self, mode: str, path: Path) -> None:
        self.mode = mode
        own = {"DEPLOYER_NGINX__CONTAINER": ""} if mode == "host" else {}
        self.world = World(path, f"mode-{mode}", {"web": {}}, own)
        self.templates = path / "nginx"
        self.templates.mkdir()
        self.sites = path / "state" / "nginx" / "own"
        self.sites.mkdir(parents=True)
        deployer = self.world.deployer
        site = f"server {{ listen {deployer.http_port}; server_name own.test; return 200 mine; }}"
        (self.sites / "own.conf").write_text(site + "\n")
        self.config = {"mode": mode, "templates": "nginx", "include": [f"{self.sites}/*.conf"]}
        if mode == "container":
            self._run_own(path / "state" / "nginx")
        self.world.configure(
            receiver={"operator_token_file": "secrets/operator.token"}, nginx=self.config
        )

    def _run_own(self, state: Path) -> None:
        """As docs/nginx.md has it, with the folder at another path than on the host."""
        name, port = self.world.deployer.nginx, self.world.deployer.http_port
        run(["docker", "network", "create", self.world.name])
        run(
            [
                *("docker", "run", "--detach", "--name", name, "--network", self.world.name),
                *("--publish", f"127.0.0.1:{port}:{port}", "--restart", "always"),
                *("--volume", f"{state}:/etc/deployer:ro", "--stop-signal", "SIGQUIT"),
                *(NGINX, "nginx", "-c", "/etc/deployer/current/nginx.conf", "-g", "daemon off;"),
            ]
        )
        self.config |= {"network": self.world.name, "include": ["/etc/deployer/own/*.conf"]}

    def master(self) -> int:
        """Nginx's main process."""
        if self.mode == "host":
            # Empty while Nginx makes it.
            return int((self.world.path / "state" / "nginx" / "nginx.pid").read_text() or 0)
        return self.world.nginx_pid()

    def own_site(self) -> str:
        """What the user's own site answers; "" where it does not."""
        address = ("127.0.0.1", self.world.deployer.http_port)
        try:
            with Wire(address, timeout=5) as wire:
                ask = b"GET / HTTP/1.1\r\nHost: own.test\r\nConnection: close\r\n\r\n"
                return wire.ask(ask).body.decode()
        except Broken:
            return ""

    def clean(self) -> None:
        """Stop what deployer would not: the Nginx that is not its own."""
        if self.mode == "host":
            self.world.deployer.stop()
            with suppress(OSError):
                os.kill(self.master(), signal.SIGQUIT)
        self.world.clean()
        if self.mode == "container":
            succeeds(["docker", "rm", "--force", self.world.deployer.nginx])
            succeeds(["docker", "network", "rm", self.world.name])


@pytest.fixture(scope="module", params=["managed", "host", "container"])
def one(request: pytest.FixtureRequest) -> Iterator[Mode]:
    ensure("nginx")
    ensure_base_images([NGINX])
    with folder(f"mode-{request.param}") as path:
        made = Mode(request.param, path)
        try:
            made.world.start()
            yield made
        finally:
            made.clean()


def test_a_switch_fails_no_request_beyond_what_an_old_nginx_must(one: Mode) -> None:
    """Before 1.27.4 a reload closes each idle connection once, also one that is just used again."""
    app = one.world.web
    with app.load() as load:
        wait_until(lambda: load.least_sent() > 20, "the first requests")
        ended = app.deploy("v2")
        report = load.stop()
    assert ended["status"] == "succeeded", ended["reason"]
    assert app.ask() == (200, "v2")
    assert report.classes[CLOSING].failed == 0, str(report)
    bound = CLIENTS[SATURATING] if one.mode == "host" else 0
    assert report.classes[SATURATING].failed <= bound, str(report)


def test_the_users_own_site_is_served(one: Mode) -> None:
    assert one.own_site() == "mine"


def test_a_template_that_nginx_refuses_is_named_with_file_and_line(one: Mode) -> None:
    app, file = one.world.web, one.templates / "locations.conf.j2"
    serves = app.ask()
    file.write_text(BROKEN)
    ended = app.deploy("v3")
    file.unlink()
    assert ended["status"] == "failed"
    assert f"locations/{app.name}.conf:" in ended["reason"]
    assert str(file) in ended["reason"]
    assert app.ask() == serves


def test_nginx_that_is_killed_serves_again(one: Mode) -> None:
    before, serves = one.master(), one.world.web.ask()[1]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: one.master() not in (0, before), "a new Nginx", limit=30)
    one.world.web.wait_serves(serves)
