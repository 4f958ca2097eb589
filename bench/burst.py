"""`make bench-burst`: many apps pushed within 5 s, with clients that keep old workers busy."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.websockets import WebSockets
from deployer.budget import CROWDED, GAP
from tests.engine.world import World
from tests.lab.clients import THINKING, Load
from tests.lab.errors import LabError
from tests.lab.images import NGINX, build, ensure_base_images, push
from tests.lab.user import folder

WITHIN = 5.0
DRAIN = 16.0
_LOOK = 0.1


@dataclass
class Watch:
    """Looks at Nginx again and again: the times of its reloads, its old workers, its memory."""

    world: World
    draining: int = 0
    megabytes: float = 0.0
    live: list[tuple[float, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look for the length of the block."""
        threads = [threading.Thread(target=one) for one in (self._processes, self._live)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def shortest(self) -> float:
        """The least time between two generations that went live; seconds."""
        times = [at for at, _ in self.live]
        return min((later - at for at, later in pairwise(times)), default=0.0)

    def _live(self) -> None:
        """Each generation from when it answers: none follows another faster than reloads do."""
        while not self._stop.wait(0.01):
            number = self.world.live()
            if number and (not self.live or self.live[-1][1] < number):
                self.live.append((time.monotonic(), number))

    def _processes(self) -> None:
        master = self.world.nginx_pid()
        while not self._stop.wait(_LOOK):
            children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
            titles = [_of(pid, "cmdline") for pid in children]
            old = sum("is shutting down" in title for title in titles)
            memory = sum(_kilobytes(_of(pid, "smaps_rollup")) for pid in (*children, str(master)))
            self.draining = max(self.draining, old)
            self.megabytes = max(self.megabytes, memory / 1024)


def _of(pid: str, name: str) -> str:
    """A file of a process in /proc; "" where it has just ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def _kilobytes(rollup: str) -> int:
    """Memory that is this process's own, and its part of what several share."""
    return int(rollup.partition("\nPss:")[2].split()[0]) if "\nPss:" in rollup else 0


def burst(world: World) -> tuple[float, list[str], float]:
    """Tell of all pushes; how long that took, what failed, and until the last one served."""
    push_all(world, "2")
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda app: app.queue(), world.apps.values()))
    told = time.monotonic() - begun
    ended = [world.deployer.wait_ended(number, limit=600) for number in numbers]
    served = time.monotonic() - begun
    failed = [
        f"{one['app']}: {one['status']}, {one['reason']}"
        for one in ended
        if one["status"] != "succeeded"
    ]
    return told, failed, served


def clients(world: World) -> tuple[Load, WebSockets]:
    """Of one app: connections that are kept, and in each second one more that is never closed.

    So every generation has workers that stay until the drain is over.
    """
    target, host = ("127.0.0.1", world.deployer.http_port), next(iter(world.apps.values())).host
    return Load(target, host, {THINKING: 8}), WebSockets(target, host, 60, stagger=1.0)


def prepared(path: Path, count: int) -> World:
    """A deployer with so many apps, not started."""
    names = [f"a{number:02d}" for number in range(count)]
    quick = {"DEPLOYER_NGINX__DRAIN": f"{DRAIN:g}s", "DEPLOYER_WORKER__PARALLEL": "8"}
    own = {"health": {"path": "/healthz", "interval": "200ms", "deadline": "30s"}}
    return World(path, "burst", dict.fromkeys(names, own), quick)


def main() -> int:
    """Measure and tell; 1 where something failed or a bound was broken."""
    count = int(os.environ.get("N") or 50)
    ensure_base_images([NGINX])
    with folder("bench-burst") as path:
        world = prepared(path, count)
        try:
            return measure(world, count)
        finally:
            world.clean()


def measure(world: World, count: int) -> int:
    """The burst, with clients and a look at Nginx, and the figures."""
    start(world)
    load, sockets = clients(world)
    load.start()
    sockets.start()
    watch = Watch(world)
    before = world.live()
    with watch.looking():
        told, failed, served = burst(world)
    report = load.stop()
    sockets.stop()
    made = world.live() - before
    workers = len(os.sched_getaffinity(0))
    print(f"{count} apps pushed in {told:.1f} s, all at their end after {served:.0f} s:")
    print(f"  failed deployments       {len(failed)}")
    print(
        f"  reloads                  {made}, the closest two {watch.shortest * 1000:.0f} ms apart"
    )
    print(f"  old workers at most      {watch.draining} ({workers} a generation)")
    print(f"  memory of Nginx at most  {watch.megabytes:.0f} MB")
    print(f"  requests                 {report.sent} sent, {report.failed} failed")
    for why in failed[:5]:
        print(f"  {why}", file=sys.stderr)
    bounded = told <= WITHIN and watch.draining <= (2 * CROWDED + 1) * workers
    return 0 if not failed and bounded and is_paced(watch) and not report.failed else 1


def is_paced(watch: Watch) -> bool:
    """Whether no two generations went live closer than the gap, as far as looking can tell."""
    return len(watch.live) < 2 or watch.shortest >= GAP - 0.05


def push_all(world: World, version: str) -> None:
    """A new image in the registry for each app; nobody is told yet."""
    image = build(version)
    for app in world.apps.values():
        push(image, app.repository, "latest", app.registry)


def start(world: World) -> None:
    """All apps at version 1."""
    push_all(world, "1")
    world.deployer.start()
    for number in range(1, len(world.apps) + 1):
        ended = world.deployer.wait_ended(number, limit=600)
        if ended["status"] != "succeeded":
            raise LabError(f"{ended['app']} did not start: {ended['reason']}")


if __name__ == "__main__":
    sys.exit(main())
