"""The store on SQLite keeps the contract, with a commit each and with group commit."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest

from deployer.deployment import Status, Wanted, advance
from deployer.errors import Refused, StoreError, StoreUnavailable, StoreUnusable
from deployer.model import Image
from deployer.ports import Active, Store
from deployer.spec import Spec
from deployer.stores.connections import open_database
from deployer.stores.sqlite import SQLiteStore
from tests.contracts.adopting import Adopting
from tests.contracts.duplicates import Duplicates
from tests.contracts.store import IMAGE, SPEC, StoreContract, delivery, must, order, wanted
from tests.stores.conftest import MakeStore


class TestOwnCommits(StoreContract, Duplicates, Adopting):
    """A commit each, as in the worker."""

    @pytest.fixture
    def store(self, make_store: MakeStore) -> Store:
        return make_store()


class TestGroupCommit(StoreContract, Duplicates, Adopting):
    """One writer thread, as in the receiver."""

    @pytest.fixture
    def store(self, make_store: MakeStore) -> Store:
        return make_store(grouped=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's one lock for writing, as a stuck process would."""
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


@pytest.mark.parametrize("grouped", [False, True])
def test_nothing_is_written_to_a_store_that_was_moved_away_until_it_is_back(
    path: Path, make_store: MakeStore, grouped: bool
) -> None:
    """SQLite would go on in the file without a name, and what it took would be lost."""
    store = make_store(grouped=grouped)
    store.record(delivery(), [])
    away = path.parent.with_name("away")
    path.parent.rename(away)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="is not available"):
            store.record(delivery(), [])
    away.rename(path.parent)
    assert store.record(delivery(), []).delivery == 2


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond this many bytes: writing fails as on a failing disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def claim_and_end(path: str) -> list[int]:
    """Claim all that is queued, as one worker process; the ids."""
    store, mine = SQLiteStore(Path(path)), []
    try:
        while (claimed := store.claim(2.0)) is not None:
            mine.append(claimed.id)
            store.save(advance(claimed, Status.SUCCEEDED, 3.0), 3.0)
    finally:
        store.close()
    return mine


def test_sixty_deployments_are_claimed_once_each_by_two_processes(
    make_store: MakeStore, path: Path
) -> None:
    store = make_store()
    queued = [store.enqueue(wanted(f"app{number}"), 1.0) for number in range(60)]
    with get_context("spawn").Pool(2) as pool:
        claimed = pool.map(claim_and_end, [str(path)] * 2, chunksize=1)
        pool.close()
        pool.join()
    assert sorted(claimed[0] + claimed[1]) == queued


def test_a_store_opens_nothing_before_it_is_used(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "missing" / "deployer.db", grouped=True)
    with pytest.raises(StoreUnavailable, match="not there"):
        store.active()
    with pytest.raises(StoreUnavailable, match="not there"):
        store.record(delivery(), [])
    store.close()


@pytest.mark.parametrize("grouped", [False, True])
def test_record_returns_only_after_the_commit(
    make_store: MakeStore, path: Path, grouped: bool
) -> None:
    """P1: as long as nothing can be committed, no caller is told that it was."""
    store, reader = make_store(grouped=grouped), make_store()
    with ThreadPoolExecutor() as pool:
        with locked(path):
            waiting = pool.submit(store.record, delivery(), [wanted()])
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            assert reader.deployments() == []
        recorded = waiting.result(timeout=10)
    assert reader.delivery(recorded.delivery) is not None
    assert [one.id for one in reader.deployments()] == [recorded.deployments[0][0]]


@pytest.mark.parametrize("grouped", [False, True])
def test_a_lock_that_is_never_released_makes_the_store_unavailable(
    make_store: MakeStore, path: Path, grouped: bool
) -> None:
    store = make_store(grouped=grouped, busy_timeout=0.1)
    with locked(path):
        with pytest.raises(StoreUnavailable, match="another process holds it") as caught:
            store.record(delivery(), [wanted()])
        assert caught.value.retry
        assert store.deployments() == []
    assert store.record(delivery(), [wanted()]).delivery == 1


@pytest.mark.parametrize("grouped", [False, True])
def test_what_a_failing_disk_did_not_take_counts_as_not_written(
    make_store: MakeStore, path: Path, grouped: bool
) -> None:
    store = make_store(grouped=grouped)
    kept = store.record(delivery(), [wanted()])
    large = delivery(body=bytes(1_000_000))
    with ThreadPoolExecutor(4) as pool, full_disk(path.stat().st_size):
        failed = [pool.submit(store.record, large, [wanted()]) for _ in range(4)]
        problems = [one.exception(timeout=30) for one in failed]
    assert {type(problem) for problem in problems} == {StoreUnavailable}
    assert [one.id for one in store.deployments()] == [kept.deployments[0][0]]
    assert store.record(delivery(), []).delivery == kept.delivery + 1


def test_a_value_that_no_store_can_keep_is_refused_and_not_repeated(make_store: MakeStore) -> None:
    store = make_store()
    with pytest.raises(StoreError) as caught:
        store.record(delivery(reason="secret-word \ud800"), [wanted()])
    assert not caught.value.retry
    assert "secret-word" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert store.deployments() == []


def test_a_damaged_database_is_unusable(make_store: MakeStore, path: Path) -> None:
    path.write_bytes(b"this is no database, " * 500)
    with pytest.raises(StoreUnusable, match="restore a backup"):
        make_store().active()


def test_without_the_key_no_release_is_added_or_opened(make_store: MakeStore, path: Path) -> None:
    make_store().add_release("web", IMAGE, SPEC, 1.0)
    receiver = SQLiteStore(path)
    with pytest.raises(Refused, match="only the worker"):
        receiver.add_release("web", IMAGE, SPEC, 1.0)
    with pytest.raises(Refused, match="only the worker"):
        receiver.open_release("web", 1)
    assert [row.number for row in receiver.releases("web")] == [1]
    receiver.close()


def test_a_forged_release_is_not_opened(make_store: MakeStore, path: Path) -> None:
    """P10: who can write the database cannot make the worker run another image."""
    store = make_store()
    store.add_release("web", IMAGE, SPEC, 1.0)
    store.add_release("api", IMAGE, Spec(), 1.0)
    with sqlite3.connect(path) as forger:
        forger.execute("UPDATE releases SET repository = 'evil/miner' WHERE app = 'web'")
        forger.execute(
            "INSERT INTO releases SELECT 'db', number, host, repository, tag, digest,"
            " sealed, created_at FROM releases WHERE app = 'api'"
        )
        forger.execute("UPDATE releases SET sealed = 'h\u00e9' WHERE app = 'api'")
    forger.close()
    for app in ("web", "db", "api"):
        with pytest.raises(Refused, match=f"release 1 of {app} was not written by this worker"):
            store.open_release(app, 1)


def test_secrets_of_the_environment_are_in_no_file_in_clear(
    make_store: MakeStore, path: Path
) -> None:
    store = make_store()
    canary = dict(SPEC.environment)["TOKEN"]
    store.add_release("web", IMAGE, SPEC, 1.0)
    in_log = b"".join(file.read_bytes() for file in path.parent.iterdir())
    checkpointing = sqlite3.connect(path)
    checkpointing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    checkpointing.close()
    in_database = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"acme/web" in in_log
    assert b"acme/web" in path.read_bytes()
    assert canary.encode() not in in_log + in_database


def test_the_release_that_serves_cannot_be_dropped(make_store: MakeStore) -> None:
    store = make_store()
    for _ in range(2):
        store.add_release("web", IMAGE, SPEC, 1.0)
    store.activate(Active("web", 1, store.enqueue(wanted(), 1.0)))
    with pytest.raises(StoreError):
        store.drop_releases("web", [])
    assert [row.number for row in store.releases("web")] == [2, 1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deployments SET status = 'running'",
        "UPDATE deployments SET status = 'queued'",
        "UPDATE transitions SET message = 'nothing happened'",
        "DELETE FROM transitions",
        "DELETE FROM deployments",
        "INSERT INTO active VALUES ('web', 9, 1)",
        "UPDATE deployments SET delivery = 99",
        "UPDATE deployments SET queued_at = 'yesterday'",
    ],
)
def test_the_schema_itself_refuses_what_must_never_be(
    make_store: MakeStore, path: Path, statement: str
) -> None:
    store = make_store()
    store.enqueue(wanted(), 1.0)
    store.claim(2.0)
    store.enqueue(wanted(), 3.0)
    connection = open_database(path, 1.0)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


def test_connections_have_the_settings_that_durability_and_safety_need(path: Path) -> None:
    connection = open_database(path, 1.5)
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "busy_timeout",
        )
    }
    connection.close()
    full = 2
    assert found == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "busy_timeout": 1500,
    }


def test_each_store_has_a_name_of_its_own(make_store: MakeStore, path: Path) -> None:
    instance = make_store().instance()
    assert len(bytes.fromhex(instance)) == 4
    assert make_store(grouped=True).instance() == instance


def test_a_closed_store_takes_nothing_more(make_store: MakeStore) -> None:
    store = make_store(grouped=True)
    number = store.give(order())
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.give(order())
    assert must(make_store().order(number)).app == "web"


def test_an_order_may_name_a_release_that_is_not_there(make_store: MakeStore) -> None:
    """It is the worker who refuses it, and says so in the order's result."""
    store = make_store()
    deployment = store.enqueue(Wanted("web", wanted().trigger, release=404), 1.0)
    assert must(store.deployment(deployment)).release == 404
    assert must(store.order(store.give(order()))).release == 3


def test_an_image_without_a_tag_is_kept_as_it_is(make_store: MakeStore) -> None:
    store = make_store()
    image = Image("localhost:5001", "web", "", IMAGE.digest)
    store.add_release("web", image, Spec(), 1.0)
    assert store.releases("web")[0].image == image
    assert store.open_release("web", 1).image == image
