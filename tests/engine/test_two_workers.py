"""Two workers on one state: the second waits, and one that comes back too late does no harm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.test_restarts import ends, wait_wholly_on
from tests.engine.world import World, serving
from tests.lab.clients import check_ids
from tests.lab.shell import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.root]

WAITS = "waiting: another worker runs on this state"
ENDS = "another worker has taken over this state, so this one ends"
SLOWLY = 'CMD ["sh", "-c", "sleep 1; exec python3 -S -u /server.py"]'


@pytest.fixture(scope="module")
def one() -> Iterator[World]:
    with serving("two-workers", web={"deploy": {"watch": "0s"}}) as made:
        yield made


def events(one: World, event: str) -> list[Any]:
    """The log lines of all its processes that say this."""
    lines = (json.loads(line) for line in one.deployer.log.read_text().splitlines())
    return [line for line in lines if line["event"] == event]


@contextmanager
def second_worker(one: World) -> Iterator[subprocess.Popen[bytes]]:
    """`deployer work` beside the worker of `serve`; in the end it is stopped and gave no error."""
    process = one.deployer.begin("work")
    try:
        yield process
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_a_second_worker_waits_and_its_end_leaves_the_first_alone(one: World) -> None:
    """Also the end of one that never began takes nothing from the first."""
    first = one.deployer.child("worker")
    with second_worker(one):
        wait_until(lambda: events(one, WAITS) != [], "the second worker's words")
        assert one.web.deploy("beside a second one")["attempt"] == 1
    assert one.web.deploy("alone again")["attempt"] == 1
    assert one.deployer.child("worker") == first
    assert events(one, ENDS) == []


@pytest.mark.parametrize("step", ["check", pytest.param("drain", marks=pytest.mark.long)])
def test_a_worker_that_goes_on_after_another_took_over_ends_and_does_no_harm(
    one: World, step: str
) -> None:
    """Stopped in a deployment, its lock lost with its folder: one deployment, one end."""
    app, deployer, first = one.web, one.deployer, one.deployer.child("worker")
    before = len(events(one, ENDS))
    app.only_container()
    with app.load() as load:
        digest = app.push(f"taken over in {step}", "ok", "latest", SLOWLY)
        number = app.queue()
        wait_until(lambda: deployer.deployment(number)["step"] == step, f"its {step}", step=0.01)
        os.kill(first, signal.SIGSTOP)
        # A lock is on the folder that was there: a copy of it, as from a backup, has none.
        private = one.path / "state" / "worker"
        private.rename(private.with_name("was"))
        shutil.copytree(private.with_name("was"), private)
        with second_worker(one):
            wait_wholly_on(app, one, digest, limit=30)
            ended = deployer.wait_ended(number)
            os.kill(first, signal.SIGCONT)
            wait_until(lambda: len(events(one, ENDS)) > before, "the end of the first worker")
            wait_wholly_on(app, one, digest, limit=1)
            report = load.stop()
        shutil.rmtree(private.with_name("was"))
        wait_until(lambda: deployer.child("worker") != first, "the first one's successor")
    assert ends(ended) == {"succeeded"}
    assert deployer.deployment(number) == ended or step == "drain"
    assert report.failed == 0, str(report)
    assert check_ids(report, one.ids)
    assert app.deploy(f"after it, {step}")["status"] == "succeeded"
