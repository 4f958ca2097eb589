"""Docker's HEALTHCHECK: exit code 0 if the service answers /healthz with 200."""

import os
import socket
import sys


def main() -> int:
    """Ask on a bare socket: importing an HTTP client would take longer than the answer."""
    host = os.environ.get("HTTP_HOST", "127.0.0.1")
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    port = int(os.environ.get("HTTP_PORT", "8080"))
    with socket.create_connection((loopback, port), timeout=2) as stream:
        stream.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return 0 if b" 200 " in stream.recv(100) else 1


if __name__ == "__main__":
    sys.exit(main())
