"""Pulls an image by its digest, watched: Docker itself would wait for a silent registry forever."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.auth import encode_header

from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.images import has
from deployer.engines.docker.refusals import refusal, with_advice
from deployer.engines.docker.registry import auth_config
from deployer.engines.docker.stream import CONNECT, Stream
from deployer.errors import EngineError, EngineUnavailable, PullFailed
from deployer.model import Image
from deployer.ports import Login, Stopping

# How often the caller is asked whether to stop; seconds.
_GLANCE = 0.2
# The reader's own limit comes a little later than the watchdog's, which has the better words.
_MARGIN = 5.0
# How often an image is pulled that is gone again at once: somebody may prune all the time.
_TRIES = 5


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
    image, began = wanted.image, time.monotonic()
    silence = stall + _MARGIN
    for _ in range(_TRIES):
        reader = Stream(clients, f"pull {image}", lambda api: _ask(api, wanted, silence))
        reader.start()
        try:
            _watch(reader, image, began, stall=stall, timeout=timeout, stopping=stopping)
        finally:
            reader.cancel()
        with translated(f"look for {image.pinned}"):
            if has(clients.api, image):
                return
    raise PullFailed(
        f"cannot pull {image}: Docker reported success {_TRIES} times and has no image with the "
        f"digest {image.digest}. Look in Docker's log, and whether somebody removes images, then "
        "deploy again"
    )


def _watch(
    reader: Stream,
    image: Image,
    began: float,
    *,
    stall: float,
    timeout: float,
    stopping: Stopping,
) -> None:
    """Follow the reader to its end, within the limits, of which the whole one has begun before."""
    moved = time.monotonic()
    while True:
        stopping()
        try:
            event = reader.lines.get(timeout=_GLANCE)
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


def _ask(api: docker.APIClient, wanted: Wanted, silence: float) -> requests.Response:
    """Docker-py's own `pull` has no timeout and hides the response that cancelling needs."""
    return api.post(
        f"{api.base_url}/v{api.api_version}/images/create",
        params={
            "fromImage": wanted.image.name,
            "tag": wanted.image.digest,
            "platform": wanted.platform,
        },
        headers={"X-Registry-Auth": encode_header(auth_config(wanted.login))},
        stream=True,
        timeout=(CONNECT, silence),
    )
