"""What goes wrong around a deployer: Docker behind a socket that refuses or hangs, a small disk."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from tests.engine.world import World
from tests.lab.engine import engine_socket
from tests.lab.shell import run


class Doorway:
    """Docker's socket at another path, whose connections can be left unanswered or refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = threading.Event()
        self._open.set()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._pairs: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self.refuse()

    def listen(self) -> None:
        """Take connections and pass them on."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse connections, and break those that there are."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.path.unlink(missing_ok=True)
        with self._lock:
            for one in self._pairs:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._pairs.clear()
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def hang(self) -> None:
        """Take what is sent, and pass nothing on, until `go_on`."""
        self._open.clear()

    def go_on(self) -> None:
        """Pass on what was held back."""
        self._open.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, client: socket.socket) -> None:
        """Both directions of one connection, until both have ended."""
        with client, socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
            engine.connect(engine_socket())
            with self._lock:
                self._pairs += [client, engine]
            back = threading.Thread(target=self._pass, args=(engine, client), daemon=True)
            back.start()
            self._pass(client, engine)
            back.join()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size at `path`, in memory; gone at the end."""
    path.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(path)])
    try:
        yield path
    finally:
        run(["umount", "--lazy", str(path)])


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left on the disk of this folder until the end."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        yield
    finally:
        ballast.unlink()


def troubles(world: World) -> str:
    """What `status` says is not well, as one text."""
    found = world.deployer.api("status") or {"troubles": []}
    return "\n".join(f"{one['what']}: {one['reason']}" for one in found["troubles"])
