"""Open WebSockets through Nginx: how long each lived, and whether it was cut too early."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.wire import Address

_PING = 0.2
_PATIENCE = 10.0
# A switch is written down before its reload, and who connects in between is of the time before.
_SLACK = 2.0


@dataclass(frozen=True)
class Life:
    """From a WebSocket's handshake until it was cut; seconds since 1970."""

    opened: float
    cut: float

    def is_early(self, switches: Sequence[float], drain: float) -> bool:
        """Whether no switch explains the cut: one of its time, at least `drain` before the end."""
        return not any(self.opened - _SLACK <= at <= self.cut - drain for at in switches)


class WebSockets:
    """Holds so many WebSockets open and talks on each; one that is cut is opened again.

    `stagger` is how many seconds after one the next is opened first.
    """

    def __init__(self, target: Address, host: str, count: int, stagger: float = 0.0) -> None:
        self._target = target
        self._host = host
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number * stagger,), daemon=True)
            for number in range(count)
        ]
        self.opened = 0
        self.lives: list[Life] = []
        self.failures: list[str] = []

    def start(self) -> None:
        """Open them."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close them."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _work(self, later: float) -> None:
        self._stopping.wait(later)
        while not self._stopping.is_set():
            try:
                with socket.create_connection(self._target, _PATIENCE) as wire:
                    self._live(wire)
            except OSError as error:
                self.failures.append(f"not opened: {error}")
                self._stopping.wait(_PING)

    def _live(self, wire: socket.socket) -> None:
        wire.sendall(
            f"GET /socket HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: bm90IGxvb2tlZCBhdCBoZXI=\r\n\r\n".encode()
        )
        head = wire.recv(4096)
        if not head.startswith(b"HTTP/1.1 101 "):
            self.failures.append(f"not opened: {head[:40]!r}")
            self._stopping.wait(_PING)
            return
        opened = time.time()
        self.opened += 1
        number = 0
        while not self._stopping.wait(_PING):
            number += 1
            said = f"ping {number}\n".encode()
            try:
                wire.sendall(said)
                heard = wire.recv(4096)
            except OSError:
                heard = b""
            if heard != said:
                self.lives.append(Life(opened, time.time()))
                if heard:
                    self.failures.append(f"{heard[:20]!r} came back for {said!r}")
                return
