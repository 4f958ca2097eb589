"""`deployer receive`: the process that faces the network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from deployer.cli.context import Invocation, pass_invocation

if TYPE_CHECKING:
    from deployer.config.values import ReceiverPart

Newer = Callable[[], "ReceiverPart | None"]
"""Gives the part to serve with from now on; None for the one that is in force."""

SCHEMA_LIMIT = 60.0
"""How long the worker may take to bring the store up to date, in seconds."""


@click.command()
@click.option("--handover-fd", type=int, hidden=True, help="Where `serve` writes what to do.")
@pass_invocation
def receive(invocation: Invocation, handover_fd: int | None) -> None:
    """Run the receiver: take deliveries and answer the API, until it is stopped.

    It needs neither Docker nor Nginx. It waits until the worker has made the store. At SIGHUP it
    reads its configuration anew.
    """
    from deployer import logs
    from deployer.sources import SOURCES
    from deployer.sources.signatures import check_bearer
    from deployer.stores.schema import wait_for_schema
    from deployer.stores.sqlite import SQLiteStore

    # Until the server has a handler of its own.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    part, newer = _configured(invocation) if handover_fd is None else _handed_over(handover_fd)
    logs.configure("receiver")
    # Every path is absolute from here on. gunicorn looks at the current folder when it is
    # imported, and ends where its user cannot enter that.
    os.chdir("/")
    from deployer.web.server import Receiver

    wait_for_schema(part.store, SCHEMA_LIMIT)

    def opened() -> SQLiteStore:
        store = SQLiteStore(part.store, grouped=True)
        # From here on a connection is open, so that -wal and -shm stay if the worker goes.
        store.changed()
        return store

    Receiver(part, newer, opened, SOURCES, check_bearer).run()


def _configured(invocation: Invocation) -> tuple[ReceiverPart, Newer]:
    from deployer.config import receiver_part

    # For the time after the change of folder.
    found = Invocation(invocation.config_path.absolute())

    def read() -> ReceiverPart:
        return receiver_part(found.config("receiver"))

    return read(), read


def _handed_over(handover_fd: int) -> tuple[ReceiverPart, Newer]:
    from deployer.cli.handover import Handed
    from deployer.config.values import ReceiverPart

    handed = Handed(handover_fd, ReceiverPart.model_validate_json)
    return handed.first(), handed.newer
