"""What a receiver that was taken over may have put into the database does nothing to the rest."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deployer.errors import StoreError, StoreUnusable
from deployer.stores.connections import LARGEST_VALUE, translated
from deployer.stores.sqlite import SQLiteStore
from tests.contracts.store import delivery, order, wanted
from tests.stores.conftest import MakeStore

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
LOOSE = "(id INTEGER PRIMARY KEY, kind, app, given_by, given_at, tag, digest, release, result"
HUGE = f"INSERT INTO snapshot VALUES (1, hex(zeroblob({LARGEST_VALUE // 2 + 1})))"  # noqa: S608
DEEP = "[" * 100_000 + "]" * 100_000
REPLICA = '{"name": "", "id": "", "address": "", "state": "%s", "health": "", "release": 1'


def attack(path: Path, *statements: str) -> None:
    """Write to the database past all of our code."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


NGINX = '"version": [1, 2, 3], "user": "", "live": 1, "draining": 0'


@pytest.mark.parametrize(
    "body",
    [
        "INSERT INTO meta VALUES ('forged', 'value')",
        "UPDATE deliveries SET verdict = 'forged'",
        "DELETE FROM deliveries",
        f"SELECT ({ENDLESS} LIMIT 1 OFFSET 9000000000000)",
        "SELECT randomblob(1000)",
        "SELECT count(*) FROM deliveries",
    ],
)
def test_a_foreign_trigger_is_refused_and_never_run(
    path: Path, make_store: MakeStore, body: str
) -> None:
    attack(path, f"CREATE TRIGGER evil AFTER INSERT ON deliveries BEGIN {body}; END")
    with pytest.raises(StoreUnusable, match="a trigger or a view that deployer did not make"):
        make_store().record(delivery(), [])
    attack(path, "DROP TRIGGER evil")
    assert make_store().record(delivery(), []).delivery == 1


def test_a_view_in_place_of_a_table_is_refused(path: Path, make_store: MakeStore) -> None:
    view = "CREATE VIEW active AS SELECT * FROM hidden"
    attack(path, "ALTER TABLE active RENAME TO hidden", view)
    with pytest.raises(StoreUnusable, match="a trigger or a view that deployer did not make"):
        make_store().active()


def test_the_triggers_that_guard_the_history_still_do(path: Path, make_store: MakeStore) -> None:
    store = make_store()
    number = store.enqueue(wanted(), 1.0)
    for statement in ("DELETE FROM transitions", "UPDATE transitions SET message = ''"):
        with (
            pytest.raises(StoreError, match="history is only ever added to"),
            store._database.writing() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert len(store.transitions(number)) == 1


def test_a_value_that_is_too_large_for_memory_is_not_read(path: Path) -> None:
    attack(path, HUGE)
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="too big"):
        store.snapshot()
    store.close()


def test_a_store_that_has_no_write_ahead_log_any_more_is_not_written(path: Path) -> None:
    """A rollback journal is what a hostile one could be put in place of."""
    attack(path, "PRAGMA journal_mode = DELETE")
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="journal mode was changed to delete"):
        store.record(delivery(), [])
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "release = '1'",
        "app = x'7765'",
        "tag = NULL",
        "given_at = 9e999",
        "given_at = -1.0",
        "given_at = 'now'",
        "deployment = 1.5",
    ],
)
def test_a_row_of_other_types_is_named_and_never_believed(
    path: Path, make_store: MakeStore, change: str
) -> None:
    make_store().give(order())
    attack(
        path,
        "ALTER TABLE orders RENAME TO strict_orders",
        f"CREATE TABLE orders {LOOSE}, reason, deployment, detail)",
        "INSERT INTO orders SELECT * FROM strict_orders",
        f"UPDATE orders SET {change}",  # noqa: S608
    )
    with pytest.raises(StoreError, match=r"a row that deployer did not write \(Order: no "):
        make_store().open_orders()


@pytest.mark.parametrize("change", ["status = 'done'", "step = 'jump'", "queued_at = 1e300"])
def test_a_deployment_that_can_be_none_is_named(
    path: Path, make_store: MakeStore, change: str
) -> None:
    make_store().enqueue(wanted(), 1.0)
    attack(path, f"UPDATE deployments SET {change}")  # noqa: S608
    with pytest.raises(StoreError, match=r"a row that deployer did not write \(Deployment: no "):
        make_store().deployments()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "7",
        DEEP,
        "{}",
        '{"at": NaN}',
        '{"at": 1e999}',
        '{"at": -1}',
        '{"at": "1"}',
        '{"at": 1, "nginx": {"live": "\\u001b[31m"}}',
        '{"at": 1, "nginx": {"version": [1], "user": "", "live": 1, "draining": 0}}',
        '{"at": 1, "nginx": {"version": [1, 2, 3], "user": "", "live": "1", "draining": 0}}',
        f'{{"at": 1, "nginx": {{{NGINX}, "put_off": "web"}}}}',
        f'{{"at": 1, "nginx": {{{NGINX}, "draining_generations": "8"}}}}',
        '{"at": 1, "outputs": []}',
        '{"at": 1, "outputs": {"one": {"reason": null, "since": null}}}',
        '{"at": 1, "outputs": {"one": {"reason": "", "since": -1}}}',
        '{"at": 1, "reports": {"web": {"reason": 1, "since": null}}}',
        '{"at": 1, "worker": {"at": 1}}',
        '{"at": 1, "worker": {"at": -1, "waits": []}}',
        '{"at": 1, "waits": 1}',
        '{"at": 1, "waits": [{"app": "web", "reason": "x", "since": 1, "more": 1}]}',
        '{"at": 1, "waits": [{"app": "web", "reason": 1, "since": 1}]}',
        '{"at": 1, "left_behind": [{"what": "web", "reason": "x", "since": -1}]}',
        '{"at": 1, "left_behind": [{"what": "web", "since": null}]}',
        '{"at": 1, "left_behind": {"web": 1}}',
        '{"at": 1, "images": [1]}',
        '{"at": 1, "images": {"web": 1}}',
        '{"at": 1, "images": {"web": ["1"]}}',
        '{"at": 1, "worker": {"at": 1, "waits": [{"doing": "", "reason": 1, "since": 1}]}}',
        '{"at": 1, "apps": []}',
        '{"at": 1, "reconcile": {"apps": {}}}',
        '{"at": 1, "reconcile": {"apps": {"web": {"tag": "latest"}}, "failing": []}}',
        '{"at": 1, "reconcile": {"apps": {}, "failing": [{"what": "web", "reason": 1}]}}',
        '{"at": 1, "apps": {"web": {}}}',
        '{"at": 1, "apps": {"web": [{}]}}',
        f'{{"at": 1, "apps": {{"web": [{REPLICA % "running"}, "deployment": "1"}}]}}}}',
        f'{{"at": 1, "apps": {{"web": [{REPLICA % "flying"}, "deployment": 1}}]}}}}',
    ],
)
def test_a_snapshot_that_no_worker_wrote_is_not_shown(
    path: Path, make_store: MakeStore, body: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO snapshot VALUES (1, ?)", (body,))
    store = make_store()
    with pytest.raises(StoreError, match="a snapshot that no worker wrote"):
        store.snapshot()
    store.show({"at": 1.0})
    assert store.snapshot() == {"at": 1.0}


def test_ctrl_c_that_sqlite_swallowed_is_no_fault_of_the_store(path: Path) -> None:
    """While it asks us what is allowed SQLite takes every exception for a no."""
    with pytest.raises(KeyboardInterrupt), translated(path):
        raise sqlite3.DatabaseError("not authorized")
