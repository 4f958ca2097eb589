"""Ports of this machine that nobody has."""

from __future__ import annotations

import secrets
import socket

_FIRST, _LAST = 20_000, 32_000
"""Below those that the system takes for outgoing connections, of which load makes thousands."""

_given: set[int] = set()


def free_port(preferred: int = 0) -> int:
    """The preferred port if nobody has it, else any free one; never one that was given before.

    Whoever asked for that first may not listen there yet.
    """
    if preferred and _is_free(preferred):
        return preferred
    while True:
        port = secrets.choice(range(_FIRST, _LAST))
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
