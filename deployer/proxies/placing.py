"""Puts a file where other programs read it: whole, only when it differs, and nowhere else."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deployer.errors import OutputFailed

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def place(path: Path, content: bytes, mode: int, before: Callable[[], None]) -> bool:
    """Let the file have this content and these rights; whether it had others.

    `before` is called just before it changes. Raises OutputFailed where its folder is missing,
    where a part of the path is a symlink or others may write there, and where it is no file.
    """
    try:
        with _opened(path.parent) as folder:
            if _holds(folder, path, content, mode):
                return False
            before()
            _replace(folder, path.name, content, mode)
    except OSError as error:
        raise _unwritten(path, error) from error
    return True


def look_at_folder(path: Path) -> None:
    """Raise OutputFailed where no file of this path could be put, as far as its folder says."""
    try:
        with _opened(path.parent):
            pass
    except OSError as error:
        raise _unwritten(path, error) from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _unwritten(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def _unwritten(path: Path, error: OSError) -> OutputFailed:
    reason = error.strerror or str(error)
    return OutputFailed(
        f"{path} cannot be written: {reason}. Let the worker's user write in {path.parent}"
    )


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A handle of the folder, reached through folders only: a symlink could lead anywhere."""
    handle, path = os.open("/", _FOLDER), Path("/")
    try:
        for part in folder.parts[1:]:
            path /= part
            below = _below(handle, path)
            os.close(handle)
            handle = below
            _refuse_open(handle, path, last=path == folder)
        yield handle
    finally:
        os.close(handle)


def _below(handle: int, path: Path) -> int:
    try:
        return os.open(path.name, _FOLDER, dir_fd=handle)
    except FileNotFoundError as error:
        raise OutputFailed(f"the folder {path} does not exist. Make it") from error
    except NotADirectoryError as error:
        raise OutputFailed(
            f"{path} is a symlink or no folder. Write the path that it leads to in `file:`"
        ) from error


def _refuse_open(handle: int, path: Path, *, last: bool) -> None:
    mode = os.fstat(handle).st_mode
    # In a sticky folder nobody can replace what belongs to another, but anybody can make files.
    if mode & stat.S_IWOTH and (last or not mode & stat.S_ISVTX):
        raise OutputFailed(
            f"everybody may write in the folder {path}, so nothing is written there. "
            f"Run `chmod o-w {path}`, or choose another folder"
        )


def _holds(folder: int, path: Path, content: bytes, mode: int) -> bool:
    """Whether the file is as it should be already. Raises OutputFailed where it is no file."""
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise OutputFailed(f"{path} is a symlink or no file. Remove it, or write another path")
    if (found.st_size, stat.S_IMODE(found.st_mode)) != (len(content), mode):
        return False
    with os.fdopen(os.open(path.name, _READ, dir_fd=folder), "rb") as file:
        return file.read(len(content) + 1) == content


def _replace(folder: int, name: str, content: bytes, mode: int) -> None:
    new = f".{name}.deployer"
    with suppress(FileNotFoundError):
        # Of a worker that was killed just here.
        os.unlink(new, dir_fd=folder)
    try:
        with os.fdopen(os.open(new, _NEW, 0o600, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
