"""Waits for the next event that says a container of ours may have changed.

A thread of its own reads Docker's stream, so that the caller can stop waiting at any time.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from typing import Any

import docker
import requests
from docker.errors import NotFound, create_api_error_from_http_exception

from deployer.engines.docker.client import Clients, translated
from deployer.engines.docker.labels import INSTANCE
from deployer.errors import EngineError
from deployer.ports import Stopping

# How often the caller is asked whether to stop, and how long a connection may take; seconds.
_GLANCE = 0.2
_CONNECT = 10.0
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
    """The moment of the next change after another; see ports.Engine."""
    reader = _Reader(clients, instance, after, timeout + _MARGIN)
    reader.start()
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            stopping()
            with suppress(queue.Empty):
                found = reader.found.get(timeout=min(_GLANCE, timeout))
                if isinstance(found, EngineError):
                    raise found
                return found
        return None
    finally:
        reader.cancel()


class _Reader(threading.Thread):
    """Reads Docker's events until one is about us: `found` gets its moment, or an error.

    Where Docker ends the stream, that counts as a change: it is being stopped.
    """

    def __init__(self, clients: Clients, instance: str, after: str, silence: float) -> None:
        super().__init__(name="events", daemon=True)
        self.found: queue.Queue[str | EngineError] = queue.Queue()
        self._clients = clients
        self._instance = instance
        self._after = after
        self._silence = silence
        self._cancelled = threading.Event()
        self._response: requests.Response | None = None

    def run(self) -> None:
        """Read to the first event that counts."""
        try:
            with translated("follow Docker's events"):
                self.found.put(self._read())
        except EngineError as error:
            self.found.put(error)
        except ValueError as error:
            self.found.put(EngineError(f"cannot follow Docker's events: its answer: {error}"))

    def cancel(self) -> None:
        """Make the reader hang up, at once where Docker has begun to answer."""
        self._cancelled.set()
        if self._response is not None:
            # The reader may have finished, or hung up itself, a moment ago.
            with suppress(ValueError, RuntimeError, OSError):
                self._response.raw.shutdown()

    def _read(self) -> str:
        with self._clients.api as api, self._ask(api) as response:
            self._response = response
            try:
                response.raise_for_status()
            except requests.HTTPError as error:
                create_api_error_from_http_exception(error)
            # Asked before each wait: the cancel may have come before there was a response.
            lines = response.iter_lines()
            while not self._cancelled.is_set() and (line := next(lines, None)) is not None:
                event = json.loads(line) if line else {}
                if event and self._counts(api, event):
                    return _moment_after(event)
        return self._after

    def _ask(self, api: docker.APIClient) -> requests.Response:
        """Docker-py's own `events` has no timeout and hides the response that cancelling needs."""
        return api.get(
            f"{api.base_url}/v{api.api_version}/events",
            params={"since": self._after or None, "filters": json.dumps(_FILTERS)},
            stream=True,
            timeout=(_CONNECT, self._silence),
        )

    def _counts(self, api: docker.APIClient, event: dict[str, Any]) -> bool:
        """Whether it is about a container of ours; networks do not say whose theirs are."""
        attributes = event["Actor"].get("Attributes") or {}
        if event["Type"] == "network":
            try:
                inspected = api.inspect_container(attributes.get("container", ""))
            except (NotFound, docker.errors.NullResource):
                return False
            attributes = inspected["Config"].get("Labels") or {}
        return bool(attributes.get(INSTANCE) == self._instance)


def _moment_after(event: dict[str, Any]) -> str:
    """A moment that leaves out this event and none after it."""
    seconds, rest = divmod(int(event["timeNano"]) + 1, 10**9)
    return f"{seconds}.{rest:09}"
