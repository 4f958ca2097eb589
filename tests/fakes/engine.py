"""An engine in memory that can be told to misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deployer.errors import DeployerError, EngineError, Refused, StartFailed
from deployer.model import Image, Release, Replica, Running
from deployer.ports import Adopted, Found, Stopping
from deployer.spec import Spec
from tests.fakes.oneoff import FakeOneOffs
from tests.fakes.registry import Behaviour, FakeRegistry

_KILLED = 137


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


PLAIN = Spec()
_ENDING = ("INT", "TERM", "QUIT")


@dataclass
class _Container:
    replica: Replica
    image: Image
    behaviour: Behaviour
    spec: Spec
    passing: bool = False


@dataclass(frozen=True)
class _Failure:
    verb: str
    error: DeployerError
    after: bool


class FakeEngine(FakeOneOffs):
    """Implements ports.Engine; pulls from a FakeRegistry, whose images say how they behave.

    `calls` lists every verb with what it was about. `foreign` are container names that somebody
    else has, `networks` those that exist. `adopted` says which strangers count as replicas.
    """

    def __init__(self, registry: FakeRegistry) -> None:
        self.calls: list[tuple[str, str]] = []
        self.foreign: set[str] = set()
        self.networks: set[str] = set()
        self.adopted: Callable[[], Sequence[Adopted]] = list
        super().__init__()
        self._registry = registry
        self._behaviours: dict[str, Behaviour] = {}
        self._kept: dict[tuple[str, int], str] = {}
        self._containers: dict[str, _Container] = {}
        self._failures: list[_Failure] = []
        self._made = 0
        self._lock = threading.RLock()
        self._changes = 0
        self._events_ended = False

    # what tests say to it

    def fail(self, verb: str, error: DeployerError, *, after: bool = False) -> None:
        """Let the next call of a verb raise this, `after` for: once it has been carried out."""
        self._failures.append(_Failure(verb, error, after))

    def calm(self) -> None:
        """Let nothing fail any more that was told to."""
        self._failures.clear()

    def end_events(self) -> None:
        """End the connection of the next one who waits for a change."""
        self._events_ended = True

    def answers(self, address: str) -> bool:
        """Whether a probe of this address would be answered now."""
        with self._lock:
            return any(
                one.replica.address == address
                and one.replica.state is Running.RUNNING
                and one.behaviour is not Behaviour.SILENT
                for one in self._containers.values()
            )

    def change(self, replica: Replica, state: Running, *, exit_code: int | None = None) -> None:
        """Let a container's state change by itself; GONE removes it.

        One that runs again has another address, as Docker gives them.
        """
        with self._lock:
            self._changes += 1
            found = self._containers[replica.name]
            if state is Running.GONE:
                del self._containers[replica.name]
                return
            address, began = "", found.replica.started_at
            if state is Running.RUNNING:
                address = found.replica.address or self._address_of(found.replica)
                began = began if found.replica.state is state else _now()
            restarts = found.replica.restarts + (state is Running.RESTARTING)
            found.replica = replace(
                found.replica,
                state=state,
                address=address,
                exit_code=exit_code,
                restarts=restarts,
                started_at=began,
            )

    def stranger(self, name: str, image: Image, spec: Spec = PLAIN) -> Replica:
        """Let a container of this image run that somebody else has started."""
        with self._lock:
            known = self._registry.behaviour(image) if image.digest else Behaviour.ANSWERS
            self._behaviours[image.pinned] = known
            return self._start(self._create(Release("", 0, image, spec), 0, 1, name))

    def become(self, image: Image, behaviour: Behaviour) -> None:
        """Let containers of this image behave like this from the next one on."""
        with self._lock:
            self._behaviours[image.pinned] = behaviour

    def pass_by(self, replica: Replica) -> None:
        """Let a container be gone once it is stopped."""
        with self._lock:
            self._containers[replica.name].passing = True

    def move(self, replica: Replica, address: str) -> None:
        """Let a container have another address, "" for none that can be reached."""
        with self._lock:
            found = self._containers[replica.name]
            found.replica = replace(found.replica, address=address)

    # ports.Engine

    def has(self, image: Image) -> bool:
        """See ports.Engine."""
        with self._verb("has", image.pinned):
            return self._has(image)

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
        with self._verb("pull", image.pinned):
            stopping()
            self._behaviours[image.pinned] = self._registry.behaviour(image)

    def labels(self, image: Image) -> Mapping[str, str]:
        """See ports.Engine."""
        with self._verb("labels", image.pinned):
            return self._registry.labels.get(image.pinned, {}) if self._has(image) else {}

    def keep(self, release: Release) -> None:
        """See ports.Engine."""
        with self._verb("keep", f"{release.app} {release.number}"):
            self._brought(release.image)
            self._kept[release.app, release.number] = release.image.pinned

    def kept(self) -> set[tuple[str, int]]:
        """See ports.Engine."""
        with self._verb("kept", ""):
            return {owner for owner, pinned in self._kept.items() if pinned in self._behaviours}

    def forget(self, app: str, keep: Sequence[int]) -> None:
        """See ports.Engine."""
        with self._verb("forget", app):
            used = {one.image.pinned for one in self._containers.values()}
            for (owner, number), pinned in list(self._kept.items()):
                if owner != app or number in keep or pinned in used:
                    continue
                del self._kept[owner, number]
                if pinned not in self._kept.values():
                    self._behaviours.pop(pinned, None)

    def prepare(self, release: Release, deployment: int) -> list[Replica]:
        """See ports.Engine."""
        with self._verb("prepare", f"{release.app} {deployment}"):
            return self._prepare(release, deployment)

    def start(self, release: Release, deployment: int) -> list[Replica]:
        """See ports.Engine."""
        with self._verb("start", f"{release.app} {deployment}"):
            return [self._start(one) for one in self._prepare(release, deployment)]

    def look(self, replica: Replica) -> Replica:
        """See ports.Engine."""
        with self._verb("look", replica.name):
            return self._look(replica)

    def logs(self, replica: Replica, lines: int) -> str:
        """See ports.Engine."""
        with self._verb("logs", replica.name):
            found = self._containers.get(replica.name)
            if found is None or lines < 1:
                return ""
            return "broken" if found.behaviour is Behaviour.EXITS else "ready"

    def replicas(self, app: str | None = None) -> list[Replica]:
        """See ports.Engine."""
        with self._verb("replicas", app or ""):
            found = [self._ours(one.replica) for one in self._containers.values()]
            ours = [one for one in found if one.app and app in (None, one.app)]
            return sorted(ours, key=lambda one: (one.app, one.deployment, one.index))

    def halt(self, replica: Replica) -> Replica:
        """See ports.Engine."""
        with self._verb("halt", replica.name):
            found = self._containers.get(replica.name)
            if found is None or self._look(replica).state is not Running.RUNNING:
                return self._look(replica)
            stubborn = found.behaviour is Behaviour.STUBBORN
            self.change(replica, Running.EXITED, exit_code=_KILLED if stubborn else 0)
            return found.replica

    def revive(self, replica: Replica, restart: str) -> Replica:
        """See ports.Engine."""
        with self._verb("revive", f"{replica.name} {restart}"):
            found = self._containers.get(replica.name)
            if found is None:
                raise StartFailed(f"cannot start container {replica.name} again: it was removed")
            if found.replica.state is not Running.RUNNING:
                self.change(replica, Running.RUNNING)
            return found.replica

    def examine(self, name: str, app: str, image: Image) -> Found:
        """See ports.Engine."""
        with self._verb("examine", name):
            found = self._containers.get(name)
            if found is None:
                raise Refused(f"there is no container {name}")
            one = found.replica
            running = one.state is Running.RUNNING
            seen = (one.id, name, found.image, found.spec)
            return Found(*seen, running, one.address, passing=found.passing)

    def wait_for_change(self, after: str, *, timeout: float, stopping: Stopping) -> str | None:
        """See ports.Engine; asked all the time, it is not among the `calls`."""
        if (failure := self._failure("wait_for_change")) is not None:
            raise failure.error
        if not after:
            return str(self._changes)
        if self._events_ended:
            self._events_ended = False
            return after
        known, end = int(after), time.monotonic() + timeout
        while self._changes == known and time.monotonic() < end:
            stopping()
            time.sleep(0.005)
        return str(self._changes) if self._changes != known else None

    def retire(self, replica: Replica) -> Replica:
        """See ports.Engine."""
        with self._verb("retire", replica.name):
            found = self._containers.get(replica.name)
            ended = self._look(replica)
            if found is None or ended.state is Running.GONE:
                return ended
            del self._containers[replica.name]
            self._changes += 1
            if ended.state is not Running.RUNNING:
                return ended
            code = _KILLED if found.behaviour is Behaviour.STUBBORN else 0
            return replace(ended, state=Running.EXITED, address="", exit_code=code)

    def discard(self, app: str, deployment: int) -> None:
        """See ports.Engine."""
        with self._verb("discard", f"{app} {deployment}"):
            for name, one in list(self._containers.items()):
                if (one.replica.app, one.replica.deployment) == (app, deployment):
                    del self._containers[name]
                    self._changes += 1
            self._sweep(app, deployment)

    def signal(self, container: str, signal: str) -> None:
        """See ports.Engine; the signals that end programs end containers."""
        with self._verb("signal", f"{container} {signal}"):
            replica = self._running(container)
            if signal in _ENDING:
                self.change(replica, Running.EXITED, exit_code=0)

    def restart(self, container: str) -> None:
        """See ports.Engine."""
        with self._verb("restart", container):
            replica = self._running(container)
            self.change(replica, Running.EXITED, exit_code=0)
            self.change(replica, Running.RUNNING)

    # how it works

    def _running(self, name: str) -> Replica:
        found = self._containers.get(name)
        if found is None or found.replica.state is not Running.RUNNING:
            raise EngineError(f"cannot tell container {name}: it does not run")
        return found.replica

    def _has(self, image: Image) -> bool:
        return image.pinned in self._behaviours

    def _prepare(self, release: Release, deployment: int) -> list[Replica]:
        missing = {one.name for one in release.spec.networks} - self.networks
        if missing:
            raise StartFailed(f"cannot start {release.app}: no network {missing.pop()}")
        indexes = range(1, release.spec.replicas + 1)
        return [self._create(release, deployment, index) for index in indexes]

    def _create(self, release: Release, deployment: int, index: int, name: str = "") -> Replica:
        name = name or f"{release.app}-{deployment}-{index}"
        if name in self.foreign:
            raise StartFailed(f"cannot create container {name}: another container has this name")
        if name in self._containers:
            return self._containers[name].replica
        behaviour = self._brought(release.image)
        self._made += 1
        replica = Replica(
            app=release.app,
            deployment=deployment,
            release=release.number,
            index=index,
            id=f"{self._made:064x}",
            name=name,
            joined=self._joined(release),
        )
        self._changes += 1
        self._containers[name] = _Container(replica, release.image, behaviour, release.spec)
        return replica

    def _start(self, replica: Replica) -> Replica:
        found = self._containers[replica.name]
        if found.replica.state is Running.CREATED:
            self.change(replica, Running.RUNNING)
            started = found.replica
            if found.behaviour is Behaviour.EXITS:
                state = Running.RESTARTING if found.spec.restart != "no" else Running.EXITED
                self.change(replica, state, exit_code=3)
                return started
        return found.replica

    def _brought(self, image: Image) -> Behaviour:
        if image.pinned not in self._behaviours:
            self._behaviours[image.pinned] = self._registry.behaviour(image)
        return self._behaviours[image.pinned]

    def _joined(self, release: Release) -> str:
        """The id of the container whose network it is to share."""
        kind, _, name = release.spec.network_mode.partition(":")
        assert kind != "service", "an engine knows containers and no apps"
        if kind != "container":
            return ""
        host = self._containers.get(name)
        if host is None or host.replica.state is not Running.RUNNING:
            raise StartFailed(f"cannot start {release.app}: the container {name} does not run")
        return host.replica.id

    def _address_of(self, replica: Replica) -> str:
        if not replica.joined:
            return self._next_address()
        hosts = [one.replica for one in self._containers.values()]
        host = next((one for one in hosts if one.id == replica.joined and one.address), None)
        if host is None:
            raise StartFailed(f"cannot start {replica.name}: what it joins does not run")
        return host.address

    def _next_address(self) -> str:
        self._made += 1
        return f"10.0.{self._made // 250}.{self._made % 250 + 1}"

    def _look(self, replica: Replica) -> Replica:
        found = self._containers.get(replica.name)
        if found is None or found.replica.id != replica.id:
            return replace(replica, state=Running.GONE, address="")
        return self._ours(found.replica)

    def _ours(self, replica: Replica) -> Replica:
        """The replica as what it counts, where it was adopted."""
        for one in self.adopted():
            if one.container == replica.id:
                return replace(replica, app=one.app, deployment=one.deployment, release=one.release)
        return replica

    @contextmanager
    def _verb(self, verb: str, about: str) -> Iterator[None]:
        with self._lock:
            self.calls.append((verb, about))
            failure = self._failure(verb)
            if failure is not None and not failure.after:
                raise failure.error
            yield
            if failure is not None:
                raise failure.error

    def _failure(self, verb: str) -> _Failure | None:
        with self._lock:
            failure = next((one for one in self._failures if one.verb == verb), None)
            if failure is not None:
                self._failures.remove(failure)
            return failure
