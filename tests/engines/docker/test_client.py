"""One client a thread, and errors that a person can act on."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import docker
import pytest

from deployer.engines.docker.client import Clients, translated
from deployer.errors import EngineError, EngineUnavailable
from tests.lab.registry import Registry

# docker-py leaves the socket of a failed connection to the garbage collector.
_LEAKED = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", _LEAKED)
def test_a_missing_socket_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        _ = Clients(f"unix://{tmp_path}/docker.sock").api
    assert str(caught.value) == (
        "cannot connect to Docker: Docker is unavailable, its socket does not exist. Start "
        "Docker (`systemctl start docker`), or set DOCKER_HOST to where it listens"
    )
    assert caught.value.retry
    assert caught.value.__cause__ is not None
    del caught
    gc.collect()


def test_a_refused_connection_is_said() -> None:
    with pytest.raises(EngineUnavailable, match="it refuses connections"):
        _ = Clients("tcp://127.0.0.1:1").api


def test_docker_host_decides_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(EngineUnavailable, match="it refuses connections"):
        _ = Clients().api


def test_an_address_that_is_none_is_an_error_and_not_a_traceback() -> None:
    with pytest.raises(EngineError, match="cannot connect to Docker") as caught:
        _ = Clients("gopher://nowhere").api
    assert not isinstance(caught.value, EngineUnavailable)


@pytest.mark.lab
def test_each_thread_has_a_client_of_its_own_and_keeps_it(lab_registry: Registry) -> None:
    clients = Clients()
    found: list[docker.APIClient] = []

    def twice() -> None:
        found.extend([clients.api, clients.api])

    threads = [threading.Thread(target=twice) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 3
    assert len(found) == 6
    assert clients.api is clients.api
    clients.close()
    assert clients.api.ping()


@pytest.mark.lab
def test_dockers_own_words_are_kept(lab_registry: Registry) -> None:
    api = Clients().api
    with (
        pytest.raises(EngineError, match="cannot look: No such container: nobody"),
        translated("look"),
    ):
        api.inspect_container("nobody")


@pytest.mark.lab
def test_no_answer_in_time_is_unavailable(lab_registry: Registry) -> None:
    api = Clients().api
    made = api.create_container("busybox:stable", command=["sleep", "30"])["Id"]
    try:
        api.start(made)
        with pytest.raises(EngineUnavailable, match="did not answer"), translated("wait"):
            api.wait(made, timeout=1)
    finally:
        api.remove_container(made, force=True)
