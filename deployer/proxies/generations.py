"""The generations on disk: complete folders, put there and made current in one step each."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployer.errors import ProxyError
from deployer.proxies.handling import USERS
from deployer.proxies.listing import Listing, refuse_foreign

KEPT = 5
PRIVATE = "certificates"
"""The folder of a generation that only its owner and root may enter."""

SERVED = "served.json"
"""What is served by a generation, for the next worker; Nginx reads it never."""
_CURRENT = re.compile(r"generations/([0-9]+)")
_UNFINISHED = ".new-"


class Generations:
    """`generations/<n>/` and the relative symlink `current` in a folder that is only ours.

    Whatever is killed when, `current` names a complete generation: files and folders are
    synced before the rename that shows them, and the folder after it. Raises ProxyError
    where the disk refuses, or where others could change what Nginx reads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._generations = folder / "generations"
        self._listing = Listing()
        self.readers: int | None = None
        """The group of Nginx's workers, who read passwords at each request; None: not known."""

    def prepare(self) -> None:
        """Make the folders, refuse them if they are not ours alone, remove unfinished work."""
        with self._on_disk("prepare"):
            for folder in (self._folder, self._generations):
                if not os.path.lexists(folder):
                    folder.mkdir(parents=True)
                    folder.chmod(0o755)
                refuse_foreign(str(folder), folder.lstat())
            for left in self._generations.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left)

    def path(self, number: int) -> Path:
        """The folder of a generation."""
        return self._generations / str(number)

    def current(self) -> int | None:
        """The generation that Nginx reads at its next start or reload; None without one."""
        try:
            match = _CURRENT.fullmatch(str((self._folder / "current").readlink()))
        except OSError:
            return None
        return int(match[1]) if match and self.path(int(match[1])).is_dir() else None

    def newest(self) -> int:
        """The highest number that is there; 0 where there is none."""
        return max(self._numbers(), default=0)

    def files(self, number: int | None) -> dict[str, str]:
        """A generation's files by relative path; empty where there is no such generation."""
        if number is None or not self.path(number).is_dir():
            return {}
        with self._on_disk("read"):
            return self._listing.files(self.path(number))

    def write(self, number: int, files: Mapping[str, str], previous: int | None) -> Path:
        """Put a complete generation there; files that did not change are hard links."""
        with self._on_disk("write"):
            before = self.files(previous)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._generations))
            try:
                self._fill(unfinished, files, before, previous)
                unfinished.rename(self.path(number))
            except OSError:
                # On a full disk, of all places, nothing half done may stay.
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            _sync(self._generations)
        return self.path(number)

    def _fill(
        self,
        folder: Path,
        files: Mapping[str, str],
        before: Mapping[str, str],
        previous: int | None,
    ) -> None:
        inside = sorted({folder / name.rpartition("/")[0] for name in files} - {folder})
        for made in inside:
            made.mkdir()
        earlier, here = (f"{path}/" for path in (self.path(previous or 0), folder))
        for name, text in files.items():
            if previous is not None and before.get(name) == text:
                os.link(earlier + name, here + name)
            else:
                _write(folder / name, text, *self._rights(name))
        for made in (*inside, folder):
            # Nginx's master reads certificates and keys, and it is root or this user.
            made.chmod(0o700 if made.name == PRIVATE else 0o755)
            _sync(made)

    def _rights(self, name: str) -> tuple[int, int]:
        """The mode of a file, and its group; -1 for that of this process."""
        if name == SERVED or name.startswith(f"{PRIVATE}/"):
            return 0o600, -1
        if name.startswith(f"{USERS}/") and os.geteuid() == 0 and self.readers is not None:
            return 0o640, self.readers
        return 0o644, -1

    def point(self, number: int | None) -> None:
        """Make a generation the current one in one step; None: there is none."""
        current, new = self._folder / "current", self._folder / ".current.new"
        with self._on_disk("switch"):
            if number is None:
                current.unlink(missing_ok=True)
            else:
                new.unlink(missing_ok=True)
                new.symlink_to(f"generations/{number}")
                new.replace(current)
            _sync(self._folder)

    def remove(self, number: int) -> None:
        """Remove a generation that is not to be used."""
        with self._on_disk("remove"):
            shutil.rmtree(self.path(number), ignore_errors=True)

    def prune(self) -> None:
        """Keep the newest generations and the current one."""
        for number in sorted(self._numbers(), reverse=True)[KEPT:]:
            if number != self.current():
                self.remove(number)

    def _numbers(self) -> list[int]:
        if not self._generations.is_dir():
            return []
        return [int(path.name) for path in self._generations.iterdir() if path.name.isdecimal()]

    @contextmanager
    def _on_disk(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ProxyError(
                f"cannot {doing} Nginx's configuration in {self._folder}: {error.strerror}. Look "
                "at the disk's space and rights; the previous configuration is still live",
                detail=str(error),
            ) from error


def _write(path: Path, text: str, mode: int, group: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchown(file.fileno(), -1, group)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
