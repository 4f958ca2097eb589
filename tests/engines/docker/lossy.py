"""Docker behind a socket that loses an answer, or refuses a request, when it is told to."""

from __future__ import annotations

import json
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from types import TracebackType
from typing import Self

from tests.lab.engine import engine_socket

_CHUNK = 65536


class LossyDocker:
    """Passes everything on at `path`; the answer to a request that `lose` named is dropped.

    The request itself is carried out: the connection breaks when Docker has answered it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.to_lose: list[str] = []
        self.lost: list[str] = []
        self.asked: list[str] = []
        self.refusals: list[tuple[str, int, str]] = []
        self._server = _Server(str(path), _Handler)
        self._server.docker = self

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def lose(self, part: str) -> None:
        """Drop the answer to the next request whose first line contains this."""
        self.to_lose.append(part)

    def refuse(self, part: str, status: int, said: str) -> None:
        """Answer the next request whose first line contains this so; Docker never sees it."""
        self.refusals.append((part, status, said))

    def refusal(self, request: bytes) -> bytes:
        """What this request is answered with in Docker's place; empty where Docker answers."""
        first = request.split(b"\r\n", 1)[0].decode(errors="replace")
        found = next((one for one in self.refusals if one[0] in first), None)
        if found is None:
            return b""
        self.refusals.remove(found)
        body = json.dumps({"message": found[2]})
        return (
            f"HTTP/1.1 {found[1]} Refused\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        ).encode()

    def loses(self, request: bytes) -> bool:
        """Whether the answer to this request is to be dropped."""
        first = request.split(b"\r\n", 1)[0].decode(errors="replace")
        self.asked.append(first)
        named = next((one for one in self.to_lose if one in first), None)
        if named is not None:
            self.to_lose.remove(named)
            self.lost.append(named)
        return named is not None


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True
    docker: LossyDocker


class _Handler(BaseRequestHandler):
    request: socket.socket
    server: _Server

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
            engine.connect(engine_socket())
            losing = False
            while True:
                readable, _, _ = select.select([self.request, engine], [], [])
                if engine in readable:
                    answer = engine.recv(_CHUNK)
                    if losing or not answer:
                        return
                    self.request.sendall(answer)
                if self.request in readable:
                    request = self.request.recv(_CHUNK)
                    if not request:
                        return
                    if forged := self.server.docker.refusal(request):
                        self.request.sendall(forged)
                        # Its body may still be on its way; one that is not read resets the answer.
                        while self.request.recv(_CHUNK):
                            pass
                        return
                    losing = losing or self.server.docker.loses(request)
                    engine.sendall(request)
