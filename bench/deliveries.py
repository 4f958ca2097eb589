"""`make bench-deliveries`: a flood of deliveries, beside slow connections, over a kill."""

from __future__ import annotations

import json
import os
import resource
import secrets
import signal
import socket
import sqlite3
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.burst import push_all, start
from tests.engine.world import World
from tests.lab.errors import LabError
from tests.lab.images import NGINX, ensure_base_images
from tests.lab.shell import wait_until
from tests.lab.user import folder
from tests.lab.wire import Broken, Wire

APPS, SENDERS, SLOW = 50, 16, 2000
LIMIT = 0.25
"""Seconds within which 99 of 100 deliveries are answered."""
MOST = 2
"""Deployments of one app: the one that ran when the others came, and one for all of those."""


@dataclass
class Flood:
    """What came of many deliveries: their times (seconds), the ids that got a 202, refusals."""

    name: str
    times: list[float] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    again: int = 0
    took: float = 0.0
    deployments: Counter[str] = field(default_factory=Counter)
    missing: int = 0

    @property
    def p99(self) -> float:
        """The time within which 99 of 100 were answered; seconds."""
        return statistics.quantiles(self.times, n=100)[98]

    @property
    def is_kept(self) -> bool:
        """Whether nothing was lost, and no app was deployed more often than needed."""
        return not self.missing and not self.refused and max(self.deployments.values()) <= MOST


class Sender:
    """Posts deliveries through Nginx, each until it is taken."""

    def __init__(self, world: World, token: str) -> None:
        self.address = ("127.0.0.1", world.deployer.http_port)
        self.images = [app.image for app in world.apps.values()]
        self.host = f"{world.name}.test"
        self.token = token

    def flood(self, name: str, count: int) -> Flood:
        """As many deliveries as fast as SENDERS connections can, apps in turn."""
        flood, lock = Flood(name), threading.Lock()
        numbers = iter(range(count))

        def send() -> None:
            wire: Wire | None = None
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                wire = self._until_taken(wire, flood, number, lock)
            if wire:
                wire.close()

        begun = time.monotonic()
        with ThreadPoolExecutor(SENDERS) as pool:
            for done in [pool.submit(send) for _ in range(SENDERS)]:
                done.result()
        flood.took = time.monotonic() - begun
        return flood

    def _until_taken(
        self, wire: Wire | None, flood: Flood, number: int, lock: threading.Lock
    ) -> Wire | None:
        identity = f"{flood.name}-{number}-{secrets.token_hex(4)}"
        body = json.dumps({"image": self.images[number % len(self.images)], "tag": "latest"})
        request = self._request(identity, body)
        while True:
            begun = time.monotonic()
            try:
                wire = wire or Wire(self.address, timeout=30)
                answer = wire.ask(request)
            except Broken:
                wire = None
                with lock:
                    flood.again += 1
                continue
            took = time.monotonic() - begun
            if answer.closes:
                wire.close()
                wire = None
            with lock:
                if answer.status == 202:
                    flood.times.append(took)
                    flood.taken.add(identity)
                    return wire
                if answer.status != 503:
                    flood.refused[answer.status] += 1
                    return wire
                flood.again += 1
            # As `Retry-After` asks a sender to, only sooner.
            time.sleep(0.1)

    def _request(self, identity: str, body: str) -> bytes:
        lines = {
            "Host": self.host,
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "webhook-id": identity,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST /hooks/ci HTTP/1.1\r\n{head}\r\n{body}".encode()

    @contextmanager
    def slow(self, count: int) -> Iterator[None]:
        """So many connections that never finish a request; one that is cut comes again."""
        stop = threading.Event()
        head = f"POST /hooks/ci HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: 4000\r\n"
        halves = (head.encode(), f"{head}\r\n{{".encode())
        held = [self._half(halves[number % 2]) for number in range(count)]

        def go_on() -> None:
            while not stop.wait(0.5):
                for number, one in enumerate(held):
                    if not _still(one):
                        one.close()
                        held[number] = self._half(halves[number % 2])

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            for one in held:
                one.close()

    def _half(self, begun: bytes) -> socket.socket:
        made = socket.create_connection(self.address, 10)
        made.sendall(begun)
        made.setblocking(False)
        return made


def _still(one: socket.socket) -> bool:
    """Whether a connection is open; a byte more keeps a sender of headers slow, not silent."""
    try:
        one.send(b"x")
        return one.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def prepared(path: Path, token: str) -> World:
    """A deployer with APPS apps and one hook for all of them, not started."""
    names = [f"a{number:02d}" for number in range(APPS)]
    own = {"health": {"path": "/healthz", "interval": "200ms", "deadline": "30s"}}
    watch = {"DEPLOYER_DEPLOY__WATCH": "10s"}
    world = World(path, "deliveries", dict.fromkeys(names, own), watch)
    hook = {"source": "generic", "token_file": world.secret("ci.token", token)}
    world.configure(hooks={"ci": hook})
    return world


def stored(world: World) -> set[str]:
    """The senders' ids of all deliveries that are in the store."""
    return {identity for (identity,) in _ask(world, "SELECT sender_id FROM deliveries")}


def _ask(world: World, question: str, *values: int) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{world.database}?mode=ro", uri=True)) as connection:
        return connection.execute(question, values).fetchall()


def settled(world: World, flood: Flood, before: int) -> None:
    """Wait until all that was asked for has ended, and note what came of it."""
    still = "SELECT id FROM deployments WHERE status IN ('queued', 'running')"
    wait_until(lambda: not _ask(world, still), "the end of all deployments", limit=900)
    rows = _ask(world, "SELECT app, status, reason FROM deployments WHERE id > ?", before)
    flood.deployments = Counter(app for app, *_ in rows)
    flood.missing = len(flood.taken - stored(world))
    if bad := [row for row in rows if row[1] not in ("succeeded", "unchanged")]:
        raise LabError(f"deployments did not succeed: {bad}")


def kill_receiver(world: World) -> None:
    """`kill -9` of the receiver: its first process and the one that serves."""
    first = world.deployer.child("receiver")
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    for pid in (first, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def measure(world: World, token: str, count: int) -> list[Flood]:
    """The floods: alone, beside slow connections, and over a kill of the receiver."""
    start(world)
    sender, floods = Sender(world, token), []
    for name in ("alone", "slow", "killed"):
        push_all(world, name)
        before = world.newest()
        if name == "slow":
            with sender.slow(SLOW):
                flood = sender.flood(name, count)
        elif name == "killed":
            timer = threading.Timer(1.0, kill_receiver, [world])
            timer.start()
            flood = sender.flood(name, count)
            timer.join()
        else:
            flood = sender.flood(name, count)
        settled(world, flood, before)
        floods.append(flood)
        print(_told(flood), flush=True)
    return floods


def _told(flood: Flood) -> str:
    middle = statistics.median(flood.times)
    kinds = {
        "alone": "nothing else",
        "slow": f"{SLOW} slow connections",
        "killed": "kill -9 of the receiver",
    }
    most = max(flood.deployments.values(), default=0)
    rate = len(flood.taken) / flood.took
    return (
        f"| {kinds[flood.name]} | {len(flood.taken)} | {rate:.0f}/s | {middle * 1000:.0f} ms "
        f"| {flood.p99 * 1000:.0f} ms | {max(flood.times) * 1000:.0f} ms | {flood.again} "
        f"| {sum(flood.refused.values())} | {flood.missing} | {most} |"
    )


def main() -> int:
    """Measure and tell; 1 where something was lost or a bound was broken."""
    count, token = int(os.environ.get("N") or 5000), secrets.token_urlsafe(32)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ensure_base_images([NGINX])
    with folder("bench-deliveries") as path:
        world = prepared(path, token)
        try:
            print(
                "| beside | taken | rate | median | p99 | slowest | sent again | refused "
                "| not in the store | deployments of one app at most |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|")
            floods = measure(world, token, count)
        finally:
            world.clean()
    kept = all(one.is_kept and len(one.taken) == count for one in floods)
    fast = all(one.p99 < LIMIT for one in floods if one.name != "killed")
    return 0 if kept and fast else 1


if __name__ == "__main__":
    sys.exit(main())
