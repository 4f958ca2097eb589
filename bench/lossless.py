"""`make bench-lossless`: deployments of one app under every class of client, on two Nginxes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.websockets import WebSockets
from deployer.proxies.templates import package_templates
from tests.engine.app import App
from tests.engine.world import World, seconds
from tests.lab.clients import CLOSING, HTTP2, SATURATING, THINKING, Load, Report, check_ids
from tests.lab.errors import LabError
from tests.lab.images import NGINX, ensure_base_images
from tests.lab.packages import ensure
from tests.lab.ports import free_port
from tests.lab.shell import run, wait_until
from tests.lab.user import folder
from tests.lab.wire import Broken

CLIENTS = {CLOSING: 2, THINKING: 8, SATURATING: 2, HTTP2: 2}
SOCKETS = 4
DRAIN = 3.0
WORDS = {
    CLOSING: "closing",
    THINKING: "keep-alive, thinks",
    SATURATING: "keep-alive, saturates",
    HTTP2: "HTTP/2",
}
MANAGED, HOST = "managed", "host"
# Nginx 1.22 knows no plain port that takes both; a site of the user's own stands in.
OWN_SITE = """\
server {{
    listen 127.0.0.1:{port} http2;
    server_name {host};
    location / {{
        proxy_pass http://app_{app};
        proxy_set_header Host $host;
    }}
}}
"""


@dataclass(frozen=True)
class Row:
    """What one class of clients got."""

    name: str
    sent: int
    failed: int
    duplicated: int
    lost: int
    stopped: int
    resent: int
    slowest: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.failed or self.duplicated or self.lost or self.stopped)


@dataclass(frozen=True)
class Outcome:
    """What all clients got of one Nginx; `early` are WebSockets that were cut before their time."""

    nginx: str
    deployments: int
    took: float
    rows: tuple[Row, ...]
    sockets: int
    cut: int
    early: int
    unopened: Sequence[str]
    failures: Sequence[str]


class Bench:
    """A deployer with one app, whose Nginx is the managed one or the host's own."""

    def __init__(self, mode: str, path: Path) -> None:
        own = {"DEPLOYER_NGINX__CONTAINER": ""} if mode == HOST else {}
        self.mode = mode
        self.world = World(path, f"bench-{mode}", {"web": {}}, own)
        self.world.deployer.set("DEPLOYER_NGINX__DRAIN", f"{DRAIN:g}s")
        self.app: App = self.world.web
        self._sites = path / "state" / "nginx" / "own"
        self.http2_port = free_port() if mode == HOST else self.world.deployer.http_port
        self.world.configure(nginx=self._managed(path) if mode == MANAGED else self._host())

    def _managed(self, path: Path) -> dict[str, Any]:
        """HTTP/2 beside HTTP/1.1 on the same port, which takes one line of a template."""
        templates = path / "nginx"
        templates.mkdir()
        usual = (package_templates() / "nginx.conf.j2").read_text()
        with_http2 = usual.replace(
            "    server_tokens off;\n", "    server_tokens off;\n    http2 on;\n"
        )
        (templates / "nginx.conf.j2").write_text(with_http2)
        return {"mode": MANAGED, "image": NGINX, "templates": "nginx"}

    def _host(self) -> dict[str, Any]:
        self._sites.mkdir(parents=True)
        return {"mode": HOST, "include": [f"{self._sites}/*.conf"]}

    def start(self) -> None:
        """Serve, with HTTP/2."""
        self.world.start()
        if self.mode == HOST:
            site = OWN_SITE.format(port=self.http2_port, host=self.app.host, app=self.app.name)
            (self._sites / "http2.conf").write_text(site)
            self.deploy("v1 with HTTP/2")
        wait_until(self._speaks_http2, "an answer in HTTP/2")

    def _speaks_http2(self) -> bool:
        from tests.lab.http2 import Http2Wire

        ask = f"GET /version HTTP/1.1\r\nHost: {self.app.host}\r\n\r\n".encode()
        with suppress(Broken), Http2Wire(("127.0.0.1", self.http2_port), 5) as wire:
            return wire.ask(ask).status == 200
        return False

    def deploy(self, version: str) -> Any:
        """Push it, tell of it, and wait until it has the traffic for good."""
        self.app.push_afresh(version)
        ended = self.world.deployer.wait_ended(self.app.queue())
        if ended["status"] != "succeeded":
            raise LabError(f"{version} was not deployed: {ended['reason']}")
        return ended

    def version(self) -> str:
        """What Nginx calls itself."""
        shown = self.world.deployer.api("status")
        seen = (shown or {}).get("nginx") or {}
        return ".".join(map(str, seen.get("version", ()))) or self.mode

    def clean(self) -> None:
        """Leave nothing behind, the host's Nginx included."""
        self.world.deployer.stop()
        if self.mode == HOST:
            with suppress(OSError, ValueError):
                pid = int((self.world.path / "state" / "nginx" / "nginx.pid").read_text())
                os.kill(pid, signal.SIGQUIT)
        self.world.clean()


@contextmanager
def bench(mode: str) -> Iterator[Bench]:
    """A deployer that serves, for the length of the block."""
    with folder(f"bench-{mode}") as path:
        made = Bench(mode, path)
        try:
            made.start()
            yield made
        finally:
            made.clean()


def measure(mode: str, count: int, classes: dict[str, int] = CLIENTS) -> Outcome:
    """So many deployments under load, and what the clients got."""
    with bench(mode) as made:
        app, target = made.app, ("127.0.0.1", made.world.deployer.http_port)
        load = Load(target, app.host, classes, http2=("127.0.0.1", made.http2_port))
        sockets = WebSockets(target, app.host, SOCKETS)
        begun = time.monotonic()
        load.start()
        sockets.start()
        try:
            numbers = []
            for turn in range(1, count + 1):
                numbers.append(made.deploy(f"{turn}")["id"])
                print(f"  {mode}: {turn} of {count}", end="\r", file=sys.stderr, flush=True)
            app.only_container(limit=60)
            sent = load.least_sent()
            wait_until(lambda: load.least_sent() > sent + 20, "requests after the last one")
        finally:
            report = load.stop()
            sockets.stop()
        took = time.monotonic() - begun
        ended = [made.world.deployer.deployment(number) for number in numbers]
        switches = [at for one in ended for at in when(one, "switch")]
        early = sum(life.is_early(switches, DRAIN) for life in sockets.lives)
        return Outcome(
            nginx=f"{nginx_version(made)} ({mode})",
            deployments=count,
            took=took,
            rows=rows(report, made.world.ids, gone(ended)),
            sockets=sockets.opened,
            cut=len(sockets.lives),
            early=early,
            unopened=sockets.failures,
            failures=[why for one in report.classes.values() for why in one.failures],
        )


def nginx_version(made: Bench) -> str:
    """As the program that serves says it."""
    if made.mode == HOST:
        said = run(["sh", "-c", "nginx -v 2>&1"])
    else:
        said = run(["docker", "exec", made.world.deployer.nginx, "sh", "-c", "nginx -v 2>&1"])
    return said.strip().rpartition("/")[2]


def when(deployment: Any, step: str) -> list[float]:
    """When a deployment entered a step, in seconds since 1970; empty where it did not."""
    found = [seconds(one["at"]) for one in deployment["transitions"] if one["step"] == step]
    return found[:1]


def gone(ended: Sequence[Any]) -> dict[str, float]:
    """By version: when its containers began to be stopped; these versions are numbers from 1."""
    retired = [when(one, "retire") for one in ended]
    # The deployment of 2 retires 1; what was before 1 has another name.
    return {str(number): at[0] for number, at in enumerate(retired) if number and at}


def rows(report: Report, ids: Path, stopped_at: dict[str, float]) -> tuple[Row, ...]:
    """A row for each class."""
    check = check_ids(report, ids)
    duplicated = Counter(one.split("-", 1)[0] for one in check.duplicated)
    # What failed is counted as such; lost is what was answered and yet never arrived.
    lost = Counter(one.split("-", 1)[0] for one in check.missing)
    return tuple(
        Row(
            name=name,
            sent=one.sent,
            failed=one.failed,
            duplicated=duplicated[name],
            lost=max(lost[name] - one.failed, 0),
            stopped=sum(begun > stopped_at.get(version, begun) for begun, version in one.answers),
            resent=one.resent,
            slowest=one.slowest,
        )
        for name, one in report.classes.items()
    )


def print_table(outcome: Outcome) -> None:
    """For people, and for docs/performance.md."""
    print(f"\nNginx {outcome.nginx}: {outcome.deployments} deployments in {outcome.took:.0f} s\n")
    print("| clients | sent | failed | duplicated | lost | by a stopped release | slowest |")
    print("|---|---|---|---|---|---|---|")
    for row in outcome.rows:
        print(
            f"| {WORDS[row.name]} | {row.sent} | {row.failed} | {row.duplicated} | {row.lost} "
            f"| {row.stopped} | {row.slowest * 1000:.0f} ms |"
        )
    again = sum(row.resent for row in outcome.rows)
    print(f"\nHTTP/2 requests that came after GOAWAY and were sent once more, as it says: {again}")
    print(
        f"WebSockets: {outcome.sockets} opened, {outcome.cut} cut after a switch, "
        f"{outcome.early} of them before {DRAIN:g} s, {len(outcome.unopened)} not opened"
    )
    for why in (*outcome.failures[:8], *outcome.unopened[:4]):
        print(f"  {why}", file=sys.stderr)


def is_kept(outcome: Outcome, mode: str) -> bool:
    """Whether the promise for this Nginx held (P8)."""
    promised = [row for row in outcome.rows if mode == MANAGED or row.name == CLOSING]
    sockets = not outcome.early and not (outcome.unopened and mode == MANAGED)
    return sockets and all(row.is_clean for row in promised)


def main() -> int:
    """Both, one after the other; 1 where a promise did not hold."""
    count = int(os.environ.get("N") or 100)
    ensure("nginx")
    ensure_base_images([NGINX])
    kept = True
    for mode in (MANAGED, HOST):
        outcome = measure(mode, count)
        print_table(outcome)
        kept &= is_kept(outcome, mode)
    print("\nkept" if kept else "\nNOT kept: see the figures above")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
