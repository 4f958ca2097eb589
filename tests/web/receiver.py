"""A receiver as its own process, on a real store, asked over bare sockets."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployer.cli.handover import Handover
from deployer.config.values import AppPart, HookPart, ReceiverPart
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from tests.lab.ports import free_port
from tests.lab.wire import Answer, Broken, Wire

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "canary-3f9c1d7e5b2a48069d1c"
SECOND_TOKEN = "canary-second-71b0c4e8a95d4f23"
CI_TOKEN = "canary-ci-8c2f40d96be1"
CI_OLD_SECRET = "whsec_canary+canary+canary+canary+cana"
CI_SECRET = "whsec_canary/canary/canary/canary/canarycanary"
OPERATOR = "canary-operator-0a6e2c9f84d7"
METRICS = "canary-metrics-5d8e1b7c20f4"
MAX_BODY = 256 * 1024


def hashed(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def part_for(store: Path, port: int) -> ReceiverPart:
    hook = HookPart(
        source="dockerhub", registry="docker.io", tokens=(hashed(TOKEN), hashed(SECOND_TOKEN))
    )
    ci = HookPart(
        source="generic",
        registry="docker.io",
        tokens=(hashed(CI_TOKEN),),
        secrets=(CI_OLD_SECRET, CI_SECRET),
    )
    return ReceiverPart(
        bind="127.0.0.1",
        port=port,
        max_body=MAX_BODY,
        threads=8,
        store=store,
        hooks={"dockerhub": hook, "ci": ci},
        apps={
            "web": AppPart(image="docker.io/acme/shop", tags=("latest", "stable")),
            "shadow": AppPart(image="docker.io/acme/shop", tags=("stable",)),
            "site": AppPart(image="ghcr.io/acme/shop", tags=("latest",)),
            "api": AppPart(image="registry.example.com/acme/api", tags=("main",)),
            "ranged": AppPart(
                image="docker.io/acme/ranged",
                tags=("nightly", "glob:pr-*", "regex:v[0-9]+", "semver:^1.4"),
            ),
        },
        operators=(hashed(OPERATOR),),
        scrapers=(hashed(METRICS),),
    )


def push(tag: Any = "latest", repository: Any = "acme/shop", **more: Any) -> bytes:
    """The body of a Docker Hub webhook."""
    return json.dumps(
        {
            "callback_url": "http://169.254.169.254/latest/meta-data/",
            "push_data": {
                "pushed_at": 1795190400,
                "pusher": "acmebot",
                "tag": tag,
                "images": [],
                "media_type": "application/vnd.docker.container.image.v1+json",
                **more,
            },
            "repository": {
                "repo_name": repository,
                "namespace": "acme",
                "name": "shop",
                "owner": "acme",
                "is_private": True,
                "comment_count": "0",
                "full_description": "# Shop\n",
            },
        }
    ).encode()


def wait_until(true: Callable[[], Any], what: str, limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, f"waited {limit:g} s in vain for {what}"
        time.sleep(0.02)


MakePart = Callable[[Path, int], ReceiverPart]
"""What a receiver is given, for a store and a port."""


class Running:
    """A receiver that runs, the store under it, and all that it wrote."""

    def __init__(self, folder: Path, part: MakePart) -> None:
        self.port = free_port()
        self._part = part
        self.path = folder / "state" / "deployer.db"
        migrate(self.path)
        self.store = SQLiteStore(self.path)
        self._log = folder / "log"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        handover = Handover(self._part(self.path, self.port))
        reads = handover.pipe()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployer", "receive", "--handover-fd", str(reads)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(reads,),
                start_new_session=True,
                cwd=REPOSITORY,
            )
            os.close(reads)
        self.handover = handover
        wait_until(self.answers, "the receiver")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            return self.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        except Broken:
            return False

    def ask(self, request: bytes) -> Answer:
        """One request on a connection of its own; the bytes go out as they are."""
        with Wire(("127.0.0.1", self.port), timeout=20) as wire:
            return wire.ask(request)

    def post(self, body: bytes, path: str = f"/hooks/dockerhub/{TOKEN}", more: str = "") -> Answer:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n{more}\r\n"
        return self.ask(head.encode("latin-1") + body)

    def get(self, path: str, token: str | None = OPERATOR) -> Answer:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Authorization: Bearer {token}\r\n" if token is not None else ""
        return self.ask(f"{head}\r\n".encode("latin-1"))

    def order(self, path: str, body: bytes = b"", kind: str = "application/json") -> Answer:
        """What an operator posts to the API."""
        more = f"Authorization: Bearer {OPERATOR}\r\nContent-Length: {len(body)}\r\n"
        more += f"Content-Type: {kind}\r\n" if kind else ""
        head = f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"
        return self.ask(head.encode("latin-1") + body)

    def renew(self, part: MakePart) -> None:
        """Start it anew with another part."""
        self.kill()
        self._part = part
        self.start()

    def queued(self) -> int:
        """How many deployments were ever queued."""
        newest = self.store.deployments(limit=1)
        return newest[0].id if newest else 0

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=40)
        self.store.close()


@contextmanager
def running(folder: Path, part: MakePart = part_for) -> Iterator[Running]:
    """A receiver that is given this part."""
    receiver = Running(folder, part)
    try:
        yield receiver
    finally:
        receiver.stop()
