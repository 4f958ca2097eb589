"""A notifier in memory, that can be told to misbehave."""

from __future__ import annotations

from collections.abc import Callable

from deployer.config.values import Destination
from deployer.errors import ReportRefused, ReportUnavailable
from deployer.ports import Report


class FakeNotifier:
    """Implements ports.Notifier. `told` has what was taken, `tried` all that was to be.

    `commits` and `repositories` are those that it knows, None for each; `happens` comes before
    its answer, and may raise.
    """

    def __init__(self) -> None:
        self.told: list[Report] = []
        self.tried: list[Report] = []
        self.commits: set[str] | None = None
        self.repositories: set[str] | None = None
        self.answers = True
        self.happens: Callable[[Report], object] = lambda _: None

    def tell(self, to: Destination, report: Report) -> None:
        """See ports.Notifier."""
        self.tried.append(report)
        self._answer(to)
        self.happens(report)
        if self.commits is not None and report.revision not in self.commits:
            raise ReportRefused(f"cannot report to {to.repository}: it has no such commit")
        self.told.append(report)

    def look(self, app: str, to: Destination) -> None:
        """See ports.Notifier."""
        self._answer(to)

    def _answer(self, to: Destination) -> None:
        if not self.answers:
            raise ReportUnavailable(f"cannot report to {to.repository}: nobody answers")
        if self.repositories is not None and to.repository not in self.repositories:
            raise ReportRefused(f"cannot report to {to.repository}: there is no such repository")
