"""The command line: `deployer COMMAND`; what the commands share is parsed here."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deployer import __version__
from deployer.cli.context import Invocation
from deployer.cli.lazy import Command, LazyGroup

SYSTEM_CONFIG = Path("/etc/deployer/config.yml")

COMMANDS = {
    "Run": {
        "serve": Command("deployer.cli.serve:serve", "receiver and worker under one parent"),
        "receive": Command("deployer.cli.receive:receive", "only the receiver: hooks and API"),
        "work": Command("deployer.cli.work:work", "only the worker: Docker and Nginx"),
    },
    "Look": {
        "status": Command("deployer.cli.status:status", "what each app serves, and how it is"),
        "history": Command("deployer.cli.history:history", "an app's deployments, newest first"),
        "show": Command("deployer.cli.history:show", "one deployment: its steps and its reason"),
        "plan": Command("deployer.cli.plan:plan", "what deploying an app would change and do"),
        "doctor": Command("deployer.cli.doctor:doctor", "what is wrong here, and what to do"),
    },
    "Act": {
        "deploy": Command("deployer.cli.orders:deploy", "deploy a tag or digest of an app"),
        "rollback": Command("deployer.cli.orders:rollback", "go back to an earlier release"),
        "cancel": Command("deployer.cli.holding:cancel", "end a deployment that is under way"),
        "pause": Command("deployer.cli.holding:pause", "let an app's deployments wait"),
        "resume": Command("deployer.cli.holding:resume", "let them go on"),
        "maintenance": Command("deployer.cli.holding:maintenance", "let requests get 503, or not"),
        "unquarantine": Command(
            "deployer.cli.holding:unquarantine", "let a digest that failed be tried again"
        ),
    },
    "Set up": {
        "check": Command("deployer.cli.setup:check", "all problems of the configuration"),
        "hooks": Command("deployer.cli.hooks:hooks", "what to paste at each sender; or try one"),
        "adopt": Command("deployer.cli.adopt:adopt", "the configuration of a running container"),
        "render": Command("deployer.cli.render:render", "the Nginx configuration, as it would be"),
    },
}


def default_config(environ: dict[str, str]) -> Path:
    """`$DEPLOYER_CONFIG`, else ./config.yml where there is one, else the system's."""
    if environ.get("DEPLOYER_CONFIG"):
        return Path(environ["DEPLOYER_CONFIG"])
    here = Path("config.yml")
    return here if here.is_file() else SYSTEM_CONFIG


@click.group(cls=LazyGroup, sections=COMMANDS)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Which config.yml. Default: $DEPLOYER_CONFIG, else ./config.yml, else {SYSTEM_CONFIG}.",
)
@click.version_option(__version__, message="deployer %(version)s")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """A registry's webhook puts the new image live behind Nginx without a lost request."""
    ctx.obj = Invocation(config or default_config(dict(os.environ)))
