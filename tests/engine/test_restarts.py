"""The worker, or all of deployer, is killed or restarted: what serves goes on serving."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from deployer.stores.sqlite import SQLiteStore
from tests.engine.app import App
from tests.engine.world import World, serving, world
from tests.lab.clients import check_ids
from tests.lab.errors import LabError
from tests.lab.shell import run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

SLOWLY = 'CMD ["sh", "-c", "sleep 1; exec python3 -S -u /server.py"]'
ENDED = {"succeeded", "failed", "cancelled", "unchanged", "refused", "superseded"}


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("restarts", web={"deploy": {"watch": "2s"}}) as made:
        yield made


def ends(deployment: Any) -> set[str]:
    """Every outcome that it was ever given."""
    return {each["status"] for each in deployment["transitions"]} & ENDED


def wait_wholly_on(app: App, one: World, digest: str, limit: float) -> None:
    """Wait until store, disk, live Nginx and Docker agree that this digest serves, alone."""

    def agree() -> bool:
        containers = app.containers()
        if [each.image for each in containers] != [f"{app.image}@{digest}"]:
            return False
        with closing(SQLiteStore(one.database)) as store:
            active = store.active()[app.name]
            (release,) = (r for r in store.releases(app.name) if r.number == active.release)
        site = one.on_disk().get(f"generations/{one.current()}/upstreams/{app.name}.conf", "")
        return (
            release.image.digest == digest
            and containers[0].name == f"{app.name}-{active.deployment}-1"
            and f"server {containers[0].address}:8080;" in site
            and one.live() == one.current()
            and len(one.deployer.containers()) == 2
        )

    wait_until(agree, "one release everywhere, and nothing left over", limit=limit)


@pytest.mark.parametrize(
    ("step", "attempt", "why"),
    [("check", 2, "serves"), ("watch", 1, "the worker was stopped while watching it")],
)
def test_a_worker_that_is_killed_in_a_deployment_ends_it_after_its_restart(
    one: World, step: str, attempt: int, why: str
) -> None:
    """Before the switch it is begun anew, after it finished; no client notices, one true end."""
    app, deployer = one.web, one.deployer
    old = app.only_container()
    with app.load() as load:
        digest = app.push(f"killed in {step}", "ok", "latest", SLOWLY)
        number = app.queue()
        wait_until(lambda: deployer.deployment(number)["step"] == step, f"its {step}")
        os.kill(deployer.child("worker"), signal.SIGKILL)
        killed = time.monotonic()
        wait_wholly_on(app, one, digest, limit=30)
        assert time.monotonic() - killed < 30
        ended = deployer.wait_ended(number)
        report = load.stop()
    assert (ended["status"], ended["attempt"]) == ("succeeded", attempt)
    assert why in ended["reason"]
    assert ends(ended) == {"succeeded"}
    assert app.ask() == (200, f"killed in {step}")
    assert old.id not in deployer.containers()
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)


def test_a_restart_of_deployer_touches_no_container(one: World) -> None:
    """Nginx and the apps serve on without it, and it takes them as they are."""
    app, before, nginx = one.web, one.web.only_container(), one.nginx_pid()
    files, newest = one.on_disk(), one.newest()
    with app.load() as load:
        assert one.deployer.stop() == 0
        sent = load.least_sent()
        wait_until(lambda: load.least_sent() > sent + 20, "requests without deployer")
        one.deployer.start()
        app.deployer.wait_ended(app.queue())
        report = load.stop()
    assert report.failed == 0, str(report)
    assert app.containers() == [before]
    assert (one.nginx_pid(), one.on_disk()) == (nginx, files)
    assert one.deployer.deployment(newest + 1)["status"] == "unchanged"


def test_what_was_pushed_while_no_worker_ran_is_deployed_when_there_is_one(one: World) -> None:
    """Each webhook is answered 202; one deployment waits for all of them."""
    app, deployer = one.web, one.deployer
    app.push("while away")
    first = stopped_between_two_writes(one)
    second = app.queue()
    assert first == second
    assert deployer.deployment(second)["status"] == "queued"
    os.kill(deployer.child("worker"), signal.SIGKILL)
    assert deployer.wait_ended(second)["status"] == "succeeded"
    assert app.ask() == (200, "while away")


def stopped_between_two_writes(one: World) -> int:
    """Let the worker stand still and tell of a push; the deployment that was queued.

    One that stands still while it writes keeps the store locked, and the sender is answered 503.
    """
    queued: list[int] = []

    def told() -> bool:
        os.kill(one.deployer.child("worker"), signal.SIGSTOP)
        try:
            queued.append(one.web.queue())
        except LabError:
            os.kill(one.deployer.child("worker"), signal.SIGCONT)
        return bool(queued)

    wait_until(told, "a worker that stands still between two writes")
    return queued[0]


def test_only_the_images_of_kept_releases_stay() -> None:
    """Beyond `keep` an image is gone from Docker, by our name for it and by its digest."""
    with world("images", web={"deploy": {"keep": 2, "watch": "0s"}}) as one:
        app, digests = one.web, [one.web.push_afresh(f"{one.name}.1")]
        one.deployer.start()
        assert one.deployer.wait_ended(1)["status"] == "succeeded"
        for number in (2, 3):
            app.only_container()
            digests.append(app.push_afresh(f"{one.name}.{number}"))
            assert one.deployer.wait_ended(app.queue())["status"] == "succeeded"
        assert app.kept() == [2, 3]
        assert [exists(f"{app.image}@{digest}") for digest in digests] == [False, True, True]


def exists(image: str) -> bool:
    """Whether Docker has an image of this name."""
    names = run(["docker", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}"])
    return image in names.split()
