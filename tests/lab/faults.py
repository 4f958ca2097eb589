"""A registry behind a proxy that spoils what it is told to spoil: the faults of real registries."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .errors import LabError
from .registry import MANIFESTS, Registry, shared_registry

ANSWERS = {
    "401": (401, {"WWW-Authenticate": 'Basic realm="lab"'}, "UNAUTHORIZED"),
    "404": (404, {}, "MANIFEST_UNKNOWN"),
    "429": (429, {"Retry-After": "1"}, "TOOMANYREQUESTS"),
    "503": (503, {}, "UNAVAILABLE"),
}
SPOILING = ("hang", "trickle", "corrupt", "reset")
_HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}
_CHUNK = 65536


class FaultyRegistry(Registry):
    """The shared registry on another port of 127.0.0.1, with faults switched on and off.

    A fault of ANSWERS spoils every manifest, one of SPOILING every layer: `hang` sends
    nothing more after the head, `trickle` a byte at a time, `corrupt` other bytes, `reset` breaks
    off in the middle. A `limit` is how many requests are spoilt before all is well again.
    """

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(port, folder)
        self._listens = port
        self._upstream = shared_registry()
        self._server: _Server | None = None
        self.over = threading.Event()
        self.fault, self.left, self.spoilt = "", 0, 0
        self._moves: tuple[str, str] | None = None
        self._manifest = ("", b"")

    def start(self) -> None:
        """Serve until `stop`."""
        self.over.clear()
        self._server = _Server(("127.0.0.1", self._listens), _Handler)
        self._server.registry = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> bool:
        """Stop serving; what hangs is let go."""
        self.over.set()
        if self._server is None:
            return False
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        return True

    @contextmanager
    def failing(self, fault: str, limit: int = 10**6) -> Iterator[None]:
        """Spoil so many requests in this way, as long as the block lasts."""
        if fault not in (*ANSWERS, *SPOILING):
            raise LabError(f"no fault is called {fault}")
        self.over.clear()
        self.fault, self.left, self.spoilt = fault, limit, 0
        try:
            yield
        finally:
            self.fault = ""
            self.over.set()

    def move_when_pulled(self, repository: str, tag: str, digest: str) -> None:
        """Let the tag mean this digest from the moment on when somebody pulls by a digest."""
        status, headers, body = self._ask(
            "GET", f"/v2/{repository}/manifests/{digest}", {"Accept": MANIFESTS}
        )
        if status != 200:
            raise LabError(f"{self.address} has no {repository}@{digest}")
        self._manifest = (headers["content-type"], body)
        self._moves = (f"/v2/{repository}/manifests/", tag)

    def move(self, path: str) -> None:
        """Move the tag that is to be moved, if this request pulls its repository by digest."""
        if self._moves is None or not path.startswith(f"{self._moves[0]}sha256:"):
            return
        (prefix, tag), self._moves = self._moves, None
        connection = http.client.HTTPConnection(*self.upstream, timeout=10)
        kind, body = self._manifest
        connection.request("PUT", f"{prefix}{tag}", body, {"Content-Type": kind})
        status = connection.getresponse().status
        connection.close()
        if status != 201:
            raise LabError(f"{prefix}{tag} could not be moved: the registry answered {status}")

    def spoil(self, path: str, method: str) -> str:
        """The fault of this request, "" where it is to go well."""
        if not self.fault or method not in ("GET", "HEAD") or self.left <= 0:
            return ""
        kind = "/manifests/" if self.fault in ANSWERS else "/blobs/sha256:"
        if kind not in path:
            return ""
        self.left -= 1
        self.spoilt += 1
        return self.fault

    @property
    def upstream(self) -> tuple[str, int]:
        """Where the registry itself listens."""
        host, _, port = self._upstream.address.partition(":")
        return host, int(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: FaultyRegistry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.registry.move(self.path)
        fault = self.server.registry.spoil(self.path, self.command)
        with suppress(OSError, http.client.HTTPException):
            if fault in ANSWERS:
                self._refuse(*ANSWERS[fault])
            else:
                self._forward(fault)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _refuse(self, status: int, headers: Mapping[str, str], code: str) -> None:
        body = f'{{"errors":[{{"code":"{code}","message":"{code.lower()}"}}]}}'.encode()
        self._head(status, {**headers, "Content-Type": "application/json"}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _forward(self, fault: str) -> None:
        connection = http.client.HTTPConnection(*self.server.registry.upstream, timeout=30)
        # Docker sends one Accept for each kind of manifest.
        names = {name.lower() for name in self.headers} - _HOP
        headers = {name: ", ".join(self.headers.get_all(name) or []) for name in names}
        # Addresses that the registry tells are those that it was asked at.
        headers["Host"] = self.headers["Host"]
        try:
            connection.request(self.command, self.path, body=self._body(), headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            length = int(answer.getheader("Content-Length") or len(content))
            self._head(answer.status, kept, length)
            if self.command != "HEAD":
                # The image's configuration, which Docker reads to learn what a tag means.
                self._send(content, "" if content.startswith(b"{") else fault)
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _send(self, content: bytes, fault: str) -> None:
        over = self.server.registry.over
        if fault == "hang":
            over.wait()
        elif fault == "reset":
            self.wfile.write(content[: len(content) // 2])
        elif fault == "corrupt":
            self.wfile.write(bytes(len(content)))
        elif fault == "trickle":
            for byte in content:
                if over.wait(0.1):
                    break
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(content)
        if fault:
            self.close_connection = True

    def _head(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass
