"""Which release is wanted, which is live, which are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.deployment import Deployment, Status, Trigger
from deployer.errors import PullFailed, Refused, StartFailed
from deployer.model import COMMIT, App, Image, Release, Replica, Running
from deployer.ports import Active, Engine, Stopping, Store
from deployer.sharing import has_network_of, joining, owner
from deployer.spec import Spec

AHEAD = 100
"""How many releases can be added, at the very most, while images are looked through."""

_REVISION = "org.opencontainers.image.revision"


def is_of(replica: Replica, active: Active | None) -> bool:
    """Whether the replica belongs to what the app serves."""
    return active is not None and (replica.app, replica.deployment) == (
        active.app,
        active.deployment,
    )


@dataclass(frozen=True, slots=True)
class Releases:
    """An app's releases in the store, and their images in the engine.

    A release that is only wanted has the number 0.
    """

    store: Store
    engine: Engine

    def awaits_adoption(self, app: App) -> bool:
        """Whether a container is to become its first release before anything else runs."""
        return bool(app.adopt) and not self.store.releases(app.name)

    def leave_room_to_adopt(self, app: App, trigger: Trigger) -> None:
        """Raise Refused beside a container that could not be adopted and may still be serving.

        An operator who asks for it knows what runs.
        """
        if trigger is not Trigger.OPERATOR and self.awaits_adoption(app):
            raise Refused(
                f"the container {app.adopt} is to be adopted first, and was not: see the history "
                f"of {app.name}. Correct that or remove `adopt`; or `deployer deploy {app.name}`, "
                "if nothing is to be taken over"
            )

    def is_live(self, wanted: Release) -> bool:
        """Whether just this serves already: same digest, same spec, every replica running.

        One that shares another app's network has to have the one that this app has now.
        """
        active = self.store.active().get(wanted.app)
        if active is None or not self._equals(wanted, active.release):
            return False
        replicas = self.engine.replicas(wanted.app)
        up = [one for one in replicas if is_of(one, active) and one.state is Running.RUNNING]
        return len(up) == wanted.spec.replicas and self._have_network(wanted.spec, up)

    def _have_network(self, spec: Spec, replicas: Sequence[Replica]) -> bool:
        host = self.host(spec.shares) if spec.shares else None
        return not spec.shares or (
            host is not None and all(has_network_of(one, host) for one in replicas)
        )

    def _equals(self, wanted: Release, number: int) -> bool:
        if wanted.number:
            return wanted.number == number
        try:
            release = self.store.open_release(wanted.app, number)
        except Refused:
            return False
        return release.image.digest == wanted.image.digest and release.spec == wanted.spec

    def is_again(self, deployment: Deployment) -> bool:
        """Whether it is to start just the release that serves once more, and makes no new one."""
        active = self.store.active().get(deployment.app)
        same = active is not None and active.release == deployment.release
        return same and deployment.trigger is Trigger.CONFIG

    def serves(self, app: str, digest: str) -> bool:
        """Whether what the app serves is of this digest, with whatever spec."""
        active = self.store.active().get(app)
        rows = self.store.releases(app) if active is not None else []
        return any(
            row.image.digest == digest for row in rows if active and row.number == active.release
        )

    def is_known(self, app: App, asked: Image) -> bool:
        """Whether no registry need be asked: just this digest serves, and its image is here."""
        named = bool(asked.digest) and not app.spec.platform
        return named and self.serves(app.name, asked.digest) and self.engine.has(asked)

    def spec_of(self, active: Active | None, app: App) -> Spec | None:
        """The spec of what serves; where its row is not ours, that of the configuration."""
        if active is None:
            return None
        try:
            return self.store.open_release(active.app, active.release).spec
        except Refused:
            return app.spec

    def running_spec(self, active: Active | None, app: App) -> Spec | None:
        """The spec of what serves, with the container named whose network it shares."""
        spec = self.spec_of(active, app)
        if spec is None or not spec.shares:
            return spec
        replicas = self.engine.replicas()
        joined = [one.joined for one in replicas if is_of(one, active) and one.joined]
        host = owner(joined[0], replicas) if joined else None
        return joining(spec, host.name if host else joined[0]) if joined else spec

    def host(self, app: str) -> Replica | None:
        """The replica whose network other apps share, None where none of what serves runs."""
        active = self.store.active().get(app)
        serving = [one for one in self.engine.replicas(app) if is_of(one, active)]
        return next((one for one in serving if one.state is Running.RUNNING), None)

    def ready(self, release: Release) -> Release:
        """The release as the engine can start it now: with the container whose network it shares.

        The release itself names only the app, so that it stays the same when that is deployed.
        Raises StartFailed where nothing of that app runs.
        """
        name = release.spec.shares
        if not name:
            return release
        host = self.host(name)
        if host is None:
            raise StartFailed(
                f"cannot start {release.app}: nothing of {name} runs, whose network it shares. "
                f"First: deployer deploy {name}; then: deployer deploy {release.app}"
            )
        return replace(release, spec=joining(release.spec, host.name))

    def bring(self, app: App, image: Image, stopping: Stopping) -> None:
        """Have the image here, as the app's `pull_policy` says; see ports.Engine.pull.

        By its digest an image that is here is the right one, so only `always` asks again.
        """
        here = self.engine.has(image)
        if not here and app.pull_policy == "never":
            raise PullFailed(
                f"{image.pinned} is not on this machine, and `pull_policy: never` forbids to pull "
                f"it. Run `docker pull {image.pinned}`, or change the policy"
            )
        if not here or app.pull_policy == "always":
            self.engine.pull(
                image,
                platform=app.spec.platform,
                stall=app.limits.pull_stall,
                timeout=app.limits.pull_timeout,
                stopping=stopping,
            )

    def revision(self, image: Image) -> str:
        """The commit that an image which is here was built from, "" where it names none.

        The label is the one of the OCI image specification (annotations.md) for the revision of
        the packaged software, which build tools set.
        """
        said = self.engine.labels(image).get(_REVISION, "").lower()
        return said if COMMIT.fullmatch(said) else ""

    def make(self, wanted: Release, at: float, deployment: int | None = None) -> Release:
        """The wanted release with a number of its own, which the deployment has from then on."""
        return self.store.add_release(wanted.app, wanted.image, wanted.spec, at, deployment)

    def drop(self, app: str, number: int) -> None:
        """Forget a release that never served: nobody shall roll back to it."""
        rows = self.store.releases(app)
        self._keep(app, [row.number for row in rows if row.number != number])

    def prune(self, app: str, keep: int) -> None:
        """Keep the newest releases, the one that serves and one that is waited for; others go.

        Only for whom the app's slot belongs to: a release that another deployment adds or is
        about to start could be among the others.
        """
        numbers = [row.number for row in self.store.releases(app)]
        needed = set(sorted(numbers, reverse=True)[:keep])
        active = self.store.active().get(app)
        if active is not None:
            needed.add(active.release)
        for one in self.store.deployments(app):
            if one.status is Status.QUEUED and one.release is not None:
                needed.add(one.release)
        self._keep(app, sorted(needed))

    def tidy(self, app: str, newest: int | None = None) -> None:
        """Remove images of dropped releases that a container held until now.

        Up to the number `newest` also beside a deployment of the app: what that may add
        meanwhile has a higher one. Without it only where none is under way.
        """
        numbers = [row.number for row in self.store.releases(app)]
        ahead = range(newest + 1, newest + AHEAD) if newest is not None else ()
        self.engine.forget(app, [*numbers, *ahead])

    def _keep(self, app: str, keep: Sequence[int]) -> None:
        self.store.drop_releases(app, keep)
        self.engine.forget(app, keep)
