"""What an app has run around its deployments: before, after and on failure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from functools import partial

from deployer.deployment import Deployment, Status, Step, Trigger
from deployer.errors import (
    DeployerError,
    EngineUnavailable,
    HookFailed,
    Interrupted,
    StartFailed,
)
from deployer.evidence import Evidence, exit_words, written
from deployer.model import App, AppHook, Finished, Moment, OneOff, Release
from deployer.ports import Engine, Stopping, Store
from deployer.record import Record
from deployer.releases import Releases
from deployer.spec import Pairs

_AFTER = {Status.SUCCEEDED: Moment.POST_DEPLOY, Status.FAILED: Moment.ON_FAILURE}


@dataclass(slots=True)
class AppHooks:
    """The hooks of one deployment's app; what they say goes into its record."""

    store: Store
    engine: Engine
    record: Record
    _release: Release | None = field(init=False, default=None)
    _left: bool = field(init=False, default=False)

    def before(self, app: App, release: Release, stopping: Stopping) -> None:
        """Run `pre_deploy` in the new image, while nothing is changed yet.

        Not for a rollback: the earlier release knows nothing of what came after it, and would
        only keep itself from coming back. Raises HookFailed, and what `stopping` raises.
        """
        self._release = release
        hook = app.hook(Moment.PRE_DEPLOY)
        if hook is None or self.record.deployment.trigger is Trigger.ROLLBACK:
            return
        self.record.enter(Step.START, _begin(hook))
        try:
            finished = self._run(release, hook, stopping)
        except StartFailed as error:
            raise HookFailed(f"pre_deploy failed: {error}") from error
        if finished.exit_code != 0:
            words = release.spec.masked(finished.output, app.public)
            raise HookFailed(
                f"{_told(hook, finished)}. Read what it wrote, correct it, and deploy again",
                detail=written([_output(hook, words)]),
            )
        self.record.say(release.spec.masked(_well(hook, finished), app.public))

    def after(self, app: App | None, stopping: Stopping) -> None:
        """Run `post_deploy` or `on_failure`, as the deployment ended.

        How that went is told in its history, and changes nothing else. Safe where there is
        nothing to run. Raises what `stopping` raises.
        """
        self._sweep()
        when = _AFTER.get(self.record.deployment.status)
        hook = app.hook(when) if app and when else None
        if app is None or hook is None:
            return
        try:
            self._tell(app, hook, stopping)
        except Interrupted:
            self.record.say(f"{hook.when} was stopped with the worker, and is not run again")
            raise
        except DeployerError as error:
            self.record.say(f"{hook.when} failed: {error}")
        self._sweep()

    def _sweep(self) -> None:
        """Once Docker answers again, remove what could not be removed."""
        one = self.record.deployment
        if self._left:
            self.record.patiently(partial(self.engine.sweep, one.app, one.id))
            self._left = False

    def _tell(self, app: App, hook: AppHook, stopping: Stopping) -> None:
        release = self._chosen(app)
        if release is None:
            self.record.say(f"{hook.when} was not run: no image of {app.name} is here")
            return
        self.record.say(_begin(hook))
        finished = self._run(release, hook, stopping)
        masked = partial(release.spec.masked, public=app.public)
        if finished.exit_code == 0:
            self.record.say(masked(_well(hook, finished)))
            return
        one = self.record.deployment
        more = written([_output(hook, masked(finished.output))])
        detail = "\n".join(part for part in (one.detail, more) if part)
        self.record.deployment = replace(one, detail=detail)
        self.record.say(_told(hook, finished))

    def _chosen(self, app: App) -> Release | None:
        """The release of this deployment if its image is here, else, after a failure, what serves.

        What failed early is no release, and what failed later is not kept as one.
        """
        one, wanted = self.record.deployment, self._release
        if one.status is Status.SUCCEEDED and wanted is None and one.release is not None:
            wanted = self.store.open_release(app.name, one.release)
        if wanted is not None and self.engine.has(wanted.image):
            return wanted
        active = self.store.active().get(app.name)
        if active is None or one.status is Status.SUCCEEDED:
            return None
        serving = self.store.open_release(app.name, active.release)
        return serving if self.engine.has(serving.image) else None

    def _run(self, release: Release, hook: AppHook, stopping: Stopping) -> Finished:
        one = self.record.deployment
        try:
            ready = Releases(self.store, self.engine).ready(release)
            return self.engine.run(ready, OneOff(one.id, hook, _environment(one)), stopping)
        except EngineUnavailable:
            # The container may be there, and even run.
            self._left = True
            raise


def _environment(one: Deployment) -> Pairs:
    return (
        ("DEPLOYER_APP", one.app),
        ("DEPLOYER_DEPLOYMENT", str(one.id)),
        ("DEPLOYER_REASON", one.reason),
        ("DEPLOYER_RELEASE", "" if one.release is None else str(one.release)),
        ("DEPLOYER_STATUS", one.status),
        ("DEPLOYER_TRIGGER", one.trigger),
    )


def _begin(hook: AppHook) -> str:
    return f"{hook.when}: {shlex.join(hook.command)}"


def _well(hook: AppHook, finished: Finished) -> str:
    last = next((line for line in reversed(finished.output.splitlines()) if line.strip()), "")
    said = f": {last.strip()}" if last else ", it wrote nothing"
    return f"{hook.when} ended well in {finished.seconds:.1f} s{said}"


def _told(hook: AppHook, finished: Finished) -> str:
    if finished.exit_code is None:
        return f"{hook.when} did not end within {hook.timeout:g} s and was stopped"
    how = exit_words(finished.exit_code, oom_killed=finished.oom_killed)
    return f"{hook.when} failed: {how}"


def _output(hook: AppHook, output: str) -> Evidence:
    return Evidence(f"what {hook.when} wrote last", output.strip() or "(it wrote nothing)")
