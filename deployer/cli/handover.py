"""What `serve` tells the receiver: a line of JSON in a pipe at its start, and at each change."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer.config.values import ReceiverPart

_CHUNK = 65536
_LEAST = 4096


class Handover:
    """The parent's end: a pipe for each receiver that is started, the newest part in it."""

    def __init__(self, part: ReceiverPart) -> None:
        self._line = _line(part)
        self._writes: int | None = None

    def pipe(self) -> int:
        """The reading end of a new pipe that holds the part; the caller closes it."""
        if self._writes is not None:
            os.close(self._writes)
        reads, self._writes = os.pipe()
        self._write()
        return reads

    def renew(self, part: ReceiverPart) -> bool:
        """Tell the receiver that runs of another part; whether that was possible."""
        self._line = _line(part)
        if self._writes is None:
            return False
        try:
            self._write()
        except OSError:
            return False
        return True

    def _write(self) -> None:
        """Never waits: the pipe is made large enough, for an earlier part too."""
        assert self._writes is not None  # noqa: S101 - a pipe was just made, or looked for
        os.set_blocking(self._writes, False)
        fcntl.fcntl(self._writes, fcntl.F_SETPIPE_SZ, max(2 * len(self._line), _LEAST))
        if os.write(self._writes, self._line) < len(self._line):
            raise OSError("the pipe is full")


class Handed:
    """The receiver's end. `read` makes a part of JSON."""

    def __init__(self, reads: int, read: Callable[[bytes], ReceiverPart]) -> None:
        self._reads = reads
        self._read = read
        self._rest = b""

    def first(self) -> ReceiverPart:
        """The part to start with."""
        while b"\n" not in self._rest and (more := os.read(self._reads, _CHUNK)):
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return self._read(line)

    def newer(self) -> ReceiverPart | None:
        """The newest part that was told of since; None where there was none."""
        os.set_blocking(self._reads, False)
        with suppress(BlockingIOError):
            while more := os.read(self._reads, _CHUNK):
                self._rest += more
        *lines, self._rest = self._rest.split(b"\n")
        return self._read(lines[-1]) if lines else None


def _line(part: ReceiverPart) -> bytes:
    return part.model_dump_json().encode() + b"\n"
