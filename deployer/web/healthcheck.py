"""The image's HEALTHCHECK: asks the receiver of this container how it is; exit code 0 or 1.

Of the standard library alone, since it runs every few seconds. The settings that it follows are
HTTP_HOST and HTTP_PORT, as the receiver does.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_TIMEOUT = 2.0
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared only


def is_worker(command: bytes) -> bool:
    """Whether a process with this command line (as /proc has it) is a worker alone."""
    return b"work" in command.split(b"\0")


def answers(environ: Mapping[str, str]) -> bool:
    """Whether the receiver that listens where these settings say answers 200."""
    host = environ.get("HTTP_HOST", "")
    port = environ.get("HTTP_PORT") or "5000"
    try:
        connection = http.client.HTTPConnection(
            _LOOPBACK.get(host, host), int(port), timeout=_TIMEOUT
        )
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, ValueError, http.client.HTTPException):
        return False


def main() -> int:
    """The exit code for Docker; a worker has no port, and counts as healthy while it runs."""
    if is_worker(Path("/proc/1/cmdline").read_bytes()):
        return 0
    return 0 if answers(os.environ) else 1


if __name__ == "__main__":
    sys.exit(main())
