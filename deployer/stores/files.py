"""Who may touch the state folder and the database in it, whatever the umask says.

With one user: folder 0700, files 0600. Where root runs the worker and another user the
receiver: folder root:<group> 0710, files root:<group> 0660. The receiver may go through the
folder to the database, but neither make, remove, rename nor list anything there, nor lock it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.errors import StoreUnusable

_BESIDE = ("-wal", "-shm")
_NO_GROUP = -1


def prepare_state(folder: Path, group: int | None = None, name: str = "deployer.db") -> Path:
    """Make the state folder and an empty database in it, or put their rights right.

    `group` is the receiver's group id when it runs as another user than root. Returns the
    path of the database. Raises StoreUnusable where a folder or file is not ours to use.
    """
    with _refusals(folder):
        _make_folder(folder)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _own_folder(folder, handle, group)
            _own_database(folder / name, handle, group)
        finally:
            os.close(handle)
    return folder / name


def remove_journal(path: Path) -> None:
    """Remove a rollback journal beside the database at `path`, which ours never has.

    SQLite would play it back before anything else, and then delete the file that the journal
    names as its super-journal, wherever that is: with root's rights, if root opens it.
    https://www.sqlite.org/fileformat2.html#the_rollback_journal
    """
    with _refusals(path.parent):
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)


def try_lock(handle: int) -> bool:
    """Whether the lock of an open file or folder could be had; its holder's death frees it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    for missing in reversed([parent for parent in folder.parents if not parent.exists()]):
        missing.mkdir(exist_ok=True)
        missing.chmod(0o755)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(0o700)


def _own_folder(folder: Path, handle: int, group: int | None) -> None:
    found = os.fstat(handle)
    if found.st_uid != os.geteuid():
        raise StoreUnusable(
            f"the state folder {folder} belongs to user {found.st_uid}, not to user "
            f"{os.geteuid()} who runs this. Give it to that user, or run deployer as its owner"
        )
    if found.st_mode & stat.S_IWOTH:
        raise StoreUnusable(
            f"the state folder {folder} can be written by everybody, so its files cannot be "
            f"trusted. Move it away, or run `chmod o-w {folder}` if you know what is in it"
        )
    if group is not None:
        os.fchown(handle, -1, group)
    others = found.st_mode & stat.S_IRWXO
    # A host's Nginx lets its workers through, who are neither the owner nor in the group.
    through = others if others == stat.S_IXOTH else 0
    os.fchmod(handle, (0o700 if group is None else 0o710) | through)


def _own_database(path: Path, folder: int, group: int | None) -> None:
    try:
        made = os.open(
            path.name,
            os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o600,
            dir_fd=folder,
        )
        os.close(made)
    except FileExistsError:
        pass
    for suffix in ("", *_BESIDE):
        file_path = path.with_name(path.name + suffix)
        with _opened(file_path) as file:
            if file is None:
                continue
            if not suffix and os.fstat(file).st_uid != os.geteuid():
                raise StoreUnusable(
                    f"the database {path} belongs to user {os.fstat(file).st_uid}, not to user "
                    f"{os.geteuid()} who runs this. Restore it from a backup that you trust"
                )
            _own_file(file, group)


def _own_file(file: int, group: int | None) -> None:
    """Give a file to this user and the group; `file` is a handle that only names it."""
    found = os.fstat(file)
    mode = 0o600 if group is None else 0o660
    right_group = group is None or found.st_gid == group
    right_mode = stat.S_IMODE(found.st_mode) == mode
    if found.st_uid == os.geteuid() and right_group and right_mode:
        return
    # The handle's own path: chmod and chown by name could meet another file by now.
    itself = f"/proc/self/fd/{file}"
    os.chown(itself, os.geteuid(), _NO_GROUP if group is None else group)
    os.chmod(itself, mode)  # noqa: PTH101 - a Path would only wrap the same call


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """A handle that only names a regular file with no other name; None where there is none.

    O_PATH: a plain open and close would drop the locks that SQLite, in this very process,
    holds on the file (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        file = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise StoreUnusable(
                f"{path} is a link or no file at all. Remove it, and see who put it there"
            )
        if os.fstat(file).st_nlink > 1:
            raise StoreUnusable(
                f"{path} has a second name, so it may be another file than ours. See what it is "
                "(`ls -i`), stop deployer and put a copy in its place"
            )
        yield file
    finally:
        os.close(file)


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """Say what the operating system refused in words that help."""
    try:
        yield
    except OSError as error:
        if folder.is_symlink():
            raise StoreUnusable(
                f"the state folder {folder} is a link. Name the folder itself in paths.state"
            ) from error
        raise StoreUnusable(
            f"the state folder {folder} cannot be prepared: {error.strerror} "
            f"({error.filename or folder}). Make it, and give it to the user who runs deployer"
        ) from error
