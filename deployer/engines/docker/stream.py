"""Reads what Docker answers line by line, in a thread: the caller can stop waiting any time."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import docker
import requests
from docker.errors import create_api_error_from_http_exception

from deployer.engines.docker.client import Clients, translated
from deployer.errors import EngineError

CONNECT = 10.0
"""How long a connection to Docker may take; seconds."""

Ask = Callable[[docker.APIClient], requests.Response]
"""Sends the request and gives the response while it still comes; docker-py's own verbs hide it."""


class Stream(threading.Thread):
    """Reads a stream into `lines`: its JSON lines, then None, or the error that ended it.

    `doing` says what it is for, in messages: "cannot <doing>: ...".
    """

    def __init__(self, clients: Clients, doing: str, ask: Ask) -> None:
        super().__init__(name=doing, daemon=True)
        self.lines: queue.Queue[dict[str, Any] | EngineError | None] = queue.Queue()
        self._clients = clients
        self._doing = doing
        self._ask = ask
        self._cancelled = threading.Event()
        self._response: requests.Response | None = None

    def run(self) -> None:
        """Read to the end."""
        try:
            with translated(self._doing):
                self._read()
        except EngineError as error:
            self.lines.put(error)
        except ValueError as error:
            self.lines.put(EngineError(f"cannot {self._doing}: Docker's answer: {error}"))
        else:
            self.lines.put(None)

    def cancel(self) -> None:
        """Hang up: at once where Docker has begun to answer, else when it does or times out."""
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
                    self.lines.put(json.loads(line))
