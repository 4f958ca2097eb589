"""Which release is wanted, which is live, which are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.errors import Refused
from deployer.model import Release, Replica, Running
from deployer.ports import Active, Engine, Store


def is_of(replica: Replica, active: Active | None) -> bool:
    """Whether the replica belongs to what the app serves."""
    return active is not None and replica.deployment == active.deployment


@dataclass(frozen=True, slots=True)
class Releases:
    """An app's releases in the store, and their images in the engine.

    A release that is only wanted has the number 0.
    """

    store: Store
    engine: Engine

    def is_live(self, wanted: Release) -> bool:
        """Whether just this serves already: same digest, same spec, every replica running."""
        active = self.store.active().get(wanted.app)
        if active is None or not self._equals(wanted, active.release):
            return False
        replicas = self.engine.replicas(wanted.app)
        up = [one for one in replicas if is_of(one, active) and one.state is Running.RUNNING]
        return len(up) == wanted.spec.replicas

    def _equals(self, wanted: Release, number: int) -> bool:
        if wanted.number:
            return wanted.number == number
        try:
            release = self.store.open_release(wanted.app, number)
        except Refused:
            return False
        return release.image.digest == wanted.image.digest and release.spec == wanted.spec

    def make(self, wanted: Release, at: float) -> Release:
        """The wanted release with a number of its own."""
        return self.store.add_release(wanted.app, wanted.image, wanted.spec, at)

    def drop(self, release: Release) -> None:
        """Forget a release that never served: nobody shall roll back to it."""
        rows = self.store.releases(release.app)
        self._keep(release.app, [row.number for row in rows if row.number != release.number])

    def prune(self, app: str, keep: int) -> None:
        """Keep the newest releases and the one that serves; older ones go."""
        numbers = sorted((row.number for row in self.store.releases(app)), reverse=True)
        active = self.store.active().get(app)
        serving = {active.release} if active else set()
        self._keep(app, sorted(serving.union(numbers[:keep])))

    def _keep(self, app: str, keep: Sequence[int]) -> None:
        self.store.drop_releases(app, keep)
        self.engine.forget(app, keep)
