"""When each app's tag is looked at next: spread out at first, later and later where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deployer.model import App

Between = Callable[[float, float], float]
"""A number between two, by chance."""

SPREAD = 30.0
# Seconds until the next try after a first failure, where a registry has said that it was asked
# too often, and how long that may become; other failures are tried again within the interval.
AFTER_FAILURE = 10.0
AFTER_LIMIT = 60.0
LONGEST_LIMIT = 3600.0


def pause(times: int, interval: float, *, limited: bool) -> float:
    """Seconds until the next try after so many failures in a row."""
    first = max(AFTER_LIMIT, interval) if limited else min(AFTER_FAILURE, interval)
    longest = max(LONGEST_LIMIT, interval) if limited else interval
    return min(first * 2.0 ** min(times - 1, 20), longest)


@dataclass(slots=True)
class Failing:
    """What keeps failing: how often in a row, since when (seconds since 1970), why, until when."""

    since: float
    reason: str
    times: int = 0
    until: float = 0.0


@dataclass(slots=True)
class Timetable:
    """The times, in seconds of a clock that only goes forward; `between` spreads them.

    What fails is known by a key of the caller's: an app, or a registry that many apps share.
    """

    between: Between
    failing: dict[str, Failing] = field(default_factory=dict)
    _due: dict[str, tuple[float, float]] = field(init=False, default_factory=dict)

    def next(self, apps: Mapping[str, App], keys: Callable[[App], list[str]], at: float) -> str:
        """The app whose turn it is, "" where it is nobody's yet.

        The first look comes soon and not for all at once; an app whose interval has changed is
        taken for a new one.
        """
        wanted = {name: app.reconcile for name, app in apps.items() if app.reconcile is not None}
        for name in [one for one in self._due if self._due[one][1] != wanted.get(one)]:
            del self._due[name]
        for name, interval in wanted.items():
            if name not in self._due:
                self._due[name] = (at + self.between(0.0, min(SPREAD, interval)), interval)
        ready = [
            (due, name)
            for name, (due, _) in self._due.items()
            if due <= at and not any(self._waits(key, at) for key in keys(apps[name]))
        ]
        return min(ready)[1] if ready else ""

    def again(self, name: str, at: float, within: float | None = None) -> None:
        """The next look: after the app's interval, give or take, or after so many seconds."""
        interval = self._due[name][1]
        wait = interval if within is None else min(within, interval)
        self._due[name] = (at + wait * self.between(0.9, 1.1), interval)

    def failed(self, key: str, name: str, at: float, error: Failing, *, limited: bool) -> bool:
        """Note a failure, and put the next try off; whether it is the first in a row."""
        known = self.failing.setdefault(key, error)
        known.reason, known.times = error.reason, known.times + 1
        wait = pause(known.times, self._due[name][1], limited=limited)
        known.until = at + wait * self.between(0.9, 1.1)
        return known.times == 1

    def works(self, *keys: str) -> list[str]:
        """Note that these work; those that had failed."""
        return [key for key in keys if self.failing.pop(key, None) is not None]

    def _waits(self, key: str, at: float) -> bool:
        known = self.failing.get(key)
        return known is not None and known.until > at
