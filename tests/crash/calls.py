"""The calls of the ports, one by one: counted, told, and the one at which the process dies."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from deployer.deployment import Deployment, Status, Step
from deployer.ports import Engine, NginxHost, OutputWriter, Proxy, Registry, Store

T = TypeVar("T")

PORTS: dict[str, type] = {
    "store": Store,
    "registry": Registry,
    "engine": Engine,
    "host": NginxHost,
    "proxy": Proxy,
    "outputs": OutputWriter,
}
"""By their names in wiring.Adapters."""

LOOKS = {
    *("Registry.resolve", "Registry.glance", "Store.adopted"),
    *("Engine.examine", "Engine.wait_for_change", "Engine.labels"),
    *("Engine.has", "Engine.kept", "Engine.look", "Engine.logs", "Engine.replicas"),
    *("NginxHost.facts", "NginxHost.address", "NginxHost.workers", "NginxHost.errors"),
    *("Proxy.facts", "Proxy.live", "Proxy.remaining", "Proxy.reloads", "Proxy.draining"),
    *("Proxy.held", "Proxy.stale", "Proxy.certificates", "OutputWriter.untold"),
    *("Store.order", "Store.delivery", "Store.deliveries", "Store.deployments"),
    *("Store.last_deployments", "Store.queued_by", "Store.counts", "Store.deployment"),
    *("Store.transitions", "Store.releases", "Store.active", "Store.snapshot", "Store.changed"),
    *("Store.open_orders", "Store.open_release", "Store.running", "Store.queued"),
    *("Store.paused", "Store.waiting", "Store.quarantined", "Store.maintained"),
    *("Store.superseding", "Store.changes"),
    # The loop makes these again and again; that they act is seen by what follows.
    *("Store.claim", "Store.show"),
    # Where Nginx runs, as in all of this, it only looks.
    "NginxHost.ensure_running",
    # Nor do these: a thread of its own makes them, at no moment of a deployment's.
    *("Store.begin_reports", "Store.reported"),
}
"""Calls that change nothing: of these the first is a point, of others each, before and after.

The first in a phase where a deployment makes them, and the first of all where the loop does.
"""
ANY = "any"


def methods(port: type) -> list[str]:
    """The methods of a contract."""
    return [name for name, one in vars(port).items() if callable(one) and name[0] != "_"]


class Point(NamedTuple):
    """A moment: before or after the nth such call since the worker came to this phase.

    A phase is the step or status that the deployment had in the store; `any` is each.
    """

    phase: str
    call: str
    nth: int
    when: str

    def __str__(self) -> str:
        return f"{self.phase}: {self.when} {self.call} {self.nth}"


class Listener(Protocol):
    """Hears of every call; what it raises the caller gets."""

    def before(self, call: str) -> None:
        """A call is about to be made."""
        ...

    def after(self, call: str, about: tuple[Any, ...], result: object) -> None:
        """A call has been made, with these arguments and this result."""
        ...


def end() -> None:
    """End this very process as the kernel would on `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


class Calls:
    """Counts calls, and dies at one of them; `tell` hears of each point that could be chosen."""

    def __init__(self, tell: Callable[[Point], None], die: Callable[[], None] = end) -> None:
        self._tell = tell
        self._die = die
        self._lock = threading.Lock()
        self._phase = "start"
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._armed: Point | None = None
        self._newest = 0

    def arm(self, point: Point | None, phase: str) -> None:
        """From here on count anew, beginning in this phase, and die at this point."""
        with self._lock:
            self._armed, self._phase = point, phase
            self._counts.clear()

    def before(self, call: str) -> None:
        """A call is about to be made."""
        self._at(call, "before")

    def after(self, call: str, about: tuple[Any, ...], result: object) -> None:
        """A call has been made, with these arguments and this result."""
        if call == "Store.claim" and result is None:
            return
        self._at(call, "after")
        moved = result if call == "Store.claim" else about[0] if call == "Store.save" else None
        if isinstance(moved, Deployment):
            with self._lock:
                # The clean-up of the one before may still go on beside the newest.
                if moved.id >= self._newest:
                    self._newest, self._phase = moved.id, phase_of(moved)

    def _at(self, call: str, when: str) -> None:
        with self._lock:
            phase = ANY if call in LOOKS and _in_loop() else self._phase
            key = (phase, call, when)
            self._counts[key] += 1
            point = Point(phase, call, self._counts[key], when)
            if point == self._armed:
                self._die()
            if call not in LOOKS or (point.nth == 1 and when == "before"):
                self._tell(point)


def _in_loop() -> bool:
    """Whether it is the worker's loop or its pulse that calls, which go on at all times."""
    thread = threading.current_thread()
    return thread is threading.main_thread() or thread.name == "run"


def phase_of(deployment: Deployment) -> str:
    """The step of one that runs or is cleaned up, else its status."""
    cleaning = deployment.step in (Step.DRAIN, Step.RETIRE)
    if cleaning or deployment.status is Status.RUNNING:
        return str(deployment.step or f"attempt {deployment.attempt}")
    return str(deployment.status)


def watched(part: T, port: type, calls: Listener) -> T:
    """The same part behind its contract, of which every call is told."""
    of = port.__name__
    forwards = {name: _forward(f"{of}.{name}", name, calls) for name in methods(port)}
    return cast(T, type(f"Watched{of}", (), forwards | {"part": part})())


def _forward(call: str, name: str, calls: Listener) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **named: Any) -> Any:
        calls.before(call)
        result = None
        try:
            result = getattr(self.part, name)(*args, **named)
        finally:
            calls.after(call, args, result)
        return result

    return forward
