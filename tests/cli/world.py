"""A folder with a configuration and a store, filled through the store's own verbs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from click.testing import CliRunner, Result

from deployer import orders
from deployer.cli import main
from deployer.config import load
from deployer.deployment import Deployment, Status, Step, Trigger, Wanted, advance, enter
from deployer.model import Image, Replica, Running
from deployer.ports import Active
from deployer.spec import Spec
from deployer.stores.key import load_or_create_key
from deployer.stores.schema import migrate
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore

CONFIG = """\
receiver:
  host: deploy.example.com
paths:
  state: {state}
hooks:
  dockerhub:
    token_file: secrets/dockerhub.token
apps:
  web:
    image: docker.io/acme/web
    tags: [stable, edge]
    replicas: 2
    route: {{host: web.example.com, port: 8080}}
  api:
    image: registry.example.com/acme/api
"""
TOKEN = "canary-0123456789abcdef0123456789abcdef"
BEFORE_SWITCH = (Step.RESOLVE, Step.PULL, Step.START, Step.CHECK)


def digest(number: int) -> str:
    """A well-formed digest that is easy to tell from others."""
    return f"sha256:{number:064x}"


@dataclass
class World:
    """One machine as the command line sees it."""

    folder: Path
    now: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.config = self.folder / "config.yml"
        self.config.write_text(CONFIG.format(state=self.folder / "state"))
        secret = self.folder / "secrets" / "dockerhub.token"
        secret.parent.mkdir()
        secret.write_text(TOKEN)
        secret.chmod(0o600)
        database = self.folder / "state" / "deployer.db"
        migrate(database)
        key = load_or_create_key(self.folder / "key" / "key")
        self.store = SQLiteStore(database, seal=Seal(key))

    def run(self, *arguments: str, width: int | None = None) -> Result:
        """A command of `deployer`, its output caught."""
        environment = {"COLUMNS": str(width) if width else None, "NO_COLOR": "1"}
        return CliRunner().invoke(main, ["--config", str(self.config), *arguments], env=environment)

    def deploy(self, app: str = "web", number: int = 1, *, ago: float = 60.0) -> Deployment:
        """A deployment that succeeded `ago` seconds ago, and whose release serves."""
        running = self.begin(app, number, ago=ago)
        image = Image("docker.io", f"acme/{app}", "stable", digest(number))
        release = self.store.add_release(app, image, Spec(replicas=2), running.queued_at)
        running = replace(running, digest=image.digest, release=release.number)
        running = self.through(running, [*BEFORE_SWITCH, Step.SWITCH])
        self.store.activate(Active(app, release.number, running.id))
        running = self.through(running, [Step.WATCH])
        return self.end(running, Status.SUCCEEDED, f"release {release.number} serves")

    def begin(self, app: str = "web", number: int = 1, *, ago: float = 60.0) -> Deployment:
        """A deployment that a worker has just taken."""
        at = self.now - ago - 4.0
        self.store.enqueue(Wanted(app, Trigger.OPERATOR, tag="stable"), at)
        claimed = self.store.claim(at + 0.2)
        assert claimed is not None
        return claimed

    def through(self, deployment: Deployment, steps: Sequence[Step]) -> Deployment:
        """Take a deployment through steps, half a second each."""
        for step in steps:
            deployment = enter(deployment, step)
            at = (deployment.started_at or self.now) + 0.5 * list(Step).index(step)
            self.store.save(deployment, at, f"message of {step}")
        return deployment

    def end(
        self, deployment: Deployment, status: Status, reason: str, detail: str = ""
    ) -> Deployment:
        """End a deployment, four seconds after it was queued."""
        at = deployment.queued_at + 4.0
        active = self.store.active().get(deployment.app)
        ended = advance(deployment, status, at, reason, detail)
        ended = replace(ended, serving=active.release if active else None)
        self.store.save(ended, at, reason)
        return ended

    def see(
        self,
        *replicas: Replica,
        age: float = 1.0,
        live: int | None = 7,
        waits: Sequence[Mapping[str, object]] = (),
        held: Sequence[tuple[str, str]] = (),
        **more: object,
    ) -> None:
        """A snapshot as the worker writes it."""
        keys = ("name", "id", "address", "state", "health", "release", "deployment")
        apps = load(self.config, {}).apps
        self.store.show(
            {
                "at": time.time() - age,
                "pid": 1,
                "worker": {"at": time.time() - age, "waits": list(waits)},
                "nginx": {
                    "version": [1, 30, 6],
                    "user": "nginx",
                    "live": live,
                    "draining": 0,
                    "held": [
                        {"app": app, "reason": reason, "since": self.now} for app, reason in held
                    ],
                },
                "apps": {
                    name: [
                        {key: getattr(one, key) for key in keys}
                        for one in replicas
                        if one.app == name
                    ]
                    for name in apps
                },
                **more,
            }
        )


def replica(deployment: Deployment, index: int, /, **changes: object) -> Replica:
    """A running replica of a deployment."""
    made = Replica(
        deployment.app,
        deployment.id,
        deployment.release or 0,
        index,
        id=f"c{deployment.id}{index}",
        name=f"{deployment.app}-{deployment.id}-{index}",
        address=f"172.18.0.{10 + index}",
        state=Running.RUNNING,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class StandIn(threading.Thread):
    """Takes orders as the worker does and hands each claimed deployment to `act`."""

    def __init__(self, world: World, act: Callable[[Deployment], None]) -> None:
        super().__init__(daemon=True)
        self._world, self._act, self._end = world, act, threading.Event()
        self._apps = load(world.config, {}).apps

    def run(self) -> None:
        while not self._end.wait(0.02):
            self.take_orders()
            if (claimed := self._world.store.claim(time.time())) is not None:
                self._act(claimed)

    def take_orders(self) -> None:
        """Answer what was ordered, by the worker's own rules."""
        store = self._world.store
        for order in store.open_orders():
            orders.take(order, self._apps.get(order.app), store, time.time())

    def __enter__(self) -> StandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()
