"""The parent of `serve`, with small programs as its children."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.receiver import REPOSITORY, wait_until

PROGRAM = """
import subprocess, sys
from deployer import logs
from deployer.cli.supervisor import Child, Supervisor
logs.configure("serve")
def child(name, script):
    command = ["/bin/sh", "-c", script] if script != "missing" else ["/no/such/program"]
    return Child(name, lambda: subprocess.Popen(command, start_new_session=True))
Supervisor([child(f"child{n}", script) for n, script in enumerate(sys.argv[1:])]).run()
"""
STAYS = "exec sleep 1000"


class Parent:
    """A supervisor in a process of its own; shell scripts are its children."""

    def __init__(self, log: Path, *scripts: str) -> None:
        self._log = log
        with log.open("wb") as written:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *scripts], stderr=written, cwd=REPOSITORY
            )

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def pids(self) -> list[int]:
        return [line["pid"] for line in self.said("child started")]

    def wait_said(self, event: str, times: int = 1) -> None:
        wait_until(lambda: len(self.said(event)) >= times, f"{times} times: {event}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


@pytest.fixture
def parents() -> Iterator[list[Parent]]:
    started: list[Parent] = []
    yield started
    for one in started:
        for pid in one.pids():
            if lives(pid):
                os.killpg(pid, signal.SIGKILL)
        one.process.kill()
        one.process.wait()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_child_that_dies_is_started_again_a_little_later_each_time(
    tmp_path: Path, parents: list[Parent]
) -> None:
    parents.append(parent := Parent(tmp_path / "log", "exit 3", STAYS))
    parent.wait_said("child died", 4)
    died = parent.said("child died")
    assert [one["child"] for one in died] == ["child0"] * len(died)
    assert {one["why"] for one in died} == {"exit code 3"}
    assert [one["restart_in"] for one in died[:4]] == [0.1, 0.2, 0.4, 0.8]


def test_a_child_that_is_killed_is_started_again_and_the_signal_named(
    tmp_path: Path, parents: list[Parent]
) -> None:
    parents.append(parent := Parent(tmp_path / "log", STAYS))
    parent.wait_said("child started")
    os.kill(parent.pids()[0], signal.SIGKILL)
    parent.wait_said("child started", 2)
    assert [one["why"] for one in parent.said("child died")] == ["signal SIGKILL"]


def test_what_a_dead_child_leaves_in_its_session_is_killed(
    tmp_path: Path, parents: list[Parent]
) -> None:
    left = tmp_path / "left"
    script = f"sleep 1000 & echo $! > {left}.new; mv {left}.new {left}; wait"
    parents.append(parent := Parent(tmp_path / "log", script))
    wait_until(left.exists, "the child's own child")
    grandchild = int(left.read_text())
    os.kill(parent.pids()[0], signal.SIGKILL)
    wait_until(lambda: not lives(grandchild), "the end of the child's own child")


def test_a_child_that_cannot_be_started_is_tried_again(
    tmp_path: Path, parents: list[Parent]
) -> None:
    parents.append(parent := Parent(tmp_path / "log", "missing", STAYS))
    parent.wait_said("cannot start child", 2)
    assert len(parent.pids()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_every_child_and_then_the_parent_with_0(
    tmp_path: Path, parents: list[Parent], number: int
) -> None:
    ended, ready = tmp_path / "ended", tmp_path / "ready"
    polite = f"trap 'echo > {ended}; exit 0' TERM; echo > {ready}; while :; do sleep 0.05; done"
    parents.append(parent := Parent(tmp_path / "log", polite, STAYS))
    wait_until(ready.exists, "the child's handler")
    parent.wait_said("child started", 2)
    pids = parent.pids()
    parent.signal(number)
    assert parent.process.wait(timeout=20) == 0
    assert not any(lives(pid) for pid in pids)
    assert ended.exists()
    assert len(parent.pids()) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_stop_kills_what_has_not_ended(
    tmp_path: Path, parents: list[Parent], number: int
) -> None:
    ready = tmp_path / "ready"
    stubborn = f"trap '' TERM; echo > {ready}; while :; do sleep 0.05; done"
    parents.append(parent := Parent(tmp_path / "log", stubborn))
    wait_until(ready.exists, "the child's handler")
    parent.wait_said("child started")
    (pid,) = parent.pids()
    parent.signal(signal.SIGTERM)
    parent.wait_said("stopping")
    assert lives(pid)
    parent.signal(number)
    assert parent.process.wait(timeout=20) == 0
    assert not lives(pid)


def test_sighup_is_ignored_and_given_to_nobody(tmp_path: Path, parents: list[Parent]) -> None:
    heard, ready = tmp_path / "heard", tmp_path / "ready"
    program = "import pathlib, signal, sys, time; heard, ready = map(pathlib.Path, sys.argv[1:]); "
    program += "signal.signal(signal.SIGHUP, lambda *_: heard.touch()); ready.touch(); "
    script = f"exec {sys.executable} -c '{program}time.sleep(1000)' {heard} {ready}"
    parents.append(parent := Parent(tmp_path / "log", script, STAYS))
    wait_until(ready.exists, "the child's handler")
    parent.wait_said("child started", 2)
    parent.signal(signal.SIGHUP)
    # What comes after it was seen to.
    os.kill(parent.pids()[1], signal.SIGKILL)
    parent.wait_said("child started", 3)
    assert parent.process.poll() is None
    assert [one["child"] for one in parent.said("child died")] == ["child1"]
    assert not heard.exists()
