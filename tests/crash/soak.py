"""`make soak`: worker, receiver and Nginx are killed at random while pushes go on, for minutes.

An oracle outside knows what was acknowledged with 202 and which version of which app answers.
Every minute nobody pushes or kills until all is quiet, and what must be true then is looked at.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

from deployer.deployment import ENDED, Deployment, Status
from deployer.stores.sqlite import SQLiteStore
from tests.engine.app import App
from tests.engine.world import World, world
from tests.lab.engine import ensure_engine
from tests.lab.errors import LabError
from tests.lab.images import ensure_base_images
from tests.lab.registry import ensure_registry
from tests.lab.shell import wait_until
from tests.lab.wire import Broken, Wire

VERSIONS = 4
ROUND = 60.0
QUIET = 120.0
SETTINGS = {"DEPLOYER_DEPLOY__KEEP": "2", "DEPLOYER_DEPLOY__WATCH": "500ms"}
GAVE_UP = "interrupted 3 times before the switch"


@dataclass
class Figures:
    """What happened, and what must never happen."""

    pushes: int = 0
    answers: int = 0
    unanswered: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    slowest: float = 0.0
    lost: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def well(self) -> bool:
        """Whether nothing happened that must not."""
        return not (self.lost or self.orphans or self.wrong or self.stuck)

    def __str__(self) -> str:
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        ended = ", ".join(f"{count} {name}" for name, count in sorted(self.ended.items()))
        lines = [
            f"{self.pushes} pushes acknowledged; killed: {kills}",
            f"deployments: {ended}; {self.given_up} of them interrupted three times",
            f"{self.answers} answers, {self.unanswered} requests without one; "
            f"quiet after {self.slowest:.1f} s at most",
            f"{len(self.lost)} lost deliveries, {len(self.orphans)} orphans, "
            f"{len(self.wrong)} wrong versions, {len(self.stuck)} stuck deployments",
        ]
        return "\n".join([*lines, *self.lost, *self.orphans, *self.wrong, *self.stuck])


@dataclass
class Pushed:
    """What is known, outside, of one app: its versions and what of them was acknowledged."""

    app: App
    digests: dict[str, str]
    acknowledged: list[tuple[int, str]] = field(default_factory=list)

    def push(self, version: str, give_up: Callable[[], bool]) -> int:
        """Push a version, and tell of it until that is acknowledged; the deployment's id."""
        self.app.registry.point(self.app.repository, "latest", self.digests[version])
        while not give_up():
            with suppress(LabError):
                number = self.app.queue()
                self.acknowledged.append((number, version))
                return number
            time.sleep(0.1)
        return 0


class Soak:
    """Pushes, kills and clients, each in a thread, and the rests between."""

    def __init__(self, one: World, store: SQLiteStore, seed: int, pushed: Sequence[Pushed]) -> None:
        self.world = one
        self.store = store
        self.figures = Figures()
        self._seed = seed
        self._over = threading.Event()
        # One for each that pushes or kills; a rest takes them all.
        self._actors = len(one.apps) + 1
        self._may_act = threading.Semaphore(self._actors)
        self._pushed = pushed

    def run(self, minutes: float) -> Figures:
        """All of it, for so many minutes."""
        for one in self._pushed:
            self._push_and_wait(one, next(iter(one.digests)))
        threads = [
            threading.Thread(target=act, args=(one,))
            for one in self._pushed
            for act in (self._ask, self._deliver)
        ]
        threads.append(threading.Thread(target=self._kill))
        for thread in threads:
            thread.start()
        try:
            end = time.monotonic() + minutes * 60
            while time.monotonic() < end and self.figures.well():
                self._over.wait(min(ROUND, max(1.0, end - time.monotonic())))
                self._look()
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
        for deployment in self._all():
            self.figures.ended[deployment.status] += 1
            self.figures.given_up += GAVE_UP in deployment.reason
        return self.figures

    # what goes on meanwhile

    def _deliver(self, one: Pushed) -> None:
        chance = random.Random(f"{self._seed} {one.app.name}")
        for _ in self._moments(chance, 0.2, 6.0):
            version = chance.choice([v for v in one.digests if v != one.acknowledged[-1][1]])
            if one.push(version, self._over.is_set):
                self.figures.pushes += 1

    def _kill(self) -> None:
        chance = random.Random(self._seed)
        for _ in self._moments(chance, 0.5, 8.0):
            what = chance.choice(["worker", "worker", "receiver", "nginx"])
            with suppress(LabError, ProcessLookupError, ValueError, IndexError):
                deployer = self.world.deployer
                pid = self.world.nginx_pid() if what == "nginx" else deployer.child(what)
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    self.figures.kills[what] += 1

    def _ask(self, one: Pushed) -> None:
        """Whatever answers must be this app, in a version that it has."""
        request = f"GET /version HTTP/1.1\r\nHost: {one.app.host}\r\nConnection: close\r\n\r\n"
        target = ("127.0.0.1", self.world.deployer.http_port)
        while not self._over.wait(0.05):
            try:
                with Wire(target, timeout=10) as wire:
                    answer = wire.ask(request.encode())
            except Broken:
                self.figures.unanswered += 1
                continue
            if answer.status != 200:
                self.figures.unanswered += 1
                continue
            self.figures.answers += 1
            if answer.body.decode() not in one.digests:
                self.figures.wrong.append(f"{one.app.host} answered {answer.body!r}")

    def _moments(self, chance: random.Random, least: float, most: float) -> Iterator[None]:
        """Random moments until the end, none of them in a rest."""
        while not self._over.wait(chance.uniform(least, most)):
            with self._may_act:
                yield

    # the rests

    def _look(self) -> None:
        for _ in range(self._actors):
            self._may_act.acquire()
        try:
            begun = time.monotonic()
            self._wait_quiet()
            self.figures.slowest = max(self.figures.slowest, time.monotonic() - begun)
            for one in self._pushed:
                self._compare(one)
            if self.figures.well():
                print(f"  {time.strftime('%H:%M:%S')}  quiet: {self._counted()}", flush=True)
        finally:
            self._may_act.release(self._actors)

    def _wait_quiet(self) -> None:
        begun = time.time()
        try:
            wait_until(
                lambda: (
                    # A worker that was killed last has begun again, and has looked.
                    self.store.snapshot().get("at", 0.0) > begun
                    and all(one.status in ENDED for one in self._all())
                    and self._alone()
                ),
                "quiet",
                limit=QUIET,
                step=0.2,
            )
        except LabError:
            open_ones = [one for one in self._all() if one.status not in ENDED]
            self.figures.stuck += [f"{one.id} is {one.status} at {one.step}" for one in open_ones]
            if not self._alone():
                self.figures.orphans.append(f"containers {self._names()}")

    def _compare(self, one: Pushed) -> None:
        known = {deployment.id: deployment for deployment in self._all()}
        for number, version in one.acknowledged:
            found = known.get(number)
            if found is None or not found.reason:
                self.figures.lost.append(f"{version} of {one.app.name}, deployment {number}")
        number, version = one.acknowledged[-1]
        newest = known[number]
        if newest.status is Status.FAILED and GAVE_UP in newest.reason:
            self._push_and_wait(one, version)
        elif newest.status not in (Status.SUCCEEDED, Status.UNCHANGED):
            self.figures.lost.append(f"{number} is {newest.status}: {newest.reason}")
        if one.app.ask() != (200, version):
            self.figures.wrong.append(f"{one.app.host} answers {one.app.ask()}, not {version}")
        releases = sorted(row.number for row in self.store.releases(one.app.name))
        if one.app.kept() != releases:
            self.figures.orphans.append(f"images of {one.app.kept()}, releases {releases}")

    def _push_and_wait(self, one: Pushed, version: str) -> None:
        number = one.push(version, lambda: False)
        self.figures.pushes += 1
        found: list[Deployment] = []

        def ended() -> bool:
            found[:] = [one for one in [self.store.deployment(number)] if one is not None]
            return bool(found) and found[0].status in ENDED

        wait_until(ended, f"the end of {number}", limit=QUIET)
        if found[0].status not in (Status.SUCCEEDED, Status.UNCHANGED):
            self.figures.stuck.append(f"{number} {found[0].status}: {found[0].reason}")

    def _all(self) -> list[Deployment]:
        return self.store.deployments(limit=1_000_000)

    def _alone(self) -> bool:
        """Whether there is one container for each app, and Nginx."""
        return len(self.world.deployer.containers()) == len(self._pushed) + 1

    def _names(self) -> list[str]:
        return [one.name for pushed in self._pushed for one in pushed.app.containers()]

    def _counted(self) -> str:
        killed = sum(self.figures.kills.values())
        return f"{self.figures.pushes} pushes, {killed} kills, {self.figures.answers} answers"


def versions(app: App) -> dict[str, str]:
    """Versions of an app that nobody else has, each with its digest."""
    names = [f"{number} of {app.name}" for number in range(VERSIONS)]
    return {name: app.push_afresh(name) for name in names}


def main() -> int:
    """Soak for MINUTES; 1 where anything was lost, orphaned, wrong or stuck."""
    minutes = float(os.environ.get("MINUTES") or 30)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    print(f"\n  soaking for {minutes:g} minutes; SEED={seed} chooses the same moments again\n")
    ensure_engine()
    ensure_base_images()
    ensure_registry()
    try:
        with world("soak", one={}, two={}) as made:
            for name, value in SETTINGS.items():
                made.deployer.set(name, value)
            pushed = [Pushed(app, versions(app)) for app in made.apps.values()]
            made.deployer.start()
            with closing(SQLiteStore(made.database)) as store:
                figures = Soak(made, store, seed, pushed).run(minutes)
            if not figures.well():
                print(made.deployer.log.read_text()[-20000:])
    except LabError as error:
        print(f"\n  failed: {error}\n", file=sys.stderr)
        return 1
    print(f"\n{figures}\n")
    return 0 if figures.well() else 1


if __name__ == "__main__":
    sys.exit(main())
