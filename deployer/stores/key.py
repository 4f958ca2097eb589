"""The worker's key: made once, in a folder and a file that only the worker can read."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.fernet import Fernet

from deployer.errors import StoreUnusable

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def load_or_create_key(path: Path) -> bytes:
    """The key at `path`, made there with its folder (0700) if it is missing.

    Raises StoreUnusable where the folder or the file is a link, belongs to somebody else, can
    be read or written by others, or holds no key.
    """
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _refuse_shared(path.parent, path.parent.lstat(), stat.S_IFDIR, 0o022)
        if not os.path.lexists(path):
            _create(path)
        return _load(path)
    except OSError as error:
        raise StoreUnusable(
            f"the worker's key {path} cannot be read or made: {error.strerror}. "
            "Give its folder to the user who runs the worker"
        ) from error


def _create(path: Path) -> None:
    """A new key that is whole and on the disk before it has its name.

    A link instead of a rename: of two processes that start at once the second keeps the
    first one's key.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(temporary, _NEW_FILE, 0o600)
    try:
        with os.fdopen(file, "wb") as writer:
            os.fchmod(writer.fileno(), 0o600)
            writer.write(Fernet.generate_key() + b"\n")
            writer.flush()
            os.fsync(writer.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> bytes:
    _refuse_shared(path, path.lstat(), stat.S_IFREG, 0o077)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as reader:
        _refuse_shared(path, os.fstat(reader.fileno()), stat.S_IFREG, 0o077)
        key = reader.read(1024).strip()
    try:
        Fernet(key)
    except ValueError:
        raise StoreUnusable(
            f"{path} holds no key. Restore it from a backup, or remove it: the worker then makes "
            "a new one, cannot roll back to earlier releases and knows its containers no more"
        ) from None
    return key


def _refuse_shared(path: Path, found: os.stat_result, kind: int, forbidden: int) -> None:
    problem = ""
    if stat.S_IFMT(found.st_mode) != kind:
        problem = "it is a link or another thing than it should be"
    elif found.st_uid != os.geteuid():
        problem = f"it belongs to user {found.st_uid}"
    elif found.st_mode & forbidden:
        problem = f"others have rights to it (mode {stat.S_IMODE(found.st_mode):04o})"
    if problem:
        raise StoreUnusable(
            f"{path} cannot be trusted with the worker's key: {problem}. If nobody else can have "
            "used it, make it the worker's own (0700 a folder, 0600 a file); else remove it and "
            "deploy every app again"
        )
