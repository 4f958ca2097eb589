"""Ports of this machine that nobody has."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port(preferred: int = 0) -> int:
    """The preferred port if nobody has it, else any free one; never one that was given before.

    The system names a port again as soon as it is closed, and whoever asked first may not listen
    there yet.
    """
    while True:
        port = _unused(preferred)
        if port not in _given or port == preferred:
            _given.add(port)
            return port


def _unused(preferred: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", preferred))
        except OSError:
            probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])
