"""One Docker client a thread, and the one place where Docker's errors become ours."""

from __future__ import annotations

import errno
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from deployer.errors import EngineError, EngineUnavailable

_START = "Start Docker (`systemctl start docker`), or set DOCKER_HOST to where it listens"
_BUSY = "Look whether Docker is overloaded or hangs (`docker info`); what was asked may be done"
_UNREACHABLE = {
    errno.ENOENT: ("its socket does not exist", _START),
    errno.ECONNREFUSED: ("it refuses connections", _START),
    errno.EACCES: (
        "this user may not open its socket",
        "Run the worker as root or as a member of the socket's group",
    ),
}
NO_ANSWER = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.TimeoutError,
)
"""What requests and urllib3 raise where no complete answer came; APIError is none of these."""

T = TypeVar("T")


class Clients:
    """Gives each thread a Docker client of its own: docker-py's is not thread-safe.

    A `base_url` of None means DOCKER_HOST (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH), else
    the default socket. `timeout` is the longest wait for one answer, in seconds.
    """

    def __init__(self, base_url: str | None = None, timeout: int = 60) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._mine = threading.local()
        # Weak, so that the client of a thread that has ended goes with it.
        self._all: weakref.WeakSet[docker.APIClient] = weakref.WeakSet()

    @property
    def api(self) -> docker.APIClient:
        """This thread's own client, connected at first use.

        Raises EngineUnavailable where Docker does not answer.
        """
        existing: docker.APIClient | None = getattr(self._mine, "client", None)
        if existing is not None:
            return existing
        with translated("connect to Docker"):
            options = {"base_url": self._base_url} if self._base_url else kwargs_from_env()
            client = docker.APIClient(version="auto", timeout=self._timeout, **options)
        self._mine.client = client
        self._all.add(client)
        return client

    def close(self) -> None:
        """Close the idle connections of all threads' clients."""
        for client in list(self._all):
            client.close()


def again(act: Callable[[], T]) -> T:
    """Do what may be done twice, and where no answer came once more: it may be done or not."""
    try:
        return act()
    except NO_ANSWER:
        return act()


@contextmanager
def limited(api: docker.APIClient, seconds: int) -> Iterator[None]:
    """Let answers take at most so long within the block; the client is this thread's own."""
    usual = api.timeout
    api.timeout = seconds
    try:
        yield
    finally:
        api.timeout = usual


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the errors of Docker's client into ours, chained: `cannot <doing>: why. what to do`.

    EngineUnavailable where Docker did not answer (what was asked may still have been done),
    EngineError with Docker's own words where it did.
    """
    try:
        yield
    except NO_ANSWER as error:
        raise _unavailable(doing, error) from error
    except APIError as error:
        said = words(error)
        raise EngineError(f"cannot {doing}: {said}", detail=said) from error
    except DockerException as error:
        # docker-py hides a failed connection in a bare DockerException while it negotiates.
        if isinstance(error.__cause__, NO_ANSWER):
            raise _unavailable(doing, error.__cause__) from error
        raise EngineError(f"cannot {doing}: {error}") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineError(f"cannot {doing}: {error}") from error


def words(error: APIError) -> str:
    """What Docker itself said, without the client library's wrapping."""
    return str(error.explanation or error).strip()


def _unavailable(doing: str, error: BaseException) -> EngineUnavailable:
    number = _os_error(error)
    why, advice = _UNREACHABLE.get(number, ("it did not answer", _BUSY))
    message = f"cannot {doing}: Docker is unavailable, {why}. {advice}"
    return EngineUnavailable(message, detail=str(error))


def _os_error(error: BaseException | None) -> int:
    """The errno at the bottom of a chain of wrapped errors, 0 where there is none."""
    seen = 0
    while error is not None and not seen:
        inner = [part for part in error.args if isinstance(part, BaseException)]
        seen = getattr(error, "errno", None) or 0
        error = inner[0] if inner else error.__cause__ or error.__context__
    return seen
