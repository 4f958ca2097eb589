"""What is secret is in no log and not in the store, whatever goes wrong."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.engine.world import LOGIN, World, world
from tests.lab.registry import Registry
from tests.lab.shell import wait_until
from tests.lab.wire import Wire

pytestmark = [pytest.mark.lab, pytest.mark.root]

ENVIRONMENT, ENV_FILE = "canary-environment-5c1e9a", "canary-env-file-7b20d4"
WRONG = "canary-wrong-registry-password-31f8"
TELLS_ALL = 'CMD ["python3", "-c", "import os, sys; print(dict(os.environ)); sys.exit(3)"]'


@dataclass(frozen=True)
class Seen:
    """A deployer that has been through a lot, and the secrets that it was given."""

    world: World
    canaries: Mapping[str, str]
    failed: int
    denied: int

    def leaks(self, text: bytes) -> list[str]:
        """Which secrets stand in this."""
        return [what for what, canary in self.canaries.items() if canary.encode() in text]


@pytest.fixture(scope="module")
def seen(private_registry: Registry) -> Iterator[Seen]:
    with world("secrets", web={"registry": private_registry}) as made:
        app = made.web
        told = {**app.config["environment"], "DATABASE_URL": f"db://app:{ENVIRONMENT}@db/app"}
        file = made.secret("web.env", f"API_KEY={ENV_FILE}\n")
        made.configure(apps={app.name: {**app.config, "environment": told, "env_file": file}})
        made.start()
        app.push("tells", "ok", "latest", TELLS_ALL)
        failed = made.deployer.wait_ended(app.queue())
        knock(made)
        made.secret("registry.password", WRONG)
        denied = made.deployer.wait_ended(app.queue())
        made.secret("registry.password", LOGIN[1])
        canaries = {
            "hook token": made.deployer.token,
            "operator token": (made.path / "secrets" / "operator.token").read_text().strip(),
            "registry password": LOGIN[1],
            "registry login": base64.b64encode(":".join(LOGIN).encode()).decode(),
            "wrong registry password": WRONG,
            "secret in environment": ENVIRONMENT,
            "secret in env_file": ENV_FILE,
        }
        yield Seen(made, canaries, failed["id"], denied["id"])


def knock(one: World) -> None:
    """Use the secrets in all the places where a request may have them, right and wrong ones."""
    token = one.deployer.token
    operator = (one.path / "secrets" / "operator.token").read_text().strip()
    hook = f"POST /hooks/{one.web.hook}/{token}"
    requests = [
        (f"{hook} HTTP/1.1", "Content-Length: 2", "[]", 400),
        (f"{hook}x HTTP/1.1", "Content-Length: 2", "{}", 401),
        (f"{hook.replace('/hooks/', '/%68ooks//')} HTTP/1.1", "Content-Length: 2", "{}", None),
        (f"{hook}?token={token} HTTP/1.1", f"Referer: http://x/{token}", "", None),
        (f"{hook} HTTP/1.1", "Content-Length: 9999999", "", 413),
        (f"GET /api/v1/apps?{operator} HTTP/1.1", f"Authorization: Bearer {operator}", "", 200),
    ]
    for line, header, body, expected in requests:
        status = ask(one, line, header, body)
        assert expected in (None, status), (line.replace(token, "..."), status)
    with no_receiver(one):
        # Of its own accord Nginx writes the whole request line down then.
        assert ask(one, f"{hook} HTTP/1.1", "Content-Length: 2", "{}") == 503


@contextmanager
def no_receiver(one: World) -> Iterator[None]:
    """The receiver is killed, and its parent stands still and starts no new one."""
    assert one.deployer.process is not None
    one.deployer.process.send_signal(signal.SIGSTOP)
    try:
        os.killpg(one.deployer.child("receiver"), signal.SIGKILL)
        yield
    finally:
        one.deployer.process.send_signal(signal.SIGCONT)
        wait_until(lambda: one.deployer.api("apps") is not None, "a new receiver")


def ask(one: World, line: str, header: str, body: str) -> int:
    """The status of a request to the receiver's site of Nginx."""
    request = f"{line}\r\nHost: {one.name}.test\r\n{header}\r\nConnection: close\r\n\r\n{body}"
    with Wire(("127.0.0.1", one.deployer.http_port), timeout=10) as wire:
        return wire.ask(request.encode()).status


def test_no_secret_is_in_the_log_of_receiver_and_worker(seen: Seen) -> None:
    text = seen.world.deployer.log.read_bytes()
    assert b'"event": "delivery"' in text
    assert b'"event": "deployment ended"' in text
    assert seen.leaks(text) == []


def test_no_secret_is_in_the_log_of_nginx(seen: Seen) -> None:
    logs = ["docker", "logs", seen.world.deployer.nginx]
    said = subprocess.run(logs, capture_output=True, check=True)
    assert b"/hooks/***" in said.stdout
    assert seen.leaks(said.stdout + said.stderr) == []


def test_no_secret_is_in_the_state_folder_but_for_the_workers_own(seen: Seen) -> None:
    """The database with its write-ahead log, and Nginx's configuration."""
    state = seen.world.path / "state"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert (state / "deployer.db-wal") in files
    leaks = {
        str(path.relative_to(state)): seen.leaks(path.read_bytes())
        for path in files
        if (state / "worker") not in path.parents
    }
    assert {path: found for path, found in leaks.items() if found} == {}


def test_what_an_app_prints_of_its_environment_is_masked_in_the_record(seen: Seen) -> None:
    """The lines are there, since they are the evidence; the values are not."""
    shown = seen.world.deployer.run("show", str(seen.failed))
    assert "does not stay up" in " ".join(shown.split())
    assert "'DATABASE_URL': '***'" in shown.replace("\n", "")
    assert "'API_KEY': '***'" in shown.replace("\n", "")
    assert seen.leaks(shown.encode()) == []


def test_a_password_that_the_registry_refuses_is_not_in_the_reason(seen: Seen) -> None:
    shown = seen.world.deployer.run("show", str(seen.denied))
    assert "Set or correct its login under `registries`" in " ".join(shown.split())
    assert seen.leaks(shown.encode()) == []
