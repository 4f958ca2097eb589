"""A server as README.md sets it up, in a folder of the lab: its commands run as they stand.

What is another thing here than on a server is replaced in each command, and nothing else: the
table is in here.py. systemd's part is played by `systemctl` below.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.docs import ROOT, commands, tutorial
from tests.engine.here import NOT_HERE, Here
from tests.lab import pip_in_builds
from tests.lab.errors import LabError
from tests.lab.hub import push_body
from tests.lab.registry import shared_registry
from tests.lab.shell import run, succeeds, wait_until
from tests.lab.user import folder

VERSION = "curl http://hello.example.com/version"


class Server:
    """A machine on which somebody types what the pages say."""

    def __init__(self, here: Here) -> None:
        self.here = here
        self.root, self.name, self.app = here.root, here.name, here.app
        self.environment = here.environment()
        self.process: subprocess.Popen[bytes] | None = None
        self.said: dict[str, str] = {}
        self.answers: list[tuple[str, str]] = []
        self._folder = ROOT
        here.prepare()

    def type(self, command: str, limit: float = 180) -> str:
        """Run one command of a page; what it printed. Raises LabError where it fails."""
        if command in NOT_HERE:
            return ""
        if command.startswith("systemctl "):
            return self.systemctl(*command.split()[1:])
        where = self.root / "pwd"
        done = subprocess.run(
            ["bash", "-c", f'{self.here.of(command)}\ncode=$?; pwd >"{where}"; exit $code'],
            cwd=self._folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        self._folder = Path(where.read_text().strip()) if where.exists() else self._folder
        self.said[command] = done.stdout
        if done.returncode != 0:
            raise LabError(f"`{command}` ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def follow_the_tutorial(self) -> None:
        """Type all that the tutorial says, and do what it asks of Docker Hub and of the reader."""
        served = iter(("v1", "v2", "v1"))
        for command in lines_of_the_tutorial():
            if command == "deployer status":
                self.wait_serves("v1")
                self.wait_ended(1)
            if command == VERSION:
                self.wait_serves(next(served))
            if command == "deployer history hello":
                self._tell_as_docker_hub()
            self.type(command)
            self.answers.append((command, self.said.get(command, "")))

    def post_push(self, url: str) -> dict[str, Any]:
        """Tell of a push at a page's URL, as Docker Hub does; the answer."""
        body = json.dumps(push_body(f"{self.name}/hello", "latest"))
        answer = json.loads(self.type(shlex.join(["curl", "--json", body, url])))
        assert isinstance(answer, dict)
        return answer

    def _tell_as_docker_hub(self) -> None:
        """Post to the URL that was pasted: of `deployer hooks`, with the token, http for https."""
        place = r"https://\S+(/hooks/dockerhub/)<token in [^>]*>"
        (path,) = re.findall(place, self.said["deployer hooks"])
        token = self.said["cat secrets/dockerhub.token"].strip()
        answer = self.post_push(f"http://deployer.example.com{path}{token}")
        self.wait_serves("v2")
        self.wait_ended(answer["deployments"][0]["id"])

    def systemctl(self, *words: str) -> str:
        """Do to the unit `deployer` what systemd does: ExecStart, signals to that process."""
        if "reload" in words and self.process is not None:
            self.process.send_signal(signal.SIGHUP)
        if "stop" in words or "restart" in words:
            self.stop()
        if "--now" in words or "start" in words or "restart" in words:
            unit = (self.root / "etc/systemd/system/deployer.service").read_text()
            (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    shlex.split(self.here.of(command)),
                    cwd="/",
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            wait_until(self._is_ready, "the start of deployer", limit=120, hint=self._last_words)
        return ""

    @property
    def log(self) -> Path:
        """What systemd's journal would have of the unit."""
        return self.root / "deployer.log"

    def stop(self) -> None:
        """End `deployer serve` as systemd does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None

    def wait_ended(self, number: int) -> None:
        """Wait until a deployment has succeeded."""
        wait_until(
            lambda: "succeeded" in self.type(f"deployer show {number}").splitlines()[0],
            f"the end of deployment {number}",
            hint=self._last_words,
        )

    def wait_serves(self, version: str, url: str = "http://hello.example.com/version") -> None:
        """Wait until a curl of the page's URL prints this version."""
        wait_until(
            lambda: self.asked(url).strip() == version,
            f"an answer by {version}",
            limit=60,
            hint=lambda: self.asked(url, "--verbose") + self._last_words(),
        )

    def asked(self, url: str, *options: str) -> str:
        """What curl prints of a page's URL; what went wrong, where it does not answer."""
        try:
            return self.type(shlex.join(["curl", *options, url]))
        except LabError as error:
            return str(error)

    def clean(self) -> None:
        """Take away all that was made: what Docker has of it carries the name."""
        self.stop()
        found = run(["docker", "ps", "--all", "--quiet", "--filter", f"name={self.name}"]).split()
        if found:
            run(["docker", "rm", "--force", "--volumes", *found])
        listed = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        names = [one for one in listed if self.name in one and not one.endswith("<none>")]
        digests = run(["docker", "images", "--digests", "--format", "{{.Digest}}", self.here.image])
        names += [
            f"{self.here.image}@{one}" for one in digests.split() if one.startswith("sha256:")
        ]
        for name in names:
            succeeds(["docker", "rmi", name])
        registry, repository = shared_registry(), f"{self.name}/hello"
        for tag in registry.tags(repository):
            registry.delete(repository, registry.digest_of(repository, tag))
        succeeds(["userdel", self.name])

    def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise LabError(f"deployer did not stay up: {self._last_words()}")
        url = f"http://127.0.0.1:{self.here.receiver_port}/readyz"
        return succeeds(["curl", "-fsS", "--noproxy", "*", url])

    def _last_words(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else ""


@contextmanager
def server() -> Iterator[Server]:
    """A machine on which nothing of deployer is yet; at the end it is gone."""
    with ExitStack() as stack:
        root = stack.enter_context(folder("tutorial"))
        context = stack.enter_context(
            pip_in_builds.context(ROOT / "examples" / "hello", "tests", "README.md")
        )
        made = Server(Here(root, context))
        stack.callback(made.clean)
        yield made


def lines_of_the_tutorial() -> list[str]:
    """All commands of README.md in their order."""
    return [
        command
        for block in tutorial()
        if block.language == "console"
        for command in commands(block.text)
    ]
