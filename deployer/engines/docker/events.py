"""Waits for the next event that says a container of ours may have changed."""

from __future__ import annotations

import json
import queue
import time
from typing import Any

import docker
import requests
from docker.errors import NotFound

from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.labels import INSTANCE
from deployer.engines.docker.stream import CONNECT, Stream
from deployer.errors import EngineError
from deployer.ports import Stopping

# How often the caller is asked whether to stop, and how much longer than that Docker may be
# silent; seconds.
_GLANCE = 0.2
_MARGIN = 5.0
_FILTERS = {
    "type": ["container", "network"],
    "event": [
        *("start", "die", "destroy", "pause", "unpause", "rename", "health_status"),
        *("connect", "disconnect"),
    ],
}


def wait_for_change(
    clients: Clients, instance: str, after: str, *, timeout: float, stopping: Stopping
) -> str | None:
    """The moment of the next change after another; see ports.Engine.

    Where Docker ends the stream, that counts as a change: it is being stopped.
    """
    silence = timeout + _MARGIN
    stream = Stream(clients, "follow Docker's events", lambda api: _ask(api, after, silence))
    stream.start()
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            stopping()
            try:
                event = stream.lines.get(timeout=min(_GLANCE, timeout))
            except queue.Empty:
                continue
            if isinstance(event, EngineError):
                raise event
            if event is None:
                return after
            if event and _counts(clients, instance, event):
                return _moment_after(event)
        return None
    finally:
        stream.cancel()


def _ask(api: docker.APIClient, after: str, silence: float) -> requests.Response:
    """Docker-py's own `events` has no timeout and hides the response that cancelling needs."""
    return api.get(
        f"{api.base_url}/v{api.api_version}/events",
        params={"since": after or None, "filters": json.dumps(_FILTERS)},
        stream=True,
        timeout=(CONNECT, silence),
    )


def _counts(clients: Clients, instance: str, event: dict[str, Any]) -> bool:
    """Whether it is about a container of ours; networks do not say whose theirs are."""
    attributes = event["Actor"].get("Attributes") or {}
    if event["Type"] == "network":
        with translated("look at the container of an event"):
            try:
                inspected = clients.api.inspect_container(attributes.get("container", ""))
            except (NotFound, docker.errors.NullResource):
                return False
        attributes = inspected["Config"].get("Labels") or {}
    return bool(attributes.get(INSTANCE) == instance)


def _moment_after(event: dict[str, Any]) -> str:
    """A moment that leaves out this event and none after it."""
    seconds, rest = divmod(int(event["timeNano"]) + 1, 10**9)
    return f"{seconds}.{rest:09}"
