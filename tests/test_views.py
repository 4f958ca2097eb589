"""The JSON of apps and deployments; on the real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deployer import views
from deployer.deployment import Deployment, Status, Step, Transition, Trigger, Wanted
from deployer.model import Image
from deployer.ports import Active
from deployer.spec import Spec
from deployer.stores.schema import migrate
from deployer.stores.seal import Seal
from deployer.stores.sqlite import SQLiteStore

NOON = 1795176000.25
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    path = tmp_path / "state" / "deployer.db"
    migrate(path)
    one = SQLiteStore(path, seal=Seal(Fernet.generate_key()))
    yield one
    one.close()


def test_times_are_iso_8601_in_utc() -> None:
    assert views.moment(NOON) == "2026-11-20T12:00:00.250Z"
    assert views.moment(None) is None


def test_what_is_not_known_is_null() -> None:
    view = views.deployment(Deployment(7, "web", Trigger.BOOTSTRAP, NOON))
    assert view["id"] == 7
    assert view["trigger"] == "bootstrap"
    assert view["status"] == "queued"
    empty = ("step", "tag", "digest", "release", "delivery", "started_at", "reason", "serving")
    assert [view[key] for key in empty] == [None] * len(empty)
    assert "transitions" not in view


def test_the_history_comes_with_one_deployment_in_its_order() -> None:
    steps = [
        Transition(7, NOON, Status.QUEUED, None, "asked for"),
        Transition(7, NOON + 1, Status.RUNNING, Step.PULL, "pulling"),
    ]
    view = views.deployment(Deployment(7, "web", Trigger.WEBHOOK, NOON), steps)
    assert view["transitions"] == [
        {
            "at": "2026-11-20T12:00:00.250Z",
            "status": "queued",
            "step": None,
            "message": "asked for",
        },
        {
            "at": "2026-11-20T12:00:01.250Z",
            "status": "running",
            "step": "pull",
            "message": "pulling",
        },
    ]


def test_an_app_that_never_ran_has_nothing_active(store: SQLiteStore) -> None:
    view = views.apps({"web": ("docker.io/acme/shop", ("latest",))}, store, NOON)
    assert view == {
        "apps": [
            {
                "name": "web",
                "image": "docker.io/acme/shop",
                "tags": ["latest"],
                "active": None,
                "last_deployment": None,
                "replicas": [],
                "compared": None,
                "releases": [],
            }
        ],
        "status": "degraded",
        "troubles": [
            {
                "what": "worker",
                "reason": "it has not looked yet. Is it running? See: deployer work",
                "since": None,
            }
        ],
        "held_back": [],
        "snapshot": {"at": None, "age": None},
        "nginx": None,
        "certificates": [],
    }


def test_an_app_shows_what_it_serves_and_how_old_the_sight_of_its_replicas_is(
    store: SQLiteStore,
) -> None:
    number = store.enqueue(Wanted("web", Trigger.BOOTSTRAP), NOON)
    release = store.add_release(
        "web", Image("docker.io", "acme/shop", "latest", DIGEST), Spec(), NOON
    )
    store.activate(Active("web", release.number, number))
    replica = {
        "name": "web-1-1",
        "id": "0f",
        "address": "172.17.0.2",
        "state": "running",
        "health": "",
        "release": 1,
        "deployment": number,
    }
    store.show({"at": NOON, "apps": {"web": [replica], "gone": [{**replica, "name": "gone-1"}]}})
    view = views.apps({"web": ("docker.io/acme/shop", ("latest",))}, store, NOON + 3)
    (web,) = view["apps"]
    assert web["active"] == {"release": 1, "digest": DIGEST, "deployment": number}
    assert web["last_deployment"]["id"] == number
    assert web["replicas"] == [replica]
    assert view["snapshot"] == {"at": "2026-11-20T12:00:00.250Z", "age": 3.0}
