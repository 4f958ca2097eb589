"""Runs one command in a container of its own, for an app's hooks.

The container has what the app's replicas have, as far as two can have it at a time, and nothing
by which others take it for one of them. Its files lie apart from those of the release, which
may be one that is not kept.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import docker
from docker.errors import APIError, NotFound

from deployer.engines.docker.client import NO_ANSWER, words
from deployer.engines.docker.create.body import container
from deployer.engines.docker.files import ReleaseFiles
from deployer.engines.docker.labels import OneOffIdentity, one_off_of, selecting
from deployer.engines.docker.logs import harmless
from deployer.engines.docker.remove import remove
from deployer.engines.docker.start import check_networks, check_version, join, refused
from deployer.errors import StartFailed
from deployer.model import AppHook, Finished, OneOff, Release
from deployer.ports import Stopping
from deployer.spec import Attachment, Healthcheck, Pairs, Spec

LINES = 50
"""How many of the last lines of output are kept."""

_POLL = 0.1
_GRACE = 10.0


def run(
    api: docker.APIClient,
    instance: str,
    release: Release,
    one_off: OneOff,
    files: ReleaseFiles,
    stopping: Stopping,
) -> Finished:
    """Create, start, wait for the end, read the output, remove; see ports.Engine."""
    hook = one_off.hook
    identity = OneOffIdentity(instance, release.app, one_off.deployment, release.number, hook.when)
    mine = replace(
        release, app=identity.name, spec=spec_of(release.spec, hook, one_off.environment)
    )
    waiting = _Waiting(api, identity.name, mine.spec.stop_grace_period, stopping)
    _remove_former(api, identity)
    try:
        check_version(api, mine)
        check_networks(api, mine)
        _create(api, mine, identity, files)
        begun = time.monotonic()
        with refused(f"start container {identity.name}"):
            api.start(identity.name)
        ended = waiting.until(begun + hook.timeout)
        return _finished(api, identity.name, ended, time.monotonic() - begun)
    finally:
        # Only ours: a stranger's container of this name was the reason to fail.
        _remove_former(api, identity)
        files.drop(identity.name)


def sweep(
    api: docker.APIClient,
    instance: str,
    files: ReleaseFiles,
    app: str | None,
    deployment: int | None,
) -> list[str]:
    """Remove the one-offs of a deployment, or all; their names."""
    found = []
    labels = selecting(instance, app, deployment)
    for listed in api.containers(all=True, filters={"label": labels}):
        for name in listed["Names"]:
            identity = one_off_of(listed["Labels"], name)
            if identity is not None:
                remove(api, listed["Id"], force=True)
                files.drop(identity.name)
                found.append(identity.name)
    return sorted(found)


def spec_of(spec: Spec, hook: AppHook, environment: Pairs) -> Spec:
    """The app's spec for one run of a command beside its replicas."""
    return replace(
        spec,
        command=hook.command,
        environment=tuple(sorted((dict(spec.environment) | dict(environment)).items())),
        networks=tuple(Attachment(one.name, driver_opts=one.driver_opts) for one in spec.networks),
        healthcheck=Healthcheck(test=("NONE",)),
        replicas=1,
        restart="no",
        labels=(),
        ports=(),
        mac_address="",
        tty=False,
        stdin_open=False,
        stop_grace_period=min(spec.stop_grace_period, _GRACE),
    )


def _create(
    api: docker.APIClient, mine: Release, identity: OneOffIdentity, files: ReleaseFiles
) -> None:
    mounted = files.write(mine)
    with refused(f"create container {identity.name}"):
        try:
            made = api.create_container_from_config(  # type: ignore[no-untyped-call]
                container(mine, identity, mounted, api.api_version),
                name=identity.name,
                platform=mine.spec.platform or None,
            )
        except APIError as error:
            _explain(api, identity, error)
            raise
        join(api, mine, made["Id"])
    files.give(api, identity.app, identity.name, mounted)


def _explain(api: docker.APIClient, identity: OneOffIdentity, error: APIError) -> None:
    """Raise StartFailed with more than Docker's words where somebody else has the name."""
    if error.status_code != 409:
        return
    raise StartFailed(
        f"cannot create container {identity.name}: another container has this name and was left "
        f"alone. If it is not needed, `docker rm -f {identity.name}`, and deploy again"
    ) from error


def _remove_former(api: docker.APIClient, identity: OneOffIdentity) -> None:
    """Remove the container of this name if an attempt of this very deployment made it."""
    with suppress(NotFound):
        found = api.inspect_container(identity.name)
        stated = one_off_of(found["Config"].get("Labels"), found["Name"])
        if stated is not None and stated.instance == identity.instance:
            remove(api, found["Id"], force=True)


@dataclass(frozen=True, slots=True)
class _Ended:
    exit_code: int | None
    oom_killed: bool = False


@dataclass(frozen=True, slots=True)
class _Waiting:
    """For the end of a container, or for the time when it is to be stopped."""

    api: docker.APIClient
    name: str
    grace: float
    stopping: Stopping

    def until(self, limit: float) -> _Ended:
        """How it ended by itself; no exit code where it had to be stopped at the limit.

        What `stopping` raises comes after the container was asked to stop.
        """
        try:
            while (ended := self._looked()) is None:
                self.stopping()
                if time.monotonic() > limit:
                    self._stop()
                    return _Ended(None)
                time.sleep(_POLL)
        except Exception:
            self._stop()
            raise
        return ended

    def _looked(self) -> _Ended | None:
        """How it ended, None while it runs, and while Docker does not say."""
        try:
            state = self.api.inspect_container(self.name)["State"]
        except NotFound:
            raise StartFailed(
                f"container {self.name} was removed while it ran. Deploy again"
            ) from None
        except NO_ANSWER:
            return None
        if state["Status"] in ("created", "running", "paused", "restarting"):
            return None
        return _Ended(state.get("ExitCode"), bool(state.get("OOMKilled")))

    def _stop(self) -> None:
        with suppress(NotFound, *NO_ANSWER):
            self.api.stop(self.name, timeout=math.ceil(self.grace))


def _finished(api: docker.APIClient, name: str, ended: _Ended, seconds: float) -> Finished:
    try:
        output = harmless(api.logs(name, tail=LINES), LINES)
    except APIError as error:
        # A log driver that cannot be read back must not hide how it ended.
        output = f"(no output: {words(error)})"
    return Finished(ended.exit_code, output, seconds, ended.oom_killed)
