"""P1: what record() has answered survives SIGKILL at any moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore

CHECKOUT = Path(__file__).parents[2]
# Four threads record without end; each prints an id only after record() has returned it.
RECORDER = """
import sys, threading
from pathlib import Path
from deployer.deployment import Trigger, Wanted
from deployer.ports import Delivery
from deployer.stores.sqlite import SQLiteStore

store = SQLiteStore(Path(sys.argv[1]), grouped=sys.argv[2] == "True")

def record(app):
    while True:
        done = store.record(Delivery("hook", 1.0, b"{}"), [Wanted(app, Trigger.WEBHOOK)])
        sys.stdout.write(f"{done.delivery} {done.deployments[0][0]}\\n")
        sys.stdout.flush()

for app in "abcd":
    threading.Thread(target=record, args=(app,)).start()
"""


@pytest.mark.parametrize("grouped", [False, True])
def test_what_was_answered_before_a_kill_is_there(path: Path, grouped: bool) -> None:
    answered: list[str] = []
    for lines in (1, 10, 100):
        with subprocess.Popen(
            [sys.executable, "-c", RECORDER, str(path), str(grouped)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            answered += [child.stdout.readline() for _ in range(lines)]
            child.kill()
            rest = child.stdout.read().splitlines(keepends=True)
        answered += [line for line in rest if line.endswith("\n")]
        migrate(path)
    store = SQLiteStore(path)
    for line in answered:
        delivery, deployment = map(int, line.split())
        assert store.delivery(delivery) is not None
        assert [one.id for one in store.queued_by([delivery])] == [deployment]
        assert store.transitions(deployment)
    assert len(answered) >= 111
    store.close()
