"""The store on SQLite: one class of the sides that ports.Store has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deployer.stores.adopting import Adopting
from deployer.stores.base import Database
from deployer.stores.connections import BUSY_TIMEOUT
from deployer.stores.reading import Reading
from deployer.stores.receiving import Receiving
from deployer.stores.working import Working

if TYPE_CHECKING:
    from deployer.stores.seal import Seal


class SQLiteStore(Reading, Receiving, Working, Adopting):
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

    def close(self) -> None:
        """Write what is waiting and close all connections; call it once nobody else writes."""
        self._database.close()
