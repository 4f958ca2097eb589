"""Who may touch the state folder: one user, or root and the receiver's user."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deployer.errors import StoreUnusable
from deployer.stores.files import prepare_state
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from tests.contracts.store import delivery, wanted

ROOT = pytest.mark.root
CHECKOUT = Path(__file__).parents[2]
PROTECTED_REGULAR = Path("/proc/sys/fs/protected_regular")
USER, GROUP = 54321, 54322


def rights(path: Path) -> tuple[int, int, int]:
    """Owner, group and mode."""
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can go through; the state folder is to be made in it."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o711)
    yield base / "state"
    shutil.rmtree(base)


@contextmanager
def sysctl(path: Path, value: str) -> Iterator[None]:
    """The kernel's setting, put back afterwards."""
    before = path.read_text()
    path.write_text(value)
    try:
        yield
    finally:
        path.write_text(before)


class Receiver:
    """The receiver's user, at work on a database."""

    def __init__(self, path: Path, uid: int = USER, gid: int = GROUP) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.as_user", str(path), str(uid), str(gid)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, word: str) -> str:
        """Give it a word; what it answers."""
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """The next line that it says."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        """End it."""
        self.process.communicate(timeout=30)


@pytest.fixture
def start_receiver() -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def start(path: Path, uid: int = USER, gid: int = GROUP) -> Receiver:
        started.append(Receiver(path, uid, gid))
        return started[-1]

    yield start
    for receiver in started:
        receiver.end()


@pytest.mark.usefixtures("any_umask")
def test_one_user_has_a_folder_and_files_of_its_own(folder: Path) -> None:
    path = folder / "deployer.db"
    migrate(path)
    store = SQLiteStore(path)
    store.record(delivery(), [])
    assert {file.name: rights(file)[::2] for file in (folder, *folder.iterdir())} == {
        "state": (os.geteuid(), 0o700),
        "deployer.db": (os.geteuid(), 0o600),
        "deployer.db-wal": (os.geteuid(), 0o600),
        "deployer.db-shm": (os.geteuid(), 0o600),
    }
    store.close()


@ROOT
@pytest.mark.usefixtures("any_umask")
def test_root_shares_with_the_group_of_the_receiver(folder: Path) -> None:
    path = folder / "deployer.db"
    migrate(path, GROUP)
    store = SQLiteStore(path)
    store.record(delivery(), [])
    assert {file.name: rights(file) for file in (folder, *folder.iterdir())} == {
        "state": (0, GROUP, 0o710),
        "deployer.db": (0, GROUP, 0o660),
        "deployer.db-wal": (0, GROUP, 0o660),
        "deployer.db-shm": (0, GROUP, 0o660),
    }
    store.close()


@ROOT
def test_the_rights_follow_when_the_receiver_gets_or_loses_its_user(folder: Path) -> None:
    path = prepare_state(folder)
    prepare_state(folder, GROUP)
    assert [rights(folder), rights(path)] == [(0, GROUP, 0o710), (0, GROUP, 0o660)]
    prepare_state(folder)
    assert [rights(folder)[::2], rights(path)[::2]] == [(0, 0o700), (0, 0o600)]


@ROOT
@pytest.mark.parametrize(("before", "after"), [(0o755, 0o710), (0o705, 0o710), (0o711, 0o711)])
def test_a_folder_that_was_made_for_others_is_closed_but_for_the_way_of_nginxs_workers(
    folder: Path, before: int, after: int
) -> None:
    folder.mkdir()
    folder.chmod(before)
    prepare_state(folder, group=GROUP)
    assert rights(folder)[2] == after


def test_missing_parents_are_made_so_that_others_can_go_through(folder: Path) -> None:
    path = prepare_state(folder / "deep" / "deeper")
    assert path.exists()
    assert rights(folder / "deep")[2] == 0o755


def test_a_folder_that_everybody_can_write_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o1777)
    with pytest.raises(StoreUnusable, match="can be written by everybody"):
        prepare_state(folder)
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_a_link_or_a_file_is_refused(folder: Path) -> None:
    real = folder.with_name("real")
    real.mkdir()
    folder.symlink_to(real)
    with pytest.raises(StoreUnusable, match="is a link"):
        prepare_state(folder)
    assert list(real.iterdir()) == []
    folder.unlink()
    folder.write_text("")
    with pytest.raises(StoreUnusable, match="cannot be prepared: Not a directory"):
        prepare_state(folder)


@pytest.mark.parametrize("name", ["deployer.db", "deployer.db-wal", "deployer.db-shm"])
def test_a_database_that_is_a_link_is_refused(folder: Path, name: str) -> None:
    prepare_state(folder)
    victim = folder.with_name("victim")
    victim.touch(0o644)
    before = rights(victim)
    (folder / name).unlink(missing_ok=True)
    for target in (victim, folder / "nowhere"):
        (folder / name).symlink_to(target)
        with pytest.raises(StoreUnusable, match="is a link"):
            migrate(folder / "deployer.db")
        (folder / name).unlink()
    assert rights(victim) == before


@ROOT
def test_what_belongs_to_another_user_is_refused(folder: Path) -> None:
    path = prepare_state(folder)
    os.chown(path, USER, GROUP)
    with pytest.raises(StoreUnusable, match=f"database .* belongs to user {USER}"):
        prepare_state(folder)
    os.chown(folder, USER, GROUP)
    with pytest.raises(StoreUnusable, match=f"folder .* belongs to user {USER}"):
        prepare_state(folder)
    assert rights(path)[:2] == (USER, GROUP)


@ROOT
@pytest.mark.parametrize("name", ["deployer.db", "deployer.db-wal"])
def test_root_gives_the_group_no_file_that_has_a_second_name(folder: Path, name: str) -> None:
    """A hard link to a file of root's, made under the name of ours."""
    prepare_state(folder, GROUP)
    secret = folder.with_name("secret")
    secret.touch(0o600)
    (folder / name).unlink(missing_ok=True)
    (folder / name).hardlink_to(secret)
    with pytest.raises(StoreUnusable, match="a second name"):
        prepare_state(folder, GROUP)
    assert rights(secret) == (0, os.getegid(), 0o600)


@ROOT
@pytest.mark.parametrize("protected", ["0", "2"])
def test_root_and_the_receiver_write_to_one_store(
    folder: Path, start_receiver: Callable[..., Receiver], protected: str
) -> None:
    """Also where the receiver closes it last or opens it first."""
    path = folder / "deployer.db"
    beside = [path.with_name(f"deployer.db{suffix}") for suffix in ("-wal", "-shm")]
    with sysctl(PROTECTED_REGULAR, protected):
        migrate(path, GROUP)
        worker = SQLiteStore(path)
        assert worker.deployments() == []
        receiver = start_receiver(path)
        assert receiver.answer() == "ready"
        assert receiver.tell("record") == "1"
        assert worker.enqueue(wanted(), 1.0) == 2
        worker.close()
        assert receiver.tell("record") == "2"
        assert receiver.tell("close") == "None"
        assert [rights(file) for file in beside] == [(0, GROUP, 0o660)] * 2
        again = start_receiver(path)
        assert again.answer() == "ready"
        assert again.tell("record") == "3"
        migrate(path, GROUP)
        assert [one.id for one in worker.deployments()] == [3, 2, 1]
        assert len(worker.deliveries()) == 3
        worker.close()


@ROOT
def test_before_the_worker_has_made_the_log_the_receiver_waits(
    folder: Path, start_receiver: Callable[..., Receiver]
) -> None:
    path = folder / "deployer.db"
    migrate(path, GROUP)
    assert "this user may not make one. Start the worker" in start_receiver(path).answer()
    assert [file.name for file in folder.iterdir()] == ["deployer.db"]


@ROOT
@pytest.mark.parametrize("word", ["rename", "delete", "make", "link", "list", "lock"])
def test_the_receiver_can_do_nothing_to_the_folder(
    folder: Path, start_receiver: Callable[..., Receiver], word: str
) -> None:
    path = folder / "deployer.db"
    migrate(path, GROUP)
    worker = SQLiteStore(path)
    worker.deployments()
    receiver = start_receiver(path)
    assert receiver.answer() == "ready"
    assert receiver.tell(word) == "PermissionError"
    assert receiver.tell("record") == "1"
    worker.close()


def hot_journal(path: Path, victim: Path) -> bytes:
    """A rollback journal that lets SQLite delete any file: https://www.sqlite.org/fileformat2.html."""
    magic, page = bytes.fromhex("d9d505f920a163d7"), 4096
    header = magic + struct.pack(">5I", 0, 1, path.stat().st_size // page, 512, page)
    name = bytes(victim)
    tail = struct.pack(">I", 0x40000000 // page + 1) + name
    return header.ljust(512, b"\0") + tail + struct.pack(">2I", len(name), sum(name)) + magic


@ROOT
def test_a_planted_journal_does_not_let_root_delete_a_file(folder: Path) -> None:
    path, victim = folder / "deployer.db", folder.with_name("victim")
    migrate(path, GROUP)
    journal = path.with_name("deployer.db-journal")
    victim.write_text("precious")
    journal.write_bytes(hot_journal(path, victim))
    migrate(path, GROUP)
    assert victim.exists()
    assert not journal.exists()
    journal.write_bytes(hot_journal(path, victim))
    with closing(sqlite3.connect(path)) as naive:
        naive.execute("SELECT * FROM meta")
    assert not victim.exists()


@ROOT
def test_a_third_user_reads_nothing(folder: Path, start_receiver: Callable[..., Receiver]) -> None:
    path = folder / "deployer.db"
    migrate(path, GROUP)
    stranger = start_receiver(path, USER + 10, GROUP + 10)
    assert "unable to open database file" in stranger.answer()
