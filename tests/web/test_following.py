"""The receiver's configuration changes while it runs: no request is refused, nothing is lost."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from deployer.config.values import HookPart
from deployer.stores.schema import migrate
from tests.lab.ports import free_port
from tests.lab.wire import Broken, Wire
from tests.web.receiver import (
    REPOSITORY,
    SECOND_TOKEN,
    TOKEN,
    Running,
    hashed,
    part_for,
    push,
    running,
    wait_until,
)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as one:
        yield one


def change(receiver: Running, token: str) -> None:
    """Tell it of another token for its hook, as `serve` does."""
    hook = HookPart(
        source="dockerhub", registry="docker.io", tokens=(hashed(SECOND_TOKEN), hashed(token))
    )
    part = part_for(receiver.path, receiver.port)
    part = part.model_copy(update={"hooks": {**part.hooks, "dockerhub": hook}})
    assert receiver.handover.renew(part)
    os.kill(receiver.process.pid, signal.SIGHUP)


def takes(receiver: Running, token: str) -> bool:
    """Whether this token opens the hook."""
    return receiver.post(push(), f"/hooks/dockerhub/{token}").status == 202


def request(token: str) -> bytes:
    body = push("latest")
    head = f"POST /hooks/dockerhub/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def has_more(got: list[object], number: int) -> bool:
    return len(got) > number


@contextmanager
def senders(receiver: Running, send: Callable[[], int], number: int = 4) -> Iterator[list[object]]:
    """Senders that post without a pause; what they got in the end."""
    got: list[object] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            try:
                got.append(send())
            except Broken as error:
                got.append(str(error))

    threads = [threading.Thread(target=go_on) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def test_while_it_takes_a_new_configuration_every_sender_is_answered(receiver: Running) -> None:
    """With a connection each; at the end the new token is right and the old one wrong."""

    def send() -> int:
        return receiver.post(push(), f"/hooks/dockerhub/{SECOND_TOKEN}").status

    first = receiver.process.pid
    with senders(receiver, send) as got:
        for _ in range(4):
            fresh, before = secrets.token_urlsafe(24), len(got)
            change(receiver, fresh)
            wait_until(partial(takes, receiver, fresh), "the new token")
            wait_until(partial(has_more, got, before + 20), "more requests")
    assert set(got) == {202}
    assert receiver.post(push()).status == 401
    assert receiver.process.pid == first
    assert receiver.process.poll() is None


def test_a_connection_that_is_kept_is_answered_and_then_asked_to_close(receiver: Running) -> None:
    with Wire(("127.0.0.1", receiver.port), timeout=20) as wire:
        assert wire.ask(request(TOKEN)).status == 202
        change(receiver, "canary-another-7d1b0c9e5a42")
        wait_until(partial(takes, receiver, "canary-another-7d1b0c9e5a42"), "the new token")


def test_sighup_without_a_change_changes_nothing(receiver: Running) -> None:
    """A closed terminal sends it too."""
    children = Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children")
    before = children.read_text()
    os.kill(receiver.process.pid, signal.SIGHUP)
    assert receiver.post(push()).status == 202
    assert children.read_text() == before


def test_a_receiver_on_its_own_reads_its_configuration_anew_and_keeps_it_if_that_is_broken(
    tmp_path: Path,
) -> None:
    state, port, token = tmp_path / "state", free_port(), secrets.token_urlsafe(32)
    migrate(state / "deployer.db")
    config = tmp_path / "config.yml"
    sound = "receiver: {{port: {port}}}\npaths: {{state: {state}}}\n"
    sound += "hooks: {{dockerhub: {{token_file: token}}}}\napps: {{web: {{image: {image}}}}}\n"
    (tmp_path / "token").write_text(token)
    config.write_text(sound.format(port=port, state=state, image="acme/other"))
    log = tmp_path / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployer", "--config", str(config), "receive"],
            stderr=written,
            cwd=REPOSITORY,
        )
    try:
        # The same methods on a receiver that was started otherwise.
        one = Running.__new__(Running)
        one.port, one.process, one._log = port, process, log
        wait_until(one.answers, "the receiver")
        path = f"/hooks/dockerhub/{token}"
        assert b'"ignored"' in one.post(push(), path).body
        config.write_text(sound.format(port=port, state=state, image="acme/shop") + "oops: 1\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the configuration cannot be used" in one.log(), "the words")
        assert b'"ignored"' in one.post(push(), path).body
        config.write_text(sound.format(port=port, state=state, image="acme/shop"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: b'"accepted"' in one.post(push(), path).body, "the new configuration")
    finally:
        process.terminate()
        process.wait(40)
