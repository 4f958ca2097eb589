"""One HTTP/2 connection in the clear, for clients that ask one thing after the other."""

import socket
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from .wire import Address, Answer, Broken, NotTaken

# The length of a frame's head, and the type of the one by which a server goes away.
_HEAD, _GOAWAY = 9, 7
# What a request may not say in HTTP/2.
_HOP_BY_HOP = ("host", "connection")


class Http2Wire:
    """A connection without retries; the client knows from the start that HTTP/2 is spoken.

    A server that goes away says which streams it still answers. One beyond that raises NotTaken:
    nothing saw it, and RFC 9113 (6.8) lets the client send it again on another connection.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        try:
            self._socket = socket.create_connection(address, timeout)
        except OSError as error:
            raise Broken(f"no connection: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._speech = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._last_taken: int | None = None
        self._rest = b""
        self._speech.initiate_connection()
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, request: bytes) -> Answer:
        """Send a request, written as in HTTP/1.1, and return its answer, or say how that failed."""
        if self._last_taken is not None:
            raise NotTaken("the server goes away")
        headers, body = _translated(request)
        stream = self._speech.get_next_available_stream_id()
        self._speech.send_headers(stream, headers)
        self._speech.send_data(stream, body, end_stream=True)
        try:
            self._flush()
            return self._read(stream)
        except TimeoutError as error:
            raise Broken("no answer in time") from error
        except OSError as error:
            raise self._broken(stream, f"connection lost: {error.strerror}") from error
        except h2.exceptions.ProtocolError as error:
            raise Broken(f"not HTTP/2: {error}") from error

    def _read(self, stream: int) -> Answer:
        headers: dict[str, str] = {}
        body = b""
        while True:
            for event in self._events():
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    headers = _texts(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamReset):
                    raise self._broken(stream, f"stream reset ({event.error_code})")
                elif isinstance(event, h2.events.StreamEnded):
                    self._flush()
                    return self._answer(headers, body)
            if self._last_taken is not None and stream > self._last_taken:
                raise NotTaken("the server went away before this request")
            self._flush()
            got = self._socket.recv(65536)
            if not got:
                raise self._broken(stream, "connection closed before an answer")
            self._rest += got

    def _events(self) -> list[Any]:
        """What the frames say that have come whole.

        A GOAWAY is kept from the library: with it the streams before would end for it too.
        """
        found: list[Any] = []
        while len(self._rest) >= _HEAD:
            end = _HEAD + int.from_bytes(self._rest[:3])
            if len(self._rest) < end:
                break
            frame, self._rest = self._rest[:end], self._rest[end:]
            if frame[3] == _GOAWAY:
                self._last_taken = int.from_bytes(frame[_HEAD : _HEAD + 4]) & 0x7FFFFFFF
            else:
                found += self._speech.receive_data(frame)
        return found

    def _answer(self, headers: dict[str, str], body: bytes) -> Answer:
        status = int(headers.pop(":status"))
        if self._last_taken is not None:
            headers["connection"] = "close"
        return Answer(status, headers, body)

    def _broken(self, stream: int, what: str) -> Broken:
        if self._last_taken is not None and stream > self._last_taken:
            return NotTaken(what)
        return Broken(what)

    def _flush(self) -> None:
        waiting = self._speech.data_to_send()
        if waiting:
            self._socket.sendall(waiting)


def _texts(headers: Any) -> dict[str, str]:
    def text(value: Any) -> str:
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)

    return {text(name): text(value) for name, value in headers}


def _translated(request: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """The headers and body of an HTTP/1.1 request as HTTP/2 has them."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = [
        (name.lower(), value.strip()) for name, _, value in (one.partition(":") for one in lines)
    ]
    host = dict(pairs).get("host", "")
    own = [(":method", method), (":path", path), (":scheme", "http"), (":authority", host)]
    return [*own, *(pair for pair in pairs if pair[0] not in _HOP_BY_HOP)], body
