"""`deployer work`: the process with the Docker socket."""

from __future__ import annotations

import click

from deployer.cli.context import Invocation, pass_invocation


@click.command()
@click.option("--whole", is_flag=True, hidden=True, help="Check the receiver's part as well.")
@pass_invocation
@click.pass_context
def work(ctx: click.Context, invocation: Invocation, whole: bool) -> None:
    """Run the worker: deploy what is queued and carry out orders, until it is stopped.

    This is the process that needs Docker's socket. It ends at SIGTERM or Ctrl-C; what is
    under way then is taken up again at the next start. It follows changes of config.yml, at once
    at SIGHUP. Started as root it shares the store with the group of `receiver.user`, if there is
    one.
    """
    from deployer import logs, wiring
    from deployer.cli.rights import receivers_group

    # Beside `serve`'s receiver, both take a configuration or none does.
    sources = invocation.sources("all" if whole else "worker")
    config = sources.load()
    logs.configure("worker")
    ctx.exit(wiring.run_worker(config, sources, receivers_group(config.receiver.user)))
