"""A clock that goes on only where somebody waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """Seconds since some moment; waiting takes no time."""

    at: float = 0.0

    def now(self) -> float:
        """The time."""
        return self.at

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.at += seconds
