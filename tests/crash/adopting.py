"""A container that somebody started is adopted and replaced, and the worker killed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from tests.crash.bench import APP, QUICK, Bench, Struck
from tests.crash.calls import Point
from tests.crash.puppet import LIMIT
from tests.engine.world import World, world
from tests.lab.clients import check_ids
from tests.lab.errors import LabError
from tests.lab.shell import run, wait_until


class Adopting(Bench):
    """A bench whose app runs already; no worker has begun."""

    def begin(self) -> None:
        """Push all versions, and start the first by hand."""
        self.push_all()
        app = self.world.web
        environment = [f"--env={key}={one}" for key, one in app.config["environment"].items()]
        options = [*environment, "--restart=unless-stopped", f"--volume={self.world.ids}:/ids"]
        image = f"{app.image}@{self.digests[self.serves]}"
        run(["docker", "run", "--detach", "--name", by_hand(self.world), *options, image])

    def record_all(self) -> list[Point]:
        """Every point of the adoption and of the deployment that replaces what was adopted."""
        self.worker.record()
        self._adopted()
        self.serves = self.deploy()
        self.wait_true()
        return list(self.worker.points)

    def strike_at(self, point: Point) -> Struck:
        """Adopt and replace, with one kill at this point. Raises LabError with what is wrong."""
        begun, started = time.monotonic(), self._started_at()
        self.worker.arm(point)
        died = not self._adopted()
        if died:
            self._begin_anew()
            self._adopted()
        if self._started_at() != started:
            raise LabError("what was adopted was touched")
        with self.load() as load:
            self.serves = self.deploy()
            met = died or self.dies()
            killed = time.monotonic()
            if not died:
                self._begin_anew()
            self.wait_true()
            wait_until(lambda: not self._started_at(), "the end of what was adopted")
            recovered = time.monotonic() - killed
            report = load.stop()
        if report.failed or not check_ids(report, self.world.ids):
            raise LabError(f"requests were lost:\n{report}\n{check_ids(report, self.world.ids)}")
        return Struck(point, None, met, recovered, time.monotonic() - begun, report.sent)

    def _adopted(self) -> bool:
        """Wait until it serves through Nginx; False where the worker died before."""

        def serves() -> bool:
            here = bool(self.store.active()) and self.world.web.ask() == (200, self.serves)
            return here and self.store.snapshot().get("pid") == self.worker.pid

        wait_until(lambda: self.worker.died() or serves(), "the adoption", limit=LIMIT)
        if self.worker.died():
            return False
        self.look_at_all()
        return True

    def _begin_anew(self) -> None:
        self.worker.kill()
        self.worker = self.next()
        self.worker.go()

    def _started_at(self) -> str:
        """When the container was started; "" where it is gone."""
        shown = ["docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}"]
        with suppress(LabError):
            return run([*shown, by_hand(self.world)])
        return ""


def by_hand(one: World) -> str:
    """What the container is called."""
    return f"{one.web.name}-by-hand"


@contextmanager
def adopting(label: str) -> Iterator[Adopting]:
    """A bench to adopt on; all of it is gone in the end."""
    with world(label, web={"health": APP["health"]}) as one:
        for name, value in QUICK.items():
            one.deployer.set(name, value)
        one.configure(apps={one.web.name: {**one.web.config, "adopt": by_hand(one)}})
        migrate(one.database)
        with closing(SQLiteStore(one.database)) as store:
            made = Adopting(one, store)
            try:
                made.begin()
                yield made
            finally:
                made.close()
                with suppress(LabError):
                    run(["docker", "rm", "--force", by_hand(one)])
