"""Passes on what a registry tells of pushes, in the words of Docker Hub.

The lab's registry posts notifications of its own format, which no hook takes; Docker Hub, whose
webhook is taken, cannot be had in a lab. What is told, and when, is the registry's doing.
"""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from .errors import LabError
from .hub import post_push


class Relay:
    """A listener for one registry; it answers the registry as the hook answers it."""

    def __init__(self) -> None:
        self.hook = ""
        """The URL to post to; to be set before the first push."""
        self.told: list[str] = []
        """What was passed on so far, as repository:tag."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where the registry is to post its notifications."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def pass_on(self, notification: Mapping[str, Any]) -> int:
        """Tell the hook of each tag that was pushed; the status for the registry.

        A push of a layer has no tag, and of a pull nobody wants to hear.
        """
        for event in notification["events"]:
            target = event["target"]
            if event["action"] != "push" or not target.get("tag"):
                continue
            status, _ = post_push(self.hook, target["repository"], target["tag"])
            if status != 202:
                return status
            self.told.append(f"{target['repository']}:{target['tag']}")
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status = relay.pass_on(json.loads(body))
                except LabError:
                    # The registry tries again, as it does wherever a listener is down.
                    status = 502
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *_: object) -> None:
                """Say nothing."""

        return Handler
