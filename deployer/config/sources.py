"""The files of a configuration, looked at again and again: whether they have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from deployer.config.files import recorded

T = TypeVar("T")
State = tuple[int, ...] | None

SETTLE = 0.5
"""Seconds for which changed files must stay as they are: nobody reads a half-written one."""


class Sources(Generic[T]):
    """config.yml and every file that it takes in; `read` makes of them what somebody needs.

    Cheap enough to be asked several times a second: a file is known by its size, its times and
    its place on the disk, which a rename over it changes too.
    """

    def __init__(self, path: Path, read: Callable[[], T], settle: float = SETTLE) -> None:
        self._path = path.absolute()
        self._read = read
        self._settle = settle
        self._known: dict[Path, State] = {}
        self._last: dict[Path, State] = {}
        self._since = 0.0

    def load(self) -> T:
        """What the files say now. Raises ConfigError, and then it is still known what changes."""
        before = _states(self._known)
        with recorded() as taken:
            try:
                return self._read()
            finally:
                # What changed while it was read may have been read too early.
                self._known = {**_states({self._path, *taken}), **_kept(before, taken, self._path)}

    def changed(self, at: float) -> bool:
        """Whether they are others than those loaded last, and have come to rest by now.

        `at` is in seconds of a clock that only goes forward.
        """
        now = _states(self._known)
        if now == self._known:
            return False
        if now != self._last:
            self._last, self._since = now, at
        return at - self._since >= self._settle


def _kept(before: dict[Path, State], taken: Iterable[Path], path: Path) -> dict[Path, State]:
    wanted = {path, *taken}
    return {one: state for one, state in before.items() if one in wanted}


def _states(paths: Iterable[Path]) -> dict[Path, State]:
    return {path: _state(path) for path in paths}


def _state(path: Path) -> State:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
