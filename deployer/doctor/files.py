"""Who can read a file, how full a disk is and what file system it has."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from deployer.cli.rights import Account

GIB = 1024**3
# Locks of these are missing, advisory to one machine, or break: https://www.sqlite.org/faq.html#q5
_UNSAFE = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "lustre"),
        *("glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"),
    )
)


def mode_of(path: Path) -> str:
    """The permission bits as `chmod` takes them."""
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def everybody_reads(path: Path) -> bool:
    """Whether every user can read the file; each folder above it must let them through."""
    whole = path.resolve()
    return _has(whole, stat.S_IROTH) and all(_has(up, stat.S_IXOTH) for up in whole.parents)


def account_reads(path: Path, account: Account) -> bool:
    """Whether the file is readable for that user, as its owner or by its primary group."""
    found = path.stat()
    owns = found.st_uid == account.uid and bool(found.st_mode & stat.S_IRUSR)
    return owns or (found.st_gid == account.gid and bool(found.st_mode & stat.S_IRGRP))


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next((one for one in (path, *path.parents) if one.exists()), Path("/"))


def room(path: Path) -> tuple[int, float]:
    """Bytes that are free for ordinary users where this path is or will be, and their share."""
    disk = os.statvfs(existing(path))
    free = disk.f_bavail * disk.f_frsize
    return free, disk.f_bavail / disk.f_blocks if disk.f_blocks else 1.0


def gib(size: int) -> str:
    """A size for a person."""
    return f"{size / GIB:.1f} GiB"


def file_system(mountinfo: str, path: Path) -> str:
    """The type of the file system that a path is on; proc(5) describes /proc/self/mountinfo."""
    best, kind = Path("/"), ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        # Of several on one point the last one is seen.
        if path.is_relative_to(point) and point.is_relative_to(best):
            best, kind = point, after.split()[0]
    return kind


def locks_safely(kind: str) -> bool:
    """Whether SQLite's locks and shared memory can be trusted on this type of file system."""
    return kind not in _UNSAFE


def _has(path: Path, bit: int) -> bool:
    return bool(path.stat().st_mode & bit)
