"""`deployer serve`: receiver and worker as two processes with different rights, one parent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from deployer.cli.context import Invocation, pass_invocation

if TYPE_CHECKING:
    from deployer.cli.handover import Handover
    from deployer.cli.rights import Account
    from deployer.config.values import Config, ReceiverPart

log = structlog.get_logger()

Start = Callable[[], subprocess.Popen[bytes]]


@click.command()
@pass_invocation
def serve(invocation: Invocation) -> None:
    """Run receiver and worker, and restart what dies, until it is stopped.

    Both follow changes of config.yml, at once at SIGHUP, without a refused request.

    Started as root, the receiver runs as the user `receiver.user` with no other group and no
    capability; the worker keeps root's rights, which Docker's socket means anyway.
    """
    from deployer import logs
    from deployer.cli.following import Follower
    from deployer.cli.handover import Handover
    from deployer.cli.rights import prove_import, receiver_account
    from deployer.cli.supervisor import Child, Supervisor
    from deployer.config.sources import Sources
    from deployer.stores.schema import migrate

    sources = Sources(invocation.config_path, lambda: _read(invocation))
    config, part = sources.load()
    account = receiver_account(config.receiver.user)
    if account is not None:
        prove_import(account)
    handover = Handover(part)
    receiver = Child("receiver", _receiver(handover, account))
    worker = Child("worker", _worker(invocation.config_path.absolute(), account))
    logs.configure("serve")
    # Last, once nothing is refused any more: from here on something is left on the machine.
    migrate(config.paths.database, account.gid if account else None)
    _say_whose_rights(account)
    # While a connection is open, SQLite keeps -wal and -shm, which the receiver may not make.
    invocation.store(config).changed()
    follower = Follower(sources, part, handover, receiver, worker)
    Supervisor([receiver, worker], follower.look).run()


def _read(invocation: Invocation) -> tuple[Config, ReceiverPart]:
    from deployer.config import receiver_part

    config = invocation.config("all")
    return config, receiver_part(config)


def _say_whose_rights(account: Account | None) -> None:
    if account is None:
        log.warning("one user for both", why="serve was not started as root", uid=os.geteuid())
    else:
        log.info("two users", receiver=account.name, uid=account.uid, gid=account.gid)


def _python(account: Account | None) -> list[str]:
    """The interpreter; for root (-I) neither the current folder nor PYTHON* says what runs."""
    return [sys.executable, *(["-I"] if account else []), "-m", "deployer"]


def _worker(config: Path, account: Account | None) -> Start:
    from deployer.cli.rights import tied

    # KILL: two workers at once would be worse than one that is recovered.
    command = [*tied("KILL"), *_python(account), "--config", str(config), "work", "--whole"]
    return lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _receiver(handover: Handover, account: Account | None) -> Start:
    """Starts a receiver that is given all it needs to know through a pipe, each time anew."""
    from deployer.cli.rights import bare, bare_environment, tied

    # TERM: gunicorn's master then takes its own child with it.
    prefix = [*tied("TERM"), *(bare(account) if account else []), *_python(account)]

    def start() -> subprocess.Popen[bytes]:
        reads = handover.pipe()
        try:
            return subprocess.Popen(
                [*prefix, "receive", "--handover-fd", str(reads)],
                stdin=subprocess.DEVNULL,
                pass_fds=(reads,),
                start_new_session=True,
                cwd="/" if account else None,
                env=bare_environment() if account else None,
            )
        finally:
            os.close(reads)

    return start
