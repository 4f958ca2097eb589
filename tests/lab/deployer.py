"""A real deployer beside the lab's parts: its own folder, ports, secrets and clean-up."""

import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import LabError
from .ports import free_port
from .processes import last_lines
from .shell import run, wait_until
from .user import RECEIVER_USER, ensure_receiver_user

CONFIG = Path(__file__).parents[2] / "config.yml"


class Deployer:
    """`deployer serve` in a folder of its own, with the settings that a user would give it.

    `folder` must be one that every user can enter. `settings` are environment variables such
    as DEPLOYER_DEPLOY__WATCH; they win over the configuration file.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        config: str | None = None,
        settings: Mapping[str, str] | None = None,
        preferred_port: int = 0,
    ) -> None:
        self.folder = folder
        self.nginx = f"{name}-nginx"
        self.log = folder / "deployer.log"
        self.config = folder / "config.yml"
        self.token = self._secret("dockerhub.token")
        self.operator = self._secret("operator.token")
        self.config.write_text(config if config is not None else CONFIG.read_text())
        self.http_port = free_port(preferred_port)
        self.receiver_port = free_port()
        self.status_port = free_port()
        self._settings = {
            "DEPLOYER_CONFIG": str(self.config),
            "DEPLOYER_PATHS__STATE": str(folder / "state"),
            "DEPLOYER_NGINX__CONTAINER": self.nginx,
            "DEPLOYER_NGINX__HTTP_PORT": str(self.http_port),
            "DEPLOYER_NGINX__STATUS_PORT": str(self.status_port),
            "HTTP_PORT": str(self.receiver_port),
            **(settings or {}),
        }
        # "" is how a caller leaves one of the usual settings out.
        self._settings = {key: value for key, value in self._settings.items() if value}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are started with."""
        return {**os.environ, **self._settings}

    def set(self, name: str, value: str) -> None:
        """Give it this environment variable at its next start."""
        self._settings[name] = value

    def start(self, launcher: tuple[str, ...] = ()) -> None:
        """Start it and wait until the receiver is ready; `launcher` is put before the command."""
        if os.geteuid() == 0:
            ensure_receiver_user()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*launcher, *_COMMAND, "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / "serve.pid").write_text(str(self.process.pid))
        wait_until(self._is_ready, "the start of deployer", limit=120, hint=self.last_words)

    def stop(self, how: int = signal.SIGTERM, limit: float = 60) -> int:
        """End the parent with this signal, wait for it, and return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise LabError(f"deployer did not stop within {limit:.0f} s, see {self.log}") from None
        finally:
            self.process = None

    def run(
        self, *arguments: str, expect: int = 0, settings: Mapping[str, str] | None = None
    ) -> str:
        """Run a deployer command as a user would, and return what it printed.

        `settings` are more environment variables, which win.
        """
        done = subprocess.run(
            [*_COMMAND, *arguments],
            env={**self.environment, **(settings or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != expect:
            raise LabError(
                f"`deployer {' '.join(arguments)}` ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done.stdout + done.stderr

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a deployer command that goes on, such as a second worker; it logs as `serve`."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*_COMMAND, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def api(self, path: str) -> Any:
        """Ask the receiver's API as an operator; None where it does not answer with 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.receiver_port, timeout=10)
        try:
            connection.request(
                "GET", f"/api/v1/{path}", headers={"Authorization": f"Bearer {self.operator}"}
            )
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        except OSError:
            return None
        finally:
            connection.close()

    def order(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Post to the receiver's API as an operator; status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.receiver_port, timeout=30)
        headers = {"Authorization": f"Bearer {self.operator}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"/api/v1/{path}", json.dumps(body or {}), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def deployment(self, number: int) -> Any:
        """A deployment with its transitions, as the API shows it; None where there is none."""
        return self.api(f"deployments/{number}")

    def wait_ended(self, number: int, limit: float = 120) -> Any:
        """Wait until a deployment has ended, and return it."""
        found: list[Any] = []

        def ended() -> bool:
            found[:] = [self.deployment(number)]
            return bool(found[0]) and found[0]["status"] not in ("queued", "running")

        wait_until(ended, f"the end of deployment {number}", limit=limit, hint=self.last_words)
        return found[0]

    def containers(self, app: str = "") -> list[str]:
        """Return the full ids of this deployer's containers, of one app or of all."""
        filters = [f"label=deployer.instance={self.instance()}"]
        filters += [f"label=deployer.app={app}"] if app else []
        chosen = [part for one in filters for part in ("--filter", one)]
        return run(["docker", "ps", "--all", "--no-trunc", "--quiet", *chosen]).split()

    def instance(self) -> str:
        """Return what tells this deployer's containers from those of others; "" before a start."""
        label = '{{index .Config.Labels "deployer.instance"}}'
        try:
            found = run(["docker", "inspect", "--format", label, self.nginx]).strip()
        except LabError:
            found = ""
        # An Nginx that deployer did not make has no label; the apps' containers have.
        name = f"name=^/?{self.nginx.removesuffix('-nginx')}-"
        shown = '{{.Label "deployer.instance"}}'
        others = "" if found else run(["docker", "ps", "-a", "--filter", name, "--format", shown])
        return found or next(iter(others.split()), "")

    def images(self, instance: str = "") -> list[str]:
        """Return the names under which this deployer keeps its releases' images."""
        named = f"deployer.local/{instance or self.instance()}"
        return run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", named]).split()

    def child(self, name: str) -> int:
        """Return the process id of the newest receiver or worker."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        started = [line for line in lines if line["event"] == "child started"]
        return [int(line["pid"]) for line in started if line["child"] == name][-1]

    def stop_earlier(self) -> None:
        """Stop a `deployer serve` of this folder that outlived whoever started it."""
        try:
            pid = int((self.folder / "serve.pid").read_text())
            said = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if b"deployer" in said and b"serve" in said:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of process {pid}")

    def clean(self) -> None:
        """Stop it and remove its containers, images and folder: all that it made."""
        self.stop()
        if instance := self.instance():
            # Nginx last: it is what the others are found by if this is broken off.
            nginx = run(["docker", "ps", "--all", "--no-trunc", "-q", "-f", f"name=^{self.nginx}$"])
            apps = [one for one in self.containers() if one not in nginx.split()]
            for batch in (apps, nginx.split()):
                if batch:
                    run(["docker", "rm", "--force", "--volumes", *batch])
            kept = self.images(instance)
            if kept:
                run(["docker", "rmi", *kept])
        shutil.rmtree(self.folder, ignore_errors=True)

    def _secret(self, name: str) -> str:
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(32) + "\n")
        return path.read_text().strip()

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise LabError(f"deployer ended with {self.process.returncode}:\n{self.last_words()}")
        connection = http.client.HTTPConnection("127.0.0.1", self.receiver_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def last_words(self) -> str:
        """Where the log is and its last lines, for messages."""
        return f"See {self.log}:\n{last_lines(self.log, 30)}"


_COMMAND = (sys.executable, "-P", "-m", "deployer")

__all__ = ["CONFIG", "RECEIVER_USER", "Deployer"]
