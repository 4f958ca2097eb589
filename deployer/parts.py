"""What the procedure works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.difference import Origins
from deployer.health import Prober
from deployer.model import App
from deployer.ports import Engine, Registry, Store
from deployer.releases import Releases
from deployer.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Parts:
    """The configured apps, and the one of each part that a worker has.

    `wait` sleeps (seconds) and answers True, early, when this process is being stopped;
    `now` is the time in seconds since 1970. `origins` says of each app where its settings were
    written, `listener` who listens on a port of this machine ("" nobody).
    """

    apps: Mapping[str, App]
    store: Store
    registry: Registry
    engine: Engine
    traffic: Traffic
    prober: Prober
    wait: Callable[[float], bool]
    now: Callable[[], float] = time.time
    origins: Mapping[str, Origins] = field(default_factory=dict)
    listener: Callable[[int], str] = lambda _: ""

    @property
    def releases(self) -> Releases:
        """The releases in this store and engine."""
        return Releases(self.store, self.engine)
