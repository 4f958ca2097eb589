"""`deployer work`: the process with the Docker socket."""

from __future__ import annotations

import click

from deployer.cli.context import Invocation, pass_invocation


@click.command()
@pass_invocation
@click.pass_context
def work(ctx: click.Context, invocation: Invocation) -> None:
    """Run the worker: deploy what is queued and carry out orders, until it is stopped.

    This is the process that needs Docker's socket. It ends at SIGTERM or Ctrl-C; what is
    under way then is taken up again at the next start. Started as root it shares the store with
    the group of `receiver.user`, if there is one.
    """
    from deployer import logs, wiring
    from deployer.cli.rights import receivers_group

    config = invocation.config("worker")
    logs.configure("worker")
    ctx.exit(wiring.run_worker(config, receivers_group(config.receiver.user)))
