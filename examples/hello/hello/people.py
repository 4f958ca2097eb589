"""Who checked in, and when."""

from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock


class People:
    """The last check-in of each person; the one who came longest ago is forgotten first."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._seen: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def check_in(self, name: str) -> datetime:
        """Note that the person is here now."""
        now = datetime.now(UTC)
        with self._lock:
            self._seen[name] = now
            self._seen.move_to_end(name)
            while len(self._seen) > self._limit:
                self._seen.popitem(last=False)
        return now

    def last_seen(self, name: str) -> datetime | None:
        """When the person was here; None for a stranger."""
        return self._seen.get(name)
