"""How apps are deployed: limits, comparing tags, commands around a deployment, amounts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator

from deployer.config import kinds
from deployer.config.compose import amounts, process
from deployer.config.section import Section
from deployer.model import RECONCILE, AppHook, Limits, Moment, Strategy

_LIMITS = Limits()
_HOOK = AppHook(Moment.PRE_DEPLOY, ())


class DeployFile(Section):
    """How long a deployment may take and what is kept; defaults for all apps or for one."""

    timeout: kinds.Limit = Field(_LIMITS.timeout, description="Limit for a whole deployment.")
    watch: kinds.Seconds = Field(
        _LIMITS.watch, description="How long the new release is guarded after the switch."
    )
    keep: kinds.Count = Field(_LIMITS.keep, description="Releases kept for rollback.")
    pull_stall: kinds.Limit = Field(
        _LIMITS.pull_stall, description="A pull fails when nothing moved for this long."
    )
    pull_timeout: kinds.Limit = Field(
        _LIMITS.pull_timeout,
        description="Limit for a whole pull. Default: nine tenths of `timeout`.",
    )


class AppHookFile(Section):
    """A command that is run once in a container of the release, with the app's own settings."""

    command: process.Command = Field(
        description="Command, as a list or one line; the image's entrypoint stays.",
        examples=["python manage.py migrate"],
    )
    timeout: kinds.Limit = Field(
        _HOOK.timeout, description="The command is stopped and has failed after this time."
    )

    @field_validator("command")
    @classmethod
    def _something(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command:
            raise ValueError("empty. Write a list of words, or one line as for a shell.")
        return command


class AppDeployFile(DeployFile):
    """Limits of one app's deployments, and of its containers in the words of Compose."""

    strategy: Strategy | None = Field(
        None,
        description="start-first or stop-first. Default: start-first, unless only one container "
        "at a time can have what both want (a published port, a fixed address, a device, a volume "
        "that a single replica writes to).",
        examples=["start-first"],
    )
    pre_deploy: AppHookFile | None = Field(
        None,
        description="Run in the new image before anything is changed, such as a migration; where "
        "it fails, the deployment fails.",
    )
    post_deploy: AppHookFile | None = Field(
        None, description="Run after a deployment has succeeded; its failure is only told."
    )
    on_failure: AppHookFile | None = Field(
        None, description="Run after a deployment has failed; its failure is only told."
    )
    resources: Annotated[dict[str, Any], amounts.RESOURCES] = Field(
        {}, description="limits (cpus, memory, pids) and reservations (memory, devices)."
    )


class ReconcileFile(Section):
    """How often the tags of apps are compared with what serves; for all apps or for one."""

    interval: kinds.Rhythm = Field(
        RECONCILE, description="Time between two looks at the registry; off for none."
    )
