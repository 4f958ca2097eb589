"""A small world for the procedure: all parts in memory but the store, which is the real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from cryptography.fernet import Fernet

from deployer.budget import Budget
from deployer.deployment import Deployment, Status, Step, Trigger, Wanted
from deployer.errors import DeployerError
from deployer.model import App, HealthCheck, Image, Limits, Release, Replica
from deployer.parts import Parts
from deployer.ports import Active, Adoption, Applied, Order, Proxy, Stopping
from deployer.ports.proxy import NOTHING_ELSE
from deployer.rollout import Rollout
from deployer.routing import Route, RouteRule
from deployer.spec import Spec
from deployer.stores.schema import migrate
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore
from deployer.traffic import Traffic
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.prober import FakeProber
from tests.fakes.proxy import FakeProxy
from tests.fakes.registry import Behaviour, FakeRegistry

T = TypeVar("T")
Journal = list[tuple[str, str]]
LOOKS = ("look", "replicas", "logs", "has", "labels", "examine")


def must(found: T | None) -> T:
    """The value that has to be there."""
    assert found is not None
    return found


def app(name: str = "web", **changes: object) -> App:
    """An app that is found healthy or not within a moment."""
    plain = App(
        name,
        Image("docker.io", f"acme/{name}"),
        ("latest", "next"),
        Spec(environment=(("PORT", "8080"),)),
        RouteRule((f"{name}.example.com",), 8080),
        HealthCheck(port=8080, path="/healthz", interval=0.01, deadline=0.1),
        Limits(watch=0.02),
        reconcile=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@cache
def _empty_database() -> bytes:
    """What `migrate` makes; the same for every world, as it takes a while."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "deployer.db"
        migrate(path)
        return path.read_bytes()


class ShakyStore(SQLiteStore):
    """The real store, which can be told to fail, and tells the journal of every step.

    What is in `at` happens once, when a deployment has come to that step; what is in `after`
    once, before that verb gives its answer.
    """

    def __init__(self, path: Path, seal: Seal, journal: Journal) -> None:
        super().__init__(path, seal=seal, busy_timeout=5.0)
        self.at: dict[Step, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self._journal = journal
        self._failures: list[tuple[str, DeployerError, bool]] = []

    def fail(self, verb: str, error: DeployerError, *, after: bool = False) -> None:
        """Let the next call of a verb raise this, `after` for: once it has been carried out."""
        self._failures.append((verb, error, after))

    def calm(self) -> None:
        """Let nothing fail or happen any more that was told to."""
        self._failures.clear()
        self.at.clear()
        self.after.clear()

    def save(self, deployment: Deployment, at: float, message: str = "") -> None:
        """See ports.Store; then what is to happen at this step happens, once."""
        with self._verb("save"):
            super().save(deployment, at, message)
        about = deployment.step or "start"
        running = deployment.status is Status.RUNNING
        cleaning = deployment.step in (Step.DRAIN, Step.RETIRE)
        if running or cleaning:
            self._journal.append(("step", about))
            happens = self.at.pop(deployment.step, None) if deployment.step else None
            if happens is not None:
                happens()
        else:
            self._journal.append(("status", deployment.status))

    def activate(self, chosen: Active) -> None:
        """See ports.Store."""
        with self._verb("activate"):
            super().activate(chosen)
        self._journal.append(("active", f"{chosen.app} {chosen.release}"))

    def deactivate(self, app: str) -> None:
        """See ports.Store."""
        with self._verb("deactivate"):
            super().deactivate(app)
        self._journal.append(("active", f"{app} nothing"))

    def active(self) -> dict[str, Active]:
        """See ports.Store."""
        with self._verb("active"):
            return super().active()

    def queued(self, app: str) -> bool:
        """See ports.Store."""
        with self._verb("queued"):
            return super().queued(app)

    def adopt(self, adoption: Adoption, at: float) -> Release:
        """See ports.Store."""
        with self._verb("adopt"):
            return super().adopt(adoption, at)

    def answer(self, order: Order) -> None:
        """See ports.Store."""
        with self._verb("answer"):
            super().answer(order)

    def running(self) -> list[Deployment]:
        """See ports.Store."""
        with self._verb("running"):
            return super().running()

    @contextmanager
    def _verb(self, verb: str) -> Iterator[None]:
        failure = next((one for one in self._failures if one[0] == verb), None)
        if failure is not None:
            self._failures.remove(failure)
            if not failure[2]:
                raise failure[1]
        yield
        if happens := self.after.pop(verb, None):
            happens()
        if failure is not None:
            raise failure[1]


class GatedEngine(FakeEngine):
    """Pulls of an image wait for its gate, where it has one."""

    def __init__(self, registry: FakeRegistry) -> None:
        super().__init__(registry)
        self.gates: dict[str, threading.Event] = {}

    def close(self, app: App) -> threading.Event:
        """Make a gate; pulls of the app's image wait until it is set."""
        return self.gates.setdefault(app.image.name, threading.Event())

    def pull(
        self,
        image: Image,
        *,
        platform: str = "",
        stall: float,
        timeout: float,
        stopping: Stopping,
    ) -> None:
        """See ports.Engine."""
        gate = self.gates.get(image.name)
        while gate is not None and not gate.wait(0.005):
            stopping()
        super().pull(image, platform=platform, stall=stall, timeout=timeout, stopping=stopping)


class TellingProxy(FakeProxy):
    """Tells the journal of each change that went live, and how many workers were asked for."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def apply(
        self, routes: Sequence[Route], otherwise: Mapping[str, Route | None] = NOTHING_ELSE
    ) -> Applied:
        """See ports.Proxy."""
        before = len(self.history)
        applied = super().apply(routes, otherwise)
        if len(self.history) > before:
            self._journal.append(("proxy", " ".join(one.app for one in self.routes)))
        return applied


class World:
    """Apps, the parts that deploy them, and what a test says of their surroundings."""

    def __init__(self, folder: Path, *apps: App) -> None:
        self.stop = threading.Event()
        self.registry = FakeRegistry()
        self.engine = GatedEngine(self.registry)
        self.journal = self.engine.calls
        self.proxy = TellingProxy(self.journal)
        self.prober = FakeProber(self.engine, self.proxy)
        self.path = folder / "deployer.db"
        self.path.write_bytes(_empty_database())
        self.store = ShakyStore(self.path, Seal(Fernet.generate_key()), self.journal)
        self.engine.adopted = self.store.adopted
        self.meanwhile: Callable[[], object] = lambda: None
        self.drain = 60.0
        self.clock = FakeClock()
        self.traffic = self.new_traffic(self.proxy)
        self.parts = Parts(
            {one.name: one for one in apps or (app(),)},
            self.store,
            self.registry,
            self.engine,
            self.traffic,
            self.prober,
            self._wait,
        )

    def new_traffic(self, proxy: Proxy) -> Traffic:
        """The door to this proxy, whose budget of reloads costs no time."""
        budget = Budget(proxy, self.drain, self.clock.now, self.clock.wait)
        return Traffic(proxy, self.drain, self.store.maintained, budget)

    def _wait(self, seconds: float) -> bool:
        if seconds:
            self.meanwhile()
        return self.stop.wait(min(seconds, 0.002))

    def change(self, name: str = "web", **changes: object) -> App:
        """Say something else of an app in the configuration."""
        changed = replace(self.parts.apps[name], **changes)  # type: ignore[arg-type]
        self.parts = replace(self.parts, apps={**self.parts.apps, name: changed})
        return changed

    def push(
        self,
        behaviour: Behaviour = Behaviour.ANSWERS,
        *,
        name: str = "web",
        tag: str = "latest",
        revision: str = "",
    ) -> Image:
        """Push an image of an app that behaves like this, and says that it is of this commit."""
        labels = {"org.opencontainers.image.revision": revision} if revision else {}
        return self.registry.push(replace(self.parts.apps[name].image, tag=tag), behaviour, labels)

    def claim(self, wanted: Wanted | None = None) -> Rollout:
        """Queue and claim what is wanted; its rollout, which has not begun."""
        self.store.enqueue(wanted or Wanted("web", Trigger.WEBHOOK), 1.0)
        return Rollout(self.parts, must(self.store.claim(2.0)))

    def deploy(self, wanted: Wanted | None = None) -> Deployment:
        """Take what is wanted to its end, clean-up and all, as it is in the store then."""
        rollout = self.claim(wanted)
        rollout.run()
        rollout.clean_up()
        return self.stored(rollout.deployment.id)

    def stored(self, number: int) -> Deployment:
        """A deployment as the store has it."""
        return must(self.store.deployment(number))

    def replicas(self, name: str = "web") -> list[Replica]:
        """An app's containers."""
        return self.engine.replicas(name)

    def routed(self, name: str = "web") -> list[str]:
        """Where an app's requests go."""
        return [
            target.address
            for route in self.proxy.routes
            if route.app == name
            for target in route.targets
        ]

    def addresses(self, deployment: int) -> list[str]:
        """The addresses of a deployment's replicas."""
        return sorted(one.address for one in self.engine.replicas() if one.deployment == deployment)

    def releases(self, name: str = "web") -> list[int]:
        """The numbers of an app's releases, oldest first."""
        return sorted(row.number for row in self.store.releases(name))

    def messages(self, number: int) -> list[str]:
        """What the history of a deployment says."""
        return [one.message for one in self.store.transitions(number)]

    def effects(self) -> list[str]:
        """What has been done since last asked, in its order, without mere looking."""
        done = [f"{verb}: {about}" for verb, about in self.journal if verb not in LOOKS]
        self.journal.clear()
        return done

    def calm(self) -> None:
        """Let nothing fail any more that was told to."""
        self.stop.clear()
        self.registry.error = None
        self.engine.calm()
        self.proxy.calm()
        self.store.calm()

    def close(self) -> None:
        """Close the store."""
        self.store.close()


@contextmanager
def small_world(folder: Path, *apps: App) -> Iterator[World]:
    """A world whose Nginx serves nothing yet; closed in the end."""
    world = World(folder, *apps)
    world.traffic.begin({})
    world.journal.clear()
    yield world
    world.close()
