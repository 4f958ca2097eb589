"""A worker as `deployer work` runs it, that dies at a call of a port when it is told to.

Lines on stdin say when: `arm PHASE|CALL|COUNT|WHEN`, `record`, or `go` for neither; nothing is
opened before the first. On stdout it says `ready` to each, and `call PHASE|CALL|COUNT|WHEN`
for what it does while it records.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

# All that a worker needs, before it is told to begin: a start takes a moment then.
import deployer.engines.docker.engine
import deployer.engines.docker.nginx_container
import deployer.proxies.nginx
import deployer.stores.sqlite
import deployer.worker
from deployer import logs, wiring
from deployer.config import load
from deployer.config.values import Config
from tests.crash.calls import PORTS, Calls, Point, watched

RESYNC = 0.3
"""Seconds; shorter than usual, so that the loop's own calls fall into every phase."""

__all__ = ["deployer"]


class Told:
    """What the lines say."""

    def __init__(self) -> None:
        self.calls = Calls(self._tell)
        self._records = False

    def hear(self, line: str, phase: str) -> None:
        """Do as a line says, and answer it."""
        word, _, rest = line.strip().partition(" ")
        self._records = word == "record"
        parts = rest.split("|")
        point = Point(parts[0], parts[1], int(parts[2]), parts[3]) if rest else None
        self.calls.arm(point, phase)
        say("ready")

    def listen(self) -> None:
        """Hear every further line; without a listener there is no reason to live."""
        for line in sys.stdin:
            self.hear(line, "idle")
        os.kill(os.getpid(), signal.SIGTERM)

    def _tell(self, point: Point) -> None:
        if self._records:
            say("call " + "|".join(map(str, point)))


def say(line: str) -> None:
    """One line at once."""
    os.write(1, f"{line}\n".encode())


def dressed(parts: wiring.Adapters, config: Config, calls: Calls) -> wiring.Adapters:
    """The adapters, each of whose methods tells of its calls."""
    host = watched(parts.host, PORTS["host"], calls)
    within = replace(parts, proxy=wiring.proxy(config, host))
    around = {name: watched(getattr(within, name), port, calls) for name, port in PORTS.items()}
    return replace(parts, **around)


def main() -> None:
    """Run a worker like wiring.run_worker."""
    config = load(Path(os.environ["DEPLOYER_CONFIG"]), os.environ, part="worker")
    logs.configure("worker")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    told = Told()
    told.hear(sys.stdin.readline(), "start")
    threading.Thread(target=told.listen, daemon=True).start()
    with wiring.adapters(config, stop, None) as parts:
        made = wiring.worker(config, dressed(parts, config, told.calls), stop)
        made.resync = RESYNC
        made.run()


if __name__ == "__main__":
    main()
