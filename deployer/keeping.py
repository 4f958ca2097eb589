"""What the worker does by nobody's order: compare tags, follow Docker and its configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer import adoption, turns
from deployer.config import Config
from deployer.model import Replica
from deployer.moving import Moving
from deployer.outputs import Outputs
from deployer.parts import Parts
from deployer.ports import Active
from deployer.reconcile import Reconciler
from deployer.reloading import Reloading
from deployer.reports import Reports
from deployer.reviving import Reviving
from deployer.settling import Settling
from deployer.watching import Watching


@dataclass(slots=True)
class Keeping:
    """Keeps apps as they are meant to be. `parts` gives those that are in force.

    Without `reloading` the configuration stays as it is, without `outputs` no files are written,
    without `reports` nobody is told.
    `gone` are the apps that it has no more.
    """

    parts: Callable[[], Parts]
    reloading: Reloading | None = None
    outputs: Outputs | None = None
    reports: Reports | None = None
    gone: set[str] = field(init=False, default_factory=set)
    _fresh: set[str] = field(init=False, default_factory=set)
    _tags: Reconciler = field(init=False)
    _settling: Settling = field(init=False)
    _reviving: Reviving = field(init=False)
    _moving: Moving = field(init=False)

    def __post_init__(self) -> None:
        now = self.parts()
        self._tags = Reconciler(lambda: self.parts().apps, now.store, now.registry, now.now)
        self._settling = Settling(self.parts)
        self._reviving = Reviving(self.parts)
        self._moving = Moving(self.parts)

    def runs(self, changed: Callable[[], None]) -> list[Callable[[threading.Event], None]]:
        """What runs in threads of its own; `changed` is called when something did in Docker."""
        watching = Watching(self.parts().engine, changed, lost=self._reviving.lost)
        reloading = [self.reloading.run] if self.reloading else []
        outputs = self.outputs.runs(changed) if self.outputs else []
        reports = self.reports.runs(changed) if self.reports else []
        return [self._tags.run, watching.run, *reloading, *outputs, *reports]

    def begin(self) -> None:
        """Know what was seen before, and what is to be looked at first. Raises StoreError."""
        self._tags.begin()
        if self.reports:
            self.reports.begin()
        self._settling.ask(self.parts().apps, ordered=False)

    def replicas(self, busy: Collection[str] = ()) -> list[Replica]:
        """All replicas, once what Docker ended runs again, but of busy apps; see Reviving."""
        return self._reviving.replicas(busy)

    def seen(self, busy: Collection[str]) -> tuple[Mapping[str, Active], list[Replica]]:
        """What serves, and all replicas; what shares a network that moved is queued to follow.

        Raises StoreError, EngineUnavailable.
        """
        active, replicas = self.parts().store.active(), self.replicas(busy)
        self._moving.turn(active, replicas)
        if self.outputs:
            self.outputs.look(self.parts(), active, replicas)
        return active, replicas

    def check_revived(self) -> None:
        """Raise StartFailed while something does not run that could not be started again."""
        self._reviving.check()

    def follow(self) -> Config | None:
        """A changed configuration to be in force from now on; None where there is none."""
        plan = self.reloading.take() if self.reloading else None
        if self.reloading is None or plan is None:
            return None
        config = self.reloading.config
        self.gone = self.gone.union(plan.gone) - config.apps.keys()
        for name in plan.changed:
            self._tags.mended(name)
        self._fresh.update(plan.new, plan.changed)
        self._settling.ask(plan.changed, ordered=True)
        if self.outputs:
            self.outputs.follow(config.outputs)
        if self.reports:
            self.reports.follow(config.reports)
        return config

    def settle(self) -> None:
        """Queue what a changed configuration needs that is not what serves.

        Raises StoreError, EngineUnavailable.
        """
        if self._fresh:
            parts = self.parts()
            held = adoption.adopt(parts)
            leaving = held | (parts.apps.keys() - self._fresh)
            turns.bootstrap(parts.store, parts.apps, parts.now(), leaving=leaving)
            self._fresh.clear()
        self._settling.turn()

    def shown(self) -> dict[str, Any]:
        """What the snapshot says of it."""
        config = {"config": self.reloading.shown()} if self.reloading else {}
        config |= {"outputs": self.outputs.shown()} if self.outputs else {}
        config |= {"reports": self.reports.shown()} if self.reports else {}
        return {**config, "reconcile": self._tags.shown(), "left_behind": self._moving.shown()}
