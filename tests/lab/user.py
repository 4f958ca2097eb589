"""The unprivileged user that the receiver runs as, and working folders that it can enter."""

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError
from .shell import LAB, locked, open_folder, run

RECEIVER_USER = "deployer"


def ensure_receiver_user() -> bool:
    """Make sure that the system user `deployer` exists; tell whether it had to be made."""
    if _exists(RECEIVER_USER):
        return False
    if os.geteuid() != 0:
        raise LabError(
            f"the user {RECEIVER_USER!r} is missing and only root can make it: run this as root"
        )
    with locked("user"):
        if _exists(RECEIVER_USER):
            return False
        nologin = shutil.which("nologin", path="/usr/sbin:/sbin") or "/bin/false"
        run(
            [
                *("useradd", "--system", "--user-group", "--no-create-home"),
                *("--home-dir", "/nonexistent", "--shell", nologin, RECEIVER_USER),
            ]
        )
    return True


def make_folder(name: str) -> Path:
    """Make a fresh working folder that every user can enter; `remove_folder` undoes it."""
    clean = re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:40]
    path = Path(tempfile.mkdtemp(prefix=f"{clean}-", dir=open_folder(LAB / "work")))
    path.chmod(0o755)
    return path


def remove_folder(path: Path) -> None:
    """Remove such a folder and all that is in it."""
    if path.parent != LAB / "work":
        raise LabError(f"{path} is not a working folder of the lab, so it stays")
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        raise LabError(f"{path} cannot be removed: it holds files of another user or a mount")


@contextmanager
def folder(name: str) -> Iterator[Path]:
    """Have a fresh working folder for the length of a block."""
    path = make_folder(name)
    try:
        yield path
    finally:
        remove_folder(path)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
