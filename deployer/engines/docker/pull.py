"""Pulls an image by its digest, watched: Docker itself would wait for a silent registry forever.

A thread of its own reads Docker's stream, so that the caller's clock runs on while it is silent.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.auth import encode_header
from docker.errors import create_api_error_from_http_exception

from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.images import has
from deployer.engines.docker.refusals import refusal, with_advice
from deployer.engines.docker.registry import auth_config
from deployer.errors import EngineError, EngineUnavailable, PullFailed
from deployer.model import Image
from deployer.ports import Login, Stopping

# How often the caller is asked whether to stop, and how long a connection may take; seconds.
_GLANCE = 0.2
_CONNECT = 10.0
# The reader's own limit comes a little later than the watchdog's, which has the better words.
_MARGIN = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be pulled, and as whom; a platform of "" is Docker's own."""

    image: Image
    platform: str
    login: Login | None


def pull(
    clients: Clients,
    wanted: Wanted,
    *,
    stall: float,
    timeout: float,
    stopping: Stopping,
) -> None:
    """Bring the image of this digest here, and prove it; see ports.Engine."""
    image = wanted.image
    reader = _Reader(clients, wanted, stall + _MARGIN)
    reader.start()
    try:
        _watch(reader, image, stall=stall, timeout=timeout, stopping=stopping)
    finally:
        reader.cancel()
    with translated(f"look for {image.pinned}"):
        if not has(clients.api, image):
            raise PullFailed(
                f"cannot pull {image}: Docker reported success but has no image with the digest "
                f"{image.digest}. Look at Docker's log and deploy again"
            )


def _watch(
    reader: _Reader,
    image: Image,
    *,
    stall: float,
    timeout: float,
    stopping: Stopping,
) -> None:
    """Follow the reader to its end, within the limits."""
    began = moved = time.monotonic()
    while True:
        stopping()
        try:
            event = reader.events.get(timeout=_GLANCE)
        except queue.Empty:
            event = {}
        else:
            moved = time.monotonic()
        if event is None:
            return
        if isinstance(event, EngineError):
            raise _as_pull_error(image, event)
        _raise_reported(image, event)
        if time.monotonic() - moved >= stall:
            raise PullFailed(
                f"cannot pull {image}: nothing moved for {stall:g} s. Look whether the registry "
                f"{image.host} hangs or the network is down"
            )
        if time.monotonic() - began >= timeout:
            raise PullFailed(
                f"cannot pull {image}: not complete after {timeout:g} s. Make the image smaller "
                "or look at the network"
            )


def _raise_reported(image: Image, line: dict[str, Any]) -> None:
    """Once output has begun, Docker reports errors as lines of a successful answer."""
    said = line.get("error") or (line.get("errorDetail") or {}).get("message")
    if said:
        raise _failure(image, str(said))


def _as_pull_error(image: Image, error: EngineError) -> Exception:
    if isinstance(error, EngineUnavailable):
        return error
    failure = _failure(image, error.detail or str(error))
    failure.__cause__ = error
    return failure


def _failure(image: Image, said: str) -> Exception:
    return refusal(image, said) or PullFailed(f"cannot pull {image}: {with_advice(said)}")


class _Reader(threading.Thread):
    """Reads Docker's stream into `events`: its lines, then None, or the error that ended it."""

    def __init__(self, clients: Clients, wanted: Wanted, silence: float) -> None:
        super().__init__(name=f"pull {wanted.image}", daemon=True)
        self.events: queue.Queue[dict[str, Any] | EngineError | None] = queue.Queue()
        self._clients = clients
        self._wanted = wanted
        self._image = wanted.image
        self._silence = silence
        self._cancelled = threading.Event()
        self._response: requests.Response | None = None

    def run(self) -> None:
        """Read to the end."""
        try:
            with translated(f"pull {self._image}"):
                self._read()
        except EngineError as error:
            self.events.put(error)
        except ValueError as error:
            self.events.put(EngineError(f"cannot pull {self._image}: Docker's answer: {error}"))
        else:
            self.events.put(None)

    def cancel(self) -> None:
        """Make the reader hang up, upon which Docker gives the pull up.

        At once where Docker has begun to answer; before that within `silence` seconds.
        """
        self._cancelled.set()
        if self._response is not None:
            # The reader may have finished, or hung up itself, a moment ago.
            with suppress(ValueError, RuntimeError, OSError):
                self._response.raw.shutdown()

    def _read(self) -> None:
        with self._clients.api as api, self._ask(api) as response:
            self._response = response
            try:
                response.raise_for_status()
            except requests.HTTPError as error:
                create_api_error_from_http_exception(error)
            # Asked before each wait: the cancel may have come before there was a response.
            lines = response.iter_lines()
            while not self._cancelled.is_set() and (line := next(lines, None)) is not None:
                if line:
                    self.events.put(json.loads(line))

    def _ask(self, api: docker.APIClient) -> requests.Response:
        """Docker-py's own `pull` has no timeout and hides the response that cancelling needs."""
        return api.post(
            f"{api.base_url}/v{api.api_version}/images/create",
            params={
                "fromImage": self._image.name,
                "tag": self._image.digest,
                "platform": self._wanted.platform,
            },
            headers={"X-Registry-Auth": encode_header(auth_config(self._wanted.login))},
            stream=True,
            timeout=(_CONNECT, self._silence),
        )
