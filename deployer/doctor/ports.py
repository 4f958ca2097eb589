"""Who listens on a port of this machine, as the kernel tells it in /proc."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LISTENS = "0A"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens on a port; `name` is "" where only root may see it."""

    pid: int = 0
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})" if self.name else "another process"


def listening(table: str, port: int) -> list[str]:
    """The inodes of the sockets that listen on this port, from a text like /proc/net/tcp.

    https://docs.kernel.org/networking/proc_net_tcp.html: local address, state and inode are
    the fields 1, 3 and 9; the port is hexadecimal.
    """
    lines = [line.split() for line in table.splitlines()[1:]]
    return [
        line[9]
        for line in lines
        if line[3] == _LISTENS and int(line[1].rpartition(":")[2], 16) == port
    ]


def holder(port: int) -> Holder | None:
    """Who listens on this TCP port, on whatever address; None where nobody does."""
    inodes: list[str] = []
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            inodes += listening(Path("/proc/net", table).read_text(), port)
    return _of_inodes({f"socket:[{inode}]" for inode in inodes}) if inodes else None


def _of_inodes(sockets: set[str]) -> Holder:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                return Holder(int(process.name), (process / "comm").read_text().strip())
    return Holder()
