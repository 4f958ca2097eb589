"""A host's Nginx, whose workers are not root, reaches what it keeps in the state folder."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployer.config.values import Nginx as Settings
from deployer.proxies.nginx import Nginx
from deployer.proxies.nginx_process import NginxProcess
from deployer.proxies.templates import package_templates
from deployer.routing import Guard, Handling, Route, Target
from deployer.stores.files import prepare_state
from tests.lab.packages import ensure
from tests.lab.ports import free_port
from tests.lab.user import folder
from tests.proxies.rig import Replica

pytestmark = [pytest.mark.lab, pytest.mark.root]


@pytest.fixture
def state() -> Iterator[Path]:
    """The state folder of a deployer, at a place that everybody may go to."""
    with folder("host-rights") as path:
        yield path / "state"


def status(port: int, *more: str) -> str:
    url = f"http://127.0.0.1:{port}/"
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", *more, url]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout


def test_workers_keep_uploads_and_read_passwords_and_nobody_else_gets_more_rights(
    state: Path,
) -> None:
    ensure("nginx")
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "sesame"], check=True, capture_output=True, text=True
    ).stdout
    prepare_state(state, group=65534)
    settings = Settings(mode="host", http_port=free_port(), status_port=free_port())
    proxy = Nginx(
        NginxProcess(settings, state / "nginx"),
        state / "nginx",
        settings,
        None,
        [package_templates()],
    )
    with ExitStack() as stack:
        replica = stack.enter_context(Replica("one"))
        stack.callback(stop, state / "nginx" / "nginx.pid")
        target = Target("127.0.0.1", replica.server_port)
        handling = Handling(guard=Guard(users=f"alice:{hashed}"))
        proxy.apply([Route("web", ("127.0.0.1",), "/", (target,), handling=handling)])
        # Any command prepares the folder again.
        prepare_state(state, group=65534)
        upload = state.parent / "upload"
        upload.write_bytes(b"a" * 200_000)
        body = ["--data-binary", f"@{upload}"]
        said = base64.b64encode(b"alice:sesame").decode()
        assert status(settings.http_port, *body, "-H", f"Authorization: Basic {said}") == "200"
        assert status(settings.http_port) == "401"
        assert state.stat().st_mode & 0o777 == 0o711


def stop(pid: Path) -> None:
    """End the Nginx that this test has started."""
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGTERM)
