"""Looks at the state folder and the store in it, without writing a byte."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from deployer.config.values import Config
from deployer.doctor.files import (
    existing,
    file_system,
    gib,
    locks_safely,
    mode_of,
    room,
)
from deployer.doctor.report import Report
from deployer.stores.connections import translated
from deployer.stores.schema import SCHEMA

_LEAST_ROOM = 256 * 1024**2
_RESTORE = "Stop deployer and restore a backup"


def look(config: Config, report: Report) -> None:
    """Findings about the folder, its disk, the database and the worker's key."""
    folder = config.paths.state
    _look_at_disk(folder, report)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        report.problem(
            "store",
            f"the state folder {folder} is a link or no folder, and deployer takes none",
            "Name the folder itself in paths.state",
        )
    elif not folder.exists():
        _look_above(folder, report)
    elif _look_at_folder(folder, config.nginx.mode, report) and config.paths.database.exists():
        _look_at_database(config.paths.database, report)
        _look_at_key(config.paths.private / "release.key", report)


def schema_of(path: Path) -> str:
    """The schema of a database that may be in use, "" for none; nothing is made beside it.

    Raises StoreUnusable where SQLite's quick_check finds damage or the file is no database.
    """
    # Without a log nobody has it open, and SQLite would make one: immutable leaves it alone.
    has_log = path.with_name(f"{path.name}-wal").exists()
    uri = f"file:{quote(str(path))}?mode=ro{'' if has_log else '&immutable=1'}"
    with translated(path), closing(sqlite3.connect(uri, uri=True, timeout=2.0)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise sqlite3.DatabaseError(f"quick_check says: {found[0]}")
        known = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(known).fetchone() is None:
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""


def _look_at_disk(folder: Path, report: Report) -> None:
    kind = file_system(Path("/proc/self/mountinfo").read_text(), existing(folder).resolve())
    free, _ = room(folder)
    report.facts["store"] = f"{folder} on {kind or 'an unknown file system'}, {gib(free)} free"
    if not locks_safely(kind):
        report.problem(
            "store",
            f"the state folder {folder} is on {kind}, where SQLite's locks do not hold",
            "Name a folder on a local disk in paths.state",
        )
    if free < _LEAST_ROOM:
        report.problem(
            "store",
            f"the disk of the state folder {folder} has {free // 1024**2} MiB left",
            "Make room: a full disk refuses deliveries and deployments",
        )


def _look_above(folder: Path, report: Report) -> None:
    above = existing(folder)
    if not os.access(above, os.W_OK | os.X_OK):
        report.problem(
            "store",
            f"the state folder {folder} does not exist, and this user may not make it in {above}",
            "Make it and give it to the user that runs deployer, or name another in paths.state",
        )


def _look_at_folder(folder: Path, mode: str, report: Report) -> bool:
    """Whether what is in the folder can be looked at."""
    found, me = folder.stat(), os.geteuid()
    if found.st_uid != me:
        if me != 0 and found.st_uid == 0:
            report.note(
                "store",
                f"the state folder {folder} belongs to root, so what is in it was not looked at",
                "Run the doctor as root",
            )
            return False
        report.problem(
            "store",
            f"the state folder {folder} belongs to user {found.st_uid}, not to user {me} who "
            "runs this, and deployer refuses one that is not its own",
            f"Run: chown {me} {folder}; or run the doctor as the user that runs deployer",
        )
    # The workers of a host's Nginx have to get through: see proxies/nginx_process.py.
    meant = stat.S_IXOTH if mode == "host" else 0
    if found.st_mode & stat.S_IRWXO & ~meant:
        report.problem(
            "store",
            f"the state folder {folder} is open to every user (mode {mode_of(folder)})",
            f"Run: chmod o= {folder}",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        report.problem(
            "store",
            f"the state folder {folder} cannot be written: its rights or a read-only disk",
            f"See `findmnt -T {folder}` and `ls -ld {folder}`",
        )
    return os.access(folder, os.X_OK)


def _look_at_database(path: Path, report: Report) -> None:
    found = path.stat()
    if found.st_uid != os.geteuid():
        report.problem(
            "store",
            f"the database {path} belongs to user {found.st_uid}, not to user {os.geteuid()}",
            "Restore it from a backup that you trust, or give it back if you know who did it",
        )
    if found.st_mode & stat.S_IRWXO:
        report.problem(
            "store",
            f"the database {path} is open to every user (mode {mode_of(path)})",
            f"Run: chmod o= {path}",
        )
    version = schema_of(path)
    report.facts["schema"] = version or "none"
    if not version:
        report.problem("store", f"{path} is not a store of deployer: it has no schema", _RESTORE)
    elif version > SCHEMA:
        report.problem(
            "store",
            f"the store {path} was written by a newer deployer (schema {version}, this one "
            f"knows {SCHEMA})",
            "Install the newer version, or restore a backup",
        )
    elif version < SCHEMA:
        report.note(
            "store",
            f"the store {path} is of an older deployer (schema {version}, this one has {SCHEMA})",
            "Restart `deployer serve`, which brings it up to date",
        )


def _look_at_key(path: Path, report: Report) -> None:
    if not path.exists():
        return
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        report.problem(
            "store",
            f"the worker's key {path} is not the worker's alone (user {found.st_uid}, mode "
            f"{stat.S_IMODE(found.st_mode):04o}), so the worker does not start",
            f"If nobody else can have read it: chown {os.geteuid()} {path} && chmod 600 {path}",
        )
