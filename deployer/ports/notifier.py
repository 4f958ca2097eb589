"""The contract with what tells where an app's code lives of its deployments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from deployer.deployment import Status

if TYPE_CHECKING:
    from deployer.config.values import Destination

DESCRIPTION = 140
"""How many characters a description has at most: what GitHub takes of one."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a deployment stands, for the commit that its image was built from.

    `status` is running, succeeded, failed, cancelled or refused; `description` one sentence, of
    at most DESCRIPTION characters; `page` the address of the deployment's page, "" for none.
    """

    app: str
    deployment: int
    revision: str
    status: Status
    description: str
    page: str = ""


class Notifier(Protocol):
    """Tells servers that keep code."""

    def tell(self, to: Destination, report: Report) -> None:
        """Let the commit show this. Telling it again makes no difference.

        Raises ReportRefused, ReportUnavailable, and ConfigError without a token.
        """
        ...

    def look(self, app: str, to: Destination) -> None:
        """Ask for the repository, which changes nothing. Raises as `tell` does."""
        ...
