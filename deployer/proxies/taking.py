"""Makes a generation live: replace, HUP, confirm; and puts the one before back if it is not."""

from __future__ import annotations

import http.client
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import structlog

from deployer.config.values import Nginx as Settings
from deployer.errors import DeployerError, NotConfirmed
from deployer.ports import Applied, NginxHost
from deployer.proxies.generations import Generations

log = structlog.get_logger()

EMERGENCY = re.compile(r"\[(?:emerg|alert)\] (?:[0-9]+#[0-9]+: )?+(?!still could not)(.*)")
_POLL = 0.025
_LISTEN = 0.5
_OLD_WORKERS_LIMIT = 2.0
_LINES = 50


class NotTaken(NotConfirmed):
    """Nginx said why it goes on with the configuration before."""


class Taking:
    """What makes generations live in one Nginx; `confirm_limit` in seconds."""

    def __init__(
        self,
        host: NginxHost,
        generations: Generations,
        settings: Settings,
        folder: Path,
        confirm_limit: float,
    ) -> None:
        self._host = host
        self._generations = generations
        self._settings = settings
        self._folder = folder
        self._confirm_limit = confirm_limit
        self._read: Counter[str] | None = None
        self.reloads = 0

    def live(self) -> int | None:
        """Ask Nginx on a fresh connection which generation it serves."""
        try:
            address = self._host.address()
        except DeployerError:
            return None
        connection = http.client.HTTPConnection(address, self._settings.status_port, timeout=1.0)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            said = connection.getresponse().read(20)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return int(said) if said.isdigit() else None

    def workers(self) -> frozenset[int]:
        """The worker processes, old ones included."""
        return frozenset(worker.pid for worker in self._host.workers())

    def hold(self, current: int) -> Applied:
        """Nothing has changed; but Nginx must run, and on this generation."""
        if self._host.ensure_running():
            self._confirm(current)
            return Applied(current)
        if self.live() == current:
            workers = self._host.workers()
            return Applied(current, frozenset(one.pid for one in workers if one.shutting_down))
        before = self.workers()
        self._reload()
        self._confirm(current)
        self._wait_for_old(before)
        return Applied(current, before)

    def switch(self, number: int, previous: int | None) -> Applied:
        """From here to confirmation any failure puts the previous generation back.

        Raises NotTaken where Nginx says why it does not take it, else NotConfirmed.
        """
        if self._read is None:
            self._new_words()
        before = self.workers()
        try:
            self._generations.point(number)
            if not self._host.ensure_running():
                self._reload()
            self._confirm(number)
            self._wait_for_old(before)
        except DeployerError as error:
            state = self._go_back(previous)
            self._generations.remove(number)
            kind = NotTaken if isinstance(error, NotTaken) else NotConfirmed
            raise kind(f"{error}; {state}", detail=error.detail) from error
        self._generations.prune()
        return Applied(number, before)

    def _reload(self) -> None:
        self._host.reload()
        self.reloads += 1

    def _go_back(self, previous: int | None) -> str:
        """Make the previous generation current and live again; what there is now, in words."""
        try:
            self._generations.point(previous)
            if previous is None:
                return "there is no earlier configuration to go back to"
            if not self._host.ensure_running():
                self._reload()
            self._confirm(previous)
        except DeployerError as error:
            log.warning("previous generation is not live", generation=previous, reason=str(error))
            return f"generation {previous} is on disk again, but Nginx does not answer with it"
        return f"the previous configuration (generation {previous}) is live again"

    def _confirm(self, number: int) -> None:
        """Wait for one answer with this number: for a moment old workers answer beside new ones."""
        words, deadline = "", time.monotonic() + self._confirm_limit
        listens = time.monotonic() + _LISTEN
        while self.live() != number:
            now = time.monotonic()
            if now > min(listens, deadline):
                words += self._new_words()
                listens = now + _LISTEN
            if now > deadline or _is_last_word(words):
                raise self._not_confirmed(number, words)
            time.sleep(_POLL)

    def _not_confirmed(self, number: int, words: str) -> NotConfirmed:
        said = EMERGENCY.findall(words)
        why = said[-1] if said else f"no answer on port {self._settings.status_port}"
        kind = NotTaken if said else NotConfirmed
        return kind(
            f"Nginx does not serve generation {number}: {why}. Read its log ({self._log()})",
            detail=words or self._host.errors(_LINES),
        )

    def _new_words(self) -> str:
        """What is in Nginx's log that was not there before.

        What it says twice within a second looks the same, so that lines are counted.
        """
        lines = Counter(self._host.errors(_LINES).splitlines())
        new = lines - (self._read or Counter())
        self._read = lines
        return "".join(f"{line}\n" for line in new.elements())

    def _log(self) -> str:
        if self._settings.mode == "host":
            return str(self._folder / "logs" / "error.log")
        return f"`docker logs {self._settings.container}`"

    def _wait_for_old(self, before: frozenset[int]) -> None:
        """Wait until no old worker takes new connections (Nginx waits 100 ms to tell them)."""

        def quit_taking() -> bool:
            taking = (one.pid for one in self._host.workers() if not one.shutting_down)
            return not before.intersection(taking)

        if not _within(_OLD_WORKERS_LIMIT, quit_taking):
            raise NotConfirmed("Nginx's old workers still take connections after a reload")


def _is_last_word(words: str) -> bool:
    """Nginx tries to bind for a while; all else that it says so loud ends its attempt."""
    return any("bind()" not in said for said in EMERGENCY.findall(words))


def _within(limit: float, is_true: Callable[[], bool]) -> bool:
    """Whether it becomes true within so many seconds."""
    deadline = time.monotonic() + limit
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
