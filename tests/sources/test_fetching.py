"""What is fetched for a proof: in bounds, and from nobody else than who was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployer.sources.fetching import fetched

ANSWERS = {"/key": (200, b"key"), "/long": (200, b"a" * 70_000), "/there": (302, b"")}
asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(self.path)
        status, body = ANSWERS.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/key")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_there_is_given() -> None:
    with serving() as base:
        assert fetched(f"{base}/key") == b"key"


@pytest.mark.parametrize(
    ("path", "says"), [("/there", "302"), ("/gone", "404"), ("/long", "too long")]
)
def test_redirects_errors_and_long_answers_are_none(path: str, says: str) -> None:
    asked.clear()
    with serving() as base, pytest.raises(OSError, match=says):
        fetched(f"{base}{path}")
    assert asked == [path]
