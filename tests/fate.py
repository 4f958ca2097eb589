"""What may befall a worker at any call of its ports; without processes, for fakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from deployer.errors import (
    DeployerError,
    EngineUnavailable,
    RegistryUnavailable,
    StoreUnavailable,
)
from tests.crash.calls import PORTS, watched
from tests.world import World

KINDS = ("fails", "times out", "killed before", "killed after")
Plan = Mapping[int | str, str]
"""What happens at the nth call of any port, or at a call by its name."""

ABSENT: Mapping[str, DeployerError] = {
    "Engine": EngineUnavailable("Docker is away"),
    "Store": StoreUnavailable("locked"),
    "Registry": RegistryUnavailable("no answer"),
}
"""What the calls of a port raise that is away; Nginx's own failures are drawn apart."""


class Killed(BaseException):
    """The worker is dead: nothing that it would still do has an effect."""


class Fate:
    """What befalls the worker at its nth call of any port; see tests.crash.calls.Listener.

    `fails`: nothing is done; `times out`: it is done, and the caller does not learn it;
    `killed before` and `killed after`: each later call of this worker comes to nothing.
    """

    def __init__(self) -> None:
        self._plan: Plan = {}
        self._made = 0
        self._dead = False
        self.happened: Counter[str] = Counter()

    @contextmanager
    def of(self, plan: Plan) -> Iterator[None]:
        """Within this block a worker works to which this happens."""
        self._plan, self._made, self._dead = plan, 0, False
        try:
            yield
        finally:
            self._plan, self._dead = {}, False

    def before(self, call: str) -> None:
        """See Listener."""
        self._made += not self._dead
        self._meet("killed before", call)
        self._fail("fails", call)

    def after(self, call: str, about: tuple[Any, ...], result: object) -> None:
        """See Listener."""
        self._meet("killed after", call)
        self._fail("times out", call)

    def _now(self, call: str) -> str | None:
        return self._plan.get(self._made, self._plan.get(call))

    def _meet(self, what: str, call: str) -> None:
        if not self._dead and self._now(call) == what:
            self._dead = True
            self.happened[what] += 1
        if self._dead:
            raise Killed

    def _fail(self, what: str, call: str) -> None:
        error = ABSENT.get(call.partition(".")[0])
        if self._now(call) == what and error is not None:
            self.happened[what] += 1
            raise error


def dress(world: World, fate: Fate) -> None:
    """Give the world parts as a new process has them; each of their calls may be its last."""
    world.traffic = world.new_traffic(watched(world.proxy, PORTS["proxy"], fate))
    world.parts = replace(
        world.parts,
        store=watched(world.store, PORTS["store"], fate),
        registry=watched(world.registry, PORTS["registry"], fate),
        engine=watched(world.engine, PORTS["engine"], fate),
        traffic=world.traffic,
    )
