"""The store on SQLite: one class of all the sides that ports.Store has."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import StoreError
from deployer.stores.adopting import Adopting
from deployer.stores.base import Database
from deployer.stores.connections import BUSY_TIMEOUT
from deployer.stores.fence import Fence, Lost, take
from deployer.stores.holding import Holding
from deployer.stores.reading import Reading
from deployer.stores.receiving import Receiving
from deployer.stores.reporting import Reporting
from deployer.stores.working import Working

if TYPE_CHECKING:
    from deployer.stores.seal import Seal


class SQLiteStore(Reading, Receiving, Working, Holding, Adopting, Reporting):
    """ports.Store in one file that `schema.migrate` has made; opened when first used.

    `seal` is the worker's; without it no release can be added or opened. `grouped` is for the
    receiver: one writer thread that commits in groups. `busy_timeout` in seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        seal: Seal | None = None,
        grouped: bool = False,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        self._database = Database(path, grouped=grouped, busy_timeout=busy_timeout)
        self._seal = seal
        self._fence: Fence | None = None

    def take_fence(self, lost: Lost) -> None:
        """For a worker: from here on only this store writes, until another takes the fence.

        `lost` is called, in the middle of what came too late, when another one has.
        """
        self._fence = self._database.write(lambda connection: take(connection, lost))
        self._database.guard = self._fence.check

    def check_fence(self) -> None:
        """Return unless another worker has taken the fence; a store that is away says nothing."""
        if self._fence is not None:
            with suppress(StoreError), self._database.reading() as connection:
                self._fence.check(connection)

    def close(self) -> None:
        """Write what is waiting and close all connections; call it once nobody else writes."""
        self._database.close()
