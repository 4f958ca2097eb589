"""Waits for the next event that says a container of ours may have changed."""

from __future__ import annotations

import json
import queue
import time
from datetime import datetime
from typing import Any

import docker
import requests
from docker.errors import NotFound

from deployer.engines.docker.client import Clients, limited, translated
from deployer.engines.docker.labels import INSTANCE
from deployer.engines.docker.stream import CONNECT, Stream
from deployer.errors import EngineError, EngineUnavailable
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


class Events:
    """Follows the events of one instance's containers, by one connection for many waits.

    Between two waits it stays open: a Docker that ends meanwhile, and is back before anybody asks,
    would not be noticed otherwise. One thread waits at a time.
    """

    def __init__(self, clients: Clients, instance: str) -> None:
        self._clients = clients
        self._instance = instance
        self._told = ""
        self._kept: Stream | None = None

    def wait(self, after: str, *, timeout: float, stopping: Stopping) -> str | None:
        """The moment of the next change after another, or the present one; see ports.Engine.

        Where Docker ends the stream, that counts as a change: it is being stopped.
        """
        if not after:
            return self._begin(timeout + _MARGIN)
        stream = self._stream(after, timeout + _MARGIN)
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
                if event and _counts(self._clients, self._instance, event):
                    self._told, self._kept = _moment_after(event), stream
                    return self._told
            return None
        finally:
            if self._kept is None:
                stream.cancel()

    def _begin(self, silence: float) -> str:
        moment = f"{self._now():.6f}"
        self._kept, self._told = self._stream(moment, silence), moment
        return moment

    def _now(self) -> float:
        """The time by Docker's clock, or by ours where Docker does not tell it to us."""
        api = self._clients.api
        try:
            with translated("look what time it is for Docker"), limited(api, int(CONNECT)):
                return datetime.fromisoformat(api.info()["SystemTime"]).timestamp()
        except EngineUnavailable:
            raise
        except (EngineError, KeyError, ValueError):
            return time.time()

    def _stream(self, after: str, silence: float) -> Stream:
        """The one that told of the moment `after`, or a new one; the caller has it then."""
        kept, self._kept = self._kept, None
        if kept is not None and after == self._told:
            return kept
        if kept is not None:
            kept.cancel()
        made = Stream(
            self._clients, "follow Docker's events", lambda api: _ask(api, after, silence)
        )
        made.start()
        return made


def _ask(api: docker.APIClient, after: str, silence: float) -> requests.Response:
    """Docker-py's own `events` has no timeout and hides the response that cancelling needs."""
    return api.get(
        f"{api.base_url}/v{api.api_version}/events",
        params={"since": after, "filters": json.dumps(_FILTERS)},
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
