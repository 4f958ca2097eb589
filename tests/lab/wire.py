"""One HTTP/1.1 connection on a bare socket: no retry, no look at whether it went stale."""

import socket
from dataclasses import dataclass
from typing import Self

Address = tuple[str, int]


class Broken(Exception):
    """The request got no complete answer; the message says what came instead."""


class NotTaken(Broken):
    """The server has said that nothing saw the request, so that it may be sent once more."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Tell whether the server announced that it closes the connection now."""
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """A connection that sends one request after the other and reads each answer whole."""

    def __init__(self, address: Address, timeout: float) -> None:
        try:
            self._socket = socket.create_connection(address, timeout)
        except OSError as error:
            raise Broken(f"no connection: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, request: bytes) -> Answer:
        """Send the request and return its answer, or say how that failed."""
        try:
            self._socket.sendall(request)
            return self._read()
        except TimeoutError as error:
            raise Broken("no answer in time") from error
        except OSError as error:
            raise Broken(f"connection lost: {error.strerror}") from error

    def _read(self) -> Answer:
        while b"\r\n\r\n" not in self._rest:
            self._receive("before an answer" if not self._rest else "within the headers")
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        words = first.split(" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise Broken(f"not an HTTP answer: {first[:60]!r}")
        return Answer(int(words[1]), headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        if "content-length" not in headers:
            raise Broken("an answer without a length")
        return self._exactly(int(headers["content-length"]))

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._rest:
                self._receive("within the body")
            size, _, self._rest = self._rest.partition(b"\r\n")
            chunk = self._exactly(int(size.split(b";")[0], 16) + 2)[:-2]
            if not chunk:
                return body
            body += chunk

    def _exactly(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._receive("within the body")
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _receive(self, where: str) -> None:
        got = self._socket.recv(65536)
        if not got:
            raise Broken(f"connection closed {where}")
        self._rest += got
