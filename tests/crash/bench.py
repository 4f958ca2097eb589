"""A deployer whose worker is killed at one point after the other, under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import docker

from deployer.deployment import Trigger, Wanted
from deployer.ports import Delivery, Order
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from tests.crash.calls import Point
from tests.crash.puppet import LIMIT, Puppet
from tests.crash.truth import Truth
from tests.engine.world import World, world
from tests.lab.clients import CLOSING, THINKING, Load, check_ids
from tests.lab.errors import LabError
from tests.lab.shell import wait_until

CLIENTS = {CLOSING: 1, THINKING: 4}
"""The thinking ones keep a connection over several reloads of Nginx."""
QUICK = {
    "DEPLOYER_DEPLOY__WATCH": "300ms",
    "DEPLOYER_DEPLOY__KEEP": "2",
    # Longer than a busy machine lets a client wait: it would write to what Nginx has closed.
    "DEPLOYER_NGINX__KEEPALIVE_TIMEOUT": "6s",
    "DEPLOYER_NGINX__DRAIN": "8s",
}
AFTERWARDS = 1.0
"""How long a worker goes on, in seconds, when nothing is left to be seen of what it does."""
HOOKS = {when: {"command": "true"} for when in ("pre_deploy", "post_deploy", "on_failure")}
APP = {
    "configs": [{"source": "motd", "target": "/etc/motd"}],
    "health": {"path": "/healthz", "interval": "100ms", "timeout": "2s", "deadline": "20s"},
}


@dataclass(frozen=True)
class Struck:
    """What came of a kill: whether it was met at all, and how long recovery took (seconds)."""

    point: Point
    second: Point | None
    met: bool
    recovered: float
    took: float
    requests: int
    points: tuple[Point, ...] = field(default=(), repr=False)

    @property
    def last(self) -> Point:
        """The point that is reached last."""
        return self.second or self.point


class Bench:
    """One app, several versions of it, and a worker that waits to be killed."""

    def __init__(self, one: World, store: SQLiteStore, *, lossless: bool = True) -> None:
        """`lossless`: no request may fail, whenever a worker is killed."""
        self.lossless = lossless
        self.world = one
        self.store = store
        self._api = docker.APIClient()
        self._standby = self._puppet()
        self.worker = self.next()
        self.digests = {f"{n} of {one.name}": "" for n in ("a", "b", "c", "broken")}
        self.truth = Truth(one, store, self._api, "")
        self.serves = ""

    def begin(self) -> None:
        """Push all versions, and let the first serve."""
        self.push_all()
        self.worker.go()
        wait_until(lambda: bool(self.store.active()), "the first version", limit=60)
        self.look_at_all()
        self.wait_true()

    def push_all(self) -> None:
        """Push all versions; the tag that is deployed stands for the first."""
        app = self.world.web
        for version in self.digests:
            extra = ['CMD ["false"]'] if version.startswith("broken") else []
            self.digests[version] = app.push_afresh(version, *extra)
            # With a tag of its own it is found again when all is cleaned.
            tag = version.partition(" ")[0]
            app.registry.point(app.repository, tag, self.digests[version])
        self.serves = next(iter(self.digests))
        self._tag(self.serves)

    def look_at_all(self) -> None:
        """Find what this deployer made by its label, now that there is something."""
        instance = self.world.deployer.instance()
        self.truth = Truth(self.world, self.store, self._api, instance)

    def close(self) -> None:
        """End the processes and connections that are its own."""
        for puppet in (self.worker, self._standby):
            puppet.kill()
        self._api.close()

    # what is asked for; each says which version has to serve then

    def deploy(self) -> str:
        """A webhook, of a version that is not on this machine."""
        known = [one for one in self.digests if not one.startswith("broken")]
        version = known[(known.index(self.serves) + 1) % len(known)]
        self._tag(version)
        self._deliver()
        return version

    def fail(self) -> str:
        """A webhook, of a version that does not start."""
        self._tag(next(one for one in self.digests if one.startswith("broken")))
        self._deliver()
        return self.serves

    def roll_back(self) -> str:
        """An order for the other release that is kept."""
        app = self.world.web.name
        active = self.store.active()[app].release
        row = next(row for row in self.store.releases(app) if row.number != active)
        self.store.give(Order(0, "rollback", app, "crash", time.time(), release=row.number))
        return next(one for one, digest in self.digests.items() if digest == row.image.digest)

    # what is done to the worker

    def recorded(self, ask: Callable[[], str]) -> list[Point]:
        """Every point of what is asked for, from a run in which nobody is killed."""
        self.worker.record()
        self.serves = ask()
        self.wait_true()
        points = list(self.worker.points)
        self._restart()
        return points

    def recorded_recovery(self, ask: Callable[[], str], point: Point) -> list[Point]:
        """Every point of the recovery from a kill at that point."""
        self.worker.arm(point)
        self.serves = ask()
        wait_until(self.worker.died, f"a kill at {point}", limit=LIMIT)
        self.worker.kill()
        self.worker = self.next()
        self.worker.record()
        self.wait_true()
        points = list(self.worker.points)
        self._restart()
        return points

    def strike(self, ask: Callable[[], str], point: Point, second: Point | None = None) -> Struck:
        """Kill the worker there, once more in its recovery, and see that all is well in time.

        Raises LabError with what is not true, or which requests were lost.
        """
        begun = time.monotonic()
        # Before the load: a client's first connection must not wait for a busy machine.
        self.worker.arm(point)
        with self.load() as load:
            self.serves = ask()
            met = self.dies()
            self.worker = self.next()
            if second is not None:
                self.worker.arm(second)
                met = self.dies() and met
                self.worker = self.next()
            killed = time.monotonic()
            self.worker.go()
            self.wait_true()
            recovered = time.monotonic() - killed
            report = load.stop()
        if self.lossless and (report.failed or not check_ids(report, self.world.ids)):
            raise LabError(f"requests were lost:\n{report}\n{check_ids(report, self.world.ids)}")
        if report.sent < 10:
            raise LabError(f"there was no load:\n{report}")
        self._forget_ids()
        took = time.monotonic() - begun
        return Struck(point, second, met, recovered, took, report.sent)

    def wait_true(self) -> None:
        """Wait until all is as it must be; raises LabError with what is not."""
        wrong: list[str] = []

        def look() -> bool:
            wrong[:] = self.truth.lies(self.serves, self.digests[self.serves])
            if self.store.snapshot().get("pid") != self.worker.pid:
                wrong.append("the worker has not looked yet")
            return not wrong

        wait_until(look, "a true state", limit=LIMIT, step=0.1, hint=lambda: "; ".join(wrong))

    def dies(self) -> bool:
        """Whether it died where it should; where it never came there it is killed when done."""
        true_since = 0.0

        def over() -> bool:
            nonlocal true_since
            wrong = self.truth.lies(self.serves, self.digests[self.serves])
            true_since = 0.0 if wrong else true_since or time.monotonic()
            return self.worker.died() or (not wrong and time.monotonic() - true_since > AFTERWARDS)

        wait_until(over, "a kill or an end", limit=LIMIT, step=0.05)
        met = self.worker.died()
        self.worker.kill()
        return met

    def _restart(self) -> None:
        self.worker.stop()
        self.worker = self.next()
        self.worker.go()
        self.wait_true()

    def next(self) -> Puppet:
        """The process that is ready; another one gets ready meanwhile."""
        ready, self._standby = self._standby, self._puppet()
        return ready

    def _puppet(self) -> Puppet:
        return Puppet(self.world.deployer.environment, self.world.deployer.log)

    def load(self) -> Load:
        target = ("127.0.0.1", self.world.deployer.http_port)
        return Load(target, self.world.web.host, CLIENTS, pace=0.01, think=0.4)

    def _tag(self, version: str) -> None:
        app = self.world.web
        app.registry.point(app.repository, "latest", self.digests[version])

    def _deliver(self) -> None:
        name = self.world.web.name
        wanted = Wanted(name, Trigger.WEBHOOK, "latest")
        self.store.record(Delivery("hub", time.time(), b"{}"), [wanted])

    def _forget_ids(self) -> None:
        """The logs of containers that are gone would be read again each time."""
        alive = {one["Id"][:12] for one in self.truth.containers()}
        for file in self.world.ids.glob("*.log"):
            if file.stem not in alive:
                file.unlink()


@contextmanager
def bench(label: str, *, strategy: str = "start-first", hooks: bool = False) -> Iterator[Bench]:
    """A bench whose first version serves; all of it is gone in the end."""
    deploy = {"strategy": strategy} | (HOOKS if hooks else {})
    with world(label, web={**APP, "deploy": deploy}) as one:
        for name, value in QUICK.items():
            one.deployer.set(name, value)
        one.configure(configs={"motd": {"content": "hello"}})
        migrate(one.database)
        with closing(SQLiteStore(one.database)) as store:
            made = Bench(one, store, lossless=strategy == "start-first")
            try:
                made.begin()
                yield made
            finally:
                made.close()
