"""Reads the files of a generation; what has not changed since the last time is not read again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from deployer.errors import ProxyError

_Stamp = tuple[int, int]


class Listing:
    """The files of folders that are only ours, by relative path.

    A file is known by its inode, size and time: with hard links that is the same file in the next
    generation, so of a thousand sites only those are read that were written.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[_Stamp, str]] = {}

    def files(self, folder: Path) -> dict[str, str]:
        """Path and text of each file, in folders of folders too.

        Raises ProxyError for what others could change, OSError where the disk refuses.
        """
        refuse_foreign(str(folder), folder.lstat())
        found: dict[str, str] = {}
        known: dict[tuple[int, int], tuple[_Stamp, str]] = {}
        within = [""]
        for prefix in within:
            with os.scandir(folder / prefix) as entries:
                for entry in entries:
                    status, name = entry.stat(follow_symlinks=False), f"{prefix}{entry.name}"
                    refuse_foreign(entry.path, status)
                    if stat.S_ISDIR(status.st_mode):
                        within.append(f"{name}/")
                    elif stat.S_ISREG(status.st_mode):
                        key = (status.st_dev, status.st_ino)
                        known[key] = self._read(entry.path, key, status)
                        found[name] = known[key][1]
        self._known = known
        return found

    def _read(self, path: str, key: tuple[int, int], status: os.stat_result) -> tuple[_Stamp, str]:
        stamp = (status.st_size, status.st_mtime_ns)
        before = self._known.get(key)
        if before is not None and before[0] == stamp:
            return before
        return stamp, Path(path).read_text("utf-8", "replace")


def refuse_foreign(path: str, status: os.stat_result) -> None:
    """Raise ProxyError for a symlink, and for what others than root and this user may change."""
    mode = status.st_mode
    ours = status.st_uid in (0, os.geteuid()) and not mode & (stat.S_IWGRP | stat.S_IWOTH)
    if stat.S_ISLNK(mode) or not ours:
        raise ProxyError(
            f"{path} is not used: it is a symlink, or others than {os.geteuid()} may change it. "
            "Find out who put it there, then remove it; deployer writes it anew"
        )
