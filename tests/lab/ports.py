"""Ports of this machine that nobody has."""

from __future__ import annotations

import os
import secrets
import socket

_FIRST, _LAST = 20_000, 32_000
"""Below those that the system takes for outgoing connections, of which load makes thousands."""

_SIDE_BY_SIDE = 8
_given: set[int] = set()


def free_port(preferred: int = 0) -> int:
    """The preferred port if nobody has it, else any free one; never one that was given before.

    Whoever asked for that first may not listen there yet.
    """
    if preferred and _is_free(preferred):
        return preferred
    # The processes that tests run in side by side know nothing of each other's.
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = secrets.choice(range(_FIRST + process % _SIDE_BY_SIDE, _LAST, _SIDE_BY_SIDE))
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
