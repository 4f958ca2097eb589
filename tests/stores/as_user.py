"""The receiver's side as another user, in a process of its own that is told what to do.

Run as root: `python -m tests.stores.as_user DATABASE UID GID`. It answers each word on its
standard input with one line.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from deployer.deployment import Trigger, Wanted
from deployer.errors import StoreUnavailable
from deployer.ports import Delivery
from deployer.stores.schema import migrate, wait_for_schema
from deployer.stores.sqlite import SQLiteStore


def record(store: SQLiteStore) -> str:
    """Record a delivery; its id."""
    done = store.record(Delivery("hook", 1.0, b"{}"), [Wanted("web", Trigger.WEBHOOK)])
    return str(done.delivery)


def import_everything() -> None:
    """What is imported late must be imported now: the other user may not read our Python."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "deployer.db"
        migrate(path)
        store = SQLiteStore(path, grouped=True)
        record(store)
        store.close()


def lock(folder: Path) -> None:
    """Take the lock that a migration takes."""
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)


def main() -> None:
    """Become the user, then do what the words say until there are no more."""
    path, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    import_everything()
    os.umask(0o000)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    try:
        wait_for_schema(path, 1.0)
    except StoreUnavailable as error:
        print(error.detail, flush=True)
        return
    store = SQLiteStore(path, grouped=True)
    words: dict[str, Callable[[], object]] = {
        "record": lambda: record(store),
        "close": store.close,
        "rename": lambda: path.rename(path.with_name("mine.db")),
        "delete": path.unlink,
        "make": path.with_name("deployer.db-journal").touch,
        "link": lambda: path.with_name("second.db").hardlink_to(path),
        "list": lambda: list(path.parent.iterdir()),
        "lock": lambda: lock(path.parent),
    }
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            print(words[line.strip()](), flush=True)
        except OSError as error:
            print(type(error).__name__, flush=True)


if __name__ == "__main__":
    main()
