"""How the receiver ends, and how Docker's HEALTHCHECK learns that it is there."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from deployer.web.healthcheck import answers, is_worker
from tests.lab.ports import free_port
from tests.web.receiver import TOKEN, push, running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_webhook_that_is_under_way_when_it_is_stopped_is_recorded_and_answered(
    tmp_path: Path, number: signal.Signals
) -> None:
    """SIGINT is what a container is stopped with, and Docker Hub sends nothing twice."""
    body = push()
    head = f"POST /hooks/dockerhub/{TOKEN} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with running(tmp_path) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=20) as client:
            client.sendall(head.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            receiver.process.send_signal(number)
            client.sendall(body)
            assert client.recv(100).startswith(b"HTTP/1.1 202")
        assert receiver.process.wait(timeout=20) == 0
        delivery = receiver.store.delivery(1)
        assert delivery is not None
        assert delivery.body == body


def test_ctrl_c_in_a_terminal_which_reaches_every_process_ends_it_in_peace(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        os.killpg(receiver.process.pid, signal.SIGINT)
        assert receiver.process.wait(timeout=20) == 0
        assert "Traceback" not in receiver.log()


def test_the_healthcheck_is_content_while_the_receiver_answers(tmp_path: Path) -> None:
    with running(tmp_path) as receiver:
        settings = {"HTTP_HOST": "0.0.0.0", "HTTP_PORT": str(receiver.port)}
        assert answers(settings)
        receiver.kill()
        assert not answers(settings)


@pytest.mark.parametrize("port", ["", "99999", "none"])
def test_the_healthcheck_fails_without_a_receiver_or_with_settings_that_make_no_sense(
    port: str,
) -> None:
    assert not answers({"HTTP_PORT": port or str(free_port())})


def test_a_worker_is_known_by_its_command_and_a_receiver_whose_folder_is_called_so_is_not() -> None:
    assert is_worker(b"/opt/python\0/opt/deployer/bin/deployer\0work\0")
    assert is_worker(b"/sbin/docker-init\0--\0deployer\0--config\0/x.yml\0work\0")
    assert not is_worker(b"python\0/opt/deployer/bin/deployer\0--config\0/work/x.yml\0receive\0")
