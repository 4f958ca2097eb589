"""A receiver that was taken over makes the worker run nothing that config.yml does not allow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployer.cli.rights import bare, bare_environment, receiver_account, tied
from deployer.model import Image, Release
from deployer.ports import Order
from deployer.spec import Spec
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore
from tests.engine.world import World, serving
from tests.lab.shell import wait_until
from tests.lab.user import RECEIVER_USER

pytestmark = [pytest.mark.lab, pytest.mark.root]

FORGER = Path(__file__).with_name("forger.py")
EVIL = "sha256:" + "ee" * 32
COPY = (
    "insert into releases (app, number, host, repository, tag, digest, sealed, created_at) "
    "select app, {number}, host, repository, tag, {digest}, {sealed}, created_at from releases "
    "where app = '{app}' and number = 1"
)
QUEUE = (
    'insert into deployments (app, "trigger", queued_at, tag, digest, "release", status, '
    "attempt, reason, detail, started_at) values ('{app}', '{trigger}', 1.0, '{tag}', '{digest}', "
    "{release}, '{status}', 0, '', '', 1.0)"
)


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("rights") as made:
        yield made


@pytest.fixture
def store(one: World) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(one.database)
    yield opened
    opened.close()


def forge(one: World, release: int, *statements: str) -> int:
    """Do it as the receiver's user; the id of the rollback's order, 0 without one."""
    account = receiver_account(RECEIVER_USER)
    assert account is not None
    command = [*tied("KILL"), *bare(account), sys.executable, "-I", "-", str(one.database)]
    done = subprocess.run(
        [*command, one.web.name, str(release), *statements],
        input=FORGER.read_text(),
        env=bare_environment(),
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout or 0)


def answered(store: SQLiteStore, number: int) -> Order:
    """The order once the worker has answered it."""
    found: list[Order] = []

    def is_answered() -> bool:
        order = store.order(number)
        found[:] = [order] if order and order.result else []
        return bool(found)

    wait_until(is_answered, "the answer to the order")
    return found[0]


def sealed_by(key: bytes, app: str, image: Image) -> str:
    """A seal of the right form, made with another key."""
    return Seal(key).seal(Release(app, 99, image, Spec()))


@pytest.mark.parametrize("forged", ["copied", "copied with its digest", "made up", "own key"])
def test_a_release_that_the_receiver_made_is_refused(
    one: World, store: SQLiteStore, forged: str
) -> None:
    """A true seal under another number or digest, a false one: nothing is queued or started."""
    app, before = one.web, one.web.containers()
    newest = one.newest()
    image = Image(app.registry.address, app.repository, "latest", EVIL)
    digest, sealed = {
        "copied": (f"'{EVIL}'", "sealed"),
        "copied with its digest": ("digest", "sealed"),
        "made up": (f"'{EVIL}'", "'gAAAAA'"),
        "own key": (f"'{EVIL}'", f"'{sealed_by(Fernet.generate_key(), app.name, image)}'"),
    }[forged]
    row = COPY.format(app=app.name, number=99, digest=digest, sealed=sealed)
    try:
        order = answered(store, forge(one, 99, row))
    finally:
        forge(one, 0, "delete from releases where number = 99")
    assert order.result == "refused"
    assert order.deployment is None
    assert f"release 99 of {app.name} was not written by this worker" in order.reason
    assert one.newest() == newest
    assert app.containers() == before


def test_a_release_that_the_receiver_changed_is_refused(one: World, store: SQLiteStore) -> None:
    """Not even the digest of the one that serves may be another than the sealed one."""
    (row,) = store.releases(one.web.name)
    change = "update releases set digest = '{}' where number = 1"
    try:
        order = answered(store, forge(one, 1, change.format(EVIL)))
    finally:
        forge(one, 0, change.format(row.image.digest))
    assert order.result == "refused"
    assert "its seal does not fit" in order.reason
    assert store.releases(one.web.name) == [row]


@pytest.mark.parametrize("status", ["queued", "running"])
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"app": "{app}", "trigger": "webhook", "tag": "evil"}, "not deployed from the tag evil"),
        ({"app": "evil", "trigger": "webhook", "tag": "latest"}, "config.yml has no app evil"),
        ({"app": "{app}", "trigger": "rollback", "release": 99}, "was not written by this worker"),
        ({"app": "{app}", "trigger": "operator", "digest": "x:y"}, "digest"),
    ],
    ids=["tag", "app", "release", "digest"],
)
def test_a_deployment_that_the_receiver_made_up_is_not_run(
    one: World, values: dict[str, str | int], why: str, status: str
) -> None:
    """Whatever row stands there, only what config.yml names is resolved; it says what is wrong."""
    app, before = one.web, one.web.containers()
    given = {"tag": "", "digest": "", "release": "null", "status": status, **values}
    row = {name: str(value).format(app=app.name) for name, value in given.items()}
    release = COPY.format(app=app.name, number=99, digest=f"'{EVIL}'", sealed="'gAAAAA'")
    try:
        forge(one, 0, release, QUEUE.format(**row))
        ended = one.deployer.wait_ended(one.newest())
    finally:
        forge(one, 0, "delete from releases where number = 99")
    assert ended["status"] == "refused"
    assert why in ended["reason"]
    assert app.containers() == before
    assert len(one.deployer.containers()) == 2, "this one and Nginx"
