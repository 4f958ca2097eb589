"""A little HTTP app that drops everything at SIGTERM, so that each switch mistake shows.

Written on bare sockets: it starts in a few hundredths of a second and answers quickly enough
for the load that shares its two cores.
"""

import os
import signal
import socket
import sys
import threading
import time
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

VERSION = os.environ.get("VERSION", "0")
APP = os.environ.get("APP", "lab")
MODE, _, NUMBER = os.environ.get("MODE", "ok").partition(":")
PORT = int(os.environ.get("PORT", "8080"))
# What fails after so many seconds: requests but the probe's, or those as well.
FAILING = {"breaks-later": {"/healthz"}, "sickens-later": set[str]()}
STARTED = time.monotonic()

Answer = tuple[int, str]


class Log:
    """The file that says which requests were really served, one line each."""

    def __init__(self, path: str) -> None:
        self._file = -1
        if path:
            if os.path.isdir(path):  # noqa: PTH112 - pathlib would double the time to start
                path = f"{path}/{socket.gethostname()}.log"
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, identity: str) -> None:
        """Append one line in one write, which threads and processes cannot mix up."""
        if self._file >= 0:
            os.write(self._file, f"{identity} {VERSION}\n".encode())


def answer(method: str, target: str, body: bytes, log: Log) -> Answer:
    """Return status and text for one request."""
    path, _, query = target.partition("?")
    if method == "POST" and path == "/ids":
        log.add(body.decode("ascii", "replace").strip())
        return 200, VERSION
    if path not in FAILING.get(MODE, {path}) and time.monotonic() - STARTED > float(NUMBER or 5):
        return 500, "cannot reach the database\n"
    if path == "/":
        return 200, f"Hello from {APP}, version {VERSION}\n"
    if path == "/version":
        return 200, VERSION
    if path == "/healthz":
        return (500, "cannot reach the database\n") if MODE == "unhealthy" else (200, "ok\n")
    if path == "/slow":
        time.sleep(float(parse_qs(urlsplit(f"?{query}").query).get("s", ["1"])[0]))
        return 200, VERSION
    return 404, "not found\n"


def read_request(stream: socket.socket, rest: bytes) -> tuple[str, bytes, bytes] | None:
    """Return head, body and what came after them, or None when the client has left."""
    while b"\r\n\r\n" not in rest:
        got = stream.recv(65536)
        if not got:
            return None
        rest += got
    head, _, rest = rest.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    length = 0
    for line in text.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
    while len(rest) < length:
        got = stream.recv(65536)
        if not got:
            return None
        rest += got
    return text, rest[:length], rest[length:]


def echo(stream: socket.socket, got: bytes) -> None:
    """Be a WebSocket as far as Nginx looks: after the handshake send back what comes."""
    stream.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    while True:
        stream.sendall(got)
        got = stream.recv(65536)
        if not got:
            return


def serve(stream: socket.socket, log: Log) -> None:
    """Answer one connection's requests until either side closes it."""
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    with stream:
        while (request := read_request(stream, rest)) is not None:
            if MODE == "silent":
                time.sleep(86400)
            head, body, rest = request
            line, _, headers = head.partition("\r\n")
            if "\nupgrade: websocket" in headers.lower():
                echo(stream, rest)
                return
            method, target, protocol = line.split(" ")
            status, text = answer(method, target, body, log)
            stays = protocol == "HTTP/1.1" and "connection: close" not in headers.lower()
            stream.sendall(
                f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\n"
                f"X-Version: {VERSION}\r\nX-App: {APP}\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
                f"Connection: {'keep-alive' if stays else 'close'}\r\n\r\n"
                f"{'' if method == 'HEAD' else text}".encode()
            )
            if not stays:
                return


def guarded(stream: socket.socket, log: Log) -> None:
    """Serve one connection; a client that breaks off or talks nonsense ends only its own."""
    try:
        serve(stream, log)
    except (OSError, ValueError) as error:
        print(f"connection ended: {error}", flush=True)


def drop(code: int) -> NoReturn:
    """End in the middle of everything, without a word to any client."""
    os._exit(code)


def prepare() -> None:
    """Do what the mode asks for before the first request."""
    # A process with number 1 ignores SIGTERM unless it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: drop(143))
    if MODE == "exit":
        print(f"starting version {VERSION}")
        print("cannot reach the database")
        print("giving up", flush=True)
        sys.exit(3)
    lifetimes = {"dies-later": float(NUMBER or 5), "crash-loop": 0.5}
    if MODE in lifetimes:
        timer = threading.Timer(lifetimes[MODE], drop, (1,))
        timer.daemon = True
        timer.start()


def main() -> None:
    """Listen for ever."""
    prepare()
    log = Log(os.environ.get("ID_LOG", ""))
    listener = socket.create_server(("0.0.0.0", PORT), backlog=1024)
    print(f"version {VERSION} listens on port {PORT}", flush=True)
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=guarded, args=(stream, log), daemon=True).start()


if __name__ == "__main__":
    main()
